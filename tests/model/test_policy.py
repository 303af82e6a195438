"""One policy, any batch: what must not change an answer, and what must."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from causeway.errors import UnusableInput, UsageError
from causeway.model import Policy, decoding
from causeway.reasoning import parse, render
from tests.model.model_samples import make_sample

SAMPLES = [make_sample(i, cameras=("front_wide",) if i == 5 else ("front_wide", "front_tele")) for i in range(8)]


def same(one, other, rows_one=slice(None), rows_other=slice(None)):
    """Whether two predictions say the same words and drive the same way, to 0.1 mm."""
    names = ("trajectory_rig", "controls")
    pairs = [(getattr(one, name)[rows_one], getattr(other, name)[rows_other]) for name in names]
    alike = all(np.allclose(a, b, atol=1e-4, rtol=0) for a, b in pairs)
    return alike and one.reasoning[rows_one] == other.reasoning[rows_other]


@pytest.fixture(scope="module")
def eight(policy):
    """Answers to eight samples, one of them with a single camera: its row is padded."""
    return policy.predict(SAMPLES, n=2, seed=3)


def test_seeds_may_be_one_for_each(policy, eight):
    both = policy.predict(SAMPLES[:2], n=2, seed=[9, 3])
    assert same(policy.predict(SAMPLES[:1], n=2, seed=9), both, rows_other=slice(0, 1))
    assert same(both, eight, rows_one=slice(1, 2), rows_other=slice(1, 2))
    assert not same(both, eight, rows_one=slice(0, 1), rows_other=slice(0, 1))
    with pytest.raises(UsageError, match="2 seeds for 1 samples"):
        policy.predict(SAMPLES[:1], seed=[1, 2])


def test_shapes_and_types(eight):
    assert eight.trajectory_rig.shape == (8, 2, 64, 3)
    assert eight.controls.shape == (8, 2, 64, 2)
    assert eight.trajectory_rig.dtype == eight.controls.dtype == np.float32
    assert len(eight.reasoning) == len(eight.decision) == 8
    assert all(len(row) == 2 for row in eight.reasoning)
    assert set(eight.timing_ms) == {"decode", "vision", "prefill", "reasoning", "action"}


@pytest.mark.parametrize("row", [0, 5])
def test_alone_or_in_a_batch_with_padding(policy, eight, row):
    assert same(policy.predict([SAMPLES[row]], n=2, seed=3), eight, rows_other=slice(row, row + 1))


def test_greedy_tokens_do_not_depend_on_the_batch(policy):
    together = policy.predict(SAMPLES[4:7], temperature=0.0)
    assert same(policy.predict([SAMPLES[5]], temperature=0.0), together, rows_other=slice(1, 2))


def test_place_in_the_batch_changes_nothing(policy, eight):
    assert same(policy.predict(SAMPLES[::-1], n=2, seed=3), eight, rows_one=slice(None, None, -1))


def test_fewer_samples_are_the_first_samples(policy, eight):
    one = policy.predict(SAMPLES[:1], n=1, seed=3)
    assert one.reasoning[0] == eight.reasoning[0][:1]
    np.testing.assert_allclose(one.trajectory_rig[0], eight.trajectory_rig[0, :1], atol=1e-4)


def test_seed_changes_the_samples_and_samples_differ(policy, eight):
    other = policy.predict(SAMPLES[:1], n=2, seed=4)
    assert np.abs(other.trajectory_rig[0] - eight.trajectory_rig[0]).max() > 0.1
    assert np.abs(eight.trajectory_rig[0, 0] - eight.trajectory_rig[0, 1]).max() > 0.1


def test_order_of_cameras_is_a_matter_of_names(policy, eight):
    seen = SAMPLES[0].observation
    seen = replace(seen, frame_t_us=seen.frame_t_us - [[0], [70_000]])  # the cameras differ in everything
    fields = ("images", "rig", "frame_t_us", "cameras")
    turned = replace(seen, **{name: getattr(seen, name)[::-1] for name in fields})
    straight = policy.predict([seen], n=2, seed=3)
    assert same(policy.predict([turned], n=2, seed=3), straight)
    assert not same(straight, eight, rows_other=slice(0, 1))


@pytest.mark.parametrize("field", ["images", "rig", "ego_history", "speed_mps", "frame_t_us", "route"])
def test_everything_observed_reaches_the_actions(policy, field):
    seen = SAMPLES[0].observation
    changed = {
        "images": seen.images[:, ::-1, ::-1],
        "rig": seen.rig * 1.5,
        "ego_history": seen.ego_history * 0.5,
        "speed_mps": seen.speed_mps + 5.0,
        "frame_t_us": seen.frame_t_us - 200_000,
        "route": np.float32([[5, 0], [10, 3], [15, 9]]),
    }[field]
    before = policy.predict([seen], use_reasoning=False)
    after = policy.predict([replace(seen, **{field: changed})], use_reasoning=False)
    assert np.abs(before.controls - after.controls).max() > 1e-6


def test_forced_reasoning_is_answered_with_and_acted_on(policy):
    go, stop = "Track the set speed.", "Stop for the red light ahead."
    forced = policy.predict(SAMPLES[:2], n=2, forced_reasoning=[go, stop])
    assert forced.reasoning == [[go, go], [stop, stop]]
    assert forced.decision[0][0] == ("set_speed_tracking", "none")
    assert forced.decision[1][1] == ("stop_for_static_constraint", "none")
    swapped = policy.predict(SAMPLES[:2], n=2, forced_reasoning=[stop, go])
    assert np.abs(swapped.controls - forced.controls).max() > 1e-6


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_its_own_words_handed_back_change_nothing(policy, temperature):
    rows = [*SAMPLES[:3], SAMPLES[5]]  # the last one is padded
    free = policy.predict(rows, seed=7, temperature=temperature)
    forced = policy.predict(rows, seed=7, temperature=temperature, forced_reasoning=[r[0] for r in free.reasoning])
    assert same(free, forced)
    assert forced.truncated == ((False,),) * 4


@pytest.mark.parametrize("seed", range(3))
def test_every_answer_is_a_sentence_of_the_grammar(policy, seed):
    said = policy.predict(SAMPLES[:2], n=6, seed=seed, temperature=3.0)
    for row, decisions in zip(said.reasoning, said.decision, strict=True):
        records = [parse(reasoning) for reasoning in row]
        assert [render(record) for record in records] == row
        assert decisions == [(record.longitudinal_decision, record.lateral_decision) for record in records]
    assert len(set(said.reasoning[0])) > 3
    assert not any(map(any, said.truncated))


def test_no_number_chooses_a_forbidden_id():
    """Not even one that was rounded up to 1."""
    logits = torch.tensor([[float("-inf"), 0.0, -30.0, float("-inf")]]).repeat(3, 1)
    chosen, logprobs = decoding.pick(logits, 1.0, torch.tensor([0.0, 0.5, 1.0]))
    assert chosen[:2].tolist() == [1, 1]
    assert chosen[2] in (1, 2)
    assert torch.isfinite(logprobs).all()


def test_reasoning_that_runs_out_of_tokens_is_named():
    short = Policy.from_scale("tiny", seed=0).eval()
    short.config = replace(short.config, scale=replace(short.config.scale, max_reasoning_tokens=1))
    said = short.predict(SAMPLES[:2], n=2)
    assert said.truncated == ((True, True), (True, True))
    assert said.decision == [[("none", "none")] * 2] * 2
    assert all(len(short.vocabulary.text_ids(text)) == 1 for row in said.reasoning for text in row)


ROUTED = replace(SAMPLES[0].observation, route=np.float32([[5, 0], [10, 3], [15, 9]]))


def test_guidance_of_one_is_the_plain_answer_bit_by_bit(policy):
    plain = policy.predict([ROUTED, SAMPLES[1]], n=2)
    one = policy.predict([ROUTED, SAMPLES[1]], n=2, route_guidance=1.0)
    assert np.array_equal(one.controls, plain.controls)


def test_guidance_leads_along_the_route_and_leaves_the_routeless_alone(policy):
    batch = [ROUTED, SAMPLES[1], SAMPLES[5]]
    words = ["Track the set speed."] * 3
    plain, far = (policy.predict(batch, n=2, forced_reasoning=words, route_guidance=w) for w in (1.0, 3.0))
    assert np.abs(far.controls[0] - plain.controls[0]).max() > 1e-5
    np.testing.assert_allclose(far.controls[1:], plain.controls[1:], atol=1e-4)
    without = policy.predict([replace(ROUTED, route=None)], n=2, forced_reasoning=words[:1])
    none = policy.predict([ROUTED], n=2, forced_reasoning=words[:1], route_guidance=0.0)
    np.testing.assert_allclose(none.trajectory_rig, without.trajectory_rig, atol=1e-4)


def test_guidance_reads_the_words_that_were_said(policy):
    free = policy.predict([ROUTED], n=2, route_guidance=2.0, seed=5)
    for i, words in enumerate(free.reasoning[0]):
        forced = policy.predict([ROUTED], n=2, route_guidance=2.0, seed=5, forced_reasoning=[words])
        assert np.allclose(forced.trajectory_rig[0, i], free.trajectory_rig[0, i], atol=1e-4)


def test_six_samples_are_six_single_answers(policy, monkeypatch):
    """The shared prefill changes no sample: each is what a batch of rows that share nothing gives."""
    together = policy.predict(SAMPLES[:1], n=6, seed=3)
    shared = decoding.repeat

    def copied(decoder, times):
        grown = shared(decoder, times)
        grown.prompt = grown.prompt.repeated(times)
        return grown

    monkeypatch.setattr(decoding, "repeat", copied)
    assert same(policy.predict(SAMPLES[:1], n=6, seed=3), together)


def test_without_reasoning(policy):
    off = policy.predict(SAMPLES[:1], use_reasoning=False)
    assert off.reasoning == [[""]]
    assert off.decision == [[("none", "none")]]
    empty = policy.predict(SAMPLES[:1], forced_reasoning=[""])
    np.testing.assert_array_equal(off.trajectory_rig, empty.trajectory_rig)


def test_pictures_of_any_size_are_taken(policy):
    seen = SAMPLES[0].observation
    large = replace(seen, images=seen.images.repeat(2, axis=2).repeat(3, axis=3))
    assert policy.predict([large], use_reasoning=False).trajectory_rig.shape == (1, 1, 64, 3)


def test_wrong_calls_are_one_line(policy):
    with pytest.raises(UsageError, match="at least one"):
        policy.predict([])
    with pytest.raises(UsageError, match="n 0 and flow_steps 10 must be at least 1"):
        policy.predict(SAMPLES[:1], n=0)
    with pytest.raises(UsageError, match="1 forced reasonings for 2 samples"):
        policy.predict(SAMPLES[:2], forced_reasoning=["Stop."])
    bad = replace(SAMPLES[1], observation=replace(SAMPLES[1].observation, speed_mps=float("nan")))
    with pytest.raises(UnusableInput, match="sample s1: speed_mps holds NaN"):
        policy.predict([SAMPLES[0], bad])


def test_same_seed_same_weights():
    one, two, other = (Policy.from_scale("tiny", seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["expert.write.weight"], other["expert.write.weight"])


def test_unknown_scale_and_missing_backbone():
    with pytest.raises(UsageError, match=r"scale 'huge' is not known; choose one of tiny, 0.5b, 2b, 8b"):
        Policy.from_scale("huge")
    with pytest.raises(UsageError, match="give a local folder with Qwen3-VL-2B"):
        Policy.from_scale("2b")
