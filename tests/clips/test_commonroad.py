import gzip
from pathlib import Path

import numpy as np
import pytest

from causeway.artifacts import Artifact, run
from causeway.clips import ego_of_clip, rows_of_clip
from causeway.clips.cleaning import clean_drive
from causeway.clips.geometry import yaw_from_quaternion
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.readers.commonroad import reader as commonroad
from causeway.clips.readers.layouts import reader_of
from causeway.errors import UnusableInput

CAR = "<shape><rectangle><length>4.0</length><width>2.0</width></rectangle></shape>"


def point(x, y):
    return f"<point><x>{x}</x><y>{y}</y></point>"


def value(name, number):
    return f"<{name}><exact>{number}</exact></{name}>"


def state(tag, time, x, y, yaw=0.0, speed=10.0):
    position = f"<position>{point(x, y)}</position>"
    velocity = "" if speed is None else value("velocity", speed)
    return f"<{tag}>{position}{value('orientation', yaw)}{value('time', time)}{velocity}</{tag}>"


def car(number, steps=85, y=0.0, start=0, kind="car", shape=CAR):
    """A car that drives along x at 10 m/s for `steps` states."""
    states = [state("initialState" if i == 0 else "state", start + i, float(i), y) for i in range(steps)]
    trajectory = f"{states[0]}<trajectory>{''.join(states[1:])}</trajectory>"
    return f'<dynamicObstacle id="{number}"><type>{kind}</type>{shape}{trajectory}</dynamicObstacle>'


def lanelet(number, x, extra="", left=2.0, right=-2.0):
    bounds = "".join(
        f"<{name}>{point(x, y)}{point(x + 50, y)}</{name}>" for name, y in (("leftBound", left), ("rightBound", right))
    )
    return f'<lanelet id="{number}">{bounds}{extra}</lanelet>'


def scenario(path, *parts, version="2020a", dt=0.1, name="USA_Test-1_1_T-1"):
    head = f'<commonRoad benchmarkID="{name}" commonRoadVersion="{version}" timeStepSize="{dt}" source="NGSIM">'
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"<?xml version='1.0'?>{head}{''.join(parts)}</commonRoad>".encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path.parent


def only(root):
    (recording,) = commonroad.recordings(root)
    return recording.open()


def test_a_vehicle_is_the_ego_at_its_rear_axle_and_the_others_are_tracks(tmp_path):
    root = scenario(tmp_path / "a.xml.gz", car(7), car(8, steps=20, y=3.5))
    drive = only(root)
    assert drive.drive_id == "commonroad-USA_Test-1_1_T-1-7"
    assert drive.place == "usa_test"
    assert drive.licence == "as published by CommonRoad; recorded from: NGSIM"
    np.testing.assert_array_equal(drive.ego.t_us, np.arange(85) * 100_000)
    np.testing.assert_allclose(drive.ego.xyz_m[:, 0], np.arange(85) - 1.1)  # 0.275 of 4 m behind the box's middle
    np.testing.assert_array_equal(drive.ego.speed_mps, 10.0)
    assert (drive.rig.vehicle.length_m, drive.rig.vehicle.width_m) == (4.0, 2.0)
    assert drive.rig.vehicle.wheelbase_m == pytest.approx(2.32)
    rows = drive.tracks.to_pylist()
    assert {row["track_id"] for row in rows} == {"8"}
    assert len(rows) == 20
    expected = {"x_m": 3.0, "y_m": 3.5, "vx_mps": 10.0, "vy_mps": 0.0, "length_m": 4.0, "t_us": 300_000, "type": "car"}
    assert {name: rows[3][name] for name in expected} == expected
    assert drive.lanes is None
    assert drive.signals is None


