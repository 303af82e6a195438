"""Feature views of made scenes: who contends for our place, the lanes beside us, what lies on the road ahead."""

import numpy as np
import pytest

from causeway.artifacts import Artifact
from causeway.clips.surroundings.scene import load_scene
from causeway.evidence.features import drive_views
from causeway.evidence.views import TTL_US
from tests.evidence.scenes import START_US, TICK_US, clip_row, ego_rows, rig_row, road, track_row

TICKS = 40
FRONT_M, REAR_M = 3.5, 0.5  # of the ego, from its rear axle


@pytest.fixture
def at(write_clips):
    """The row of a view at a tick of clip `c`: ego at 10 m/s from x = 0 along a straight road, plus the tables given."""

    def find(view, tick, **tables):
        row = clip_row("c", "d", TICKS, START_US)
        given = {"clips": [row], "ego": ego_rows("c", [10.0] * TICKS), "rigs": [rig_row("c")], **road("c"), **tables}
        clips = Artifact.open(write_clips(f"{view}{tick}{len(tables)}{id(tables)}", **given))
        (found,) = (
            r
            for r in drive_views([load_scene(clips, row)])[view].to_pylist()
            if r[f"{view}_event_us"] == START_US + tick * TICK_US
        )
        return found

    return find


def track(track_id, x0, y, vx=10.0, vy=0.0, **other):
    """Rows of a thing that is at (x0, y) at tick 0 and keeps its velocity."""
    return [
        track_row("c", i, track_id, x0 + vx * i / 10, y + vy * i / 10, vx_mps=vx, vy_mps=vy, **other)
        for i in range(TICKS)
    ]


@pytest.mark.parametrize(
    ("x0", "gap_m"),
    [(20.0, 20.0 - 2.0 - FRONT_M), (1.0, 0.0), (-10.0, -10.0 + 2.0 + REAR_M)],
)
def test_the_nearest_beside_us_and_how_far_it_is(at, x0, gap_m):
    others = track("far", x0 + 25, 3.6) + track("own lane", 30, 0.2) + track("two lanes off", 5, 7.4)
    others += track("walks", 3, -3.0, type="pedestrian") + track("oncoming", 5, -3.6, vx=-10.0, yaw_rad=np.pi)
    row = at("contenders", 10, tracks=[*track("near", x0, 3.6, vx=12.0, vy=-0.2), *others])
    moved = 2.0  # it is 2 m/s faster, for a second
    expected = gap_m + moved if gap_m else 0.0
    assert (row["left_track_id"], row["left_type"]) == ("near", "car")
    assert row["left_gap_m"] == pytest.approx(expected, abs=1e-6)
    assert row["left_relative_speed_mps"] == pytest.approx(2.0)
    assert row["left_towards_mps"] == pytest.approx(0.2)
    assert [row[f"right_{n}"] for n in ("track_id", "gap_m", "relative_speed_mps", "towards_mps")] == [None] * 4
    assert row["cut_in_track_id"] is None


def test_a_lead_half_in_our_lane_and_what_we_drive_around_contend_for_nothing(at):
    row = at("contenders", 5, tracks=track("lead", 20, 1.9, vx=8.0))
    assert at("lead", 5, tracks=track("lead", 20, 1.9, vx=8.0))["lead_track_id"] == "lead"
    assert row["left_track_id"] is None
    parked = track("parked", 30, -2.0, vx=0.0)
    assert at("obstacle", 5, tracks=parked)["obstacle_track_id"] == "parked"
    assert at("contenders", 5, tracks=parked)["right_track_id"] is None


def test_sides_are_mirrored(at):
    left, right = (at("contenders", 5, tracks=track("b", 15, y, vy=-np.sign(y) * 0.2)) for y in (3.6, -3.6))
    for name in ("track_id", "gap_m", "relative_speed_mps", "towards_mps"):
        assert left[f"left_{name}"] == right[f"right_{name}"]
    assert left["right_track_id"] is right["left_track_id"] is None


def test_behind_where_our_lane_begins_is_still_beside_us(at):
    lanes = [
        row | ({"centre": [[-2.0, 0.0], [100.0, 0.0]]} if row["lane_id"] == "a" else {}) for row in road("c")["lanes"]
    ]
    row = at("contenders", 0, lanes=lanes, tracks=track("b", -12, 3.6))
    assert (row["left_track_id"], row["left_gap_m"]) == ("b", pytest.approx(-12 + 2 + REAR_M))


