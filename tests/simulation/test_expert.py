"""The expert drives every scenario: no collision, no red light, on its road, in comfort, and its moment is there."""

import numpy as np
import pytest

from causeway.reasoning import names
from causeway.reasoning.causes import can_cause
from causeway.simulation.scenarios import SCENARIOS
from causeway.simulation.truth.truth import truth_of
from tests.simulation.driving import expert_drive

FAST, SLOW = range(5), range(5, 200)


def check(scenario, seed):
    world = expert_drive(scenario, seed)
    history = world.history
    where = f"{scenario} {seed}"
    assert len(history["t_us"]) == 200, where
    for event in ("collision", "off_road", "red_light_run"):
        assert not history[event].astype(bool).any(), f"{where}: {event}"
    accel, lateral = history["accel_mps2"], history["speed_mps"] ** 2 * history["curvature_per_m"]
    assert accel.min() >= -4.05, where
    assert accel.max() <= 2.40, where
    assert np.abs(np.diff(accel)).max() <= 0.413 + 0.01, where
    assert np.abs(lateral).max() <= 4.89, where
    return truth_of(world)


def check_moments(scenario, seed, moments):
    where = f"{scenario} {seed}"
    assert scenario in {m.scenario for m in moments}, where
    for moment in moments:
        record, cause = moment.record, moment.record.components[0]
        assert 2_000_000 <= moment.t0_us <= 13_600_000, where
        assert cause.kind in names.COMPONENT_KINDS[cause.category], where
        decisions = {record.longitudinal_decision, record.lateral_decision} - {"none"}
        assert decisions, where
        assert all(can_cause(cause, decision) for decision in decisions), (where, cause, decisions)
        assert cause.observed_from_us <= moment.t0_us <= cause.observed_to_us, where


@pytest.mark.parametrize("seed", FAST)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_expert_drives_cleanly_and_says_why(scenario, seed):
    check_moments(scenario, seed, check(scenario, seed))


def test_what_is_named_first_is_in_view_at_t0():
    """What is not in view has the moment alone for its interval."""
    first = [
        (scenario, seed, moment.t0_us, moment.record.components[0])
        for scenario in SCENARIOS
        for seed in FAST
        for moment in truth_of(expert_drive(scenario, seed))
    ]
    hidden = [(*where, c.track_id) for *where, c in first if c.observed_from_us == c.observed_to_us]
    assert len(first) > 2 * len(SCENARIOS)
    assert len(hidden) <= len(first) / 50, hidden


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_expert_drives_two_hundred_seeds(scenario):
    """A moment may lie outside the window of a clip or behind a truck; almost none may."""
    there = [scenario in {m.scenario for m in check(scenario, seed)} for seed in SLOW]
    assert np.mean(there) >= 0.97
