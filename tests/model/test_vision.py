"""Vision tokenizers: what they cost, where calibration goes, and what must not change an answer."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from causeway.errors import UnusableInput, UsageError
from causeway.model import Policy
from causeway.model.observation import ObservationSpec, dropped_cameras, example_observation, without_cameras
from causeway.model.scales import SCALES
from causeway.model.vision import VISION_TOKENIZERS, token_budget, vision_tokenizer
from causeway.model.vision_patches import PatchMatrix
from causeway.model.vision_pictures import Pictures, VisualTokens, by_moment, by_row
from causeway.model.vision_rays import Rays, Waves, calm, ray_numbers, seen_at
from causeway.model.vision_video import in_pairs
from tests.model.model_samples import make_sample

NAMES = tuple(VISION_TOKENIZERS)
CAMERAS = ("front_wide", "front_tele", "rear_left")
TINY = SCALES["tiny"]
PAPER = replace(SCALES["0.5b"], image_height=280, image_width=448, vision=replace(SCALES["0.5b"].vision, patch=14))
# a camera that looks ahead from (1.5, 0, 1.4) m: width as its focal length, a height of 1 / 1.5 of it
AHEAD = torch.tensor([1.0, 1.5, 0.5, 0.5, 0, 0, 1, 1.5, -1, 0, 0, 0, 0, -1, 0, 1.4, 0.3])


def turned(rig, degrees):
    """Rig numbers of a camera turned about the vehicle's z axis."""
    angle, out = np.radians(degrees), np.array(rig, dtype=np.float64)
    about_z = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    pose = out[4:16].reshape(3, 4)
    pose[:, :3] = about_z @ pose[:, :3]
    out[4:16] = pose.reshape(-1)
    return np.float32(out)


def scene(number, cameras=CAMERAS, frames=(-0.3, 0.0)):
    spec = ObservationSpec(cameras=cameras, frame_offsets_s=frames, height=128, width=192)
    observation = example_observation(number, spec, speed_mps=5.0 + number)
    rig = np.stack([turned(row, 40.0 * i) for i, row in enumerate(observation.rig)])
    return replace(observation, rig=rig)


@pytest.fixture(scope="module", params=NAMES)
def sighted(request):
    torch.set_num_threads(1)
    policy = Policy.from_scale("tiny", seed=0, vision=request.param, cameras=CAMERAS).eval()
    policy.config = replace(policy.config, scale=replace(TINY, max_reasoning_tokens=6))  # words enough to compare
    return policy


def tokens_of(policy, observations):
    """[B, visual tokens, hidden] of observations that have equally many."""
    batch = policy.batch_of(observations, [policy_tail(policy)] * len(observations))
    with torch.no_grad():
        seen = policy.embeddings.vision(policy.backbone, Pictures(batch.pictures, batch.picture_facts, batch.views))
    return seen.tokens.unflatten(0, (len(observations), -1))


def policy_tail(policy):
    from causeway.model.sequence import plain_tail

    return plain_tail(policy.vocabulary)


@pytest.mark.parametrize(
    ("name", "scale", "cameras", "frames", "tokens"),
    [
        ("single-image", PAPER, 1, 1, 160),  # the paper's 448 × 280
        ("single-image", PAPER, 4, 4, 2560),
        ("single-image", TINY, 2, 2, 96),
        ("video", SCALES["2b"], 4, 4, 1440),  # half of 2880
        ("video", TINY, 2, 2, 48),
        ("video", TINY, 2, 3, 96),  # the oldest is its own pair
        ("triplane", PAPER, 1, 1, 288),
        ("triplane", PAPER, 7, 1, 288),  # 41.1 a picture
        ("triplane", PAPER, 7, 4, 1152),
        ("triplane", TINY, 2, 2, 144),
        ("flex", PAPER, 4, 4, 256),  # ten times fewer than one by one
        ("flex", PAPER, 7, 4, 256),
        ("flex", TINY, 2, 2, 40),
    ],
)
def test_token_budget(name, scale, cameras, frames, tokens):
    assert token_budget(name, scale, cameras, frames) == tokens


