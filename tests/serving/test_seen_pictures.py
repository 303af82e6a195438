"""Pictures that come again: the same tokens to the last bit, looked at once, within a bound of bytes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from causeway.model import ObservationSpec, Policy, example_observation
from causeway.serving.seen_pictures import SeenPictures


class Look:
    """Says of each picture its mean and its corner; remembers how many it was shown."""

    def __init__(self, taps: int = 1) -> None:
        self.taps, self.shown = taps, []

    def __call__(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        self.shown.append(len(pictures))
        tokens = torch.stack([pictures.mean(dim=(1, 2, 3)), pictures[:, 0, 0, 0]], dim=1)[:, None]
        return tokens, [tokens + tap for tap in range(self.taps)]


def picture(value: float, corner: float = 0.0) -> Tensor:
    """Height and width are such that the corner and every eighth pixel find it."""
    made = torch.full((3, 16, 24), value)
    made[0, 1, 1] = corner  # none of the pixels that find a picture
    return made


def same(one: tuple[Tensor, list[Tensor]], other: tuple[Tensor, list[Tensor]]) -> bool:
    return all(torch.equal(a, b) for a, b in zip((one[0], *one[1]), (other[0], *other[1]), strict=True))


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=6), max_size=8), st.integers(0, 2), st.integers(0, 9_000))
def test_whatever_comes_again_is_said_again_and_the_bytes_stay_bounded(batches, taps, most_bytes):
    look = Look(taps)
    seen = SeenPictures(Look(taps), most_bytes)
    for batch in batches:
        pictures = torch.stack([picture(value / 10, corner=value % 2) for value in batch])
        assert same(seen(pictures), look(pictures))
        assert 0 <= seen.held_bytes <= most_bytes


def test_only_new_pictures_are_looked_at_and_a_pixel_makes_a_new_one():
    look = Look()
    seen = SeenPictures(look)
    seen(torch.stack([picture(0.1), picture(0.2)]))
    tokens, _ = seen(torch.stack([picture(0.2), picture(0.3)]))
    assert look.shown == [2, 1]
    assert torch.equal(tokens, Look()(torch.stack([picture(0.2), picture(0.3)]))[0])
    seen(picture(0.3, corner=1.0)[None])
    seen(picture(0.3, corner=1.0)[None])
    assert look.shown == [2, 1, 1]


def test_what_was_seen_last_stays():
    look = Look(taps=0)
    size = picture(0.0).nbytes + 2 * 4
    seen = SeenPictures(look, 2 * size)
    for value in (0.1, 0.2, 0.1, 0.3, 0.1, 0.2):
        seen(picture(value)[None])
    assert look.shown == [1] * 4  # 0.2 was forgotten for 0.3, as 0.1 had been seen since
    assert seen.held_bytes == 2 * size


@pytest.mark.parametrize("vision", ["single-image", "flex"])
def test_a_policy_answers_as_without_when_frames_overlap_and_to_the_last_bit_when_all_or_none_do(vision):
    policy = Policy.from_scale("tiny", vision=vision).eval()
    first = example_observation(1, ObservationSpec(height=128, width=192))
    newer = example_observation(2, ObservationSpec(height=128, width=192))
    images = np.concatenate([first.images[:, 1:], newer.images[:, 1:]], axis=1)  # its newest are now the oldest
    asked = [first, replace(newer, images=images), first]
    plain = [policy.predict([observation], 2, 5) for observation in asked]
    policy.backbone.look = SeenPictures(policy.backbone.look)
    remembered = [policy.predict([observation], 2, 5) for observation in asked]
    for one, other in zip(plain, remembered, strict=True):
        assert one.reasoning == other.reasoning
        np.testing.assert_allclose(one.trajectory_rig, other.trajectory_rig, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(remembered[0].trajectory_rig, remembered[2].trajectory_rig)
    np.testing.assert_array_equal(remembered[0].trajectory_rig, plain[0].trajectory_rig)
