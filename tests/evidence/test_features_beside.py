"""Feature views of made scenes: who comes towards us, where our lane ends, what the route asks for, signals beside us."""

from typing import Any

import numpy as np
import pytest

from causeway.artifacts import Artifact
from causeway.clips.surroundings.scene import load_scene
from causeway.evidence.features import drive_views
from tests.evidence.scenes import START_US, TICK_US, clip_row, ego_rows, rig_row, road, signal_row, track_row

TICKS, FRONT_M = 20, 3.5


@pytest.fixture
def at(write_clips):
    """The row of a view at a tick: ego at 10 m/s from x = 0 along a straight road, plus the tables given."""

    def find(view: str, tick: int, **tables: Any) -> dict:
        row = clip_row("c", "d", TICKS, START_US)
        given = {"clips": [row], "ego": ego_rows("c", [10.0] * TICKS), "rigs": [rig_row("c")], **road("c"), **tables}
        clips = Artifact.open(write_clips(f"{view}{tick}{id(tables)}", **given))
        rows = drive_views([load_scene(clips, row)])[view].to_pylist()
        return next(r for r in rows if r[f"{view}_event_us"] == START_US + tick * TICK_US)

    return find


def track(track_id: str, x0: float, y: float, vx: float, vy: float = 0.0, **other: Any) -> list[dict]:
    moves = {"vx_mps": vx, "vy_mps": vy}
    return [track_row("c", i, track_id, x0 + vx * i / 10, y + vy * i / 10, **moves, **other) for i in range(TICKS)]


def towards(track_id: str, x0: float, y: float, vx: float = -8.0, vy: float = 0.0, **other: Any) -> list[dict]:
    return track(track_id, x0, y, vx, vy, yaw_rad=np.pi, **other)


def lane(lane_id: str, y: float, x0: float, x1: float, successors: tuple[str, ...] = (), kind: str = "drive") -> dict:
    row = {"clip_id": "c", "lane_id": lane_id, "successors": list(successors), "kind": kind}
    return row | {n: [[x0, y + o], [x1, y + o]] for n, o in (("centre", 0.0), ("left", 1.8), ("right", -1.8))}


def test_the_nearest_that_comes_towards_us(at):
    tracks = towards("far", 90, 3.6) + towards("near", 60, 3.6, vy=-0.4) + towards("two lanes off", 40, 7.4)
    tracks += track("goes our way", 30, 3.6, 8.0) + towards("stands", 30, 3.6, vx=0.0)
    tracks += towards("walks", 20, 3.0, vx=-1.0, type="pedestrian") + towards("behind", -20, 3.6)
    row = at("oncoming", 5, tracks=tracks)
    assert (row["oncoming_track_id"], row["oncoming_type"]) == ("near", "car")
    assert row["oncoming_distance_m"] == pytest.approx(60 - 4 - 5 - 2 - FRONT_M)
    assert row["oncoming_lateral_m"] == pytest.approx(3.4)
    assert row["oncoming_clearance_m"] == pytest.approx(3.4 - 1.0 - 1.0)
    assert row["oncoming_speed_mps"] == pytest.approx(8.0)
    assert row["oncoming_towards_mps"] == pytest.approx(0.4)
    assert row["oncoming_since_us"] == START_US


@pytest.mark.parametrize(("x0", "seen"), [(118.0, True), (126.0, False)])
def test_farther_than_the_map_surely_reaches_nobody_comes(at, x0, seen):
    lanes = [lane("a", 0.0, -50.0, 300.0)]
    row = at("oncoming", 0, tracks=towards("a", x0, 3.6), lanes=lanes)
    assert (row["oncoming_track_id"] == "a") is seen


def test_a_lead_says_how_far_beside_the_middle_it_is_and_whether_it_comes_over(at):
    row = at("lead", 0, tracks=track("a", 30, 1.6, 9.0, -0.7))
    assert (row["lead_track_id"], row["lead_lateral_m"]) == ("a", pytest.approx(1.6))
    assert row["lead_towards_mps"] == pytest.approx(0.7)


@pytest.mark.parametrize("shows", ["off", "right", None])
def test_signals_of_a_neighbour(at, shows):
    row = at("contenders", 0, tracks=track("a", 20, 3.6, 9.0, indicator=shows))
    assert (row["left_track_id"], row["left_indicator"]) == ("a", shows)
    assert row["right_indicator"] is None


def test_our_width_is_that_of_the_rig_or_of_a_middle_sized_car(at):
    assert at("ego_state", 0)["ego_width_m"] == 2.0
    assert at("ego_state", 0, rigs=[rig_row("c") | {"width_m": None}])["ego_width_m"] == 1.9