def test_an_unknown_tokenizer_names_the_choices():
    with pytest.raises(UsageError, match="'duplane' is not known; choose one of single-image, video, triplane, flex"):
        vision_tokenizer("duplane")
    with pytest.raises(UsageError, match="'duplane' is not known"):
        Policy.from_scale("tiny", vision="duplane")


@pytest.mark.parametrize(("name", "most"), [("single-image", 1e6), ("triplane", 6.3e6), ("flex", 62e6)])
def test_parameters_beside_the_paper(name, most):
    """The paper adds 6.3 M for the triplane and 61.6 M for Flex to its 0.5 B model."""
    with torch.device("meta"):
        module = VISION_TOKENIZERS[name].build(SCALES["0.5b"])
    count = sum(p.numel() for p in module.parameters())
    assert 0.4 * most < count <= most


def test_rays_by_hand():
    rays = ray_numbers(AHEAD[None], (1, 1))
    torch.testing.assert_close(rays[0, 0], torch.tensor([1, 0, 0, 0.75, 0, 0.7, 1.0, 1.5, 0.9]))  # straight ahead
    left, right = ray_numbers(AHEAD[None], (1, 2))[0]
    assert float(left[1]) == pytest.approx(0.25 / np.hypot(1, 0.25), abs=1e-6)  # y is to the left
    assert float(right[1]) == pytest.approx(-0.25 / np.hypot(1, 0.25), abs=1e-6)
    upper = ray_numbers(AHEAD[None], (2, 1))[0, 0]
    assert float(upper[2] / upper[0]) == pytest.approx(0.25 / 1.5, abs=1e-6)
    to_the_left = ray_numbers(torch.from_numpy(turned(AHEAD.numpy(), 90))[None], (1, 1))[0, 0, :3]
    torch.testing.assert_close(to_the_left, torch.tensor([0.0, 1.0, 0.0]), atol=1e-6, rtol=0)


def test_a_sum_over_tokens_tells_which_content_was_where():
    """Attention reads sums: added rays alone leave them as they were when two tokens change places."""
    torch.manual_seed(0)
    rays, contents = Rays(TINY), torch.randn(1, 24, 160)
    exchanged = contents[:, [7, *range(1, 7), 0, *range(8, 24)]]
    with torch.no_grad():
        one, two = (rays(VisualTokens(seen, [seen]), AHEAD[None]) for seen in (contents, exchanged))
    assert float((one.tokens - two.tokens).sum(dim=1).square().mean().sqrt()) > 1.0
    torch.testing.assert_close(one.deepstack[0].sum(dim=1) - two.deepstack[0].sum(dim=1),
                               (one.tokens - two.tokens).sum(dim=1), atol=1e-4, rtol=1e-4)  # fmt: skip


def test_factors_are_as_large_as_what_they_multiply_and_calm_ones_change_nothing():
    torch.manual_seed(0)
    waves, looks = Waves(TINY), ray_numbers(AHEAD[None], (4, 6))
    with torch.no_grad():
        assert float(waves(looks).square().mean()) == pytest.approx(1.0, abs=0.1)
        calm(waves)
        torch.testing.assert_close(waves(looks), torch.ones(1, 24, 160))


def test_bfloat16_leaves_rays_as_they_are():
    torch.manual_seed(0)
    rays, seen = Rays(TINY), VisualTokens(torch.zeros(1, 24, 160), [torch.ones(1, 24, 160)])
    with torch.no_grad():
        plain = rays(seen, AHEAD[None])
        with torch.autocast("cpu", torch.bfloat16):
            cast = rays(seen, AHEAD[None])
    assert torch.equal(plain.tokens, cast.tokens)
    assert torch.equal(plain.deepstack[0], cast.deepstack[0])


def test_points_are_seen_where_their_rays_say():
    points = torch.tensor(
        [[11.5, 0, 1.4], [11.5, 2.5, 1.4], [11.5, 0, 2.4], [-5, 0, 1.4], [11.5, 20, 1.4], [1.5, 0, 1.4]]
    )
    place, within = seen_at(AHEAD[None], points)
    assert within[0].tolist() == [True, True, True, False, False, False]
    torch.testing.assert_close(place[0, :3], torch.tensor([[0.5, 0.5], [0.25, 0.5], [0.5, 0.35]]))


