import numpy as np
import pytest

from causeway.reasoning import names
from causeway.reasoning.causes import can_cause
from causeway.simulation.truth import truth_of
from tests.simulation.driving import SCENARIOS, SEEDS, expert_drive

EXPECTED = {
    "lead_braking": {"lead_following"},
    "traffic_light": {"stop_for_static_constraint", "set_speed_tracking"},
    "curve": {"speed_adaptation", "set_speed_tracking"},
    "parked_nudge": {"none"},
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_drive_holds_moments_with_a_cause_seen_at_t0(scenario, seed):
    moments = truth_of(expert_drive(scenario, seed))
    assert len(moments) >= 1
    for moment in moments:
        assert 2_000_000 <= moment.t0_us <= 13_600_000
        record = moment.record
        assert record.longitudinal_decision in EXPECTED[scenario]
        cause = record.components[0]
        assert cause.kind in names.COMPONENT_KINDS[cause.category]
        decisions = {record.longitudinal_decision, record.lateral_decision} - {"none"}
        assert all(can_cause(cause, decision) for decision in decisions)
        assert cause.observed_from_us <= moment.t0_us <= cause.observed_to_us


def _speed_around(world, moment):
    history = world.history
    at = int(np.searchsorted(history["t_us"], moment.t0_us))
    return history["accel_mps2"][at : at + 5], history["accel_mps2"][at + 8 : at + 18].mean()


@pytest.mark.parametrize("seed", SEEDS)
def test_light_is_stopped_for_and_left_half_a_second_after_t0(seed):
    world = expert_drive("traffic_light", seed)
    stop, go = truth_of(world)
    assert stop.record.components[0].kind in ("red_light", "yellow_light")
    assert go.record.components[0].kind == "green_light"
    assert stop.record.components[0].track_id == "signal_ego"
    for moment, sign in ((stop, -1), (go, 1)):
        before, after = _speed_around(world, moment)
        assert (sign * before < 0.3).all()
        assert sign * after > 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_lead_is_slowing_when_it_is_named(seed):
    world = expert_drive("lead_braking", seed)
    first = truth_of(world)[0]
    assert first.record.components[0].motion == "slowing"
    brakes_from_us = world.scene.agents[0].script[0][0]
    assert first.t0_us > brakes_from_us


@pytest.mark.parametrize("seed", SEEDS)
def test_nudge_leaves_the_middle_half_a_second_after_t0(seed):
    world = expert_drive("parked_nudge", seed)
    out = truth_of(world)[0]
    side = 1.0 if out.record.lateral_decision.endswith("left") else -1.0
    route = world.scene.layout.routes["ego"]
    lateral = route.project(np.stack([tick.ego.pose[:2] for tick in world.ticks]))[:, 1]
    at = out.t0_us // 100_000
    assert abs(lateral[at]) < 0.05
    assert (side * lateral[at : at + 60]).max() > 0.3
    assert (side * lateral).min() > -0.1
    width = world.scene.layout.road.lanes[0].width_m
    crossed = np.abs(lateral).max() + 0.95 > width / 2
    assert ("out_of_lane" in out.record.lateral_decision) is bool(crossed)