@pytest.mark.parametrize(
    ("lanes", "distance_m"),
    [
        ([lane("a", 0, -50, 80), lane("b", 3.6, -50, 300)], 80 - FRONT_M),  # the one beside goes on
        ([lane("a", 0, -50, 80), lane("b", -3.6, -50, 80, ("c",))], 80 - FRONT_M),  # and so it does where it leads on
        ([lane("a", 0, -50, 180), lane("b", 3.6, -50, 400)], 180 - FRONT_M),  # seen from afar
        ([lane("a", 0, -50, 300), lane("b", 3.6, -50, 400)], None),  # too far
        ([lane("a", 0, -50, 180), lane("b", 3.6, 110, 400)], None),  # what begins so far away may not be on the map
        ([lane("a", 0, -50, 80), lane("b", 3.6, -50, 80)], None),  # the map ends with all lanes
        ([lane("a", 0, -50, 80, ("c",)), lane("b", 3.6, -50, 300)], None),  # it leads on, beyond the map
        ([lane("a", 0, -50, 80), lane("b", 3.6, -50, 300, kind="bike")], None),
        ([lane("a", 0, -50, 80), lane("b", 9.0, -50, 300)], None),  # no lane beside ours
    ],
)
def test_where_our_lane_ends(at, lanes, distance_m):
    found = at("lanes", 0, lanes=lanes)["lane_end_distance_m"]
    assert found == (None if distance_m is None else pytest.approx(distance_m))


def test_a_ramp_and_the_lane_it_leads_to(at):
    def on_ramp(*lanes: dict) -> bool:
        return at("lanes", 0, lanes=list(lanes))["on_ramp"]

    assert on_ramp(lane("a", 0, -50, 80, kind="ramp"))
    assert on_ramp(lane("r", 0, -90, -50, ("a",), "ramp"), lane("a", 0, -50, 80))
    assert not on_ramp(lane("r", 0, 80, 120, (), "ramp"), lane("a", 0, -50, 80, ("r",)))
    assert at("lanes", 0, lanes=[lane("a", 30.0, -50, 80)])["on_ramp"] is None  # we are on no lane


@pytest.mark.parametrize(
    ("ramp_m", "known"),
    [((-300.0, -115.0), (True, True)), ((125.0, 300.0), (False, True)), ((-300.0, -125.0), (False, False))],
)
def test_a_ramp_that_led_to_our_lane_counts_from_when_it_was_surely_on_the_map(at, ramp_m, known):
    lanes = [lane("a", 0, -50, 80), lane("r", 0, *ramp_m, ("a",), "ramp")]
    assert tuple(at("lanes", tick, lanes=lanes)["on_ramp"] for tick in (0, 15)) == known


TWO = [lane("a", 0, -50, 300), lane("b", 3.6, -50, 300)]
FORK = [
    lane("a", 0, -50, 60, ("on", "off")),
    lane("on", 0, 60, 300),
    lane("off", 0, 60, 300) | {"centre": [[60.0, 0.0], [100.0, -6.0], [200.0, -24.0]]},
]


@pytest.mark.parametrize(
    ("lanes", "route", "asked"),
    [
        (TWO, [[-50, 0], [300, 0]], ("keep", None)),
        (TWO, [[-50, 0], [40, 0], [60, 3.6], [300, 3.6]], ("lane_left", 50 - FRONT_M)),
        (TWO, [[-50, 0], [40, 0], [60, -3.6], [300, -3.6]], ("lane_right", 50 - FRONT_M)),
        (TWO, [[-50, 3.6], [300, 3.6]], ("lane_left", 0.0)),  # it runs beside us already
        (TWO, [[-50, 0], [150, 0], [170, 3.6], [300, 3.6]], ("keep", None)),  # too far ahead
        (TWO, [[-50, 0], [-40, 0], [-30, 3.6], [-20, 0], [300, 0]], ("keep", None)),  # behind us
        (TWO, [[-50, 0], [50, 0], [52, 40], [52, 80]], ("turn_left", 50 - FRONT_M)),
        (TWO, [[-50, 0], [50, 0], [52, -40], [52, -80]], ("turn_right", 50 - FRONT_M)),
        (FORK, [[-50, 0], [60, 0], [100, -6], [200, -24]], ("exit_right", 72 - FRONT_M)),
        (FORK, [[-50, 0], [60, 0], [300, 0]], ("keep", None)),
        (TWO, [[-50, 300], [300, 300]], (None, None)),  # we have left it
        (TWO, [[-50, 0], [-25, 0]], (None, None)),  # it ends behind us
        (TWO, [], (None, None)),
        ([lane("a", 30.0, -50, 80)], [[-50, 0], [300, 0]], (None, None)),  # we are on no lane
    ],
)
def test_what_the_route_asks_for(at, lanes, route, asked):
    tables = {"route": [{"clip_id": "c", "points": [[float(x), float(y)] for x, y in route]}]} if route else {}
    row = at("lanes", 0, lanes=lanes, **tables)
    assert row["route_action"] == asked[0]
    assert row["route_distance_m"] == (None if asked[1] is None else pytest.approx(asked[1], abs=2.0))


@pytest.mark.parametrize(("line_m", "distance_m"), [(3.0, 0.0), (-1.0, 0.0), (-3.0, None), (13.5, 10.0)])
def test_a_light_counts_until_its_line_is_5_m_behind(at, line_m, distance_m):
    lanes = [lane("a", 0, -50, 100, ("b",)), lane("b", 0, 100, 200)]
    stop = {"clip_id": "c", "element_id": "s", "kind": "stop_line", "lane_ids": ["a"]}
    shape = {"shape": [[line_m, 1.8], [line_m, -1.8]]}
    tables = {"lanes": lanes, "road_elements": [stop | shape], "signals": [signal_row("c", 0, "green")]}
    row = at("signals", 0, **tables)
    expected = 100 - FRONT_M if distance_m is None else distance_m
    assert row["signal_id"] == "light"
    assert row["signal_distance_m"] == pytest.approx(expected)
