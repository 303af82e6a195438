import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.errors import UnusableInput
from causeway.evaluation.open_loop import metrics, speeds_mps


def recorded_straight() -> np.ndarray:
    path = np.zeros((64, 3))
    path[:, 0] = np.arange(1, 65)
    return path


def off_by(before_m: float, after_m: float, change: int) -> np.ndarray:
    """The recorded path, moved left by `before_m` for the first `change` steps and by `after_m` from then on."""
    path = recorded_straight()
    path[:change, 1], path[change:, 1] = before_m, after_m
    return path


def test_both_conventions_by_hand():
    # sample 0: 0 m off for 3.2 s, then 4 m: mean 2.  sample 1: 1.5 m off throughout: mean 1.5
    predicted = np.stack([off_by(0.0, 4.0, 32), off_by(1.5, 1.5, 32)])
    found = metrics(predicted, recorded_straight())
    assert found["ade"] == pytest.approx(2.0)
    assert found["min_ade_2"] == pytest.approx(1.5)
    assert found["min_ade_2_at_3s"] == pytest.approx(1.5), "the sample chosen over the whole horizon"
    assert found["alpasim_min_ade@2.5s"] == pytest.approx(0.0), "the best sample of this horizon"
    assert found["alpasim_min_ade@3s"] == pytest.approx(0.0), "where the other convention says 1.5"
    assert found["alpasim_min_ade@5s"] == pytest.approx(18 * 4 / 50)
    assert found["alpasim_min_ade@6.4s"] == found["min_ade_2"], "over the whole horizon the two agree"
    assert found["fde"] == pytest.approx(4.0)
    assert (found["miss_rate"], found["miss_rate_2"], found["min_fde_2"]) == (1.0, 0.0, 1.5)


def test_prefixes_end_at_the_named_second():
    ramp = recorded_straight()
    ramp[:, 1] = np.arange(1, 65)  # 1 m off at 0.1 s, 2 m at 0.2 s …; the mean of the first n is (n + 1) / 2
    found = metrics(ramp[None], recorded_straight())
    means = {"0.5": 3.0, "1": 5.5, "3": 15.5, "5": 25.5, "6.4": 32.5}
    assert {t: float(found[f"min_ade_1_at_{t}s"]) for t in means} == pytest.approx(means)
    assert found["alpasim_min_ade@2.5s"] == pytest.approx(13.0)


def test_heading_wraps_and_speed_is_measured_from_the_origin():
    recorded, predicted = recorded_straight(), recorded_straight()
    recorded[:, 2], predicted[:, 2] = np.pi - 0.05, -np.pi + 0.05
    predicted[:, 0] *= 0.5
    found = metrics(predicted[None], recorded)
    assert found["heading_error_deg"] == pytest.approx(np.degrees(0.1))
    assert found["speed_error_mps"] == pytest.approx(5.0)
    assert speeds_mps(recorded) == pytest.approx(np.full(64, 10.0))


def test_leading_dimensions_and_torch():
    torch = pytest.importorskip("torch")
    predicted = np.random.default_rng(0).normal(size=(2, 3, 6, 64, 3))
    recorded = np.random.default_rng(1).normal(size=(2, 3, 64, 3))
    found = metrics(predicted, recorded)
    assert {v.shape for v in found.values()} == {(2, 3)}
    alone = metrics(predicted[1, 2], recorded[1, 2])
    assert {n: float(v[1, 2]) for n, v in found.items()} == pytest.approx(
        {n: float(v) for n, v in alone.items()}, nan_ok=True
    )
    as_torch = metrics(torch.from_numpy(predicted), torch.from_numpy(recorded))
    assert np.array_equal(as_torch["min_ade_6"].numpy(), found["min_ade_6"])


def test_a_nan_answer_is_nan_everywhere_and_harms_no_other():
    predicted = np.stack([recorded_straight()[None]] * 2)
    predicted[0, 0, 40, 1] = np.nan
    found = metrics(predicted, np.stack([recorded_straight()] * 2))
    unmeasured = {name for name, value in found.items() if not np.isfinite(value[1])}
    assert all(np.isnan(value[0]) for value in found.values())
    assert unmeasured == {"steers_same_way"}, "a straight road has no side"


@pytest.mark.parametrize(
    ("predicted", "recorded"),
    [
        ((6, 63, 3), (63, 3)),
        ((6, 64, 2), (64, 2)),
        ((64, 3), (64, 3)),
        ((5, 6, 64, 3), (4, 64, 3)),
        ((0, 64, 3), (64, 3)),
    ],
)
def test_other_shapes_are_refused(predicted, recorded):
    with pytest.raises(UnusableInput, match="do not fit"):
        metrics(np.zeros(predicted), np.zeros(recorded))


def test_a_recorded_nan_is_refused():
    with pytest.raises(UnusableInput, match="recorded"):
        metrics(np.zeros((1, 64, 3)), np.full((64, 3), np.nan))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_order_of_conventions(seed, k):
    rng = np.random.default_rng(seed)
    predicted, recorded = rng.normal(size=(k, 64, 3)).cumsum(axis=1), rng.normal(size=(64, 3)).cumsum(axis=0)
    found = metrics(predicted, recorded)
    for t in ("0.5", "1", "5"):
        assert found[f"alpasim_min_ade@{t}s"] <= found[f"min_ade_{k}_at_{t}s"] + 1e-12, "free choice is never worse"
    assert found[f"min_ade_{k}"] <= found["ade"] + 1e-12
    mirrored = metrics(predicted[::-1], recorded)
    assert mirrored[f"min_ade_{k}"] == pytest.approx(found[f"min_ade_{k}"]), "the order of samples does not matter"


def test_left_for_right_is_seen_where_the_road_led_aside():
    recorded = np.zeros((4, 64, 3))
    recorded[:, -1, 1] = [3.0, -3.0, 1.0, 1.5]
    predicted = np.zeros((4, 2, 64, 3))
    predicted[:, :, -1, 1] = [[2.0, 0.1], [2.0, -0.1], [2.0, 2.0], [0.0, 0.0]]
    found = metrics(predicted, recorded)["steers_same_way"]
    assert found[[0, 1, 3]].tolist() == [1.0, 0.5, 0.0], "straight on is no side"
    assert np.isnan(found[2]), "a path that ends within 1 m of straight ahead goes to no side"


def test_a_batch_is_its_samples_to_the_last_digit():
    rng = np.random.default_rng(0)
    predicted, recorded = rng.normal(0, 9, (150, 6, 64, 3)), rng.normal(0, 9, (150, 64, 3))
    together = metrics(predicted, recorded)
    apart = [metrics(predicted[i : i + 1], recorded[i : i + 1]) for i in range(150)]
    differing = [name for name, column in together.items()
                 if not np.array_equal(column, [one[name][0] for one in apart], equal_nan=True)]  # fmt: skip
    assert differing == []
