"""Memory and time of `build_features` with one, two and four times the drives: it must not grow with their number.

    .venv/bin/python benchmarks/bench_features_memory.py --drives 20

Each size runs in a process of its own over made clips: the ego among eight others on a two-lane road, a moment every
two seconds. Prints peak memory (imports counted), seconds and feature rows, and the largest against the smallest.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from causeway.artifacts import Artifact, Writer, run, step
from causeway.artifacts.schemas import SCHEMAS

TICK_US, CLIP_TICKS, OTHERS = 100_000, 200, 8
START_US = 1_700_000_000_000_000


@dataclass(frozen=True)
class Size:
    drives: int = 50
    clips: int = 15  # of each drive


@step(kind="clips")
def made_clips(*, out: Writer, config: Size) -> None:
    """Drives of many clips; one shard a clip, as ingest writes them."""
    for drive in range(config.drives):
        for number in range(config.clips):
            clip_id = f"drive-{drive:05d}-{number:03d}"
            with out.shard(clip_id) as part:
                assert part is not None
                for name, rows in _clip(clip_id, f"drive-{drive:05d}", number).items():
                    part.table(name, rows)


def _clip(clip_id: str, drive_id: str, number: int) -> dict[str, pa.Table]:
    ticks = np.arange(CLIP_TICKS)
    t_us = START_US + (number * CLIP_TICKS + ticks) * TICK_US
    clip = {"clip_id": clip_id, "drive_id": drive_id, "vehicle_id": drive_id, "start_us": t_us[0], "end_us": t_us[-1]}
    clip |= {"ticks": CLIP_TICKS, "has_tracks": True, "has_map": True, "has_signals": False}
    clip |= dict.fromkeys((f"origin_{n}" for n in ("y_m", "z_m", "yaw_rad", "qx", "qy", "qz")), 0.0)
    clip |= {"origin_x_m": number * 200.0, "origin_qw": 1.0}
    ego = {"clip_id": clip_id, "t_us": t_us, "x_m": ticks * 1.0, "qw": 1.0}
    ego |= dict.fromkeys(("y_m", "z_m", "qx", "qy", "qz"), 0.0)
    ego |= {"speed_mps": 10.0, "accel_mps2": 0.0, "yaw_rate_radps": 0.0, "curvature_per_m": 0.0, "observed_us": t_us}
    who = np.repeat(np.arange(OTHERS), CLIP_TICKS)
    tick = np.tile(ticks, OTHERS)
    track = {"clip_id": clip_id, "t_us": t_us[tick], "track_id": [f"t{w}" for w in who], "type": "car"}
    track |= {"x_m": tick * 1.0 + who * 15.0 - 30.0, "y_m": np.where(who % 2, 3.6, 0.0), "yaw_rad": 0.0, "vx_mps": 10.0}
    track |= {"vy_mps": 0.0, "length_m": 4.5, "width_m": 1.9, "height_m": 1.6, "observed_us": t_us[tick]}
    lanes = [
        {"clip_id": clip_id, "lane_id": name, "centre": [[-150.0, y], [350.0, y]], "successors": [], "kind": "drive"}
        for name, y in (("a", 0.0), ("b", 3.6))
    ]
    rig = {"clip_id": clip_id, "camera": "", "vehicle_id": drive_id, "length_m": 4.6, "width_m": 1.9}
    rig |= {"wheelbase_m": 2.8, "rear_axle_to_centre_m": 1.4, "rig_from_camera": [], "distortion": []}
    columns = {"ego": (ego, CLIP_TICKS), "tracks": (track, len(who))}
    tables = {name: _filled("clips", name, *given) for name, given in columns.items()}
    rows = {"clips": [clip], "lanes": lanes, "rigs": [rig]}
    return tables | {n: pa.Table.from_pylist(r, schema=SCHEMAS["clips"][n].schema) for n, r in rows.items()}


def _filled(kind: str, name: str, columns: dict, count: int) -> pa.Table:
    """A whole table of columns, of single values and of nothing for what is not given."""
    schema = SCHEMAS[kind][name].schema
    values = {f.name: columns.get(f.name) for f in schema}
    arrays = {n: v if isinstance(v, np.ndarray | list) else [v] * count for n, v in values.items()}
    return pa.table({f.name: pa.array(arrays[f.name], f.type) for f in schema}, schema=schema)


@step(kind="moments")
def made_moments(clips: Artifact, *, out: Writer) -> None:
    """A moment every two seconds."""
    rows = []
    for clip in clips.table("clips", ["clip_id", "drive_id", "start_us"]).to_pylist():
        for t0_us in range(clip["start_us"], clip["start_us"] + CLIP_TICKS * TICK_US, 2_000_000):
            row = {"moment_id": f"{clip['drive_id']}@{t0_us}", "clip_id": clip["clip_id"], "t0_us": t0_us}
            rows.append(row | dict.fromkeys(("channel", "before", "after", "scenario", "split"), "x"))
    out.table("moments", rows)


def measure(folder: Path, shard_ticks: int) -> dict[str, float]:
    """Build the features of the made drives in `folder`, in this process."""
    from causeway.evidence.step import FeatureConfig, build_features

    inputs = {name: str(folder / name) for name in ("moments", "clips")}
    started = time.perf_counter()
    done = run(build_features, inputs, out=str(folder / "evidence"), config=FeatureConfig(shard_ticks))
    seconds = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"peak_mb": peak_mb, "seconds": seconds, "moments": done.counts["evidence"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drives", type=int, default=20, help="of the smallest size")
    parser.add_argument("--clips", type=int, default=15, help="of 20 s in each drive")
    parser.add_argument("--shard-ticks", type=int, default=60_000, help="small, so that every size has several shards")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.folder:
        print(json.dumps(measure(asked.folder, asked.shard_ticks)))
        return
    peaks = []
    for times in (1, 2, 4):
        with tempfile.TemporaryDirectory() as folder:
            size = Size(times * asked.drives, asked.clips)
            clips = run(made_clips, {}, out=f"{folder}/clips", config=size).location
            run(made_moments, {"clips": clips}, out=f"{folder}/moments")
            command = [sys.executable, __file__, "--folder", folder, "--shard-ticks", str(asked.shard_ticks)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
        peaks.append(found["peak_mb"])
        ticks = size.drives * size.clips * CLIP_TICKS
        print(f"{size.drives:5} drives, {ticks:8} ticks, {found['moments']:7.0f} moments: ", end="")
        print(
            f"{found['peak_mb']:5.0f} MB, {found['seconds']:6.1f} s, {ticks / found['seconds']:6.0f} ticks/s",
            flush=True,
        )
    print(f"four times the drives take {peaks[-1] / peaks[0]:.2f} of the memory")


if __name__ == "__main__":
    main()
