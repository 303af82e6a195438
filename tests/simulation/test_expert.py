"""The expert drives every scenario: no collision, no red light, on its road, in comfort, and its moment is there."""

import numpy as np
import pytest

from causeway.reasoning import names
from causeway.reasoning.causes import can_cause
from causeway.simulation.scenarios import SCENARIOS
from causeway.simulation.truth.truth import truth_of
from tests.simulation.driving import expert_drive

FAST, SLOW = range(5), range(5, 200)
COMFORT = (("accel_mps2", -4.05, 2.40), ("jerk", -4.23, 4.23), ("lateral_mps2", -4.89, 4.89))


def faults(scenario, seed):
    """What is wrong with a drive of the expert; nothing, as it should be."""
    history = expert_drive(scenario, seed).history
    found = [e for e in ("collision", "off_road", "red_light_run", "stop_sign_run") if history[e].astype(bool).any()]
    accel, lateral = history["accel_mps2"], history["speed_mps"] ** 2 * history["curvature_per_m"]
    felt = {"accel_mps2": accel, "jerk": np.diff(accel) * 10.0, "lateral_mps2": lateral}
    found += [name for name, least, most in COMFORT if felt[name].min() < least or felt[name].max() > most]
    return found + ([] if len(accel) == 200 else [f"{len(accel)} ticks"])


def truth_faults(scenario, seed):
    """What is wrong with the truth of a drive: its own moment is not there with its cause in view, or a moment errs."""
    moments = truth_of(expert_drive(scenario, seed))
    own = any(m.scenario == scenario and m.record.components for m in moments)
    return ([] if own else ["no own moment"]) + [f"{m.scenario}: {what}" for m in moments for what in _errs(m)]


def _errs(moment):
    record, t0 = moment.record, moment.t0_us
    decisions = {record.longitudinal_decision, record.lateral_decision} - {names.NONE}
    yield from () if 2_000_000 <= t0 <= 13_600_000 else ("outside the drive",)
    yield from () if decisions else ("no decision",)
    for cause in record.components:
        yield from () if cause.kind in names.COMPONENT_KINDS[cause.category] else (f"kind {cause.kind}",)
        yield from () if cause.observed_from_us <= t0 <= cause.observed_to_us else (f"{cause.kind} not in view",)
    for first in record.components[:1]:
        yield from () if all(can_cause(first, d) for d in decisions) else (f"{first.kind} causes no {decisions}",)


@pytest.mark.parametrize("seed", FAST)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_expert_drives_cleanly_and_says_why(scenario, seed):
    assert (faults(scenario, seed), truth_faults(scenario, seed)) == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_expert_drives_two_hundred_seeds_and_each_shows_its_cause(scenario):
    wrong = {seed: [*faults(scenario, seed), *truth_faults(scenario, seed)] for seed in SLOW}
    assert {seed: found for seed, found in wrong.items() if found} == {}
