"""A made drive written in every layout that `ingest` reads: the smallest files that a reader takes.

`WRITERS[layout](folder, {name: story})` writes one drive for each story and returns what to give to `ingest`. Names are
numbers of four digits. Layouts that have tracks or a map get them.
"""

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import yaml
from PIL import Image

from causeway.clips.geometry import quaternion_from_matrix, quaternion_from_yaw
from causeway.clips.readers.geodesy import enu_from_ecef, geodetic
from causeway.clips.readers.physicalai import layout as physicalai
from tests.clips.physicalai_fixture import write_drives
from tests.clips.raw_story import BOX, Story

Stories = Mapping[str, Story]
EPOCH_S = 1_500_000_000
HALF_LANE_M = 1.8


def _ticks(story: Story) -> dict[str, np.ndarray]:
    """The ego ten times a second."""
    return {name: story.ego.column(name).to_numpy()[::2] for name in story.ego.column_names}


def _agents(story: Story) -> list[dict]:
    """Rows of others with their box and where they are seen from the ego at that time (x_rig, y_rig)."""
    ego = _ticks(story)
    known = dict(zip(ego["t_us"].tolist(), zip(ego["x"], ego["y"], strict=True), strict=True))
    rows = []
    for row in story.agents.to_pylist():
        length, width, height = BOX[row["type"]]
        x, y = known.get(row["t_us"], (0.0, 0.0))
        body = {"length": length, "width": width, "height": height, "z": height / 2}
        rows.append(row | body | {"x_rig": row["x"] - x, "y_rig": row["y"] - y})
    return rows


def _line(story: Story, lane_id: str, side: float = 0.0) -> list[list[float]]:
    first, last, y, _ = story.lanes[lane_id]
    return [[float(x), y + side] for x in np.linspace(first, last, 9)]


def _picture(path: Path, size: tuple[int, int] = (64, 36)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 120, 90)).save(path)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def physicalai_av(root: Path, stories: Stories) -> Path:
    """Chunks of zipped Parquet; indicators, lanes, signals, road elements and the route in our own feature folders."""
    write_drives(root, list(stories), seconds=0.1)
    tables = {name: _physicalai_tables(story) for name, story in stories.items()}
    for feature in next(iter(tables.values())):
        path = root / feature.chunk(0)
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            for name in stories:
                sink = io.BytesIO()
                pq.write_table(tables[name][feature], sink)
                archive.writestr(feature.member(name, feature.name), sink.getvalue())
    return root


def _physicalai_tables(story: Story) -> dict[physicalai.Feature, pa.Table]:
    ego = {name: story.ego.column(name).to_numpy() for name in story.ego.column_names}
    zero = np.zeros(len(ego["t_us"]))
    turn = quaternion_from_yaw(ego["yaw"])
    motion = {"timestamp": ego["t_us"], "qw": turn[:, 0], "qx": zero, "qy": zero, "qz": turn[:, 3]}
    motion |= {"x": ego["x"], "y": ego["y"], "z": zero, "vx": ego["speed"], "vy": zero, "vz": zero}
    motion |= {"ax": zero, "ay": zero, "az": zero, "curvature": zero}
    boxes = []
    for row in _agents(story):
        w, _, _, z = quaternion_from_yaw(row["yaw"])
        label = physicalai.CLASS_OF_TRACK_TYPE[row["type"]]
        size = (row["length"], row["width"], row["height"])
        place = (row["x_rig"], row["y_rig"], row["z"], *size, 0.0, 0.0, z, w)
        boxes.append((row["t_us"], "x", row["track_id"], *place, label, physicalai.OBSTACLE_FRAME, row["t_us"]))
    lanes = [
        (i, _line(story, i), _line(story, i, HALF_LANE_M), _line(story, i, -HALF_LANE_M), list(lane[3]), "drive")
        for i, lane in story.lanes.items()
    ]
    elements = [("stop", "stop_line", _across(story.stop_line), ["a"])]
    elements += [("cross", "crosswalk", _across(story.crosswalk) + _across(story.crosswalk + 3)[::-1], ["a"])]
    shown = [(r["t_us"], r["track_id"], "right" if r["track_id"] == "beside" else "off") for r in _agents(story)]
    lights = [(*row.values(), ["a"]) for row in story.signals.to_pylist()]
    return {
        physicalai.EGOMOTION: pa.table(motion),
        physicalai.OBSTACLES: _table(physicalai.OBSTACLE_COLUMNS, boxes),
        physicalai.INDICATORS: _table(physicalai.INDICATORS_COLUMNS, shown),
        physicalai.LANES: _table(physicalai.LANES_COLUMNS, lanes),
        physicalai.ROAD_ELEMENTS: _table(physicalai.ROAD_ELEMENTS_COLUMNS, elements),
        physicalai.SIGNALS: _table(physicalai.SIGNALS_COLUMNS, lights),
        physicalai.ROUTE: pa.table({"points": [[list(point) for point in story.route]]}),
    }