def test_who_moves_over_cuts_in_until_it_is_the_lead(at):
    tracks = track("b", 20, 3.6, vx=10.0, vy=-1.0)
    row = at("contenders", 5, tracks=tracks)
    # its inner side is 3.1 - 1 m from the middle of our path, ours 1 m
    assert (row["cut_in_track_id"], row["cut_in_type"]) == ("b", "car")
    assert row["cut_in_lateral_m"] == pytest.approx(3.1)
    assert row["cut_in_distance_m"] == pytest.approx(20 - 2 - FRONT_M)
    assert row["cut_in_towards_mps"] == pytest.approx(1.0)
    assert row["cut_in_since_us"] == START_US  # 1.6 m at 1 m/s are less than 3 s from the first tick on
    assert at("contenders", 30, tracks=tracks)["cut_in_track_id"] is None
    assert at("lead", 30, tracks=tracks)["lead_track_id"] == "b"


SIGN = {"type": "static", "height_m": 1.0, "width_m": 6.0}


@pytest.mark.parametrize("slope", [0.0, 0.1, -0.1])
@pytest.mark.parametrize(("underside_m", "counts"), [(0.0, True), (2.4, True), (2.6, False), (6.0, False)])
def test_what_hangs_over_the_road_is_driven_under(at, slope, underside_m, counts):
    """Whether the road climbs or falls, and whether it would be a lead or an obstacle."""
    lean = {"qw": np.cos(np.arctan(slope) / 2), "qy": -np.sin(np.arctan(slope) / 2)}
    ego = [row | lean | {"z_m": slope * row["x_m"]} for row in ego_rows("c", [10.0] * TICKS)]
    above = (underside_m + 0.5) / np.cos(np.arctan(slope))
    gantry = track("gantry", 50, 0.0, vx=0.0, **SIGN, z_m=slope * 50 + above)
    edge = track("edge", 40, -2.5, vx=0.0, **SIGN | {"width_m": 2.0}, z_m=slope * 40 + above)
    tables = {"ego": ego, "tracks": gantry + edge}
    assert at("lead", 5, **tables)["lead_track_id"] == ("gantry" if counts else None)
    assert at("obstacle", 5, **tables)["obstacle_track_id"] == ("edge" if counts else None)


@pytest.mark.parametrize("unknown", [{"z_m": None}, {"height_m": None}, {"type": "truck", "z_m": 9.0}])
def test_a_thing_of_unknown_height_and_a_vehicle_on_a_steeper_road_are_no_signs(at, unknown):
    assert at("lead", 5, tracks=track("a", 50, 0.0, vx=0.0, **SIGN | unknown))["lead_track_id"] == "a"


def test_beyond_a_quarter_turn_nobody_contends(at):
    """We turn left on a circle of 10 m; who comes towards us beside its other end is not on our right."""
    ego = [row | {"curvature_per_m": 0.1} for row in ego_rows("c", [10.0] * TICKS)]
    bare = {"ego": ego, "lanes": [], "road_elements": []}
    oncoming = track_row("c", 0, "oncoming", 0.0, 23.6, yaw_rad=np.pi, vx_mps=-10.0)
    assert at("contenders", 0, tracks=[oncoming], **bare)["right_track_id"] is None
    beside = track_row("c", 0, "beside", 5.0, -2.5, yaw_rad=0.4, vx_mps=10.0)
    assert at("contenders", 0, tracks=[beside], **bare)["right_track_id"] == "beside"


@pytest.mark.parametrize("vy", [0.0, 1.0, -0.2])
def test_who_keeps_its_lane_does_not_cut_in(at, vy):
    assert at("contenders", 5, tracks=track("b", 20, 3.6, vy=vy))["cut_in_track_id"] is None


def test_a_lead_whose_speed_nobody_knows_has_none(at):
    tracks = [row | {"vx_mps": None, "vy_mps": None} for row in track("a", 30, 0.0)[:1]]
    row = at("lead", 0, tracks=tracks)
    assert (row["lead_track_id"], row["lead_speed_mps"], row["lead_accel_mps2"]) == ("a", None, None)
    assert row["lead_distance_m"] == pytest.approx(30 - 2 - FRONT_M)


def lane(lane_id, *centre, to=(), kind="drive"):
    row = {"clip_id": "c", "lane_id": lane_id, "left": [], "right": [], "successors": list(to), "kind": kind}
    return row | {"centre": [list(point) for point in centre]}


OWN = lane("a", (-50, 0), (200, 0))


@pytest.mark.parametrize(
    ("beside", "left", "right"),
    [
        (lane("l", (-50, 3.6), (200, 3.6)), True, False),
        (lane("r", (-50, -3.2), (200, -3.2)), False, True),
        (lane("oncoming", (200, 3.6), (-50, 3.6)), False, False),
        (lane("bike", (-50, -3.0), (200, -3.0), kind="bike"), False, False),
        (lane("ended", (-50, 3.6), (5, 3.6)), False, False),
        (lane("far", (-50, 7.2), (200, 7.2)), False, False),
        (lane("crossing", (10, -50), (10, 50)), False, False),
    ],
)
def test_lanes_beside_ours(at, beside, left, right):
    row = at("lanes", 10, lanes=[OWN, beside], road_elements=[])
    assert (row["has_left_lane"], row["has_right_lane"]) == (left, right)
    assert row["lane_width_m"] == pytest.approx(3.6)


