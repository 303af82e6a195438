"""A straight two-lane road with a map, one car that drives along it, and whatever a test puts in its way."""

TICK_US = 100_000
START_US = 1_000_000


def clip_row(clip_id: str, drive_id: str, ticks: int, start_us: int, **has: bool) -> dict:
    origin = {f"origin_{n}": 0.0 for n in ("x_m", "y_m", "z_m", "yaw_rad", "qx", "qy", "qz")} | {"origin_qw": 1.0}
    row = {"clip_id": clip_id, "drive_id": drive_id, "vehicle_id": "car-1", "source": "made", "licence": "none"}
    row |= {"start_us": start_us, "end_us": start_us + (ticks - 1) * TICK_US, "ticks": ticks, "cameras": ["front"]}
    row |= {"has_tracks": True, "has_map": True, "has_signals": True, "source_split": "", "place": ""}
    return row | origin | has


def ego_rows(clip_id: str, speeds: list[float], start_us: int = START_US, x_m: float = 0.0) -> list[dict]:
    rows, before = [], speeds[0]
    for i, speed in enumerate(speeds):
        t_us = start_us + i * TICK_US
        row = {"clip_id": clip_id, "t_us": t_us, "x_m": x_m, "y_m": 0.0, "z_m": 0.0, "observed_us": t_us}
        row |= {"qw": 1.0, "qx": 0.0, "qy": 0.0, "qz": 0.0, "speed_mps": speed, "speed_source": "measured"}
        row |= {"accel_mps2": (speed - before) * 10, "yaw_rate_radps": 0.0, "curvature_per_m": 0.0}
        rows.append(row)
        before = speed
        x_m += speed * 0.1
    return rows


def track_row(clip_id: str, tick: int, track_id: str, x_m: float, y_m: float, **other: object) -> dict:
    t_us = START_US + tick * TICK_US
    row = {"clip_id": clip_id, "t_us": t_us, "track_id": track_id, "type": "car", "x_m": x_m, "y_m": y_m, "z_m": 0.0}
    row |= {"yaw_rad": 0.0, "length_m": 4.0, "width_m": 2.0, "height_m": 1.5, "vx_mps": 0.0, "vy_mps": 0.0}
    return row | {"observed_us": t_us} | other


def rig_row(clip_id: str) -> dict:
    row = {"clip_id": clip_id, "camera": "front", "model": "pinhole", "fx": 100.0, "fy": 110.0, "cx": 50.0, "cy": 40.0}
    row |= {"distortion": [], "rig_from_camera": [float(i) for i in range(16)], "vehicle_id": "car-1"}
    return row | {"length_m": 4.0, "width_m": 2.0, "wheelbase_m": 2.5, "rear_axle_to_centre_m": 1.5}


def road(clip_id: str) -> dict[str, list[dict]]:
    """Lane `a` from -50 to 100 m leads to `b` until 200 m, 3.6 m wide; a stop line and a light at 100 m."""

    def lane(lane_id: str, x0: float, x1: float, successors: list[str]) -> dict:
        row = {"clip_id": clip_id, "lane_id": lane_id, "successors": successors, "kind": "drive"}
        return row | {n: [[x0, y], [x1, y]] for n, y in (("centre", 0.0), ("left", 1.8), ("right", -1.8))}

    stop = {"clip_id": clip_id, "element_id": "s", "kind": "stop_line", "lane_ids": ["a"]}
    return {
        "lanes": [lane("a", -50.0, 100.0, ["b"]), lane("b", 100.0, 200.0, [])],
        "road_elements": [stop | {"shape": [[100.0, 1.8], [100.0, -1.8]]}],
    }


def signal_row(clip_id: str, tick: int, state: str, lane_ids: tuple[str, ...] = ("a",)) -> dict:
    t_us = START_US + tick * TICK_US
    return {"clip_id": clip_id, "t_us": t_us, "signal_id": "light", "state": state, "lane_ids": list(lane_ids)}
