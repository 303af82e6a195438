import numpy as np
import pytest

from causeway.reasoning.records import Component
from causeway.simulation import constant_velocity_trajectory
from causeway.simulation.compose import scene_of
from causeway.simulation.truth import parts
from causeway.simulation.truth.parts import UNSEEN, ego_stations, observed, when_seen
from causeway.simulation.truth.truth import truth_of
from causeway.simulation.vehicle import EGO
from causeway.simulation.visibility import seen_within_m
from tests.simulation.driving import SEEDS, driven, expert_drive


def _speed_around(world, moment):
    history = world.history
    at = int(np.searchsorted(history["t_us"], moment.t0_us))
    return history["accel_mps2"][at : at + 5], history["accel_mps2"][at + 8 : at + 18].mean()


LIT = [s for s in range(12) if scene_of("stop_for_control", s).layout.road.signals][:3]


@pytest.mark.parametrize("seed", LIT)
def test_light_is_stopped_for_and_left_half_a_second_after_t0(seed):
    world = expert_drive("stop_for_control", seed)
    stop, go = (m for m in truth_of(world) if m.scenario in ("stop_for_control", "resume_at_control"))
    assert stop.record.components[0].kind in ("red_light", "yellow_light")
    assert go.record.components[0].kind == "green_light"
    assert stop.record.components[0].track_id == "signal_ego"
    for moment, sign in ((stop, -1), (go, 1)):
        before, after = _speed_around(world, moment)
        assert (sign * before < 0.3).all()
        assert sign * after > 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_lead_is_slowing_when_it_is_named(seed):
    world = expert_drive("slow_for_lead", seed)
    first = next(m for m in truth_of(world) if m.scenario == "slow_for_lead")
    assert first.record.components[0].motion == "slowing"
    lead = next(agent for agent in world.scene.agents if agent.track_id == "lead")
    brakes_from_us = lead.script[0][0]
    assert first.t0_us > brakes_from_us


@pytest.mark.parametrize("seed", SEEDS)
def test_nudge_leaves_the_middle_half_a_second_after_t0(seed):
    world = expert_drive("nudge", seed)
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


def component(first_us, last_us, track_id="a"):
    return Component("critical_object", "car", track_id, "in_path", "moving", first_us, last_us)


HIDDEN = component(*UNSEEN, track_id="hidden")


def test_what_was_not_in_view_is_no_part_of_a_truth():
    shown, late = component(0, 9), component(0, 5, "late")
    second = observed(parts.moment(3, "nudge_preparation", "yield", "none", shown, HIDDEN, late)).record.components
    assert [(c.track_id, c.rank) for c in second] == [("a", 1), ("late", 2)]
    # what is left would be named as the reason for a decision that it did not ask for
    assert observed(parts.moment(3, "nudge_preparation", "yield", "none", HIDDEN, shown)).record.components == ()


@pytest.mark.parametrize(("shows_at", "t0"), [(0, 10), (10, 10), (12, 12), (15, 15), (16, 10)])
def test_a_moment_waits_until_its_cause_is_in_view_but_not_beyond_the_action(shows_at, t0):
    def made(tick):
        return parts.moment(tick, "cut_in", "yield", "none", component(0, 99) if tick >= shows_at else HIDDEN)

    assert when_seen(10, made).t0_us == t0 * 100_000


