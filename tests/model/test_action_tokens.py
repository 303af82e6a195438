import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from causeway.errors import UnusableInput
from causeway.model.action_tokens import (
    BINS,
    VOCABULARY,
    bins_of,
    decode,
    encode,
    gaussian_soft_targets,
    levels,
    tokens_of,
)


def test_order_is_acceleration_then_curvature():
    controls = np.zeros((64, 2))
    controls[0] = [9.8, -0.33]
    tokens = encode(controls)
    assert tokens.shape == (128,)
    assert tokens[:4].tolist() == [254, 255, 127, 382]
    assert decode(tokens)[0].tolist() == pytest.approx([9.8, -0.33])
    assert decode(tokens)[1].tolist() == [0.0, 0.0]


def test_levels_are_fine_at_rest_and_reach_the_bounds():
    accelerations, curvatures = levels()
    assert np.diff(accelerations)[BINS // 2] < 0.014
    assert np.diff(curvatures)[BINS // 2] < 0.0008
    np.testing.assert_allclose(levels(), -levels()[:, ::-1], atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(arrays(np.int64, (3, 64, 2), elements=st.integers(0, BINS - 1)))
def test_what_is_decoded_encodes_to_itself(bins):
    tokens = tokens_of(bins.reshape(3, 128))
    assert np.array_equal(encode(decode(tokens)), tokens)
    assert np.array_equal(bins_of(tokens), bins.reshape(3, 128))


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (64, 2), elements=st.floats(-12, 12)))
def test_rounding_does_not_add_up(controls):
    bounded = np.clip(controls, [-9.8, -0.33], [9.8, 0.33])
    drift = np.cumsum(decode(encode(controls)) - bounded, axis=0)
    assert np.abs(drift[:, 0]).max() < 0.6  # two of the widest bins, over all 64 steps
    assert np.abs(drift[:, 1]).max() < 0.017


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (np.zeros(127, np.int64), "127"),
        (np.full(128, 127), "at step 0 is not a curvature"),
        (np.roll(encode(np.zeros((64, 2))), 1), "at step 0 is not an acceleration"),
        (np.where(np.arange(128) == 5, VOCABULARY, encode(np.zeros((64, 2)))), "510 at step 2 is not a curvature"),
        (np.where(np.arange(128) == 6, -1, encode(np.zeros((64, 2)))), "-1 at step 3 is not an acceleration"),
        (np.zeros(128), "float64, expected integers"),
    ],
)
def test_cut_or_foreign_tokens_are_errors(tokens, said):
    with pytest.raises(UnusableInput, match=said):
        decode(tokens)


def test_nan_controls_are_an_error():
    with pytest.raises(UnusableInput, match="NaN"):
        encode(np.full((64, 2), np.nan))


def test_soft_targets_by_hand():
    targets = gaussian_soft_targets(encode(np.zeros((64, 2))), sigma_bins=1.0)
    assert targets.shape == (128, BINS)
    np.testing.assert_allclose(targets.sum(-1), 1.0, rtol=1e-5)
    centre = BINS // 2
    assert targets[0].argmax() == targets[1].argmax() == centre
    assert targets[0, centre + 1] / targets[0, centre] == pytest.approx(np.exp(-0.5), rel=1e-5)


def test_torch_in_torch_out():
    torch = pytest.importorskip("torch")
    controls = torch.randn(2, 64, 2, generator=torch.Generator().manual_seed(0)) * 0.2
    tokens = encode(controls)
    assert tokens.dtype == torch.int64
    np.testing.assert_array_equal(tokens.numpy(), encode(controls.numpy()))
    assert decode(tokens).dtype == torch.float32
    assert gaussian_soft_targets(tokens).shape == (2, 128, BINS)
    np.testing.assert_array_equal(tokens_of(bins_of(tokens)).numpy(), tokens.numpy())