def _across(x: float) -> list[list[float]]:
    return [[x, HALF_LANE_M], [x, -HALF_LANE_M]]


def _table(names: tuple[str, ...], rows: list[tuple]) -> pa.Table:
    return pa.table({name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)})


def argoverse2(root: Path, stories: Stories) -> Path:
    """Feather tables and a JSON map in a folder a log."""
    for name, story in stories.items():
        log, ego = root / f"log-{name}", _ticks(story)
        (log / "map").mkdir(parents=True)
        turn = quaternion_from_yaw(ego["yaw"])
        poses = {"timestamp_ns": (EPOCH_S * 10**6 + ego["t_us"]) * 1000}
        poses |= {"tx_m": ego["x"], "ty_m": ego["y"], "tz_m": np.zeros(len(turn))}
        poses |= {q: turn[:, i] for i, q in enumerate(("qw", "qx", "qy", "qz"))}
        feather.write_feather(pa.table(poses), str(log / "city_SE3_egovehicle.feather"))
        feather.write_feather(_argoverse2_boxes(story), str(log / "annotations.feather"))
        map_file = log / "map" / f"log_map_archive_{log.name}____PIT_city_1.json"
        map_file.write_text(json.dumps(_argoverse2_map(story)))
        _argoverse2_camera(log)
    return root


def _argoverse2_boxes(story: Story) -> pa.Table:
    rows = _agents(story)
    turn = quaternion_from_yaw(np.array([r["yaw"] for r in rows]))
    category = {"car": "REGULAR_VEHICLE", "pedestrian": "PEDESTRIAN"}
    columns = {"timestamp_ns": [(EPOCH_S * 10**6 + r["t_us"]) * 1000 for r in rows]}
    columns |= {"track_uuid": [r["track_id"] for r in rows], "category": [category[r["type"]] for r in rows]}
    columns |= {f"{n}_m": [r[n] for r in rows] for n in ("length", "width", "height")}
    columns |= {q: turn[:, i] for i, q in enumerate(("qw", "qx", "qy", "qz"))}
    columns |= {"tx_m": [r["x_rig"] for r in rows], "ty_m": [r["y_rig"] for r in rows], "tz_m": [0.5] * len(rows)}
    return pa.table(columns)


def _argoverse2_map(story: Story) -> dict:
    def points(line: list[list[float]]) -> list[dict]:
        return [{"x": x, "y": y, "z": 0.0} for x, y in line]

    numbers = {lane_id: number for number, lane_id in enumerate(story.lanes, 1)}
    lanes = {
        str(numbers[lane_id]): {
            "id": numbers[lane_id],
            "left_lane_boundary": points(_line(story, lane_id, HALF_LANE_M)),
            "right_lane_boundary": points(_line(story, lane_id, -HALF_LANE_M)),
            "successors": [numbers[s] for s in lane[3]],
            "lane_type": "VEHICLE",
            "is_intersection": False,
        }
        for lane_id, lane in story.lanes.items()
    }
    edges = {f"edge{i + 1}": points(_across(story.crosswalk + 3 * i)) for i in (0, 1)}
    return {"lane_segments": lanes, "pedestrian_crossings": {"9": {"id": 9, **edges}}}