@pytest.mark.parametrize(("source", "later"), [("NGSIM", 1), ("a drone", 0)])
def test_no_yaw_is_known_before_the_place_it_leads_to(tmp_path, source, later):
    """In NGSIM's scenarios a state's yaw is the course to the next state."""
    turning = [car(7), car(8, y=3.5)]
    for step in range(85):
        turning = [
            text.replace(value("orientation", 0.0), value("orientation", 0.01 * (step + 1)), 1) for text in turning
        ]
    path = scenario(tmp_path / "a.xml", *turning) / "a.xml"
    path.write_text(path.read_text().replace('source="NGSIM"', f'source="{source}"'))
    drive = commonroad.recordings(tmp_path)[0].open()
    expected = 0.01 * (1 + np.maximum(np.arange(85) - later, 0))
    np.testing.assert_allclose(yaw_from_quaternion(drive.ego.wxyz), expected, atol=1e-12)
    np.testing.assert_allclose(drive.tracks.column("yaw_rad").to_numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(drive.tracks.column("vy_mps").to_numpy(), 10 * np.sin(expected), atol=1e-9)
    assert drive.tracks.column("observed_us").to_pylist() == [100_000 * max(i, later) for i in range(85)]


def test_time_is_in_seconds_in_2018a_and_in_steps_later(tmp_path):
    seconds = scenario(tmp_path / "old" / "a.xml", car(1, steps=50, start=0), version="2018a", dt=0.1)
    assert np.array_equal(only(seconds).ego.t_us[:3], [0, 1_000_000, 2_000_000])
    steps = scenario(tmp_path / "new" / "a.xml", car(1, steps=50), version="2018b", dt=0.2)
    assert np.array_equal(only(steps).ego.t_us[:3], [0, 200_000, 400_000])


def test_the_middle_of_uncertain_values_and_shapes_is_taken(tmp_path):
    interval = "<intervalStart>2</intervalStart><intervalEnd>4</intervalEnd>"
    area = "<rectangle><length>2</length><width>1</width><center><x>5</x><y>6</y></center></rectangle>"
    parts = f"<position>{area}</position><orientation>{interval}</orientation><time><exact>0</exact></time>"
    stand = '<staticObstacle id="2"><type>pillar</type><shape><circle><radius>0.5</radius></circle></shape>'
    tracks = only(scenario(tmp_path / "a.xml", car(1), f"{stand}<initialState>{parts}</initialState></staticObstacle>"))
    rows = tracks.tracks.to_pylist()
    assert len(rows) == 85  # a standing thing is seen at every tick of the scenario
    row = rows[-1]
    assert (row["t_us"], row["x_m"], row["y_m"], row["yaw_rad"]) == (8_400_000, 5.0, 6.0, 3.0)
    assert (row["type"], row["length_m"], row["width_m"], row["vx_mps"]) == ("static", 1.0, 1.0, 0.0)


def test_a_polygon_becomes_the_box_around_it(tmp_path):
    corners = "".join(point(x, y) for x, y in ((-1, -1), (3, -1), (3, 1), (-1, 1)))
    shape = f"<shape><polygon>{corners}</polygon></shape>"
    drive = only(scenario(tmp_path / "a.xml", car(1), car(2, steps=5, shape=shape)))
    row = drive.tracks.to_pylist()[0]
    assert (row["x_m"], row["y_m"], row["length_m"], row["width_m"]) == (1.0, 0.0, 4.0, 2.0)


def test_the_map_is_kept_with_both_kinds_of_links(tmp_path):
    first = lanelet(10, 0, '<successor ref="11"/><successor ref="99"/>')
    second = lanelet(11, 50, "<laneletType>exitRamp</laneletType>")
    third = lanelet(12, 100, '<predecessor ref="11"/>')
    crossing = lanelet(13, 20, "<laneletType>crosswalk</laneletType>")
    junction = '<intersection id="5"><incoming id="6"><successorsLeft ref="12"/></incoming></intersection>'
    drive = only(scenario(tmp_path / "a.xml", first, second, third, crossing, junction, car(1)))
    lanes = {row["lane_id"]: row for row in drive.lanes}
    assert {i: row["successors"] for i, row in lanes.items()} == {"10": ["11"], "11": ["12"], "12": []}
    assert {i: row["kind"] for i, row in lanes.items()} == {"10": "drive", "11": "ramp", "12": "junction"}
    assert lanes["10"]["centre"] == [[0.0, 0.0], [50.0, 0.0]]
    assert lanes["10"]["left"] == [[0.0, 2.0], [50.0, 2.0]]
    (element,) = drive.road_elements
    assert (element["kind"], len(element["shape"]), element["lane_ids"]) == ("crosswalk", 4, [])


def test_stop_lines_signs_and_lights(tmp_path):
    light = '<trafficLightRef ref="40"/>'
    own = f'<stopLine><lineMarking>solid</lineMarking>{light}</stopLine><trafficSignRef ref="30"/>'
    given = f"<stopLine>{point(99, 2)}{point(99, -2)}<lineMarking>solid</lineMarking></stopLine>"
    sign = '<trafficSign id="30"><trafficSignElement/></trafficSign>'
    cycle = "".join(
        f"<cycleElement><duration>{n}</duration><color>{c}</color></cycleElement>"
        for n, c in ((30, "red"), (5, "redYellow"), (20, "green"), (10, "yellow"))
    )
    lights = (
        f'<trafficLight id="40"><cycle>{cycle}<timeOffset>10</timeOffset></cycle><active>true</active></trafficLight>'
    )
    dark = '<trafficLight id="41"><active>false</active></trafficLight>'
    parts = (lanelet(10, 0, own), lanelet(11, 50, given), sign, lights, dark, car(1))
    drive = only(scenario(tmp_path / "a.xml", *parts))
    elements = {row["element_id"]: row for row in drive.road_elements}
    assert elements["10-stop"]["shape"] == [[50.0, 2.0], [50.0, -2.0]]  # without points: across the lane's end
    assert elements["11-stop"]["shape"] == [[99.0, 2.0], [99.0, -2.0]]
    assert elements["30-sign"] == {"element_id": "30-sign", "kind": "sign", "shape": [[0.0, -2.0]], "lane_ids": ["10"]}
    rows = drive.signals.to_pylist()
    states = [row["state"] for row in rows if row["signal_id"] == "40"]
    # 65 steps a cycle, the first begins at step 10: steps 0 .. 9 are the last ten of the one before
    expected = ["yellow"] * 10 + ["red"] * 35 + ["green"] * 20 + ["yellow"] * 10 + ["red"] * 10
    assert states == expected
    assert rows[0]["lane_ids"] == ["10"]
    assert {row["state"] for row in rows if row["signal_id"] == "41"} == {"off"}


def test_who_can_be_the_ego(tmp_path):
    parts = (car(1, steps=84), car(2), car(3, kind="bicycle"), car(4, kind="truck"), car(5, kind="parkedVehicle"))
    found = commonroad.recordings(scenario(tmp_path / "a.xml", *parts))
    assert [r.drive_id.rsplit("-", 1)[1] for r in found] == ["2", "4"]  # 84 states are 8.3 s


def test_a_scenario_without_an_ego_is_quarantined_with_the_reason(tmp_path):
    scenario(tmp_path / "d" / "a.xml", car(1, steps=30), name="USA_Short-1_1_T-1")
    root = scenario(tmp_path / "d" / "b.xml", lanelet(10, -20), lanelet(11, 30), car(1), car(2, y=3.5))
    clips = Artifact(run(ingest, {"drives": str(root)}, out=str(tmp_path / "c"), config=IngestConfig()))
    assert clips.manifest.counts["clips"] == 2
    (row,) = clips.table("quarantine").to_pylist()
    assert row["reason"] == "drive_unusable"
    assert "a.xml: no vehicle to take as the ego: of 1 recorded ones the longest recording is 2.9 s" in row["detail"]
    ego = ego_of_clip(clips, "commonroad-USA_Test-1_1_T-1-1-000")
    np.testing.assert_allclose(ego.x_m, np.arange(85.0), atol=1e-9)
    first = rows_of_clip(clips, "tracks", "commonroad-USA_Test-1_1_T-1-1-000").to_pylist()[0]
    np.testing.assert_allclose([first["x_m"], first["y_m"]], [1.1, 3.5])
    flags = clips.table("clips").to_pylist()[0]
    assert (flags["has_tracks"], flags["has_map"], flags["has_signals"]) == (True, True, False)


@pytest.mark.parametrize(
    ("part", "where", "why"),
    [
        (car(9).replace("<x>0.0</x>", "<x>nan</x>"), "dynamicObstacle 9", "state 0: time 0, x nan"),
        (car(9, shape=""), "dynamicObstacle 9", "it has no shape"),
        (car(9, shape=CAR.replace("4.0", "-4")), "dynamicObstacle 9", "its shape has length -4"),
        (car(9).replace("orientation", "heading"), "dynamicObstacle 9", "state 0: it has no orientation"),
        (f'<dynamicObstacle id="9">{CAR}</dynamicObstacle>', "dynamicObstacle 9", "no recorded trajectory"),
        (car(1, steps=9), "dynamicObstacle 1", "another obstacle has the same id"),
        ('<environmentObstacle id="9"/>', "environmentObstacle 9", "is not kept"),
        ('<lanelet id="9"/>', "lanelet 9", "its leftBound has 0 points"),
        (lanelet(9, 0).replace(point(50, 2.0), ""), "lanelet 9", "its leftBound has 1 points"),
        (lanelet(9, 0, left="inf"), "lanelet 9", "not a number or farther"),
        (lanelet(9, 0, "<laneletType>sidewalk</laneletType>"), "lanelet 9", "a sidewalk is no lane"),
        ('<trafficLight id="9"/>', "trafficLight 9", "it has no cycle"),
    ],
)
def test_a_part_that_cannot_be_used_is_quarantined_and_the_rest_is_read(tmp_path, part, where, why):
    drive = only(scenario(tmp_path / "a.xml", car(1), lanelet(10, 0), part))
    ((place, reason, detail),) = drive.quarantined
    assert place == f"a.xml {where}"
    assert reason == f"{where.split()[0]}_unusable"
    assert why in detail
    assert len(drive.lanes) == 1


@pytest.mark.parametrize(
    ("old", "new", "kept", "why"),
    [
        ("<x>3.0</x>", "<x>nan</x>", 3, "state 3: time 3, x nan, y 0, yaw 0, speed 10: not plausible"),
        ("<x>3.0</x>", "<x>1e300</x>", 3, "state 3: time 3, x 1e+300, y 0, yaw 0, speed 10: not plausible"),
        ("<x>3.0</x>", "<x>three</x>", 3, "state 3: x 'three' is not a number"),
        ("<exact>5</exact>", "<exact>1</exact>", 5, "state 5: time does not increase"),
        ("<exact>5</exact>", "", 5, "state 5: time is neither exact nor an interval"),
    ],
)
def test_an_obstacle_is_kept_up_to_its_first_wrong_state(tmp_path, old, new, kept, why):
    drive = only(scenario(tmp_path / "a.xml", car(1), car(9, steps=20).replace(old, new)))
    np.testing.assert_array_equal(drive.tracks.column("x_m").to_numpy(), np.arange(kept))
    told = f"{why}; it and {19 - kept} states after it are left out"
    assert drive.quarantined == (("a.xml dynamicObstacle 9", "states_unusable", told),)


def test_a_vehicle_is_the_ego_as_long_as_its_states_are_good(tmp_path):
    late, early = "<x>85.0</x>", "<x>84.0</x>"
    parts = (car(1, steps=99).replace(late, "<x>nan</x>"), car(2, steps=99).replace(early, "<x>nan</x>"))
    root = scenario(tmp_path / "a.xml", *parts)
    assert only(root).drive_id.endswith("-1")  # 85 good states are 8.4 s, 84 are not
    assert len(only(root).ego.t_us) == 85
    unknown = car(1, steps=86)
    unknown = unknown[::-1].replace(value("velocity", 10.0)[::-1], "", 1)[::-1]  # of the last state
    drive = only(scenario(tmp_path / "a.xml", unknown))
    cleaned = clean_drive(drive)
    assert len(cleaned.ego.t_us) == 85
    assert [row[:2] for row in cleaned.quarantined] == [("ego row 85", "not_a_number")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('<commonRoad commonRoadVersion="1999" timeStepSize="0.1"/>', "commonRoadVersion '1999' is not known"),
        ('<commonRoad commonRoadVersion="2020a" timeStepSize="zero"/>', "timeStepSize 'zero' is not a time step"),
        ('<commonRoad commonRoadVersion="2020a" timeStepSize="nan"/>', "timeStepSize 'nan' is not a time step"),
        ('<commonRoad commonRoadVersion="2020a" timeStepSize="0.1"><lanelet', "the file ends early"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><commonRoad/>', "its document type declares something"),
    ],
)
def test_a_file_that_cannot_be_used_gives_a_drive_that_says_why(tmp_path, text, why):
    (tmp_path / "a.xml").write_text(text)
    assert commonroad.fits(tmp_path)
    with pytest.raises(UnusableInput) as error:
        only(tmp_path)
    assert why in str(error.value)
    assert "a.xml" in str(error.value)


def test_the_same_scenario_twice_and_a_link_out_of_the_folder_are_refused(tmp_path):
    scenario(tmp_path / "d" / "a.xml", car(1))
    root = scenario(tmp_path / "d" / "b.xml", car(1))
    first, second = commonroad.recordings(root)
    assert first.open().drive_id == "commonroad-USA_Test-1_1_T-1-1"
    with pytest.raises(UnusableInput, match=r"scenario USA_Test-1_1_T-1 is in a.xml already"):
        second.open()
    (root / "b.xml").unlink()
    (root / "c.xml").symlink_to(scenario(tmp_path / "e" / "c.xml", car(1)) / "c.xml")
    with pytest.raises(UnusableInput, match="a link that leads out of"):
        commonroad.paths(root)


def test_a_changed_file_is_read_again(tmp_path):
    root = scenario(tmp_path / "a.xml", car(1))
    assert len(only(root).ego.t_us) == 85
    scenario(tmp_path / "a.xml", car(1, steps=90))
    assert len(only(root).ego.t_us) == 90


def test_recorded_traffic(test_drives):
    reader, root = reader_of(str(test_drives / "commonroad_ngsim"), "auto")
    assert reader is commonroad
    found = commonroad.recordings(root)
    assert len(found) == 264  # 261 vehicles of 8 scenarios, and 3 scenarios without one
    problems, egos = [], {}
    for recording in found:
        try:
            drive = recording.open()
        except UnusableInput as error:
            problems.append(Path(str(error).split(": ")[0]).name)
            continue
        egos.setdefault(drive.drive_id.rsplit("-", 1)[0], []).append(drive)
    assert problems == ["USA_Lanker-1_2_T-1.xml.gz", "USA_Peach-4_8_T-1.xml.gz", "USA_US101-10_1_T-1.xml.gz"]
    assert len(egos) == 8
    assert sum(map(len, egos.values())) == 261
    assert {drive.place for drives in egos.values() for drive in drives} == {"usa_lanker", "usa_us101"}
    for drives in egos.values():
        _moves_as_it_says(drives[0])
        _lies_in_lanes_along_them(drives[0])


def _moves_as_it_says(drive):
    """Speeds are signed along the heading: displacement of the centre agrees, and no vehicle has itself as a track."""
    steps = np.diff(drive.ego.xyz_m[:, :2], axis=0)
    yaw = yaw_from_quaternion(drive.ego.wxyz)[:-1]
    along = (steps[:, 0] * np.cos(yaw) + steps[:, 1] * np.sin(yaw)) / 0.1
    assert abs(np.mean(along - drive.ego.speed_mps[:-1])) < 0.3
    assert drive.drive_id.rsplit("-", 1)[1] not in set(drive.tracks.column("track_id").to_pylist())


def _lies_in_lanes_along_them(drive):
    """Of all boxes on the lanes' centre lines (nearest piece within 1.5 m) nearly all head along their lane."""
    centres = [np.asarray(row["centre"]) for row in drive.lanes]
    starts = np.concatenate([c[:-1] for c in centres])
    steps = np.concatenate([np.diff(c, axis=0) for c in centres])
    rows = drive.tracks.take(list(range(0, drive.tracks.num_rows, 37))).to_pylist()
    turns, near = [], 0
    for row in rows:
        place = np.array([row["x_m"], row["y_m"]])
        share = np.clip(((place - starts) * steps).sum(1) / np.maximum((steps**2).sum(1), 1e-9), 0, 1)
        gap = np.linalg.norm(place - starts - share[:, None] * steps, axis=1)
        lane_yaw = np.arctan2(steps[:, 1], steps[:, 0])
        turn = np.abs((row["yaw_rad"] - lane_yaw + np.pi) % (2 * np.pi) - np.pi)
        turns.append(turn[gap < 1.5].min() if (gap < 1.5).any() else np.nan)
        near += int((gap < 2.5).any())
    assert near / len(rows) > 0.9
    assert np.nanpercentile(turns, 90) < 0.2


@pytest.mark.parametrize(("room", "times"), [(250_000, 1), (0, 2)])
def test_a_file_is_read_once_where_there_is_room(tmp_path, monkeypatch, room, times):
    for name in ("A", "B"):
        parts = [lanelet(1, 0), car(7), car(8, y=4.0)]
        root = scenario(tmp_path / f"{name}.xml", *parts, name=f"USA_{name}-1_1_T-1")
    read, calls = commonroad._read, []

    def counted(path):
        calls.append(path.name)
        return read(path)

    monkeypatch.setattr(commonroad, "_KEPT_STATES", room)
    monkeypatch.setattr(commonroad, "_read", counted)
    drives = [recording.open() for recording in commonroad.recordings(root)]
    assert [len(drive.tracks) for drive in drives] == [85] * 4
    assert calls == ["A.xml", "B.xml"] * times