@pytest.mark.parametrize("seed", [3, 5, 19])
def test_nobody_is_said_to_come_towards_us_whom_no_camera_shows(seed):
    """Scenes that used to be in fog, where whoever came was 90 m away at the moment."""
    world = expert_drive("nudge_preparation", seed)
    found = next(m for m in truth_of(world) if m.scenario == "nudge_preparation")
    rival, at = found.record.components[0], world.ticks[found.t0_us // 100_000]
    i = [agent.track_id for agent in world.scene.agents].index(rival.track_id)
    away_m = np.hypot(*(at.agents.poses[i, :2] - at.ego.pose[:2]))
    assert (rival.relative_pose, away_m < seen_within_m(world.scene.look)) == ("oncoming", True)
    assert rival.observed_from_us <= found.t0_us < rival.observed_to_us


BACKING = [s for s in range(30) if scene_of("risky_driving", s).agents[0].route == "ego"][:3]


@pytest.mark.parametrize("seed", BACKING)
def test_who_backs_up_does_so_when_it_is_named(seed):
    world = expert_drive("risky_driving", seed)
    found = next(m for m in truth_of(world) if m.scenario == "risky_driving")
    at = world.ticks[found.t0_us // 100_000]
    assert at.agents.speed_mps[0] < -0.5
    assert found.record.components[0].motion == "moving"


SIGNED = next(s for s in range(40) if not scene_of("stop_for_control", s).layout.road.signals)


def test_a_stop_sign_is_the_cause_and_the_free_way_lets_one_go():
    moments = {m.scenario: m.record for m in truth_of(expert_drive("stop_for_control", SIGNED))}
    stop = moments["stop_for_control"].components[0]
    assert (stop.category, stop.kind, stop.track_id) == ("yield_stop_control", "stop_sign", "stop_sign_ego")
    assert moments["resume_at_control"].components[0].kind == "free_lane"


@pytest.mark.parametrize("seed", SEEDS)
def test_ranges_end_when_what_they_are_for_is_over(seed):
    world = expert_drive("pass_intersection", seed)
    passing = next(m for m in truth_of(world) if m.scenario == "pass_intersection")
    stations = ego_stations(world)
    line_m = next(s for route, s, _ in world.scene.layout.stops if route == "ego")
    at, until = passing.t0_us // 100_000, passing.until_us // 100_000
    assert stations[at - 1] + EGO.front_m < line_m <= stations[at] + EGO.front_m
    junction = next(lane.centre for lane in world.scene.layout.road.lanes if lane.lane_id == "ego.b")
    tail_m = stations[until] + EGO.front_m - EGO.length_m
    assert tail_m >= line_m + junction.length_m - 0.05
    assert tail_m - world.ticks[until].ego.speed_mps * 0.11 < line_m + junction.length_m


@pytest.mark.parametrize("seed", SEEDS)
def test_who_lets_us_go_is_named_until_out_of_sight(seed):
    world = expert_drive("no_yield_to_vru", seed)
    moment = next(m for m in truth_of(world) if m.scenario == "no_yield_to_vru")
    cause, person = moment.record.components
    assert cause.kind in ("free_lane", "green_light")
    assert (person.category, person.track_id, person.rank) == ("critical_object", "vru0", 2)
    assert person.observed_to_us == moment.until_us
    at = moment.t0_us // 100_000
    assert world.ticks[at].agents.speed_mps[[a.track_id for a in world.scene.agents].index("vru0")] > 0.0


def _crossed(seed):
    return any(agent.track_id == "vru0" for agent in scene_of("yield_to_vru", seed).agents)


@pytest.mark.parametrize("seed", [seed for seed in range(12) if _crossed(seed)][:3])
def test_who_is_yielded_to_crosses_where_we_would_be(seed):
    world = expert_drive("yield_to_vru", seed)
    moment = next(m for m in truth_of(world) if m.scenario == "yield_to_vru")
    cause = moment.record.components[0]
    assert (cause.track_id, cause.motion, moment.record.longitudinal_decision) == ("vru0", "crossing", "yield")
    at = moment.t0_us // 100_000
    assert world.history["accel_mps2"][at + 8 : at + 18].mean() < -0.5
    blind = driven("yield_to_vru", seed, constant_velocity_trajectory).history
    assert blind["collision"].astype(bool).any() or blind["min_distance_m"].min() < 1.0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bump_is_passed_at_the_speed_the_driver_likes(seed):
    world = expert_drive("speed_bump", seed)
    cue = next(c for c in world.expert.steady if c.cause_id == "bump0")
    over = (ego_stations(world) > cue.at_m) & (ego_stations(world) < cue.to_m)
    assert over.any()
    assert world.history["speed_mps"][over].max() < world.scene.driver.bump_mps + 0.4
