"""Feature views of made scenes: right numbers, and nothing that was not known yet."""

import numpy as np
import pyarrow.compute as pc
import pytest

from causeway.artifacts import Artifact
from causeway.clips.surroundings.scene import load_scene
from causeway.evidence.features import drive_views, since
from causeway.evidence.views import VIEWS
from tests.evidence.scenes import START_US, TICK_US, clip_row, ego_rows, rig_row, road, signal_row, track_row

TICKS = 60


@pytest.fixture
def views_of(write_clips):
    """Views of one clip `c`: ego at 10 m/s from x = 0 along a straight road, plus the tables given."""

    def views(name="clips", has=None, **tables):
        row = clip_row("c", "d", TICKS, START_US, **(has or {}))
        given = {"clips": [row], "ego": ego_rows("c", [10.0] * TICKS), "rigs": [rig_row("c")], **road("c"), **tables}
        clips = Artifact.open(write_clips(name, **given))
        return drive_views([load_scene(clips, row)])

    return views


def at(views, view, tick):
    """The row of a view that is known at a tick."""
    t_us = START_US + tick * TICK_US
    rows = [r for r in views[view].to_pylist() if r[f"{view}_event_us"] <= t_us]
    return rows[-1] if rows else None


def track(track_id, x0, y, vx=0.0, vy=0.0, ticks=range(TICKS), **other):
    """Rows of a thing that is at (x0, y) at tick 0 and keeps its velocity."""
    return [
        track_row("c", i, track_id, x0 + vx * i / 10, y + vy * i / 10, vx_mps=vx, vy_mps=vy, **other) for i in ticks
    ]


def test_lead_is_the_nearest_in_our_path(views_of):
    tracks = track("far", 60, 0, 10.0) + track("near", 40, 0.3, 8.0) + track("beside", 20, 3.6, 9.0)
    tracks += track("oncoming", 30, -3.6, -10.0, yaw_rad=np.pi) + track("behind", -10, 0, 10.0)
    row = at(views_of(tracks=tracks), "lead", 10)
    assert (row["lead_track_id"], row["lead_type"]) == ("near", "car")
    # its middle is at 48 m, ours at 10 m; bumpers are 2 m before it and 3.5 m after us
    assert row["lead_distance_m"] == pytest.approx(48 - 10 - 2 - 3.5)
    assert row["lead_speed_mps"] == pytest.approx(8)
    assert row["lead_accel_mps2"] == pytest.approx(0)
    assert row["lead_since_us"] == START_US


def test_lead_acceleration_looks_back_half_a_second(views_of):
    speed = np.where(np.arange(TICKS) < 20, 10.0, 10.0 - 0.2 * (np.arange(TICKS) - 19))
    x = 30 + np.cumsum(speed) / 10
    tracks = [track_row("c", i, "a", x[i], 0.0, vx_mps=speed[i]) for i in range(TICKS)]
    views = views_of(tracks=tracks)
    assert at(views, "lead", 19)["lead_accel_mps2"] == pytest.approx(0)
    assert at(views, "lead", 22)["lead_accel_mps2"] == pytest.approx(-0.6 / 0.5)
    assert at(views, "lead", 30)["lead_accel_mps2"] == pytest.approx(-2)


def test_missing_velocity_is_the_backward_difference(views_of):
    tracks = [r | {"vx_mps": None, "vy_mps": None} for r in track("a", 40, 0, 7.0)]
    assert at(views_of(tracks=tracks), "lead", 5)["lead_speed_mps"] == pytest.approx(7)


def test_a_cut_in_becomes_lead_and_since_says_when(views_of):
    rows = track("b", 30, 3.6, 10.0, ticks=range(25)) + track("b", 30, 0.5, 10.0, ticks=range(25, TICKS))
    views = views_of(tracks=rows)
    assert at(views, "lead", 24)["lead_track_id"] is None
    assert at(views, "lead", 40)["lead_since_us"] == START_US + 25 * TICK_US


