"""Lanes that end, ramps that join, works: where the road is, and what is on the map."""

import numpy as np
import pytest

from causeway.simulation.roads.lane_ends import TAPER_M, USABLE_M, road_with_lane_end, road_with_ramp
from causeway.simulation.roads.layout import CrossSection, plain_road
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.roads.works import row_of_cones, with_cones, with_sign

STRAIGHT = path_from_curvature([(400.0, 0.0)])


@pytest.mark.parametrize(("right", "ends", "edge"), [(0, "ego", -1.75), (1, "right1", -5.25)])
def test_the_outer_lane_ends_and_the_road_narrows(right, ends, edge):
    layout = road_with_lane_end(STRAIGHT, CrossSection(3.5, ("same",), right, 1.0), 250.0)
    road = layout.road
    assert road.lane(ends).centre.length_m == pytest.approx(250.0)
    assert all(lane.centre.length_m == pytest.approx(400.0) for lane in road.lanes if lane.lane_id != ends)
    outer = np.array([[200.0, edge + 0.3], [260.0, edge + 0.3], [260.0, edge + 3.0], [260.0, edge + 2.3]])
    assert road.on_surface(outer).tolist() == [True, False, True, False]


def test_the_usable_part_of_a_lane_that_ends_is_wide_enough():
    layout = road_with_lane_end(STRAIGHT, CrossSection(3.5, ("same",), 0, 0.8), 250.0)
    stations = np.arange(100.0, 250.0 - USABLE_M, 1.0)
    sides = np.concatenate([np.stack([stations, np.full(len(stations), y)], axis=-1) for y in (-0.95, 0.95)])
    assert layout.road.on_surface(sides).all()
    assert USABLE_M < TAPER_M


def test_a_ramp_runs_beside_the_larger_road_and_ends():
    path = path_from_curvature([(60.0, 0.0), (60.0, -0.004), (400.0, 0.0)])
    layout = road_with_ramp(path, CrossSection(3.5, ("same", "same"), 0, 1.0), 150.0, 300.0)
    main = layout.routes["left1"]
    beside = np.array([main.project(path.pose_at(s)[:2])[1] for s in (160.0, 250.0, 400.0)])
    np.testing.assert_allclose(beside, -3.5, atol=1e-6)
    assert main.project(path.pose_at(60.0)[:2])[1] < -8.0
    ramp = layout.road.lane("ego")
    assert (ramp.kind, ramp.successors) == ("ramp", ("ego.merge",))
    assert layout.road.lane("ego.merge").centre.length_m == pytest.approx(150.0, abs=0.01)
    on = [layout.road.on_surface(path.pose_at(s)[None, :2])[0] for s in (20.0, 100.0, 200.0, 330.0)]
    assert on == [True, True, True, False]


def test_cones_slant_in_stay_and_half_way_back():
    row = row_of_cones(100.0, 110.0, -2.0, -0.5, 12.0)
    stations, offsets = np.array(row).T
    assert (np.diff(stations) > 0.0).all()
    assert (stations[0], offsets[0]) == (88.0, -2.0)
    assert set(offsets[(stations >= 100.0) & (stations <= 110.0)]) == {-0.5}
    assert offsets[-1] == -1.25


def test_cones_and_signs_know_their_lanes():
    section = CrossSection(3.5, ("same",), 0, 1.0)
    layout = with_sign(
        with_cones(plain_road(STRAIGHT, section), "cone", [(50.0, 0.0), (55.0, 3.0)]), section, "work", 30.0
    )
    elements = {e.element_id: e for e in layout.road.elements}
    assert [elements[n].lane_ids for n in ("cone0", "cone1", "work")] == [("ego",), ("left1",), ("ego",)]
    np.testing.assert_allclose(elements["cone1"].shape, [[55.0, 3.0]], atol=1e-9)
    assert not layout.road.on_surface(elements["work"].shape)[0]