def test_off_the_map_nothing_is_said_of_lanes(at):
    row = at("lanes", 10, lanes=[lane("a", (-50, 30), (200, 30))], road_elements=[])
    names = ("lane_width_m", "has_left_lane", "has_right_lane", "split_distance_m", "merge_distance_m")
    assert [row[name] for name in names] == [None] * 5


def test_where_lanes_split_and_merge(at):
    split = [lane("a", (-50, 0), (50, 0), to=("b", "off")), lane("b", (50, 0), (90, 0), to=("d",))]
    split += [lane("off", (50, 0), (80, -10)), lane("on", (40, 20), (90, 0), to=("d",)), lane("d", (90, 0), (300, 0))]
    row = at("lanes", 10, lanes=split, road_elements=[])
    assert row["split_distance_m"] == pytest.approx(50 - 10 - FRONT_M)
    assert row["merge_distance_m"] == pytest.approx(90 - 10 - FRONT_M)
    shoulder = [r | {"kind": "shoulder"} if r["lane_id"] in ("off", "on") else r for r in split]
    row = at("lanes", 10, lanes=shoulder, road_elements=[])
    assert (row["split_distance_m"], row["merge_distance_m"]) == (None, None)


def element(kind, *shape, lane_ids=(), element_id="e"):
    row = {"clip_id": "c", "element_id": element_id, "kind": kind, "lane_ids": list(lane_ids)}
    return row | {"shape": [list(point) for point in shape]}


CROSSWALK = [(60.0, 6.0), (60.0, -6.0), (63.0, -6.0), (63.0, 6.0)]


def test_the_next_of_each_kind(at):
    things = [element("crosswalk", *CROSSWALK), element("bump", (40.0, 2.0), (40.0, -2.0), element_id="b1")]
    things += [
        element("bump", (30.0, 2.0), (30.0, -2.0), element_id="b2"),
        element("cone", (45.0, 2.0), element_id="c1"),
    ]
    things += [element("sign", (55.0, -5.0), element_id="s1")]
    row = at("road_elements", 10, road_elements=things)
    expected = {"crosswalk": ("e", 60.0), "bump": ("b2", 30.0), "cone": ("c1", 45.0), "sign": ("s1", 55.0)}
    for kind, (element_id, x_m) in expected.items():
        assert (row[f"{kind}_id"], row[f"{kind}_distance_m"]) == (element_id, pytest.approx(x_m - 10 - FRONT_M)), kind


@pytest.mark.parametrize(
    "thing",
    [
        element("crosswalk", (60.0, 6.0), (60.0, 3.0), (63.0, 3.0), (63.0, 6.0)),  # of the road beside ours
        element("bump", (2.0, 2.0), (2.0, -2.0)),  # behind us
        element("bump", (115.0, 2.0), (115.0, -2.0)),  # more than 100 m ahead
        element("cone", (40.0, 4.0)),
        element("sign", (40.0, 4.0), lane_ids=["elsewhere"]),
    ],
)
def test_what_is_not_for_us(at, thing):
    row = at("road_elements", 10, road_elements=[thing])
    assert row[f"{thing['kind']}_id"] is row[f"{thing['kind']}_distance_m"] is None


def test_on_a_crosswalk_its_distance_is_nothing(at):
    row = at(
        "road_elements", 10, road_elements=[element("crosswalk", (12.0, 6.0), (12.0, -6.0), (15.0, -6.0), (15.0, 6.0))]
    )
    assert (row["crosswalk_id"], row["crosswalk_distance_m"]) == ("e", 0.0)


def test_a_clip_also_has_the_two_seconds_before_it(write_clips):
    rows = [clip_row("c", "d", 30, START_US), clip_row("e", "d", 30, START_US + 30 * TICK_US)]
    ego = ego_rows("c", [1.0] * 30) + ego_rows("e", [2.0] * 30, START_US + 30 * TICK_US)
    clips = Artifact.open(write_clips("two", clips=rows, ego=ego))
    table = drive_views([load_scene(clips, row) for row in rows])["ego_state"]
    ticks = (np.array(table.column("ego_state_event_us")) - START_US) // TICK_US
    own = np.array(table.column("clip_id").to_pylist())
    assert np.array_equal(ticks[own == "c"], np.arange(30))
    assert np.array_equal(ticks[own == "e"], np.arange(30 - TTL_US // TICK_US, 60))
