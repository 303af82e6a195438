import numpy as np
import pytest

from causeway.evaluation.open_loop import metrics, unit_of


def at(*ends_left_m):
    """Paths straight ahead, each so far to the left of the recorded one throughout."""
    paths = np.zeros((len(ends_left_m), 64, 3))
    paths[..., 0] = np.arange(1, 65)
    paths[..., 1] = np.array(ends_left_m)[:, None]
    return paths


def test_scores_by_hand():
    found = metrics(at(1.0, -1.0, 2.0), at(0.0)[0])
    # distances to the record 1, 1, 2; between samples 2, 1, 3
    assert found["energy_score_3"] == pytest.approx(4 / 3 - (2 + 1 + 3) / 3 / 2)
    assert (found["mean_fde_3"], found["spread_3"]) == (pytest.approx(4 / 3), pytest.approx(2.0))
    # mean distances to the others: record 1 + 1 + 2 = 4, samples 1 + 2 + 1 = 4, 1 + 2 + 3 = 6, 2 + 1 + 3 = 6
    assert found["coverage_3"] == 1.0
    assert metrics(at(1.0, 1.2, 2.0), at(0.0)[0])["coverage_3"] == 0.0, "the record lies outside of all three"


def test_equal_samples_score_their_ade_and_cover_only_themselves():
    found = metrics(at(3.0, 3.0), at(0.0)[0])
    assert (found["energy_score_2"], found["ade"], found["coverage_2"]) == (3.0, 3.0, 0.0)
    assert metrics(at(0.0, 0.0), at(0.0)[0])["coverage_2"] == 1.0
    assert not [name for name in metrics(at(1.0), at(0.0)[0]) if name.startswith(("energy", "coverage"))]
    assert (unit_of("coverage_6"), unit_of("energy_score_6")) == ("share", "m")


def test_samples_of_the_true_distribution_are_calibrated(rng):
    """Record and samples from one distribution: six of seven covered, spread and error equal, and no other width scores
    better."""
    count = 1200
    record = rng.normal(size=(count, 1, 64, 3)).cumsum(axis=-2)
    drawn = rng.normal(size=(count, 6, 64, 3)).cumsum(axis=-2)
    found = {width: metrics(drawn * width, record[:, 0]) for width in (0.5, 1.0, 2.0)}
    right = {name: value.mean() for name, value in found[1.0].items()}
    assert right["coverage_6"] == pytest.approx(6 / 7, abs=0.03)
    assert right["spread_6"] == pytest.approx(right["mean_fde_6"], rel=0.05)
    scores = {width: values["energy_score_6"].mean() for width, values in found.items()}
    assert min(scores, key=scores.get) == 1.0
    assert found[0.5]["coverage_6"].mean() < 0.75, "too sure"
    assert found[2.0]["coverage_6"].mean() > 0.95, "too wild"
