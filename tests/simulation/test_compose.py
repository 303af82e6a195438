"""Longer drives: legs in order on one road, and nobody who appears."""

import numpy as np
import pytest

from causeway.errors import UsageError
from causeway.simulation.compose import legs_of, scene_of
from causeway.simulation.roads.joints import parts_of
from causeway.simulation.truth.truth import truth_of
from causeway.simulation.visibility import in_view
from tests.simulation.driving import expert_drive

NAME, SEED = "stop_for_control+curve+yield_to_vru", 2


@pytest.fixture(scope="module")
def drive():
    return expert_drive(NAME, SEED)


def test_each_leg_has_its_moment_in_order(drive):
    first = {m.scenario: m.t0_us for m in reversed(truth_of(drive))}
    assert first["stop_for_control"] < first["curve"] < first["yield_to_vru"]
    assert len(drive.ticks) * 100_000 == drive.scene.duration_us > 40_000_000


def test_expert_drives_all_legs_cleanly(drive):
    history = drive.history
    for event in ("collision", "off_road", "red_light_run"):
        assert not history[event].astype(bool).any(), event
    assert history["accel_mps2"].min() >= -4.05
    assert history["accel_mps2"].max() <= 2.40


def test_the_lane_goes_on_through_the_joints(drive):
    route = drive.scene.layout.routes["ego"]
    steps = np.hypot(*np.diff(route.points, axis=0).T)
    assert steps.max() < 1.6
    assert np.abs(np.diff(route.yaw_rad)).max() < 0.2
    lanes = {lane.lane_id: lane for lane in drive.scene.layout.road.lanes}
    name, seen = "ego.a", []
    while name:
        seen.append(name)
        name = next((n for n in lanes[name].successors if n.rsplit(".", 2)[-2:][0].endswith("ego") or "ego" in n), "")
    assert {n.split(".")[0] for n in seen} == {"ego", "2", "3"}


def test_ids_are_unique(drive):
    agents, road = drive.scene.agents, drive.scene.layout.road
    for ids in (
        [a.track_id for a in agents],
        [e.element_id for e in road.elements],
        [lane.lane_id for lane in road.lanes],
        [s.signal_id for s in road.signals],
    ):
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("seed", range(4))
def test_nobody_sets_off_in_sight_but_who_stood_there(seed):
    """A vehicle of a later leg that was to move from the start stands out of sight until we are there."""
    world, moved = expert_drive("pass_intersection+no_yield_to_vru", seed), 0
    for i, agent in enumerate(world.scene.agents):
        if not agent.track_id.startswith("2.") or agent.type != "car" or not agent.script:
            continue
        speeds = [tick.agents.speed_mps[i] for tick in world.ticks]
        first = int(np.argmax(np.array(speeds) > 0.0))
        moved += first > 0
        tick = world.ticks[first]
        assert not in_view(tick.ego, world.traffic, tick.agents, tick.agents.poses[i, :2], 1.0, i), agent.track_id
    assert moved


def test_same_seed_same_scene():
    first, second = scene_of("curve+speed_bump", 3), scene_of("curve+speed_bump", 3)
    assert first.layout.routes["ego"].points.tobytes() == second.layout.routes["ego"].points.tobytes()
    assert first.agents == second.agents
    assert first.duration_us == second.duration_us


def test_parts_meet_rigidly():
    first, second = scene_of("curve", 0), scene_of("speed_bump", 0)
    before, after = parts_of(first, 200.0, second, 20.0, "2.")
    one, other = (p.kept(p.scene.layout.routes["ego"]) for p in (before, after))
    np.testing.assert_allclose(one.points[-1], other.points[0], atol=1e-9)
    assert one.yaw_rad[-1] == pytest.approx(other.yaw_rad[0])
    assert one.length_m + other.length_m == pytest.approx(200.0 + second.layout.routes["ego"].length_m - 20.0, abs=0.01)


