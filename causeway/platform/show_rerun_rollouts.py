"""A Rerun recording of rollouts: where each drove, how fast, and what happened.

Knows the rollouts table. Does not know clips; the file itself is `show_rerun.Recording`.
"""

from pathlib import Path

import numpy as np

from causeway.artifacts import Artifact
from causeway.errors import UnusableInput
from causeway.platform.show_rerun import Recording, lines

_EVENTS = ("collision", "off_road", "lane_departure", "wrong_way", "red_light_run", "stop_sign_run", "failure")
_COLOURS = ((46, 204, 113), (59, 111, 182), (217, 142, 4), (192, 57, 43), (142, 68, 173))
_NUMBERS = ("speed_mps", "accel_mps2", "curvature_per_m", "progress_m")


def record_rollouts(artifact: Artifact, path: Path) -> None:
    """Write `path`, whole or not at all; UnusableInput when the artifact holds no rollouts.

    Each scene has its own world, `scene/seed`, in which its drivers are compared.
    """
    rows: dict[tuple, list[dict]] = {}
    for row in artifact.table("rollouts").to_pylist():
        rows.setdefault((row["scene"], row["seed"], row["driver"]), []).append(row)
    if not rows:
        raise UnusableInput(f"{artifact.location}: holds no rollouts; evaluate with --suite closed-loop")
    drivers = sorted({driver for _, _, driver in rows})
    with Recording(path, f"{artifact.manifest.content_hash[:12]} rollouts") as recording:
        for (scene, seed, driver), ticks in sorted(rows.items(), key=str):
            colour = _COLOURS[drivers.index(driver) % len(_COLOURS)]
            _record(recording, f"{scene}/{seed}", str(driver), sorted(ticks, key=lambda r: r["tick"]), colour)


def _record(recording: Recording, world: str, driver: str, ticks: list[dict], colour: tuple[int, int, int]) -> None:
    rr = recording.rr
    xy = np.array([[r["x_m"], r["y_m"]] for r in ticks], dtype=np.float64)
    times = np.array([r["t_us"] for r in ticks], dtype=np.int64)
    recording.log(f"{world}/{driver}/path", lines(recording, [xy], colour, 0.12))
    body = rr.Boxes3D(centers=[[1.4, 0.0, 0.75]], half_sizes=[[2.35, 0.95, 0.75]], colors=[colour], labels=[driver])
    recording.log(f"{world}/{driver}/ego/body", body)
    for row in ticks:
        half = row["yaw_rad"] / 2
        turn = rr.Quaternion(xyzw=[0.0, 0.0, np.sin(half), np.cos(half)])
        pose = rr.Transform3D(translation=[row["x_m"], row["y_m"], 0.0], quaternion=turn)
        recording.log(f"{world}/{driver}/ego", pose, row["t_us"])
    for name in _NUMBERS:
        values = np.array([np.nan if r[name] is None else r[name] for r in ticks], dtype=np.float64)
        known = np.isfinite(values)
        if known.any():
            recording.numbers(f"numbers/{world}/{driver}/{name}", times[known], values[known])
    for name in _EVENTS:
        seen = [r for r in ticks if r[name]]
        if seen:  # when it began
            words = f"{driver}: {name}" + (f" ({seen[0][name]})" if isinstance(seen[0][name], str) else "")
            recording.log(f"events/{world}", rr.TextLog(words), seen[0]["t_us"])
