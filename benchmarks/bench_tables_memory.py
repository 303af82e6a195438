"""How memory grows with the length of a drive that is tables: ingest beside a process that merely loads the tables.

Made-up drives of 2, 20 and 60 minutes: poses at 50 Hz, 20 agents at 10 Hz, in one Parquet row group each as pandas
writes it, in order of time and, the worst case, of the agents. Each is ingested in a process of its own; the other
side reads the same two tables with PyArrow and holds them. Aim: the peak of the longest drive at most 1.3 times that
of the shortest.

    .venv/bin/python benchmarks/bench_tables_memory.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MINUTES, AGENTS, POSE_HZ = (2, 20, 60), 20, 50
MAPPING = """
source: made-up
licence: none
vehicle: {vehicle_id: v, length_m: 4.5, width_m: 1.9, wheelbase_m: 2.8, rear_axle_to_centre_m: 1.4}
drives: [{id: drive}]
ego: {file: ego.parquet, columns: {t: t, x: x, y: y, yaw: yaw, speed: speed}}
agents:
  file: agents.parquet
  columns: {t: t, track_id: id, type: type, x: x, y: y, yaw: 0.0, length: 4.5, width: 1.9, height: 1.5}
  types: {C: car, P: pedestrian}
"""
MEASURED = """
import sys, time
{imports}
began = time.process_time()
{work}
took_s = time.process_time() - began
# not ru_maxrss: that of a child begins with its parent's
print(took_s, *(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
INGEST = MEASURED.format(
    imports="from causeway.artifacts import run\nfrom causeway.clips.ingest import IngestConfig, ingest",
    work="run(ingest, {'drives': sys.argv[1] + '/rig.yaml'}, out=sys.argv[1] + '/clips', config=IngestConfig())",
)
LOAD = MEASURED.format(
    imports="import pyarrow.parquet as pq",
    work="held = [pq.read_table(f'{sys.argv[1]}/{name}.parquet') for name in ('ego', 'agents')]",
)


def make_drive(folder: Path, minutes: int, by_agent: bool) -> None:
    """A drive at 8 m/s among agents that keep their distance; a name lasts 20 s, as in a street."""
    folder.mkdir()
    t = np.arange(minutes * 60 * POSE_HZ + 1) / POSE_HZ
    flat = np.zeros(len(t))
    pq.write_table(pa.table({"t": t, "x": 8 * t, "y": flat, "yaw": flat, "speed": flat + 8}), folder / "ego.parquet")
    ticks = minutes * 600 + 1
    t, agent = np.repeat(np.arange(ticks) / 10, AGENTS), np.tile(np.arange(AGENTS), ticks)
    names = [f"{number:04d}-{turn:06d}" for number, turn in zip(agent, (t // 20).astype(int), strict=True)]
    columns = {"t": t, "id": names, "type": np.where(agent % 3, "C", "P")}
    table = pa.table(columns | {"x": 8 * t + agent * 3 - 30, "y": (agent % 5) * 3.0 - 6})
    pq.write_table(
        table.sort_by([("id", "ascending"), ("t", "ascending")]) if by_agent else table, folder / "agents.parquet"
    )
    (folder / "rig.yaml").write_text(MAPPING)


def measured(code: str, folder: Path) -> tuple[float, float]:
    """(CPU seconds, peak of memory in MiB) of a process of its own."""
    done = subprocess.run([sys.executable, "-c", code, str(folder)], check=True, capture_output=True, text=True)
    seconds, peak_mib = done.stdout.split()[-2:]
    return float(seconds), float(peak_mib)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        ours, loaded = [], []
        for minutes, by_agent in [*((minutes, False) for minutes in MINUTES), (MINUTES[-1], True)]:
            folder = Path(scratch, f"{minutes}-{by_agent}")
            make_drive(folder, minutes, by_agent)
            (took_s, peak), (_, held) = measured(INGEST, folder), measured(LOAD, folder)
            ours.append(peak)
            loaded.append(held)
            drive = f"{minutes:3d} min by {'agents' if by_agent else 'time'}"
            print(f"{drive}: ingest {peak:.0f} MiB, {took_s:.1f} CPU s; both tables held {held:.0f} MiB")
        growth, other = max(ours) - ours[0], max(loaded) - loaded[0]
        print(f"growth: ingest {growth:.0f} MiB, tables held {other:.0f} MiB; ratio {growth / other:.2f}")
        ratio = max(ours) / ours[0]
        print(f"longest over shortest {ratio:.2f}; aim 1.3: {'met' if ratio <= 1.3 else 'MISSED'}")


if __name__ == "__main__":
    main()
