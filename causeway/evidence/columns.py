"""The columns of every view on the ticks of one clip, before they become rows of the feature store.

Knows which question to the surroundings gives which column. Does not know event times' order, clips' borders or
Parquet (`features`).
"""

import numpy as np

from causeway.clips.surroundings.agents import Against, against_path, is_crossing, is_lead, is_obstacle, nearest_of_tick
from causeway.clips.surroundings.contenders import is_cutting_in, nearest_contenders, signed_gap_m, towards_mps
from causeway.clips.surroundings.lane_neighbours import neighbour_columns
from causeway.clips.surroundings.oncoming import is_oncoming
from causeway.clips.surroundings.road import guide, lane_columns, signal_columns
from causeway.clips.surroundings.road_elements import element_columns
from causeway.clips.surroundings.route_ahead import route_columns
from causeway.clips.surroundings.scene import Scene

Columns = dict[str, list]

_NEEDS = {
    **dict.fromkeys(("lead", "contenders", "oncoming", "obstacle", "crossing"), "has_tracks"),
    **dict.fromkeys(("lanes", "road_elements"), "has_map"),
    "signals": "has_signals",
}


def clip_columns(scene: Scene) -> dict[str, Columns]:
    """{view: its columns but `…_since_us`, with tick_us and event_us}; a view the clip cannot give is left out."""
    known_us = np.maximum(scene.ego.t_us, scene.ego.observed_us)
    with np.errstate(all="ignore"):  # what comes after a moment may be garbage; it only spoils its own rows
        path = guide(scene)
        rows = against_path(scene, path)
        views = {
            "ego_state": _ego(scene),
            "lead": _lead(scene, rows),
            "contenders": _contenders(scene, rows),
            "oncoming": _oncoming(scene, rows),
            "obstacle": _obstacle(scene, rows),
            "crossing": _crossing(scene, rows),
            "signals": signal_columns(scene, path),
            "lanes": lane_columns(scene, path) | neighbour_columns(scene, path) | route_columns(scene, path),
            "road_elements": element_columns(scene, path),
        }
    for columns in views.values():
        columns["tick_us"] = scene.ego.t_us.tolist()
        columns["event_us"] = known_us.tolist()
    return {view: c for view, c in views.items() if view not in _NEEDS or getattr(scene, _NEEDS[view])}


def _ego(scene: Scene) -> Columns:
    ego, count = scene.ego, len(scene.ego.t_us)
    return {
        "ego_speed_mps": ego.speed_mps.tolist(),
        "ego_accel_mps2": ego.accel_mps2.tolist(),
        "ego_yaw_rate_radps": ego.yaw_rate_radps.tolist(),
        "ego_curvature_per_m": ego.curvature_per_m.tolist(),
        "ego_width_m": [scene.width_m] * count,
        "has_tracks": [scene.has_tracks] * count,
        "has_map": [scene.has_map] * count,
        "has_signals": [scene.has_signals] * count,
    }


def _lead(scene: Scene, rows: Against) -> Columns:
    chosen = nearest_of_tick(scene, rows, is_lead(scene, rows))
    return _named("lead", scene, chosen) | {
        "lead_distance_m": _pick(np.maximum(rows.gap_m, 0.0), chosen),
        "lead_lateral_m": _pick(rows.offset_m, chosen),
        "lead_speed_mps": _pick(rows.along_mps, chosen),
        "lead_towards_mps": _pick(towards_mps(rows), chosen),
        "lead_accel_mps2": _pick(rows.accel_mps2, chosen),
    }


def _contenders(scene: Scene, rows: Against) -> Columns:
    columns: Columns = {}
    relative_mps = rows.along_mps - scene.ego.speed_mps[scene.tracks.tick]
    for side, chosen in zip(("left", "right"), nearest_contenders(scene, rows), strict=True):
        columns |= _named(side, scene, chosen) | {
            f"{side}_gap_m": _pick(signed_gap_m(rows), chosen),
            f"{side}_relative_speed_mps": _pick(relative_mps, chosen),
            f"{side}_towards_mps": _pick(towards_mps(rows), chosen),
            f"{side}_indicator": [scene.tracks.indicator[row] if row >= 0 else None for row in chosen],
        }
    chosen = nearest_of_tick(scene, rows, is_cutting_in(scene, rows))
    return (
        columns
        | _named("cut_in", scene, chosen)
        | {
            "cut_in_distance_m": _pick(np.maximum(rows.gap_m, 0.0), chosen),
            "cut_in_lateral_m": _pick(rows.offset_m, chosen),
            "cut_in_towards_mps": _pick(towards_mps(rows), chosen),
        }
    )


def _oncoming(scene: Scene, rows: Against) -> Columns:
    chosen = nearest_of_tick(scene, rows, is_oncoming(scene, rows))
    return _named("oncoming", scene, chosen) | {
        "oncoming_distance_m": _pick(np.maximum(rows.gap_m, 0.0), chosen),
        "oncoming_lateral_m": _pick(rows.offset_m, chosen),
        "oncoming_clearance_m": _pick(rows.clearance_m, chosen),
        "oncoming_speed_mps": _pick(-rows.along_mps, chosen),
        "oncoming_towards_mps": _pick(towards_mps(rows), chosen),
    }


def _obstacle(scene: Scene, rows: Against) -> Columns:
    chosen = nearest_of_tick(scene, rows, is_obstacle(scene, rows))
    return _named("obstacle", scene, chosen) | {
        "obstacle_distance_m": _pick(np.maximum(rows.gap_m, 0.0), chosen),
        "obstacle_lateral_m": _pick(rows.offset_m, chosen),
        "obstacle_clearance_m": _pick(rows.clearance_m, chosen),
    }


def _crossing(scene: Scene, rows: Against) -> Columns:
    chosen = nearest_of_tick(scene, rows, is_crossing(scene, rows))
    return _named("crossing", scene, chosen) | {
        "crossing_distance_m": _pick(np.maximum(rows.gap_m, 0.0), chosen),
        "crossing_lateral_m": _pick(rows.offset_m, chosen),
        "crossing_speed_mps": _pick(rows.speed_mps, chosen),
    }


def _named(what: str, scene: Scene, chosen: np.ndarray) -> Columns:
    return {f"{what}_track_id": _pick(scene.tracks.track_id, chosen), f"{what}_type": _pick(scene.tracks.type, chosen)}


def _pick(values: np.ndarray, rows: np.ndarray) -> list:
    return [None if r < 0 else values[r] for r in rows]