def _argoverse2_camera(log: Path) -> None:
    lens = {"fx_px": 60.0, "fy_px": 60.0, "cx_px": 32.0, "cy_px": 18.0, "width_px": 64, "height_px": 36}
    mount = {"qw": 0.5, "qx": -0.5, "qy": 0.5, "qz": -0.5, "tx_m": 1.6, "ty_m": 0.0, "tz_m": 1.1}
    (log / "calibration").mkdir()
    for name, values in (("intrinsics", lens), ("egovehicle_SE3_sensor", mount)):
        table = pa.table({"sensor_name": ["ring_front_center"]} | {k: [v] for k, v in values.items()})
        feather.write_feather(table, str(log / "calibration" / f"{name}.feather"))
    for t_ms in range(50, 1000, 300):
        taken_ns = (EPOCH_S * 1000 + t_ms) * 10**6
        _picture(log / "sensors" / "cameras" / "ring_front_center" / f"{taken_ns}.jpg")


def commonroad(root: Path, stories: Stories) -> Path:
    """An XML file a drive, in which the ego is a recorded vehicle like the others; those are seen for 8 s."""
    root.mkdir(parents=True, exist_ok=True)
    for name, story in stories.items():
        parts = [_lanelet(story, lane_id, number) for number, lane_id in enumerate(story.lanes, 101)]
        ego = _ticks(story)
        states = [
            _state(*row) for row in zip(ego["t_us"], ego["x"] + 1.2, ego["y"], ego["yaw"], ego["speed"], strict=True)
        ]
        parts.append(_vehicle(1, "car", states))
        for number, track_id in enumerate(("lead", "beside", "comes", "walks", "parked", "poison"), 2):
            rows = [r for r in _agents(story) if r["track_id"] == track_id and 3_000_000 < r["t_us"] < 11_000_000]
            once = {r["t_us"]: r for r in reversed(rows)}  # a trajectory has one state a time
            states = [r for r in rows if once[r["t_us"]] is r]
            found = [_state(r["t_us"], r["x"], r["y"], r["yaw"], np.hypot(r["vx"], r["vy"])) for r in states]
            parts += [_vehicle(number, rows[0]["type"], found)] if found else []
        head = (
            f'<commonRoad benchmarkID="USA_Made-{name}_1_T-1" commonRoadVersion="2020a" timeStepSize="0.1" source="x">'
        )
        text = f"<?xml version='1.0'?>{head}{''.join(parts)}</commonRoad>"
        (root / f"USA_Made-{name}.xml.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return root


def _state(t_us: int, x: float, y: float, yaw: float, speed: float) -> str:
    exact = {"orientation": yaw, "time": int(t_us) // 100_000, "velocity": speed}
    rest = "".join(f"<{n}><exact>{v}</exact></{n}>" for n, v in exact.items())
    return f"<position><point><x>{x}</x><y>{y}</y></point></position>{rest}"


def _vehicle(number: int, kind: str, states: list[str]) -> str:
    length, width, _ = BOX[kind]
    shape = f"<shape><rectangle><length>{length}</length><width>{width}</width></rectangle></shape>"
    first = f"<initialState>{states[0]}</initialState>"
    rest = "".join(f"<state>{state}</state>" for state in states[1:])
    body = f"<type>{kind}</type>{shape}{first}<trajectory>{rest}</trajectory>"
    return f'<dynamicObstacle id="{number}">{body}</dynamicObstacle>'


def _lanelet(story: Story, lane_id: str, number: int) -> str:
    def bound(name: str, side: float) -> str:
        points = "".join(f"<point><x>{x}</x><y>{y}</y></point>" for x, y in _line(story, lane_id, side))
        return f"<{name}>{points}</{name}>"

    numbers = {name: n for n, name in enumerate(story.lanes, 101)}
    after = "".join(f'<successor ref="{numbers[s]}"/>' for s in story.lanes[lane_id][3])
    bounds = bound("leftBound", HALF_LANE_M) + bound("rightBound", -HALF_LANE_M)
    return f'<lanelet id="{number}">{bounds}{after}</lanelet>'


_ROUTE = "b0c9d2329ad1606b|2018-08-02--08-34-47"
_SAN_FRANCISCO = np.array([-2712087.5, -4261670.1, 3881014.5])  # earth-centred, metres


def comma2k19(root: Path, stories: Stories) -> Path:
    """NumPy arrays in a folder a segment: poses in earth-centred coordinates and the speed of the car's bus."""
    (enu,) = enu_from_ecef(*(v[:1] for v in geodetic(_SAN_FRANCISCO[None])[:2]))
    for name, story in stories.items():
        pose = root / _ROUTE / str(int(name)) / "global_pose"
        ego = {n: story.ego.column(n).to_numpy() for n in story.ego.column_names}
        zero = np.zeros(len(ego["x"]))
        times = 500.0 + ego["t_us"] * 1e-6
        device_from_rig = np.diag([1.0, -1.0, -1.0])
        turn = quaternion_from_matrix((enu.T @ device_from_rig.T)[None]).repeat(len(zero), axis=0)
        moved = np.where(np.isfinite(ego["yaw"])[:, None], turn, np.nan)
        gps = np.stack([zero + 2012.0, 404106.4 + times - 500.0], axis=-1)
        _save(pose / "frame_times", times)
        _save(pose / "frame_gps_times", gps)
        _save(pose / "frame_positions", _SAN_FRANCISCO + np.stack([ego["x"], ego["y"], zero], axis=-1) @ enu)
        _save(pose / "frame_velocities", np.stack([ego["speed"], zero, zero], axis=-1) @ enu)
        _save(pose / "frame_orientations", moved)
        bus = pose.parent / "processed_log" / "CAN" / "speed"
        _save(bus / "t", times - 0.003)
        _save(bus / "value", ego["speed"][:, None])
    return root


def _save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.save(file, values)


_M_PER_DEGREE = 111_412.24 * np.cos(np.radians(49.0))


def kitti_raw(root: Path, stories: Stories) -> Path:
    """GPS/IMU rows as text files, one camera and labelled boxes in a folder a drive."""
    day = root / "2011_09_26"
    _write(day / "calib_imu_to_velo.txt", "R: 1 0 0 0 1 0 0 0 1\nT: -0.81 0.32 -0.80\n")
    _write(day / "calib_velo_to_cam.txt", "R: 0 -1 0 0 0 -1 1 0 0\nT: 0 -0.08 -0.27\n")
    lens = "R_rect_00: 1 0 0 0 1 0 0 0 1\nS_rect_02: 64 36\nP_rect_02: 60 0 32 4 0 60 18 0 0 0 1 0\n"
    _write(day / "calib_cam_to_cam.txt", f"calib_time: x\n{lens}")
    for name, story in stories.items():
        drive, ego = day / f"2011_09_26_drive_{name}_sync", _ticks(story)
        for index in range(len(ego["t_us"])):
            place = [49.0 + ego["y"][index] / 111_200, 9.0 + ego["x"][index] / _M_PER_DEGREE, 100.0]
            row = [*place, 0.0, 0.0, ego["yaw"][index], 0.0, 0.0, ego["speed"][index], *[0.0] * 21]
            _write(drive / "oxts" / "data" / f"{index:010d}.txt", " ".join(repr(float(v)) for v in row) + "\n")
            if index % 5 == 0:
                _picture(drive / "image_02" / "data" / f"{index:010d}.png")
        clock = np.datetime64("2011-09-26T13:10:20", "us") + ego["t_us"].astype("timedelta64[us]")
        stamps = "".join(f"{str(t).replace('T', ' ')}000\n" for t in clock)
        _write(drive / "oxts" / "timestamps.txt", stamps)
        _write(drive / "image_02" / "timestamps.txt", stamps)
        _write(drive / "tracklet_labels.xml", _tracklets(story))
    return root


def _tracklets(story: Story) -> str:
    items = []
    rows = _agents(story)
    for track_id in dict.fromkeys(r["track_id"] for r in rows):
        own = [r for r in rows if r["track_id"] == track_id]
        kind = "Pedestrian" if own[0]["type"] == "pedestrian" else "Car"
        places = ((r["x_rig"] - 0.76, r["y_rig"], -1.73, r["yaw"]) for r in own)
        poses = "".join(f"<item><tx>{x}</tx><ty>{y}</ty><tz>{z}</tz><rz>{yaw}</rz></item>" for x, y, z, yaw in places)
        sizes = f"<h>{own[0]['height']}</h><w>{own[0]['width']}</w><l>{own[0]['length']}</l>"
        head = f"<objectType>{kind}</objectType>{sizes}<first_frame>{own[0]['t_us'] // 100_000}</first_frame>"
        items.append(f'<item class_id="1">{head}<poses><count>{len(own)}</count>{poses}</poses></item>')
    head = '<?xml version="1.0"?><!DOCTYPE boost_serialization><boost_serialization><tracklets>'
    return f"{head}<count>{len(items)}</count>{''.join(items)}</tracklets></boost_serialization>"


def kitti_odometry(root: Path, stories: Stories) -> Path:
    """Camera poses and times as text, one grey camera; a sequence a drive."""
    for name, story in stories.items():
        sequence, ego = root / "sequences" / name[-2:], _ticks(story)
        rows = [f"1 0 0 {-y} 0 1 0 0 0 0 1 {x}" for x, y in zip(ego["x"], ego["y"], strict=True)]
        _write(root / "poses" / f"{name[-2:]}.txt", "\n".join(rows) + "\n")
        _write(sequence / "times.txt", "".join(f"{t * 1e-6:e}\n" for t in ego["t_us"]))
        _write(sequence / "calib.txt", "P0: 60 0 32 0 0 60 18 0 0 0 1 0\n")
        for index in range(0, len(rows), 5):
            _picture(sequence / "image_0" / f"{index:06d}.png")
    return root


def pandaset(root: Path, stories: Stories) -> Path:
    """JSON poses whose y points forward, one camera, tracks as Parquet; a folder a sequence."""
    quarter = np.sqrt(0.5)
    for name, story in stories.items():
        ego, agents = _ticks(story), _agents(story)
        stamps = [EPOCH_S + t * 1e-6 for t in ego["t_us"].tolist()]
        turn = {"w": quarter, "x": 0.0, "y": 0.0, "z": -quarter}
        places = [{"x": x, "y": y, "z": 0.0} for x, y in zip(ego["x"].tolist(), ego["y"].tolist(), strict=True)]
        poses = [{"position": place, "heading": turn} for place in places]
        _write(root / name / "lidar" / "timestamps.json", json.dumps(stamps))
        _write(root / name / "lidar" / "poses.json", json.dumps(poses))
        gps = [{"lat": 37.77, "long": -122.4, "yvel": speed} for speed in ego["speed"].tolist()]
        _write(root / name / "meta" / "gps.json", json.dumps(gps))
        labels = {"car": "Car", "pedestrian": "Pedestrian"}
        columns = {"frame": [r["t_us"] // 100_000 for r in agents], "t": [r["t_us"] * 1e-6 for r in agents]}
        columns |= {"label": [labels[r["type"]] for r in agents]}
        columns |= {n: [r[n] for r in agents] for n in ("track_id", "x", "y", "z", "yaw", "length", "width", "height")}
        (root / name / "derived").mkdir()
        pq.write_table(pa.table(columns), root / name / "derived" / "agents.parquet")
        _pandaset_camera(root / name / "camera" / "front_camera", stamps, poses)
    return root


def _pandaset_camera(folder: Path, stamps: list[float], poses: list[dict]) -> None:
    ahead = [{**p, "position": {**p["position"], "x": p["position"]["x"] + 1.5}} for p in poses]
    _write(folder / "timestamps.json", json.dumps(stamps))
    _write(folder / "poses.json", json.dumps(ahead))
    _write(folder / "intrinsics.json", json.dumps({"fx": 1900.0, "fy": 1900.0, "cx": 960.0, "cy": 540.0}))
    for index in range(0, len(stamps), 5):
        _picture(folder / f"{index:02d}.jpg")


def tables(root: Path, stories: Stories) -> Path:
    """Parquet tables of ego, agents and lights, a JSON map, pictures, and the mapping file that names them."""
    for name, story in stories.items():
        folder = root / name
        folder.mkdir(parents=True)
        ego = story.ego.append_column("t", pa.array(story.ego.column("t_us").to_numpy() * 1e-6))
        pq.write_table(ego, folder / "ego.parquet")
        names = ("t_us", "track_id", "type", "x", "y", "yaw", "vx", "vy", "length", "width", "height")
        pq.write_table(pa.table({n: [r[n] for r in _agents(story)] for n in names}), folder / "agents.parquet")
        pq.write_table(story.signals, folder / "signals.parquet")
        lanes = {
            i: {"type": "LANE", "polyline": _line(story, i), "successors": list(lane[3])}
            for i, lane in story.lanes.items()
        }
        for lane_id, lane in lanes.items():
            lane |= {"left": _line(story, lane_id, HALF_LANE_M), "right": _line(story, lane_id, -HALF_LANE_M)}
        things = {"s": {"type": "STOP", "polyline": _across(story.stop_line), "lane_ids": ["a"]}}
        things |= {"x": {"type": "CROSS", "polyline": _across(story.crosswalk), "lane_ids": ["a"]}}
        (folder / "map.json").write_text(json.dumps(lanes | things))
        for index in range(3):
            _picture(folder / "pictures" / f"p{index}.jpg")
    (root / "rig.yaml").write_text(yaml.safe_dump(_mapping(list(stories))))
    return root / "rig.yaml"


def _mapping(names: list[str]) -> dict:
    same = {n: n for n in ("x", "y", "yaw")}
    box = {n: n for n in ("track_id", "type", "vx", "vy", "length", "width", "height")}
    vehicle = {"vehicle_id": "v", "length_m": 4.5, "width_m": 1.8, "wheelbase_m": 2.7, "rear_axle_to_centre_m": 1.3}
    micros = {"units": {"t": "us"}}
    rules = {"lanes": [{"type": "LANE"}], "join_m": 0.1}
    rules["elements"] = [{"type": "STOP", "kind": "stop_line"}, {"type": "CROSS", "kind": "crosswalk"}]
    camera = {
        "name": "front",
        "pictures": "{drive}/pictures/p*.jpg",
        "times": {"first_s": 0.1, "every_s": 0.5},
        "calibration": {"fx": 60, "fy": 60, "cx": 32, "cy": 18, "width": 64, "height": 36},
        "rig_from_camera": {"position_m": [1.0, 0.0, 1.5], "wxyz": [0.5, -0.5, 0.5, -0.5]},
    }
    lights = {"t": "t_us", "signal_id": "signal_id", "state": "state"}
    states = {s: s for s in ("red", "yellow", "green")}
    return {
        **{"source": "made", "licence": "none", "vehicle": vehicle, "drives": [{"id": name} for name in names]},
        "ego": {"file": "{drive}/ego.parquet", "columns": same | {"t": "t", "speed": "speed"}},
        "agents": {
            **{"file": "{drive}/agents.parquet", "columns": same | box | {"t": "t_us"}},
            **{"types": {"car": "car", "pedestrian": "pedestrian"}, **micros},
        },
        "signals": {
            "file": "{drive}/signals.parquet",
            "columns": lights,
            "states": states,
            "lanes": {"light": ["a"]},
            **micros,
        },
        "cameras": [camera],
        "map": {"file": "{drive}/map.json", **rules},
    }


WRITERS: dict[str, Callable[[Path, Stories], Path]] = {
    "physicalai-av": physicalai_av,
    "argoverse2": argoverse2,
    "commonroad": commonroad,
    "comma2k19": comma2k19,
    "kitti-raw": kitti_raw,
    "kitti-odometry": kitti_odometry,
    "pandaset": pandaset,
    "tables": tables,
}