def test_a_parked_car_at_the_edge_is_an_obstacle_and_one_in_the_middle_a_lead(views_of):
    views = views_of(tracks=track("edge", 50, -2.0) + track("middle", 70, 0.1))
    row = at(views, "obstacle", 10)
    assert (row["obstacle_track_id"], row["obstacle_lateral_m"]) == ("edge", -2.0)
    assert row["obstacle_distance_m"] == pytest.approx(50 - 10 - 2 - 3.5)
    assert row["obstacle_clearance_m"] == pytest.approx(2.0 - 1.0 - 1.0)
    assert at(views, "lead", 10)["lead_track_id"] == "middle"
    assert at(views, "obstacle", 56)["obstacle_track_id"] is None  # passed: it is behind our rear axle


def test_who_crosses(views_of):
    person = {"type": "pedestrian", "length_m": 0.6, "width_m": 0.6}
    walks = track("walks", 50, 5.0, vy=-1.5, **person)
    stands = track("stands", 40, 5.0, **person)
    leaves = track("leaves", 35, 5.0, vy=1.5, **person)
    car = track("car", 60, -20.0, vy=8.0, yaw_rad=np.pi / 2)
    row = at(views_of(tracks=walks + stands + leaves + car), "crossing", 5)
    assert (row["crossing_track_id"], row["crossing_type"]) == ("walks", "pedestrian")
    assert row["crossing_lateral_m"] == pytest.approx(5.0 - 0.75)
    assert row["crossing_speed_mps"] == pytest.approx(1.5)
    assert row["crossing_distance_m"] == pytest.approx(50 - 5 - 0.3 - 3.5)
    row = at(views_of("other", tracks=car), "crossing", 5)
    assert row["crossing_track_id"] == "car"


def test_our_path_begins_where_we_are(views_of):
    """1.5 m to the right of the lane's middle, a person 1 m to the left of it is not in our way; the lead still is."""
    ego = [row | {"y_m": -1.5} for row in ego_rows("c", [10.0] * TICKS)]
    near = track("near", 10, 1.0, type="pedestrian", length_m=0.6, width_m=0.6)
    views = views_of(ego=ego, tracks=near + track("lead", 40, 0.0, 10.0))
    assert at(views, "crossing", 0)["crossing_track_id"] is None
    assert at(views, "lead", 0)["lead_track_id"] == "lead"
    centred = views_of("centred", tracks=near)
    assert at(centred, "crossing", 0)["crossing_track_id"] == "near"


def test_our_signal_and_since_when_it_shows_that(views_of):
    states = [signal_row("c", i, "green" if i < 20 else "red") for i in range(TICKS)]
    other = [signal_row("c", i, "red", ("elsewhere",)) | {"signal_id": "no"} for i in range(TICKS)]
    views = views_of(signals=states + other)
    row = at(views, "signals", 30)
    assert (row["signal_id"], row["signal_state"]) == ("light", "red")
    assert row["signal_since_us"] == START_US + 20 * TICK_US
    assert row["signal_distance_m"] == pytest.approx(100 - 30 - 3.5)
    assert at(views, "signals", 19)["signal_state"] == "green"
    assert at(views, "lanes", 30)["stop_line_distance_m"] == pytest.approx(100 - 30 - 3.5)


@pytest.mark.parametrize(
    ("lane_id", "kind", "place_m"), [("a", "drive", 100), ("b", "junction", 100), ("b", "drive", 200)]
)
def test_without_a_stop_line_a_light_stands_at_the_junction(views_of, lane_id, kind, place_m):
    lanes = [row | {"kind": kind if row["lane_id"] == "b" else "drive"} for row in road("c")["lanes"]]
    ego = ego_rows("c", [10.0] * TICKS, x_m=place_m - 90.0)
    signals = [signal_row("c", i, "red", (lane_id,)) for i in range(TICKS)]
    row = at(views_of(lanes=lanes, road_elements=[], signals=signals, ego=ego), "signals", 2)
    assert row["signal_distance_m"] == pytest.approx(place_m - (ego[2]["x_m"] + 3.5))


def test_a_light_that_is_no_longer_observed_is_not_known(views_of):
    views = views_of(signals=[signal_row("c", i, "red") for i in range(10)])
    assert at(views, "signals", 14)["signal_state"] == "red"
    assert at(views, "signals", 15)["signal_state"] is None


