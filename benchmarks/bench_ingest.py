"""How fast one Argoverse 2 log is ingested, beside a plain reading of it, and how memory grows with a drive's length.

Speed: the log in CAUSEWAY_TEST_DRIVES (else a made-up one) is ingested in a fresh process that says how long imports
and the step took; the other side reads the same files row by row in plain Python (its imports not counted either) and
must place every box within a micrometre of ours; it makes no centre lines, crosswalks or velocities and cleans
nothing. Memory: made-up drives of 1, 4 and 16 times 20 s, and 1, 4 and 16 drives of 20 s, with pictures and tracks, the
peak of a process each. Aims: a log in 2 s; peaks within 10 % of each other.
"""

import bisect
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

REPEATS, TIMES, CLIP_S = 5, (1, 4, 16), 20.0
TRACKS, POSE_HZ, BOX_HZ = 60, 100, 10

INGEST = """
import json, sys, time
from pathlib import Path
started = time.perf_counter()
import pandas  # pyarrow loads it sooner or later
from causeway.artifacts import run
from causeway.clips.cutting import clip_tables, cut_drive
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.motion import resample
from causeway.clips.readers.argoverse2 import reader as argoverse2
imported = time.perf_counter()
took = []
for number in range(int(sys.argv[3])):
    began = time.perf_counter()
    run(ingest, {"drives": sys.argv[1]}, out=f"{sys.argv[2]}-{number}", config=IngestConfig())
    took.append(time.perf_counter() - began)
# not ru_maxrss: that of a child begins with its parent's
peak_mb = max(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
read = []
for number in range(int(sys.argv[3])):
    began = time.perf_counter()
    for recording in argoverse2.recordings(Path(sys.argv[1])):
        drive = recording.open()
        motion = resample(drive.ego)
        for cut in cut_drive(drive, motion, 20.0):
            clip_tables(drive, motion, cut, 150.0)
    read.append(time.perf_counter() - began)
measured = {"took_s": took, "read_s": sorted(read)[len(read) // 2], "peak_mb": peak_mb}
print(json.dumps(measured | {"imports_s": imported - started}))
"""


