"""Quality gate: 100 000 ego rows in 500 clips through our gate, and through the same expectations one at a time.

    .venv/bin/python benchmarks/bench_quality_gate.py [--clips 500] [--ticks 200]

Ours: facts of all clips and one Great Expectations batch a suite. The other side has the same facts and the same
expectations, each validated alone in an ephemeral context of its own, as the library's quick start does. A third
figure is the floor: the same bounds on the same facts as plain NumPy comparisons. The library's import is timed
apart. Both sides must find the same violations; planted faults see to it that there are some.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from causeway.artifacts import Artifact, write_artifact
from causeway.artifacts.schemas import SCHEMAS
from causeway.quality import SUITES, engine
from causeway.quality.checking import quality_of
from causeway.quality.engine import check_table
from causeway.quality.expectations import MANY, Suite
from causeway.quality.facts.clips import clip_facts

FAULTY = 10  # every tenth clip


def _ego(clip: int, ticks: int, rng: np.random.Generator) -> dict:
    t = np.arange(ticks)
    speed = np.clip(8 + 4 * np.sin(t / 40 + clip) + rng.normal(0, 0.02, ticks), 0, None)
    yaw = np.cumsum(0.02 * np.sin(t / 60 + clip)) * 0.1
    step = np.append(0.0, speed[1:] * 0.1)
    x, y = np.cumsum(step * np.cos(yaw)), np.cumsum(step * np.sin(yaw))
    told = speed * (3.6 if clip % FAULTY == 0 else 1.0)
    columns = {"clip_id": [f"clip-{clip:05d}"] * ticks, "t_us": t * 100_000, "x_m": x, "y_m": y, "speed_mps": told}
    columns |= {"qw": np.cos(yaw / 2), "qz": np.sin(yaw / 2), "speed_source": ["measured"] * ticks}
    columns |= {"accel_mps2": np.gradient(told) * 10, "yaw_rate_radps": np.gradient(yaw) * 10}
    columns |= {"observed_us": t * 100_000, "derived_speed_mps": speed}
    return columns | {name: np.zeros(ticks) for name in ("z_m", "qx", "qy", "curvature_per_m")}


def make_clips(folder: Path, clips: int, ticks: int) -> Artifact:
    """A clips artifact with ego motion and a rig row a clip, in which every tenth clip tells its speed in km/h."""
    rng = np.random.default_rng(5)
    schema = SCHEMAS["clips"]["ego"].schema
    tables = [pa.table({n: c[n] for n in schema.names}, schema=schema)
              for c in (_ego(i, ticks, rng) for i in range(clips))]  # fmt: skip
    ids = [f"clip-{i:05d}" for i in range(clips)]
    flags = dict.fromkeys(("has_tracks", "has_map", "has_signals"), False)
    row = {"drive_id": "d", "licence": "CC0", "cameras": [], "start_us": 0, "end_us": (ticks - 1) * 100_000} | flags
    rows = [row | {"clip_id": i, "ticks": ticks} for i in ids]
    rig = {"camera": "", "model": "none", "length_m": 4.5, "width_m": 1.9, "wheelbase_m": 2.7}
    rigs = [rig | {"clip_id": i} for i in ids]
    write_artifact("clips", {"clips": rows, "ego": pa.concat_tables(tables), "rigs": rigs}, folder)
    with pq.ParquetWriter(folder / "ego.parquet", schema, compression="zstd") as writer:
        for table in tables:  # a row group a clip, as ingest writes them
            writer.write_table(table)
    return Artifact.open(folder)


def one_at_a_time(facts: dict[str, pa.Table]) -> int:
    """The same expectations over the same facts, each alone in a new ephemeral context; returns the violations."""
    found = 0
    for name, table in facts.items():
        for expectation in SUITES[name].expectations if table.num_rows else ():
            engine._context.cache_clear()
            found += check_table(table, Suite(name, "", (expectation,))).checks[0].unexpected
    return found


def plain(facts: dict[str, pa.Table]) -> int:
    """The same bounds as NumPy comparisons, without names, examples or a report; returns the violations."""
    found = 0
    for name, table in facts.items():
        for e in SUITES[name].expectations if table.num_rows else ():
            column = table.column(e.column)
            if e.check == "between":
                values = column.to_numpy(zero_copy_only=False).astype(float)
                found += int(((values < e.low) | (values > (np.inf if e.high == MANY else e.high))).sum())
            elif e.check in ("true", "in_set"):
                allowed = {True} if e.check == "true" else set(e.values)
                found += sum(v is not None and v not in allowed for v in column.to_pylist())
            elif e.check == "not_null":
                found += column.null_count
            elif e.check == "unique":
                _, counts = np.unique(np.array(column.to_pylist(), dtype=str), return_counts=True)
                found += int(counts[counts > 1].sum())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--ticks", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        clips = make_clips(Path(scratch, "clips"), arguments.clips, arguments.ticks)
        started = time.perf_counter()
        engine._context()
        import great_expectations.expectations  # noqa: F401

        imported_s = time.perf_counter() - started
        started = time.perf_counter()
        report = quality_of(clips)
        ours_s = time.perf_counter() - started
        ours = sum(c.unexpected for c in report.checks)
        started = time.perf_counter()
        parts = list(clip_facts(clips))
        facts = {name: pa.concat_tables([part[name] for part in parts]) for name in parts[0]}
        none = pa.nulls(len(facts["clips"]), pa.float64())
        facts["clips"] = facts["clips"].append_column("unusable_track_share", none)
        facts_s = time.perf_counter() - started
        started = time.perf_counter()
        for name, table in facts.items():
            check_table(table, SUITES[name])
        together_s = time.perf_counter() - started
        started = time.perf_counter()
        theirs = one_at_a_time(facts)
        alone_s = time.perf_counter() - started
        theirs_s = facts_s + alone_s
        started = time.perf_counter()
        floor = plain(facts)
        plain_s = facts_s + time.perf_counter() - started
    assert ours == theirs == floor, (ours, theirs, floor)
    rows = arguments.clips * arguments.ticks
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = f"{rows} ego rows in {arguments.clips} clips"
    print(f"{size}, {len(report.checks)} expectations, {ours} violations on each side")
    print(f"library's import          {imported_s:8.2f} s")
    print(f"ours (facts and report)   {ours_s:8.2f} s, of which facts {facts_s:.2f} s; peak memory {peak_mb:.0f} MB")
    print(f"one expectation at a time {theirs_s:8.2f} s, {theirs_s / ours_s:.1f} x ours")
    print(f"  without the facts       {alone_s:8.2f} s, {alone_s / together_s:.1f} x our {together_s:.2f} s")
    print(f"plain NumPy, no report    {plain_s:8.2f} s, ours is {ours_s / plain_s:.1f} x that")


if __name__ == "__main__":
    main()