@pytest.mark.parametrize("name", ["slow_for_lead+bypass_construction", "curve+nudge"])
@pytest.mark.parametrize("seed", [1, 2])
def test_causes_of_a_later_leg_are_there_by_their_new_names(name, seed):
    """Cones and cyclists among them: a wish of the leg names its cause, and who rides has not been left out."""
    later = name.split("+")[1]
    moment = next(m for m in truth_of(expert_drive(name, seed)) if m.scenario == later)
    assert moment.record.components[0].track_id.startswith("2.")


LED = (("cut_in+curve", 1), ("stop_for_lead+nudge", 1), ("stop_for_lead+nudge", 2), ("curve+stop_for_control", 1))


@pytest.mark.parametrize(("name", "seed"), [*LED, ("nudge+curve", 2)])
def test_who_led_in_one_leg_is_not_in_the_way_in_the_next(name, seed):
    world = expert_drive(name, seed)
    for event in ("collision", "off_road", "red_light_run", "lane_departure"):
        assert not world.history[event].astype(bool).any(), event
    with_cause = {m.scenario for m in truth_of(world) if m.record.components}
    assert with_cause >= set(name.split("+"))


@pytest.mark.parametrize(("name", "seed"), LED[:2])
def test_who_led_turns_off_and_is_on_the_road_as_long_as_one_sees_it(name, seed):
    world = expert_drive(name, seed)
    scene, way = world.scene, world.scene.layout.routes["ego"]
    turned = [i for i, agent in enumerate(scene.agents) if agent.route.endswith(".off2")]
    assert turned
    for i in turned:
        places = np.stack([tick.agents.poses[i, :2] for tick in world.ticks])
        assert way.project(places[-1])[1] < -50.0
        egos = np.stack([tick.ego.pose[:2] for tick in world.ticks])
        near = np.hypot(*(places - egos).T) < 120.0
        assert scene.layout.road.on_surface(places[near]).all()
        assert np.hypot(*np.diff(places, axis=0).T).max() < 3.0  # nobody jumps


@pytest.mark.parametrize(("name", "seed"), [("cut_in+curve", 4), ("nudge+yield_to_vru", 0), ("nudge+yield_to_vru", 1)])
def test_whoever_drives_beside_us_has_a_road_behind_the_joint(name, seed):
    """On the left a lane of the next leg that goes our way, on the right the way off, as wide as they need it."""
    world = expert_drive(name, seed)
    road, egos = world.scene.layout.road, np.stack([tick.ego.pose[:2] for tick in world.ticks])
    cars, off = 0, []
    for i, agent in enumerate(world.scene.agents):
        places = np.stack([tick.agents.poses[i, :2] for tick in world.ticks])
        near = np.hypot(*(places - egos).T) < 110.0
        if agent.type == "car" and not agent.stays and near.any():
            cars += 1
            off += [] if road.on_surface(places[near]).all() else [agent.track_id]
    assert cars > 1
    assert off == []


@pytest.mark.parametrize("seed", [0, 2])
def test_easing_to_the_lower_speed_of_a_leg_is_not_for_what_comes_later(seed):
    """One slows for the bump when it is in view, not a hundred metres before, where the next leg's set speed begins."""
    (moment,) = [m for m in truth_of(expert_drive("curve+speed_bump", seed)) if m.scenario == "speed_bump"]
    assert [c.kind for c in moment.record.components] == ["speed_bump"]


def test_wrong_names_are_said():
    with pytest.raises(UsageError, match="'moon_landing' is not one of slow_for_lead"):
        legs_of("curve+moon_landing")
    with pytest.raises(
        UsageError, match="slow_for_lead needs somebody in sight at its start; it can only be the first"
    ):
        legs_of("curve+slow_for_lead")
    with pytest.raises(UsageError, match="bypass_construction may end on another lane; it can only be the last"):
        legs_of("bypass_construction+curve")
    assert legs_of("slow_for_lead+curve") == ("slow_for_lead", "curve")
