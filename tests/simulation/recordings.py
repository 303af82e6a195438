"""A clips artifact with boxes and a map, as a recording of one straight drive."""

from causeway.artifacts import Artifact, write_artifact
from tests.evidence import scenes

CLIP, TICKS = "drive-000", 80
LOOKS_AHEAD = [0.0, 0.0, 1.0, 2.0, -1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.5, 0.0, 0.0, 0.0, 1.0]


def moving(track_id, x_m, y_m, speed, ticks=range(TICKS), **other):
    return [scenes.track_row(CLIP, k, track_id, x_m + speed * 0.1 * k, y_m, vx_mps=speed, **other) for k in ticks]


def recorded(folder, tracks=(), signals=(), speeds=(8.0,) * TICKS, rig=None, route=None, **has):
    """A clips artifact: the ego drives straight on a road of 250 m, at 8 m/s unless said otherwise."""
    tables = {
        "clips": [scenes.clip_row(CLIP, "drive", len(speeds), scenes.START_US, **has)],
        "ego": scenes.ego_rows(CLIP, list(speeds)),
        "rigs": [scenes.rig_row(CLIP) | {"rig_from_camera": LOOKS_AHEAD} | (rig or {})],
        "tracks": list(tracks),
        "signals": list(signals),
        **scenes.road(CLIP),
        **({"route": [{"clip_id": CLIP, "points": route}]} if route else {}),
    }
    write_artifact("clips", tables, folder)
    return Artifact.open(folder)
