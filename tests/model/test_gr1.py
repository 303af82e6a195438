"""GR-1's own: frames are foreseen from what was seen, acting does not hang on them, and they are no input."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from causeway.errors import UsageError
from causeway.model import Policy, foresight
from causeway.model.ahead import Ahead
from causeway.model.design import Design
from tests.model.model_samples import make_sample

GR1 = Design("gr1", head="queries", conditioning="joint-kv-cache", speaks=False, action_tokens=False)


def ahead_of(sample, shade=200, later_us=500_000):
    seen = sample.observation
    times = np.full((len(seen.cameras), 1), sample.t0_us + later_us)
    return Ahead(np.full_like(seen.images[:, -1:], shade), times, seen.cameras, seen.rig)


ONE = [make_sample(n, cameras=("front_wide",)) for n in range(2)]
KNOWN = [replace(sample, ahead=ahead_of(sample, 60 + 100 * n)) for n, sample in enumerate(ONE)]


@pytest.fixture(scope="module")
def gr1():
    return Policy.from_scale("tiny", seed=0, cameras=("front_wide", "front_tele"), design=GR1).eval()


def frames_of(policy, samples):
    return foresight.loss_parts(
        policy, policy.collate(samples), foresight.targets_of(policy, samples), None, acts=True
    )


def test_frames_are_cut_to_patches_and_back(gr1):
    painter = gr1.expert.foresight
    pictures = torch.rand(2, 3, 128, 192)
    patches = painter.patches(pictures)
    assert patches.shape == (2, 96, 3 * 16 * 16)
    np.testing.assert_array_equal(patches[0, 13].reshape(3, 16, 16), pictures[0, :, 16:32, 16:32])
    back = torch.nn.functional.fold(patches.transpose(1, 2), (128, 192), 16, stride=16)
    assert torch.equal(back, pictures)


def test_targets_belong_to_their_rows_and_times(gr1):
    targets = foresight.targets_of(gr1, [ONE[0], KNOWN[1]])
    assert targets.rows.tolist() == [1]
    assert float(targets.facts[0, -1]) == 0.5
    np.testing.assert_allclose(targets.pictures, 160 / 127.5 - 1, atol=1e-6)
    assert float(frames_of(gr1, ONE)["frames"].detach()) == 0.0  # nothing to foresee is no error


def test_a_frame_ahead_changes_no_input_and_no_answer(gr1):
    plain, told = gr1.collate(ONE), gr1.collate(KNOWN)
    same = [torch.equal(value, getattr(told, name)) for name, value in vars(plain).items() if torch.is_tensor(value)]
    assert all(same)
    np.testing.assert_array_equal(gr1.predict(ONE).controls, gr1.predict(KNOWN).controls)


def test_what_is_foreseen_hangs_on_what_was_seen_and_where_to_look(gr1):
    with torch.no_grad():
        prefixes = [gr1.forward_tokens(replace(gr1.collate(some), action_tokens=None)).prefix for some in (ONE, ONE[::-1])]
        latents = [gr1.expert.latents(prefix) for prefix in prefixes]
        facts = foresight.targets_of(gr1, KNOWN).facts
        there = gr1.expert.foresight(latents[0], facts)
        later = gr1.expert.foresight(latents[0], facts + torch.nn.functional.one_hot(torch.tensor(16), 17) * 2.0)
    torch.testing.assert_close(latents[0], latents[1].flip(0), atol=1e-5, rtol=1e-4)
    assert float((latents[0][0] - latents[0][1]).abs().max()) > 1e-3
    assert float((there - later).abs().max()) > 1e-5


def test_queries_do_not_see_each_other(gr1):
    with torch.no_grad():
        prefix = gr1.forward_tokens(replace(gr1.collate(ONE), action_tokens=None)).prefix
        act, look = gr1.expert.act, gr1.expert.foresight.queries
        together = gr1.expert.asked(prefix, torch.cat([act, look]))
        torch.testing.assert_close(together[:, :1], gr1.expert.asked(prefix, act), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(together[:, 1:], gr1.expert.asked(prefix, look), atol=1e-5, rtol=1e-4)


def test_frames_teach_the_backbone_and_not_the_action():
    policy = Policy.from_scale("tiny", seed=0, cameras=("front_wide",), design=GR1)
    frames_of(policy, KNOWN)["frames"].backward()
    assert float(policy.backbone.model.visual.blocks[0].mlp.linear_fc1.weight.grad.abs().max()) > 0
    assert float(policy.expert.foresight.write.weight.grad.abs().max()) > 0
    assert policy.expert.write[1].weight.grad is None
    named = {id(p) for p in policy.trained_parameters("expert.foresight")}
    assert id(policy.expert.act) not in named
    with pytest.raises(UsageError, match="no such part"):
        policy.trained_parameters("expert.wheels")


def test_frames_are_learned_and_held_against_the_newest_one():
    policy = Policy.from_scale("tiny", seed=0, cameras=("front_wide",), design=GR1)
    optimizer = torch.optim.Adam(policy.parameters(), lr=2e-3)
    for _ in range(12):
        optimizer.zero_grad()
        frames_of(policy, KNOWN)["frames"].backward()
        optimizer.step()
    ours, still = foresight.error_beside_staying(policy.eval(), KNOWN)
    stands = [replace(s, ahead=replace(s.ahead, images=s.observation.images[:, -1:])) for s in KNOWN]
    assert foresight.error_beside_staying(policy, stands)[1] == 0.0
    assert ours < still
    with pytest.raises(UsageError, match="no sample holds frames ahead"):
        foresight.error_beside_staying(policy, ONE)


def test_another_head_foresees_nothing(policy):
    with pytest.raises(UsageError, match="action head 'flow' foresees no frames"):
        foresight.frame_loss(policy, None, None)
