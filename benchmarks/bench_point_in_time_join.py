"""Point-in-time join of many feature rows with many moments, late corrections filtered out: ours against others.

    .venv/bin/python benchmarks/bench_point_in_time_join.py            # 10 M rows, 500 k moments
    .venv/bin/python benchmarks/bench_point_in_time_join.py --rows 1000000 --moments 50000

Each side runs in a process of its own on the same files and tells seconds (imports left out, best of `--repeats`) and
peak memory (imports counted):
- ours: `causeway.evidence.store.known_at`, Feast on DuckDB, one shard after the other, as the features step does it
- asof: the fastest DuckDB ASOF joins by hand that we found which give the same answers
- leaky_asof: the ASOF join that one writes first; it takes corrections that were not written yet
- file_store: Feast's default offline store, which has no created-time filter and may lose rows
Rows are clips of 20 s at 10 Hz with 8 numbers; 2 % are corrected up to 3 s later. A shard is two million rows: smaller
ones take less memory, but Feast needs a tenth of a second to make the query of each, however few its rows. The answers
of ours and asof are compared row for row, and on a sample with a search in plain Python.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from causeway.evidence.views import TTL_US, UTC

START_US, TICK_US, CLIP_TICKS, SHARD_CLIPS = 1_700_000_000_000_000, 100_000, 200, 10_000
FEATURES = tuple(f"f{i}" for i in range(8))
KEYS = {"clip_id": pa.string(), "event_timestamp": UTC, "created": UTC}
SCHEMA = pa.schema(list((KEYS | dict.fromkeys(FEATURES, pa.float64())).items()))
Side = Callable[[], pa.Table]


def make(folder: Path, rows: int, moments: int) -> None:
    """Write rows/<shard>.parquet and moments/<shard>.parquet; the same numbers give the same files."""
    random = np.random.default_rng(20261121)
    clips = rows // CLIP_TICKS
    for name in ("rows", "moments"):
        (folder / name).mkdir()
    for shard, low in enumerate(range(0, clips, SHARD_CLIPS)):
        names = pa.array([f"clip-{i:06d}" for i in range(low, min(low + SHARD_CLIPS, clips))])
        with pq.ParquetWriter(folder / "rows" / f"{shard:03d}.parquet", SCHEMA, compression="zstd") as writer:
            for first in range(0, len(names), 100):
                writer.write_table(_rows(names.slice(first, 100), random))
        asked = moments * len(names) // clips
        clip, t_us = np.sort(random.integers(0, len(names), asked)), random.integers(0, CLIP_TICKS * TICK_US, asked)
        columns = {"moment": np.arange(asked) + shard * moments, "clip_id": names.take(pa.array(clip))}
        pq.write_table(pa.table(columns | {"t0_us": START_US + t_us}), folder / "moments" / f"{shard:03d}.parquet")


def _rows(names: pa.Array, random: np.random.Generator) -> pa.Table:
    ticks = np.arange(len(names) * CLIP_TICKS)
    again = np.sort(random.choice(ticks, len(ticks) // 50, replace=False))
    tick = np.concatenate([ticks, again])
    event_us = START_US + tick % CLIP_TICKS * TICK_US
    created_us = event_us + np.append(np.zeros(len(ticks), np.int64), random.integers(1, 3_000_000, len(again)))
    order = np.lexsort((created_us, tick))
    columns = {"clip_id": names.take(pa.array(tick[order] // CLIP_TICKS))}
    columns |= {
        "event_timestamp": pa.array(event_us[order]).cast(UTC),
        "created": pa.array(created_us[order]).cast(UTC),
    }
    return pa.table(columns | {name: random.random(len(tick)) for name in FEATURES}, schema=SCHEMA)


def ours(folder: Path) -> Side:
    from causeway.evidence.store import known_at, load_feast, open_store

    load_feast()
    from feast import FeatureService
    from feast.infra.offline_stores import duckdb as _duckdb  # noqa: F401  # imported lazily by feast

    from causeway.evidence.definitions import clip, feature_view

    work = Path(tempfile.mkdtemp(dir=folder))

    def run() -> pa.Table:
        parts = []
        for path in sorted((folder / "rows").iterdir()):
            view = feature_view("known", str(path), SCHEMA, clip, ttl=timedelta(microseconds=TTL_US))
            store = open_store(work, [clip, view, FeatureService(name="known_v1", features=[view])])
            asked = pq.read_table(folder / "moments" / path.name)
            known = known_at(store, "known_v1", *(asked.column(n).combine_chunks() for n in ("clip_id", "t0_us")))
            parts.append(known.append_column("moment", asked.column("moment")))
        return pa.concat_tables(parts)

    return run


def asof(folder: Path) -> Side:
    """The rows that were known at their event and the late ones are joined apart; the younger of the two counts.

    Of late rows, in the order in which they became known, those count that are the newest until then. It takes two
    thirds of the time of one ASOF join over all rows in the order in which they became known.
    """
    import duckdb

    rows = f"read_parquet('{folder}/rows/*.parquet')"
    later = "l.event_timestamp >= n.event_timestamp or n.event_timestamp is null"
    fresh = f"greatest(l.event_timestamp, n.event_timestamp) >= l.t0 - interval {TTL_US} microsecond"
    names = (f"case when {fresh} then case when {later} then l.{f} else n.{f} end end as {f}" for f in FEATURES)
    query = f"""
        with m as {_moments(folder)},
        late as (select * from (
            select *, max(event_timestamp) over (
                partition by clip_id order by created, event_timestamp rows unbounded preceding) as newest
            from {rows} where created > event_timestamp) where event_timestamp = newest),
        n as (select moment, r.* from m asof left join (select * from {rows} where created <= event_timestamp) r
            on m.clip_id = r.clip_id and m.t0 >= r.event_timestamp),
        l as (select moment, t0, r.* from m asof left join late r on m.clip_id = r.clip_id and m.t0 >= r.created)
        select {", ".join(names)}, moment from n join l using (moment)"""
    return lambda: duckdb.connect().sql(query).to_arrow_table()


def leaky_asof(folder: Path) -> Side:
    import duckdb

    fresh = f"r.event_timestamp >= m.t0 - interval {TTL_US} microsecond"
    names = ", ".join(f"case when {fresh} then r.{name} end as {name}" for name in FEATURES)
    query = f"""select {names}, moment from {_moments(folder)} m asof left join
        read_parquet('{folder}/rows/*.parquet') r on m.clip_id = r.clip_id and m.t0 >= r.event_timestamp"""
    return lambda: duckdb.connect().sql(query).to_arrow_table()


def _moments(folder: Path) -> str:
    return f"(select *, make_timestamptz(t0_us) as t0 from read_parquet('{folder}/moments/*.parquet'))"


def file_store(folder: Path) -> Side:
    from causeway.evidence.store import SETTINGS, load_feast, open_store

    load_feast()
    from feast import FeatureService
    from feast.infra.offline_stores import dask as _dask  # noqa: F401

    from causeway.evidence.definitions import clip, feature_view

    work = Path(tempfile.mkdtemp(dir=folder))
    lines = ("project: causeway", "provider: local", "registry: registry.db", "offline_store: {type: file}")
    (work / SETTINGS).write_text("\n".join((*lines, "entity_key_serialization_version: 3\n")))
    view = feature_view("known", str(folder / "rows"), SCHEMA, clip, ttl=timedelta(microseconds=TTL_US))
    store = open_store(work, [clip, view, FeatureService(name="known_v1", features=[view])])

    def run() -> pa.Table:
        asked = pq.read_table(folder / "moments")
        asked = asked.append_column("event_timestamp", asked.column("t0_us").cast(UTC)).drop_columns(["t0_us"])
        service = store.get_feature_service("known_v1")
        return store.get_historical_features(asked.to_pandas(), service).to_arrow()

    return run


SIDES = {side.__name__: side for side in (ours, asof, leaky_asof, file_store)}


def measure(name: str, folder: Path, repeats: int) -> dict[str, float]:
    """Run one side here; its answer is written to <name>.parquet."""
    warnings.simplefilter("ignore")
    side, seconds = SIDES[name](folder), []
    for _ in range(repeats):
        started = time.perf_counter()
        answer = side()
        seconds.append(time.perf_counter() - started)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pq.write_table(answer.select([*FEATURES, "moment"]).sort_by("moment"), folder / f"{name}.parquet")
    return {"seconds": min(seconds), "peak_mb": peak_mb, "rows": answer.num_rows}


def search(folder: Path, sample: int) -> int:
    """How many of a sample of moments have another answer than a plain search; the sample is of the first shard."""
    rows = pq.read_table(folder / "rows" / "000.parquet")
    event, created = (rows.column(n).cast(pa.int64()).to_numpy() for n in ("event_timestamp", "created"))
    clips = rows.column("clip_id").to_numpy()
    asked = pq.read_table(folder / "moments" / "000.parquet")
    chosen = np.random.default_rng(1).choice(asked.num_rows, min(sample, asked.num_rows), replace=False)
    answers = pq.read_table(folder / "ours.parquet")
    answers = {row["moment"]: row for row in answers.slice(0, asked.num_rows).to_pylist()}
    wrong = 0
    for moment in asked.take(pa.array(np.sort(chosen))).to_pylist():
        low, high = (np.searchsorted(clips, moment["clip_id"], side) for side in ("left", "right"))
        best = None
        for row in range(low, high):
            fresh = moment["t0_us"] - TTL_US <= event[row] <= moment["t0_us"]
            if fresh and created[row] <= moment["t0_us"] and (best is None or (event[row], created[row]) > best[:2]):
                best = (event[row], created[row], row)
        found = answers[moment["moment"]]
        wrong += any(found[f] != (None if best is None else rows.column(f)[best[2]].as_py()) for f in FEATURES)
    return wrong


def different(folder: Path, one: str, other: str) -> int:
    """Moments of which two sides say different things."""
    a, b = pq.read_table(folder / f"{one}.parquet"), pq.read_table(folder / f"{other}.parquet")
    if a.num_rows != b.num_rows:
        return max(a.num_rows, b.num_rows)
    differs = np.zeros(a.num_rows, dtype=bool)
    for name in (*FEATURES, "moment"):
        left, right = (pc.fill_null(t.column(name), -1).to_numpy() for t in (a, b))
        differs |= left != right
    return int(differs.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--moments", type=int, default=500_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=SIDES, default=list(SIDES))
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        print(json.dumps(measure(asked.side, asked.folder, asked.repeats)))
        return
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), asked.rows, asked.moments)
        report(Path(folder), asked.only, asked.repeats)


def report(folder: Path, names: list[str], repeats: int) -> None:
    found = {}
    for name in names:
        times = "1" if name == "file_store" else str(repeats)
        command = [sys.executable, __file__, "--side", name, "--folder", str(folder), "--repeats", times]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found[name] = json.loads(done.stdout.splitlines()[-1])
        print(
            f"{name:11} {found[name]['seconds']:7.2f} s {found[name]['peak_mb']:6.0f} MB {found[name]['rows']:8} rows",
            flush=True,
        )
    mine = found["ours"]["seconds"]
    for name in found:
        if name != "ours":
            print(f"ours takes {mine / found[name]['seconds']:.2f} of {name}")
    print(f"different from asof: {different(folder, 'ours', 'asof')} rows" if "asof" in found else "asof was not run")
    print(f"different from a plain search: {search(folder, 1_000)} of 1000 moments")


if __name__ == "__main__":
    main()
