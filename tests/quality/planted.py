"""Small clips with or without a fault: rows of every table, as the clips artifact has them."""

import io

import numpy as np
import pyarrow as pa
from PIL import Image

from causeway.artifacts.schemas import SCHEMAS

TICKS = 60
TICK_US = 100_000
WIDTH, HEIGHT = 96, 64
POSE = np.array([[0, 0, 1, 1.5], [-1, 0, 0, 0], [0, -1, 0, 1.4], [0, 0, 0, 1.0]]).ravel().tolist()


def table(kind, name, rows):
    """Rows as a table in its schema; columns that are not given are null."""
    return pa.Table.from_pylist(rows, schema=SCHEMAS[kind][name].schema)


def ego_rows(clip_id="c", speed=8.0, ticks=TICKS, told=None, yaw=0.0, course=0.0, source="measured"):
    """Straight on at `speed` m/s in direction `course`, heading `yaw`, telling the speed `told`."""
    still = {"z_m": 0.0, "qx": 0.0, "qy": 0.0, "qw": float(np.cos(yaw / 2)), "qz": float(np.sin(yaw / 2))}
    still |= {"accel_mps2": 0.0, "yaw_rate_radps": 0.0, "curvature_per_m": 0.0, "speed_source": source}
    still |= {"clip_id": clip_id, "speed_mps": speed if told is None else told}
    rows = []
    for tick in range(ticks):
        way, t_us = tick * speed * 0.1, tick * TICK_US
        place = {"x_m": way * float(np.cos(course)), "y_m": way * float(np.sin(course))}
        rows.append({**still, **place, "t_us": t_us, "observed_us": t_us, "derived_speed_mps": abs(speed)})
    return rows


def clip_row(clip_id="c", ticks=TICKS, **changes):
    row = {"clip_id": clip_id, "drive_id": f"{clip_id}-drive", "start_us": 0, "end_us": (ticks - 1) * TICK_US}
    row |= {"ticks": ticks, "cameras": ["f"], "has_tracks": True, "has_map": True, "has_signals": True, "place": ""}
    row |= {f"origin_{k}": 0.0 for k in ("x_m", "y_m", "z_m", "yaw_rad", "qx", "qy", "qz")} | {"origin_qw": 1.0}
    return row | {"licence": "CC0", "source": "test", "vehicle_id": "car", "source_split": ""} | changes


def jpeg(rng=None, grey=None, size=(WIDTH, HEIGHT)):
    """A picture of noise, or of one grey."""
    shape = (size[1], size[0], 3)
    array = np.full(shape, grey, np.uint8) if grey is not None else rng.integers(0, 255, shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "JPEG")
    return buffer.getvalue()


def frame_rows(rng, clip_id="c", camera="f", ticks=TICKS):
    """A picture of noise at every fifth tick."""
    return [
        {
            "clip_id": clip_id,
            "camera": camera,
            "t_us": t * TICK_US,
            "image": jpeg(rng),
            "width": WIDTH,
            "height": HEIGHT,
        }
        for t in range(0, ticks, 5)
    ]


def rig_row(clip_id="c", camera="f", **changes):
    row = {"clip_id": clip_id, "camera": camera, "model": "pinhole", "fx": 80.0, "fy": 80.0, "cx": 48.0, "cy": 32.0}
    row |= {"distortion": [], "rig_from_camera": POSE, "vehicle_id": "car", "length_m": 4.5, "width_m": 1.9}
    return row | {"wheelbase_m": 2.7, "rear_axle_to_centre_m": 1.3} | changes


def track_rows(track_id="t", clip_id="c", ticks=TICKS, speed=8.0, first_m=20.0, side_m=0.0, **changes):
    """A car ahead at constant speed."""
    row = {"clip_id": clip_id, "track_id": track_id, "type": "car", "z_m": 0.0, "yaw_rad": 0.0, "vy_mps": 0.0}
    row |= {"length_m": 4.5, "width_m": 1.9, "height_m": 1.5, "vx_mps": speed, "y_m": side_m}
    return [
        {**row, "t_us": t * TICK_US, "observed_us": t * TICK_US, "x_m": first_m + t * speed * 0.1, **changes}
        for t in range(ticks)
    ]


def lane_row(lane_id="l", clip_id="c", **changes):
    shapes = {
        "centre": [[0.0, 0.0], [40.0, 0.0]],
        "left": [[0.0, 1.8], [40.0, 1.8]],
        "right": [[0.0, -1.8], [40.0, -1.8]],
    }
    return {"clip_id": clip_id, "lane_id": lane_id, **shapes, "successors": [], "kind": "drive"} | changes


def clip_parts(rng, clip_id="c", **ego):
    """Rows of every table of one good clip; the speed of its ego may be given."""
    signal = {"clip_id": clip_id, "signal_id": "s", "state": "red", "lane_ids": ["l"]}
    element = {"clip_id": clip_id, "element_id": "e", "kind": "stop_line", "shape": [[30.0, -2.0], [30.0, 2.0]]}
    return {
        "clips": [clip_row(clip_id)],
        "ego": ego_rows(clip_id, **ego),
        "tracks": track_rows(clip_id=clip_id) + track_rows("u", clip_id, side_m=3.5),
        "frames": frame_rows(rng, clip_id),
        "rigs": [rig_row(clip_id)],
        "lanes": [lane_row(clip_id=clip_id)],
        "road_elements": [element | {"lane_ids": ["l"]}],
        "signals": [signal | {"t_us": t * TICK_US} for t in range(3)],
        "points": [{"clip_id": clip_id, "t_us": 0, "xyz_m": [9.0, 1.0, 0.5]}],
        "route": [{"clip_id": clip_id, "points": [[0.0, 0.0], [40.0, 0.0]]}],
    }


def tables_of_clip(parts):
    """The tables of one clip, without `clips`."""
    return {name: table("clips", name, rows) for name, rows in parts.items() if name != "clips"}
