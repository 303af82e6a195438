"""Short drives that slow down after one moment, and the evidence of that moment."""

from pathlib import Path
from typing import Any

from causeway.artifacts import write_artifact
from causeway.artifacts.schemas import tables_of
from tests.evidence.scenes import TICK_US, clip_row, ego_rows
from tests.reasoning.seen import LEAD, RED

T0_US = 3_000_000
TICKS = 120
BORDER = 33  # the drive's second clip begins between t0 and the change
ACCEL_MPS2 = {"lead": -0.8, "red": -2.5, "odd": -0.8}  # from 0.5 s after t0 on: gently, strongly, gently
SEEN: dict[str, dict[str, Any]] = {"lead": LEAD, "red": RED, "odd": {}, "lies": LEAD}


def evidence_row(name: str) -> dict[str, Any]:
    row = dict.fromkeys(tables_of("evidence")["evidence"].schema.names)
    plain = {"moment_id": f"{name}@{T0_US}", "clip_id": f"{name}-000", "t0_us": T0_US, "ego_speed_mps": 9.0}
    known = {"event_us": T0_US, "created_us": T0_US, "has_tracks": True, "has_map": True, "has_signals": True}
    since = {key: 1_000_000 for key in SEEN[name] if key.endswith("since_us")}
    return row | plain | known | SEEN[name] | since | {"scenario": "slow", "split": "train"}


def speeds(name: str) -> list[float]:
    """Twelve seconds: 9 m/s up to 0.5 s after t0, then slowing down."""
    return [max(9.0 + ACCEL_MPS2[name] * 0.1 * max(tick - 35, 0), 0.0) for tick in range(TICKS)]


def write_drives(folder: Path, driven: dict[str, list[float]]) -> str:
    """A clips artifact of drives in two clips each, given the speed at every tick."""
    clips, ego = [], []
    border_us = BORDER * TICK_US
    for name, speed in driven.items():
        clips += [clip_row(f"{name}-000", name, BORDER, 0), clip_row(f"{name}-001", name, TICKS - BORDER, border_us)]
        ego += ego_rows(f"{name}-000", speed[:BORDER], 0)
        ego += ego_rows(f"{name}-001", speed[BORDER:], border_us, sum(speed[:BORDER]) / 10)
    write_artifact("clips", {"clips": clips, "ego": ego}, folder)
    return str(folder)