def ingested(drives: Path, out: Path, times: int) -> dict:
    """Ingest in a process of its own; what it measured."""
    command = [sys.executable, "-c", INGEST, str(drives), str(out), str(times)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"})
    return json.loads(done.stdout.splitlines()[-1])


def make_log(log: Path, seconds: float, pictures: bool) -> None:
    """A drive along a street at 8 m/s among standing and driving boxes, in the official layout."""
    (log / "calibration").mkdir(parents=True)
    t_ns = np.arange(0, int(seconds * 1e9) + 1, 10**9 // POSE_HZ, dtype=np.int64) + 315_000_000_000_000_000
    n, zero = len(t_ns), np.zeros(len(t_ns))
    x = 8.0 * (t_ns - t_ns[0]) * 1e-9
    poses = {"timestamp_ns": t_ns, "qw": zero + 1, "qx": zero, "qy": zero, "qz": zero}
    feather.write_feather(
        pa.table(poses | {"tx_m": x, "ty_m": zero, "tz_m": zero}), log / "city_SE3_egovehicle.feather"
    )
    every = POSE_HZ // BOX_HZ
    sweep = np.repeat(np.arange(0, n, every), TRACKS)
    track = np.tile(np.arange(TRACKS), len(sweep) // TRACKS)
    lap = sweep // (every * BOX_HZ * 20)  # as in a street, other objects come into view: a name lasts 20 s
    names = [f"{number:08d}-0000-4000-8000-{turn:012d}" for number, turn in zip(track, lap, strict=True)]
    flat = np.zeros(len(track))
    boxes = {"timestamp_ns": t_ns[sweep], "track_uuid": names, "category": ["REGULAR_VEHICLE"] * len(track)}
    boxes |= {"length_m": flat + 4.5, "width_m": flat + 1.9, "height_m": flat + 1.6}
    boxes |= {"qw": flat + 1, "qx": flat, "qy": flat, "qz": flat, "num_interior_pts": np.full(len(track), 9)}
    places = {"tx_m": track * 2.0 - 40 + np.sin(sweep / 50), "ty_m": (track % 7) * 3.0 - 9, "tz_m": flat + 0.5}
    feather.write_feather(pa.table(boxes | places), log / "annotations.feather")
    if pictures:
        make_pictures(log, t_ns[::every])


def make_pictures(log: Path, t_ns: np.ndarray) -> None:
    """Pictures of noise at 10 Hz, wide enough that each is decoded, made smaller and encoded again."""
    from PIL import Image

    lens = {"fx_px": 1680.0, "fy_px": 1680.0, "cx_px": 1024.0, "cy_px": 775.0, "height_px": 1550, "width_px": 2048}
    pose = {"qw": 0.5, "qx": -0.5, "qy": 0.5, "qz": -0.5, "tx_m": 1.6, "ty_m": 0.0, "tz_m": 1.4}
    for name, values in (("intrinsics", lens), ("egovehicle_SE3_sensor", pose)):
        table = pa.table({"sensor_name": ["ring_front_center"]} | {k: [v] for k, v in values.items()})
        feather.write_feather(table, log / "calibration" / f"{name}.feather")
    folder = log / "sensors" / "cameras" / "ring_front_center"
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 255, (78, 102, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((2048, 1550)).save(buffer, "JPEG", quality=60)
    first = folder / f"{t_ns[0]}.jpg"
    first.write_bytes(buffer.getvalue())
    for stamp in t_ns[1:]:
        os.link(first, folder / f"{stamp}.jpg")


def multiply(a: tuple, b: tuple) -> tuple:
    return (
        a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
        a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
        a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
        a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
    )


def turned(q: tuple, v: tuple) -> tuple:
    return multiply(multiply(q, (0.0, *v)), (q[0], -q[1], -q[2], -q[3]))[1:]


def pose_at(t_us: int, times: list[int], poses: list[tuple]) -> tuple:
    """(position, quaternion) between the poses around a moment."""
    after = min(max(bisect.bisect_left(times, t_us), 1), len(times) - 1)
    (p, q), (r, s) = poses[after - 1], poses[after]
    share = (t_us - times[after - 1]) / (times[after] - times[after - 1])
    dot = sum(a * b for a, b in zip(q, s, strict=True))
    s, dot = (tuple(-b for b in s), -dot) if dot < 0 else (s, dot)
    angle = math.acos(min(dot, 1.0))
    left, right = (1 - share, share)
    if angle >= 1e-6:
        left, right = math.sin((1 - share) * angle) / math.sin(angle), math.sin(share * angle) / math.sin(angle)
    mixed = tuple(left * a + right * b for a, b in zip(q, s, strict=True))
    length = math.sqrt(sum(value * value for value in mixed))
    place = tuple(a + share * (b - a) for a, b in zip(p, r, strict=True))
    return place, tuple(value / length for value in mixed)


def plain(log: Path, axle_height_m: float) -> dict[tuple[str, int], tuple]:
    """(track, tick) -> x, y, z in the frame of the first pose: every row on its own, of a log shorter than a clip."""
    times: list[int] = []
    poses: list[tuple] = []
    for row in feather.read_table(log / "city_SE3_egovehicle.feather").to_pylist():
        if not times or row["timestamp_ns"] // 1000 > times[-1]:
            times.append(row["timestamp_ns"] // 1000)
            quaternion = tuple(row[k] for k in ("qw", "qx", "qy", "qz"))
            length = math.sqrt(sum(value * value for value in quaternion))
            place = tuple(row[k] for k in ("tx_m", "ty_m", "tz_m"))
            poses.append((place, tuple(value / length for value in quaternion)))
    seen: dict[str, list[tuple]] = {}
    for row in feather.read_table(log / "annotations.feather").to_pylist():
        t_us = row["timestamp_ns"] // 1000
        place, quaternion = pose_at(t_us, times, poses)
        centre = turned(quaternion, tuple(row[k] for k in ("tx_m", "ty_m", "tz_m")))
        world = tuple(a + b for a, b in zip(place, centre, strict=True))
        seen.setdefault(row["track_uuid"], []).append((t_us, world))
    for path in sorted((log / "map").glob("*.json")):
        for lane in json.loads(path.read_text())["lane_segments"].values():
            [(point["x"], point["y"]) for side in ("left", "right") for point in lane[f"{side}_lane_boundary"]]
    return on_ticks(seen, times, poses, axle_height_m)


def on_ticks(seen: dict, times: list[int], poses: list[tuple], axle_height_m: float) -> dict:
    (origin, turn) = poses[0]
    down = turned(turn, (0.0, 0.0, -axle_height_m))
    origin = tuple(a + b for a, b in zip(origin, down, strict=True))
    inverse = (turn[0], -turn[1], -turn[2], -turn[3])
    rows = {}
    for name, sightings in seen.items():
        sightings.sort()
        stamps = [t for t, _ in sightings]
        for tick in range(times[0], times[-1] + 1, 100_000):
            after = bisect.bisect_left(stamps, tick)
            if len(stamps) < 2 or after == len(stamps) or (after == 0 and stamps[0] != tick):
                continue
            before = after if stamps[after] == tick else after - 1
            if stamps[after] - stamps[before] > 600_000:
                continue
            share = (tick - stamps[before]) / max(stamps[after] - stamps[before], 1)
            pairs = zip(sightings[before][1], sightings[after][1], origin, strict=True)
            rows[name, tick] = turned(inverse, tuple(a + share * (b - a) - c for a, b, c in pairs))
    return rows


def speed(scratch: Path) -> None:
    drives = Path(os.environ.get("CAUSEWAY_TEST_DRIVES", "")) / "av2_logs"
    if "CAUSEWAY_TEST_DRIVES" not in os.environ or not drives.is_dir():
        print("no av2_logs in CAUSEWAY_TEST_DRIVES: the log is a made-up one")
        drives = scratch / "log"
        make_log(drives / "made-up", 15.9, pictures=False)
    log = next(drives.glob("*/city_SE3_egovehicle.feather")).parent
    measured = ingested(drives, scratch / "clips", REPEATS)
    took, first_s = float(np.median(measured["took_s"])), measured["took_s"][0]
    print(f"imports {measured['imports_s']:.2f} s, reading alone {measured['read_s']:.3f} s")
    print(f"ingest of a log, written and hashed: {took:.2f} s (median of {REPEATS}, the first {first_s:.2f} s)")
    plain_s = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        rows = plain(log, axle_height_m=0.33)
        plain_s.append(time.perf_counter() - started)
    ours = pq.read_table(scratch / "clips-0" / "tracks.parquet").to_pylist()
    assert {(row["track_id"], row["t_us"]) for row in ours} == set(rows), "not the same boxes"
    off_m = max(math.dist((r["x_m"], r["y_m"], r["z_m"]), rows[r["track_id"], r["t_us"]]) for r in ours)
    assert off_m < 1e-6, f"boxes {off_m} m apart"
    ratio = float(np.median(plain_s)) / measured["read_s"]
    print(f"plain reading row by row: {np.median(plain_s):.3f} s; ratio to our reading {ratio:.1f}")
    print(f"{len(ours)} boxes on ticks, the same to {off_m:.1e} m; aim 2 s: {'met' if first_s <= 2 else 'MISSED'}")


def memory(scratch: Path, what: str) -> None:
    """Peaks of drives of which there are more, or that are longer; the smallest is the same in both."""
    peaks = []
    for factor in TIMES:
        drives = scratch / f"{what}-{factor}"
        length, number = (factor, 1) if what == "length" else (1, factor)
        for drive in range(number):
            make_log(drives / f"made-up-{drive}", length * CLIP_S - 0.1, pictures=True)
        measured = ingested(drives, scratch / f"clips-{what}-{factor}", 1)
        peaks.append(measured["peak_mb"])
        told = f"{number} drives of {length * CLIP_S:.0f} s"
        print(f"{told}: peak {measured['peak_mb']:.0f} MB, {measured['took_s'][0]:.1f} s")
    growth = max(peaks) / min(peaks) - 1
    print(f"{what}: largest peak over smallest + {growth:.1%}; aim 10 %: {'met' if growth <= 0.1 else 'MISSED'}")


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        speed(Path(scratch))
        for what in ("length", "number"):
            memory(Path(scratch), what)


if __name__ == "__main__":
    main()
