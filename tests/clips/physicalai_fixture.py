"""Small drives in the PhysicalAI-AV layout, written with the layout's own constants."""

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from causeway.clips.readers.physicalai import layout

CAMERA = "camera_front_wide_120fov"
WIDTH, HEIGHT = 64, 48


def video_bytes(pictures: int, rate: int = 10) -> bytes:
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(pictures):
            picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
            picture[:, (index * 3) % WIDTH :] = 200
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def straight_egomotion(seconds: float, speed_mps: float) -> pa.Table:
    """100 Hz along world x with the rig turned by 90 degrees to the left: it drives along world y."""
    t = np.arange(0, round(seconds * 100) + 1) * 10_000
    zero = np.zeros(len(t))
    half = np.sqrt(0.5)
    columns = {"timestamp": t, "qx": zero, "qy": zero, "qz": zero + half, "qw": zero + half}
    columns |= {"x": zero + 5, "y": t * 1e-6 * speed_mps, "z": zero, "vx": zero, "vy": zero + speed_mps, "vz": zero}
    return pa.table(columns | {"ax": zero, "ay": zero, "az": zero, "curvature": zero})


def obstacle_ahead(seconds: float, distance_m: float) -> pa.Table:
    """A car that keeps its distance ahead of the rig, ten times a second."""
    t = np.arange(0, round(seconds * 10) + 1) * 100_000
    n = len(t)
    values = {"timestamp_us": t, "source": ["x"] * n, "track_id": ["7"] * n, "label_class": ["automobile"] * n}
    values |= {"center_x": [distance_m] * n, "center_y": [0.0] * n, "center_z": [0.8] * n}
    values |= {"size_x": [4.5] * n, "size_y": [1.9] * n, "size_z": [1.6] * n}
    values |= {"orientation_x": [0.0] * n, "orientation_y": [0.0] * n, "orientation_z": [0.0] * n}
    values |= {"orientation_w": [1.0] * n, "reference_frame": ["rig"] * n, "reference_frame_timestamp_us": t}
    return pa.table({name: values[name] for name in layout.OBSTACLE_COLUMNS})


def write_drives(root: Path, clip_ids: list[str], seconds: float = 3.0, speed_mps: float = 10.0) -> Path:
    """Drives straight on at constant speed behind a car, with one lane, one light and one camera."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / layout.FEATURES_CSV).open("w", newline="") as file:
        writer = csv.DictWriter(file, layout.FEATURES_COLUMNS)
        writer.writeheader()
        writer.writerows(feature.row() for feature in layout.all_features((CAMERA,)))
    n = len(clip_ids)
    index = {"clip_id": clip_ids, "chunk": [0] * n, "clip_is_valid": [True] * n, "split": ["train"] * n}
    pq.write_table(pa.table(index), root / layout.CLIP_INDEX)
    source = {"name": "test-world", "licence": "Apache-2.0", "vehicle_id": "test-car"}
    (root / layout.SOURCE_JSON).write_text(json.dumps(source))
    pictures = round(seconds * 10) + 1
    stamps = pa.table({"timestamp": np.arange(pictures) * 100_000})
    lane = {"centre": [[5.0, 0.0], [5.0, 100.0]], "left": [], "right": [], "successors": [], "kind": "drive"}
    lights = {"timestamp": [0, 100_000], "signal_id": ["s", "s"], "state": ["green", "red"], "lane_ids": [["a"]] * 2}
    camera = layout.camera_feature(CAMERA)
    for clip_id in clip_ids:
        _add(root, camera.chunk(0), camera.member(clip_id, "video"), video_bytes(pictures))
        _add(root, camera.chunk(0), camera.member(clip_id, "frame_timestamps"), _parquet(stamps))
        for feature, table in (
            (layout.EGOMOTION, straight_egomotion(seconds, speed_mps)),
            (layout.OBSTACLES, obstacle_ahead(seconds, 20.0)),
            (layout.LANES, pa.Table.from_pylist([{"lane_id": "a", **lane}])),
            (layout.SIGNALS, pa.table(lights)),
        ):
            _add(root, feature.chunk(0), feature.member(clip_id, feature.name), _parquet(table))
    _calibration(root, clip_ids)
    return root


def _calibration(root: Path, clip_ids: list[str]) -> None:
    n = len(clip_ids)
    intrinsics = {"clip_id": clip_ids, "camera_name": [CAMERA] * n, "width": [WIDTH] * n, "height": [HEIGHT] * n}
    intrinsics |= {"cx": [32.0] * n, "cy": [24.0] * n, "model": ["pinhole"] * n, "fx": [50.0] * n, "fy": [50.0] * n}
    intrinsics |= {f"{d}_poly_{i}": [0.0] * n for d in ("fw", "bw") for i in range(5)}
    pose = {"qw": 0.5, "qx": -0.5, "qy": 0.5, "qz": -0.5, "x": 1.5, "y": 0.0, "z": 1.4}
    extrinsics = {"clip_id": clip_ids, "sensor_name": [CAMERA] * n, **{k: [v] * n for k, v in pose.items()}}
    size = {"length": 4.6, "width": 1.9, "height": 1.5, "rear_axle_to_bbox_center": 1.4, "wheelbase": 2.8}
    size = {"clip_id": clip_ids, **{k: [v] * n for k, v in (size | {"track_width": 1.6}).items()}}
    features = (layout.CAMERA_INTRINSICS, layout.SENSOR_EXTRINSICS, layout.VEHICLE_DIMENSIONS)
    for feature, columns in zip(features, (intrinsics, extrinsics, size), strict=True):
        path = root / feature.chunk(0)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)


def _add(root: Path, chunk: str, member: str, data: bytes) -> None:
    path = root / chunk
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, data)