def test_a_plane_sees_along_the_ray_of_a_picture_and_nowhere_else():
    """One bright token of one camera changes the patches of the ground plane that its ray crosses."""
    triplane = VISION_TOKENIZERS["triplane"].build(TINY)
    pictures = Pictures(torch.zeros(1, 3, 128, 192), AHEAD[None], ((1, 1),))
    features = torch.zeros(1, 24, 96)
    features[0, 6 * 2 : 6 * 4] = 1.0  # the lower half of 4 × 6 tokens
    with torch.no_grad():
        looked = triplane.looked_up(features, pictures)[0, :, 0]
    ground = looked[: 36 * 4].reshape(6, 6, 2, 2).amax(dim=(2, 3))  # 16 m patches, x from -16 and y from -48
    assert float(ground[0].max()) == 0.0  # behind the camera
    assert float(ground[2, 2:4].min()) > 0.3  # 16 … 32 m ahead
    assert float(ground[1, 0].max()) == float(ground[1, 5].max()) == 0.0  # beside its view
    assert float(ground[5, 1:5].min()) > 0.3


def test_patches_by_a_matrix_are_those_of_the_convolution(policy):
    matrix = policy.backbone.model.visual.patch_embed.proj
    patches = torch.randn(5, 3, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    plain = torch.nn.functional.conv3d(patches, matrix.weight, matrix.bias, stride=matrix.kernel_size)
    assert isinstance(matrix, PatchMatrix)
    torch.testing.assert_close(matrix(patches), plain, atol=1e-5, rtol=1e-5)


def test_groups_by_hand():
    views = ((2, 2), (1, 3))
    values = torch.arange(7.0) + 1
    assert by_row(values, views).tolist() == [[1, 2, 3, 4], [5, 6, 7, 0]]
    assert by_moment(values, views).tolist() == [[1, 3], [2, 4], [5, 0], [6, 0], [7, 0]]


def test_pairs_by_hand():
    assert in_pairs(((2, 2), (1, 3), (1, 1))).tolist() == [[0, 1], [2, 3], [4, 4], [5, 6], [7, 7]]


def test_a_pair_of_equal_pictures_is_a_still_and_the_order_of_a_pair_counts(policy):
    pictures = torch.rand(2, 3, 128, 192, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        still, taps = policy.backbone.look(pictures[:1])
        same, same_taps = policy.backbone.look(pictures[[0, 0]][None])
        onwards, backwards = (policy.backbone.look(pictures[order][None])[0] for order in ([0, 1], [1, 0]))
    assert torch.equal(still, same)
    assert all(torch.equal(one, other) for one, other in zip(taps, same_taps, strict=True))
    assert float((onwards - backwards).abs().max()) > 1e-3


def test_of_each_pair_its_own_pictures_facts_and_order_count(policy):
    """Of two cameras with two moments each, what is done to the second moves its 24 tokens alone."""
    video = vision_tokenizer("video").build(TINY).eval()
    seen = scene(0, CAMERAS[:2])
    sighted = replace(seen, cameras=policy.config.cameras[:2])
    batch = policy.batch_of([sighted], [policy_tail(policy)])
    pictures = Pictures(batch.pictures, batch.picture_facts, batch.views)
    older = batch.picture_facts.clone()
    older[3, 16] += 0.2  # the age of the second camera's newest
    with torch.no_grad():
        before = video(policy.backbone, pictures).tokens
        for changed in (replace(pictures, facts=older), replace(pictures, pixels=batch.pictures[[0, 1, 3, 2]])):
            moved = (video(policy.backbone, changed).tokens - before).abs().amax(dim=1)
            assert float(moved[:24].max()) < 1e-5
            assert float(moved[24:].min()) > 1e-5


def test_video_needs_patches_two_pictures_deep():
    with pytest.raises(UsageError, match=r"2 pictures as one, but patches of scale 0\.5b are 1 picture deep"):
        Policy.from_scale("0.5b", vision="video")


def test_turning_a_camera_changes_its_tokens(sighted):
    seen = scene(0)
    rig = seen.rig.copy()
    rig[1] = turned(rig[1], 10.0)
    before, after = tokens_of(sighted, [seen]), tokens_of(sighted, [replace(seen, rig=rig)])
    assert float((before - after).abs().max()) > 1e-3
    again = tokens_of(sighted, [replace(seen, rig=seen.rig.copy())])
    assert torch.equal(before, again)


@pytest.mark.parametrize("field", ["images", "frame_t_us"])
def test_pictures_and_their_ages_change_the_tokens(sighted, field):
    seen = scene(0)
    changed = {"images": seen.images[:, ::-1, ::-1].copy(), "frame_t_us": seen.frame_t_us - 200_000}[field]
    difference = tokens_of(sighted, [seen]) - tokens_of(sighted, [replace(seen, **{field: changed})])
    assert float(difference.abs().max()) > 1e-3


def test_order_of_cameras_is_a_matter_of_names(sighted):
    seen, order = scene(0), [2, 0, 1]
    shuffled = replace(
        seen,
        images=seen.images[order],
        frame_t_us=seen.frame_t_us[order],
        rig=seen.rig[order],
        cameras=tuple(seen.cameras[i] for i in order),
    )
    assert torch.equal(tokens_of(sighted, [seen]), tokens_of(sighted, [shuffled]))


def test_alone_and_in_a_padded_batch_of_eight(sighted):
    scenes = [scene(i, CAMERAS[: 1 + i % 3], frames=(0.0,) if i == 4 else (-0.3, 0.0)) for i in range(8)]
    together = sighted.predict(scenes, n=2, seed=3)
    for row in (0, 4, 5):
        alone = sighted.predict([scenes[row]], n=2, seed=3)
        assert alone.reasoning[0] == together.reasoning[row]
        np.testing.assert_allclose(alone.trajectory_rig[0], together.trajectory_rig[row], atol=1e-4)


def test_a_missing_camera_is_named_and_answered_without(sighted):
    seen = scene(0)
    fewer = without_cameras(seen, ("front_tele",))
    assert fewer.cameras == ("front_wide", "rear_left")
    answer = sighted.predict([seen, fewer], use_reasoning=False)
    assert answer.missing_cameras == ((), ("front_tele",))
    blind = seen.images.copy()
    blind[1] = 255 - blind[1]
    again = sighted.predict([without_cameras(replace(seen, images=blind), ("front_tele",))], use_reasoning=False)
    np.testing.assert_allclose(again.trajectory_rig[0], answer.trajectory_rig[1], atol=1e-4)  # what failed is not seen
    assert np.abs(answer.controls[0] - answer.controls[1]).max() > 1e-6


def test_the_tokenizer_is_trained_saved_and_loaded(sighted, tmp_path):
    policy = Policy.from_scale("tiny", seed=1, vision=sighted.config.vision_tokenizer, cameras=CAMERAS)
    samples = [replace(make_sample(i), observation=scene(i, CAMERAS[: 2 + i])) for i in range(2)]
    policy.token_loss(policy.collate(samples))["loss"].backward()
    silent = [name for name, p in policy.embeddings.vision.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
    torch.optim.SGD(policy.parameters(), lr=0.1).step()
    policy.eval().save(tmp_path)
    loaded = Policy.load(tmp_path)
    assert loaded.config == policy.config
    assert loaded.config.cameras == CAMERAS
    assert torch.equal(tokens_of(loaded, [scene(3)]), tokens_of(policy, [scene(3)]))


def test_an_unknown_camera_is_refused_with_its_sample(policy):
    sample = replace(make_sample(2), observation=scene(2))
    with pytest.raises(UnusableInput, match="sample s2: camera 'rear_left' is not one this policy was trained with"):
        policy.collate([make_sample(1), sample])


def test_cameras_drop_out_at_a_rate_but_never_all():
    names = ("b", "a", "c")
    assert dropped_cameras(names, 0.5, (0.4, 0.9, 0.1)) == ("a", "c")  # numbers go by name: a, b, c
    assert dropped_cameras(names, 1.0, (0.4, 0.9, 0.1)) == ("a", "c")
    assert dropped_cameras(names, 0.0, (0.0, 0.0, 0.0)) == ()
    with pytest.raises(UnusableInput, match="no camera is left"):
        without_cameras(scene(0), CAMERAS)