def test_a_curve_ahead_and_the_offset_in_the_lane(views_of):
    angle = np.linspace(0, 1, 40)
    bend = [[30 + 50 * np.sin(a), 1 + 50 * (1 - np.cos(a))] for a in angle]
    lane = {"clip_id": "c", "lane_id": "a", "left": [], "right": [], "successors": [], "kind": "drive"}
    row = at(views_of(lanes=[lane | {"centre": [[-50, 1.0], *bend]}], road_elements=[]), "lanes", 0)
    assert row["curve_curvature_per_m"] == pytest.approx(1 / 50, rel=0.05)
    assert row["curve_distance_m"] == pytest.approx(30, abs=4)
    assert row["lane_offset_m"] == pytest.approx(-1)
    assert row["stop_line_distance_m"] is None


def test_at_a_fork_the_straightest_lane_is_followed(views_of):
    def lane(lane_id, *centre, to=()):
        row = {"clip_id": "c", "lane_id": lane_id, "left": [], "right": [], "kind": "drive"}
        return row | {"centre": [list(p) for p in centre], "successors": list(to)}

    fork = [lane("in", (-50, 0), (50, 0), to=("left", "on")), lane("on", (50, 0), (150, 0))]
    fork.append(lane("left", (50, 0), (60, 2), (65, 20)))
    tracks = track("on_left", 65, 18, 0.0) + track("ahead", 75, 0, 5.0)
    assert at(views_of(lanes=fork, tracks=tracks, road_elements=[]), "lead", 0)["lead_track_id"] == "ahead"


def test_without_a_map_the_path_is_the_arc_being_driven(views_of):
    ego = [row | {"curvature_per_m": 0.02, "yaw_rate_radps": 0.2} for row in ego_rows("c", [10.0] * TICKS)]
    arc = [np.sin(0.6) / 0.02, (1 - np.cos(0.6)) / 0.02]
    tracks = [track_row("c", 0, "arc", *arc, yaw_rad=0.6), track_row("c", 0, "straight", 30, 0)]
    views = views_of(has={"has_map": False}, ego=ego, tracks=tracks, lanes=[], road_elements=[])
    row = at(views, "lead", 0)
    assert row["lead_track_id"] == "arc"
    assert row["lead_distance_m"] == pytest.approx(30 - 2 - 3.5)
    assert views["lanes"].num_rows == 0


def test_what_a_source_cannot_give_has_no_rows(views_of):
    views = views_of(has={"has_tracks": False, "has_map": False, "has_signals": False}, lanes=[], road_elements=[])
    assert {view: table.num_rows for view, table in views.items()} == {
        **dict.fromkeys(VIEWS, 0),
        "ego_state": TICKS,
    }


