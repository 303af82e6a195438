"""Scenes as they are laid out, before anybody drives."""

import numpy as np
import pytest

from causeway.simulation.compose import scene_of

CROSSINGS = {"yield_to_vru": (82, 93, 105, 146), "no_yield_to_vru": (110, 129, 134, 162)}  # and twenty more


@pytest.mark.parametrize("scenario", CROSSINGS)
def test_nobody_stands_where_somebody_is_to_walk(scenario):
    """Not within 1.5 m of a way across: who stands there would be waited for, for ever."""
    stand = []
    for seed in (*CROSSINGS[scenario], *range(20)):
        scene = scene_of(scenario, seed)
        walk = scene.layout.routes.get("walk0")
        for person in scene.agents if walk else ():
            if person.track_id.startswith("person"):
                place = scene.layout.routes[person.route].pose_at(person.s_m, person.lateral_m)[:2]
                station, beside_m = walk.project(place).tolist()
                stand += [(seed, person.track_id)] if 0.0 < station < walk.length_m and abs(beside_m) < 1.45 else []
    assert stand == []


def test_looks_are_those_in_which_the_cause_can_be_seen():
    looks = {name: {scene_of(name, seed).look for seed in range(30)} for name in ("nudge", "nudge_preparation")}
    assert looks["nudge"] - looks["nudge_preparation"] == {"fog"}


def test_a_lane_that_ends_can_be_seen_to_end_when_one_is_to_leave_it():
    ends_m = []
    for seed in range(40):
        scene = scene_of("lane_change", seed)
        (want,) = scene.wants
        if want.kind == "lane_end":
            own = scene.layout.road.lane("ego")
            ends_m.append(own.centre.length_m - want.from_m)
    assert len(ends_m) > 5
    assert max(ends_m) <= 104.0
    assert min(ends_m) > 40.0


def test_works_are_known_when_their_first_cone_is_in_sight_even_in_fog():
    ahead_m = [
        float(np.hypot(*(cone.shape[0, :2] - scene.layout.routes["ego"].pose_at(scene.wants[0].from_m)[:2])))
        for seed in range(30)
        if (scene := scene_of("bypass_construction", seed)).wants
        for cone in scene.layout.road.elements
        if cone.element_id == "cone0"
    ]
    assert len(ahead_m) > 5
    assert max(ahead_m) < 80.0


def test_nobody_drives_on_over_the_end_of_a_lane():
    scenes = [scene_of(name, seed) for name in ("lane_change", "lane_change_preparation") for seed in range(40)]
    ends = [scene for scene in scenes if scene.wants[0].kind == "lane_end"]
    assert len(ends) > 10
    assert [(s.scenario, s.seed) for s in ends for agent in s.agents if agent.route == "ego"] == []
