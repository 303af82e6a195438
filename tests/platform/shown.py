"""A small drive of two clips on a left bend, with a camera, a car ahead, a lane, a crosswalk and a stop line."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from causeway.artifacts import Artifact, write_artifact

SPEED, RADIUS, TICKS = 10.0, 50.0, 100  # 10 s a clip, two of them
WIDTH, HEIGHT, FOCAL, HEIGHT_M = 320, 160, 150.0, 1.5
FORWARD = [0.0, 0.0, 1.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, HEIGHT_M, 0.0, 0.0, 0.0, 1.0]


def jpeg(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), (shade, shade, shade)).save(buffer, "JPEG")
    return buffer.getvalue()


def pose(t_s: float) -> tuple[float, float, float]:
    """x, y, yaw in the drive frame."""
    yaw = SPEED * t_s / RADIUS
    return RADIUS * np.sin(yaw), RADIUS * (1 - np.cos(yaw)), yaw


def seen_from(point: tuple[float, float, float], origin: tuple[float, float, float]) -> tuple[float, float, float]:
    dx, dy, c, s = point[0] - origin[0], point[1] - origin[1], np.cos(origin[2]), np.sin(origin[2])
    return c * dx + s * dy, c * dy - s * dx, point[2] - origin[2]


def camera_row(clip_id: str, model: str = "pinhole", distortion: list[float] | None = None) -> dict:
    return {
        "clip_id": clip_id, "camera": "front", "model": model, "fx": FOCAL, "fy": FOCAL, "cx": WIDTH / 2,
        "cy": HEIGHT / 2, "distortion": distortion or [], "rig_from_camera": FORWARD, "vehicle_id": "v",
        "length_m": 4.6, "width_m": 1.8, "wheelbase_m": 2.8, "rear_axle_to_centre_m": 1.3,
    }  # fmt: skip


def write_clips(folder: Path, start_us: int = 0, pictures: bool = True) -> Artifact:
    tables: dict[str, list[dict]] = {
        n: [] for n in ("clips", "ego", "tracks", "frames", "rigs", "lanes", "road_elements")
    }
    for number in range(2):
        _add_clip(tables, f"bend-{number:03d}", number * TICKS, start_us, pictures)
    write_artifact("clips", tables, folder)
    return Artifact.open(folder)


def _add_clip(tables: dict[str, list[dict]], clip_id: str, first: int, start_us: int, pictures: bool) -> None:
    origin = pose(first / 10)
    half = origin[2] / 2
    tables["clips"].append({
        "clip_id": clip_id, "drive_id": "bend", "vehicle_id": "v", "source": "made up", "licence": "none",
        "start_us": start_us + first * 100_000, "end_us": start_us + (first + TICKS - 1) * 100_000, "ticks": TICKS,
        "cameras": ["front"] if pictures else [], "has_tracks": True, "has_map": True, "has_signals": False,
        "source_split": "", "place": "here", "origin_x_m": origin[0], "origin_y_m": origin[1], "origin_z_m": 0.0,
        "origin_yaw_rad": origin[2], "origin_qw": np.cos(half), "origin_qx": 0.0, "origin_qy": 0.0,
        "origin_qz": np.sin(half),
    })  # fmt: skip
    for tick in range(first, first + TICKS):
        t_us = start_us + tick * 100_000
        x, y, yaw = seen_from(pose(tick / 10), origin)
        tables["ego"].append({
            "clip_id": clip_id, "t_us": t_us, "x_m": x, "y_m": y, "z_m": 0.0, "qw": np.cos(yaw / 2), "qx": 0.0,
            "qy": 0.0, "qz": np.sin(yaw / 2), "speed_mps": SPEED, "speed_source": "measured", "accel_mps2": 0.0,
            "yaw_rate_radps": SPEED / RADIUS, "curvature_per_m": 1 / RADIUS, "observed_us": t_us,
        })  # fmt: skip
        ax, ay, ayaw = seen_from(pose(tick / 10 + 2.0), origin)
        tables["tracks"].append({
            "clip_id": clip_id, "t_us": t_us, "track_id": "7", "type": "car", "x_m": ax, "y_m": ay, "z_m": 0.8,
            "yaw_rad": ayaw, "length_m": 4.5, "width_m": 1.9, "height_m": 1.6, "vx_mps": 0.0, "vy_mps": 0.0,
            "observed_us": t_us,
        })  # fmt: skip
        if pictures and tick % 5 == 0:
            row = {"clip_id": clip_id, "camera": "front", "t_us": t_us + 20_000, "image": jpeg(tick)}
            tables["frames"].append({**row, "width": WIDTH, "height": HEIGHT})
    tables["rigs"].append(camera_row(clip_id))
    ahead = [seen_from(pose(t), origin)[:2] for t in np.arange(0, 20, 0.5)]
    lane = {"clip_id": clip_id, "lane_id": "1", "centre": [list(p) for p in ahead], "left": [], "right": []}
    tables["lanes"].append({**lane, "successors": [], "kind": "drive"})
    for kind, shape in (
        ("crosswalk", [[30.0, -3.0], [33.0, -3.0], [33.0, 3.0], [30.0, 3.0]]),
        ("stop_line", [[28.0, -2.0], [28.0, 2.0]]),
        ("sign", [[28.0, 4.0]]),
    ):
        tables["road_elements"].append(
            {"clip_id": clip_id, "element_id": kind, "kind": kind, "shape": shape, "lane_ids": []}
        )


def write_moments(folder: Path) -> Artifact:
    row = {
        "channel": "lateral",
        "before": "go_straight",
        "after": "steer_left",
        "scenario": "steer_left",
        "split": "train",
    }
    moments = [
        {**row, "moment_id": f"bend@{t0_us}", "clip_id": clip_id, "t0_us": t0_us}
        for clip_id, t0_us in (("bend-000", 8_000_000), ("bend-001", 12_000_000))
    ]
    write_artifact("moments", {"moments": moments}, folder)
    return Artifact.open(folder)