def test_a_tick_uses_the_latest_row_known_by_then(views_of):
    """Tracks at 2 Hz, interpolated: between two keyframes the row of the earlier one is moved on."""
    tracks = track("a", 40, 0, 8.0)
    for i, row in enumerate(tracks):
        row["observed_us"] = START_US + -(-i // 5) * 5 * TICK_US
        row["x_m"] += 3.0 * (i > 10)  # at tick 14 nobody knows of that yet
    views = views_of(tracks=tracks)
    assert views["lead"].column("lead_event_us").to_pylist() == [START_US + i * TICK_US for i in range(TICKS)]
    assert at(views, "lead", 14)["lead_distance_m"] == pytest.approx(40 + 8 * 1.4 - 14 - 5.5)
    assert at(views, "lead", 15)["lead_distance_m"] == pytest.approx(40 + 8 * 1.5 + 3 - 15 - 5.5)
    assert set(views["lead"].column("lead_since_us").to_pylist()) == {START_US}


def test_a_lead_is_gone_when_it_was_not_seen_for_longer_than_0_6_s(views_of):
    views = views_of(tracks=track("a", 40, 0, 8.0, ticks=range(10)) + track("a", 40, 0, 8.0, ticks=range(14, 20)))
    assert [at(views, "lead", i)["lead_track_id"] for i in (9, 12, 19, 25, 26)] == ["a"] * 4 + [None]
    assert at(views, "lead", 25)["lead_since_us"] == START_US


def test_the_event_time_is_that_of_the_ego_pose_where_it_is_later(views_of):
    ego = [row | {"observed_us": row["t_us"] + 30_000} for row in ego_rows("c", [10.0] * TICKS)]
    views = views_of(ego=ego, tracks=track("a", 40, 0, 8.0))
    assert views["lead"].column("lead_event_us").to_pylist()[:2] == [START_US + 30_000, START_US + 130_000]


def test_stop_lines_count_within_100_m_as_lights_do(views_of):
    views = views_of(ego=ego_rows("c", [10.0] * TICKS, x_m=-30.0))
    assert at(views, "lanes", 26)["stop_line_distance_m"] is None  # 100.5 m
    assert at(views, "lanes", 27)["stop_line_distance_m"] == pytest.approx(99.5)


def test_a_map_that_reaches_farther_changes_nothing(views_of):
    """Lanes that come back to us, stop lines and lights far along the way: the future may have brought them in."""
    signals = [signal_row("c", i, "red", ("far",)) for i in range(TICKS)]
    ego = [row | {"y_m": 1.0} for row in ego_rows("c", [10.0] * TICKS, x_m=-40.0)]
    person = {"type": "pedestrian", "length_m": 0.6, "width_m": 0.6}
    tracks = track("a", 25, 6.0, vy=-1.5, **person) + track("b", 10, 1.0, 10.0)
    lanes = road("c")["lanes"]
    near = {"ego": ego, "tracks": tracks, "signals": signals, "lanes": lanes, "road_elements": []}
    loop = lanes[1] | {"successors": ["far"]}
    back = lanes[1] | {"lane_id": "far", "centre": [[200, 0], [200, 1.5], [-40, 1.5]], "kind": "junction"}
    stop = road("c")["road_elements"][0] | {"lane_ids": ["far"], "shape": [[60, 0.6], [60, -0.6]]}
    wide = near | {"lanes": [lanes[0], loop, back], "road_elements": [stop]}
    before, after = views_of("near", **near), views_of("wide", **wide)
    for view in VIEWS:
        assert before[view].equals(after[view]), view
    assert at(after, "lead", 0)["lead_track_id"] == "b"
    assert at(after, "crossing", 20)["crossing_track_id"] == "a"


def test_since_breaks_at_changes_and_gaps():
    times = [0, 100_000, 200_000, 500_000, 600_000]
    ids = [("a",), ("a",), ("b",), ("b",), (None,)]
    assert since(times, ids) == [0, 0, 200_000, 500_000, None]


def test_since_goes_on_over_a_clip_border(write_clips):
    rows = [clip_row("c", "d", 20, START_US), clip_row("e", "d", 20, START_US + 20 * TICK_US)]
    ego = ego_rows("c", [10.0] * 20) + ego_rows("e", [10.0] * 20, START_US + 20 * TICK_US)
    tracks = [track_row("c", i, "a", 40 + i, 0.0, vx_mps=10.0) for i in range(20)]
    tracks += [track_row("e", 20 + i, "a", 40 + i, 0.0, vx_mps=10.0) for i in range(20)]
    clips = Artifact.open(write_clips("two", clips=rows, ego=ego, tracks=tracks))
    views = drive_views([load_scene(clips, row) for row in rows])
    assert set(views["lead"].column("lead_since_us").to_pylist()) == {START_US}


def test_what_was_seen_in_the_clip_before_is_known_in_the_next(write_clips):
    """Seen at 2 Hz, the last time 0.3 s before the border; the next clip's frame is turned and moved."""
    here = {"origin_x_m": 20.0, "origin_y_m": 0.0, "origin_z_m": 3.0, "origin_yaw_rad": np.pi / 2}
    here |= {"origin_qw": np.sqrt(0.5), "origin_qz": np.sqrt(0.5)}
    rows = [clip_row("c", "d", 20, START_US), clip_row("e", "d", 20, START_US + 20 * TICK_US) | here]
    turned = {"y_m": 0.0, "qw": np.sqrt(0.5), "qz": np.sqrt(0.5)}
    ego = ego_rows("c", [10.0] * 20) + ego_rows("e", [10.0] * 20, START_US + 20 * TICK_US)
    ego = [r if r["clip_id"] == "c" else r | turned | {"x_m": 0.0, "y_m": -r["x_m"], "qz": -turned["qz"]} for r in ego]
    tracks = [track_row("c", i, "a", 40 + i, 0.0, vx_mps=10.0) for i in range(18)]
    signals = [signal_row("c", 18, "red")]
    clips = Artifact.open(write_clips("two", clips=rows, ego=ego, tracks=tracks, signals=signals, **road("e")))
    scene = load_scene(clips, rows[1], rows[0])
    assert scene.tracks.tick.tolist() == [0, 1, 2, 3]
    assert scene.tracks.xy_m == pytest.approx(np.array([[0.0, -40 - i] for i in range(4)]))
    assert scene.tracks.z_m == pytest.approx([-3.0] * 4)
    assert scene.tracks.velocity_mps[0] == pytest.approx([0, -10])
    assert scene.tracks.yaw_rad[0] == pytest.approx(-np.pi / 2)
    assert [s[1] for s in scene.signals] == ["light"]
    assert len(load_scene(clips, rows[1]).tracks.tick) == 0


def poisoned(rows, t0_us):
    """The rows with all that was observed after t0 overwritten by garbage."""
    bad = {"x_m": 1e9, "y_m": float("nan"), "yaw_rad": 7.0, "speed_mps": -1e6, "vx_mps": float("inf")}
    bad |= {"track_id": "poison", "type": "animal", "state": "off", "qw": 0.0, "curvature_per_m": float("nan")}
    bad |= {"lane_ids": ["a", "b"], "accel_mps2": 1e300, "yaw_rate_radps": 1e300, "length_m": -5.0}
    return [r | {k: v for k, v in bad.items() if k in r} if late(r, t0_us) else r for r in rows]


def no_numbers(rows, t0_us):
    """The rows with no number left of what was observed after t0."""
    return [{k: float("nan") if isinstance(v, float) and late(r, t0_us) else v for k, v in r.items()} for r in rows]


def gone(rows, t0_us):
    """The rows without what was observed after t0."""
    return [r for r in rows if not late(r, t0_us)]


def late(row, t0_us):
    return row.get("observed_us", row["t_us"]) > t0_us


@pytest.mark.parametrize("poison", [poisoned, no_numbers, gone])
@pytest.mark.parametrize("tick", [1, 7, 25, 33, 58])
def test_the_future_is_unreachable(views_of, tick, poison):
    """Every view row known at t0 is bit for bit the same when all that was observed later is garbage."""
    t0_us = START_US + tick * TICK_US
    person = {"type": "pedestrian", "length_m": 0.6, "width_m": 0.6}
    tracks = track("a", 40, 0, 8.0) + track("p", 55, 5, vy=-1.0, **person) + track("edge", 50, -2.0)
    tracks += track("beside", 12, 4.2, 10.0, vy=-0.8)
    for i, row in enumerate(tracks[:TICKS]):
        row["observed_us"] = START_US + -(-i // 5) * 5 * TICK_US
    signals = [signal_row("c", i, "green" if i < 20 else "red") for i in range(TICKS)]
    tables = {"ego": ego_rows("c", [10.0] * TICKS), "tracks": tracks, "signals": signals}
    crosswalk = {"clip_id": "c", "element_id": "x", "kind": "crosswalk", "shape": [[80.0, 2.0], [80.0, -2.0]]}
    still = {"road_elements": [*road("c")["road_elements"], crosswalk | {"lane_ids": ["a"]}]}
    clean = views_of("clean", **tables, **still)
    garbage = views_of("garbage", **{name: poison(rows, t0_us) for name, rows in tables.items()}, **still)
    for view in VIEWS:
        known, still_known = (
            v[view].filter(pc.less_equal(v[view].column(f"{view}_event_us"), t0_us)) for v in (clean, garbage)
        )
        assert known.equals(still_known), view
        assert known.num_rows > 0
    contenders = at(clean, "contenders", 7)
    assert (contenders["left_track_id"], contenders["cut_in_track_id"]) == ("beside", "beside")
    assert at(clean, "road_elements", 7)["crosswalk_id"] == "x"
