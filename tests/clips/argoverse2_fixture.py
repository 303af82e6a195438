"""A small Argoverse 2 log in the official layout, with round numbers."""

import io
import json

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import feather

T0_NS = 315_966_000_000_000_000
LOG = "00000000-1111-2222-3333-444444444444"
CAMERA = "ring_front_center"


def poses(seconds=3.0, step_ns=20_000_000):
    """Drives along city y at 10 m/s, heading along y, its axle at city (100, 200, 5) at first."""
    t = np.arange(0, round(seconds * 1e9) + 1, step_ns, dtype=np.int64)
    half, zero = np.sqrt(0.5), np.zeros(len(t))
    columns = {"timestamp_ns": t + T0_NS, "qw": zero + half, "qx": zero, "qy": zero, "qz": zero + half}
    return columns | {"tx_m": zero + 100, "ty_m": 200 + t * 1e-8, "tz_m": zero + 5}


def boxes(seconds=3.0, category="REGULAR_VEHICLE", track="car-1"):
    """10 Hz; a box that keeps 20 m ahead and 3 m to the left of the axle and is turned by 90 degrees to the left."""
    t = np.arange(0, round(seconds * 1e9) + 1, 100_000_000, dtype=np.int64) + T0_NS
    half, zero = np.sqrt(0.5), np.zeros(len(t))
    columns = {"timestamp_ns": t, "track_uuid": [track] * len(t), "category": [category] * len(t)}
    columns |= {"length_m": zero + 4.5, "width_m": zero + 1.9, "height_m": zero + 1.6}
    columns |= {"qw": zero + half, "qx": zero, "qy": zero, "qz": zero + half}
    return columns | {"tx_m": zero + 20, "ty_m": zero + 3, "tz_m": zero + 0.5, "num_interior_pts": np.full(len(t), 7)}


def points(*xy):
    return [{"x": x, "y": y, "z": 5.0} for x, y in xy]


def segment(number, left, right, successors=(), lane_type="VEHICLE", is_intersection=False):
    return {
        "id": number,
        "is_intersection": is_intersection,
        "lane_type": lane_type,
        "left_lane_boundary": points(*left),
        "right_lane_boundary": points(*right),
        "left_lane_mark_type": "NONE",
        "right_lane_mark_type": "NONE",
        "successors": list(successors),
        "predecessors": [],
        "left_neighbor_id": None,
        "right_neighbor_id": None,
    }


def city_map():
    """Our lane along y, one through a junction after it, a bus and a bike lane, and a crosswalk over ours."""
    lanes = [
        segment(11, [(98, 200), (98, 240)], [(102, 200), (102, 220), (102, 240)], [12]),
        segment(12, [(98, 240), (98, 260)], [(102, 240), (102, 260)], is_intersection=True),
        segment(13, [(102, 200), (102, 240)], [(106, 200), (106, 240)], lane_type="BUS"),
        segment(14, [(106, 200), (106, 240)], [(108, 200), (108, 240)], lane_type="BIKE", is_intersection=True),
    ]
    crossing = {"id": 9, "edge1": points((97, 230), (103, 230)), "edge2": points((97, 234), (103, 234))}
    return {
        "lane_segments": {str(lane["id"]): lane for lane in lanes},
        "pedestrian_crossings": {"9": crossing},
        "drivable_areas": {},
    }


def write_table(columns, path, chunksize=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    feather.write_feather(pa.table(columns), path, chunksize=chunksize)


def write_log(root, name=LOG, city="PIT"):
    """Ego, boxes and map."""
    log = root / name
    write_table(poses(), log / "city_SE3_egovehicle.feather")
    write_table(boxes(), log / "annotations.feather")
    write_map(log, city_map(), city)
    return log


def write_map(log, document, city="PIT"):
    path = log / "map" / f"log_map_archive_{log.name}____{city}_city_1.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def write_camera(log, name=CAMERA, every_ns=50_000_000, pictures=5):
    """A camera 1.5 m ahead of the axle and 1.4 m above it that looks straight ahead, and its pictures at 20 Hz."""
    lens = {"fx_px": [60.0], "fy_px": [60.0], "cx_px": [32.0], "cy_px": [24.0], "k1": [0.3]}
    write_table(
        {"sensor_name": [name]} | lens | {"height_px": [48], "width_px": [64]}, log / "calibration/intrinsics.feather"
    )
    pose = {"qw": [0.5], "qx": [-0.5], "qy": [0.5], "qz": [-0.5], "tx_m": [1.5], "ty_m": [0.0], "tz_m": [1.4]}
    write_table({"sensor_name": [name]} | pose, log / "calibration/egovehicle_SE3_sensor.feather")
    folder = log / "sensors" / "cameras" / name
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(pictures):
        (folder / f"{T0_NS + number * every_ns}.jpg").write_bytes(jpeg(40 * number))
    return folder


def jpeg(grey, size=(64, 48)):
    buffer = io.BytesIO()
    Image.new("RGB", size, (grey, grey, grey)).save(buffer, "JPEG")
    return buffer.getvalue()
