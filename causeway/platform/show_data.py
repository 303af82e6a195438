"""What an artifact of drive data holds: drives, clips, meta actions, moments, evidence, labels, samples.

Knows the columns that a person asks about. Does not know files of policies and reports (`show_results`). Reads those
columns alone: pictures stay on disk.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import numpy as np
import pyarrow as pa

from causeway.artifacts import Artifact
from causeway.platform.show_sections import Section, counted, crossed, no_number
from causeway.reasoning.balance import balances, first_category, said_twice

Describe = Callable[[Artifact], list[Section]]


def drives(artifact: Artifact) -> list[Section]:
    """Moments of the built-in world by scenario and decision."""
    truth = _columns(artifact, "truth", "scenario", "longitudinal_decision", "lateral_decision")
    decisions = ("longitudinal_decision", "lateral_decision")
    return [crossed(f"moments by scenario and {d}", "scenario", _pairs(truth, "scenario", d)) for d in decisions]


def clips(artifact: Artifact) -> list[Section]:
    """One row a clip, and the tracks by type."""
    speeds = _by_clip(artifact, "ego", "speed_mps")
    sources = _by_clip(artifact, "ego", "speed_source")
    pictures = _by_clip(artifact, "frames", "camera")
    lanes = _by_clip(artifact, "lanes", "lane_id")
    tracks, types = _tracks(artifact)
    listed = []
    for row in (row for rows in artifact.look("clips", _CLIP) for row in rows.to_pylist()):
        name = row["clip_id"]
        speed = [value for value in speeds.get(name, ()) if value is not None and np.isfinite(value)]
        seen = f"{len(row['cameras'])} ({len(pictures.get(name, ()))} pictures)" if row["cameras"] else "-"
        tracked = tracks.get(name, 0) if row["has_tracks"] else None
        mapped = len(lanes.get(name, ())) if row["has_map"] else None
        moving = (min(speed), max(speed), sources[name][0]) if speed else (None, None, None)
        length_s = None if None in (row["start_us"], row["end_us"]) else (row["end_us"] - row["start_us"]) / 1e6
        has = (seen, tracked, mapped, "yes" if row["has_signals"] else "-", row["place"] or "-")
        listed.append((name, row["drive_id"], length_s, *moving, *has))
    heads = ("clip", "drive", "length_s", "slowest_mps", "fastest_mps", "speed", "cameras", "tracks", "lanes")
    return [Section("clips", (*heads, "signals", "place"), tuple(listed)), counted("tracks by type", "type", types)]


_CLIP = ("clip_id", "drive_id", "start_us", "end_us", "cameras", "has_tracks", "has_map", "has_signals", "place")


def _tracks(artifact: Artifact) -> tuple[Counter, list]:
    """{clip_id: number of tracks}, and the type of each of them; rows may be millions, so arrays alone."""
    types: dict[tuple, Any] = {}  # of (clip, track)
    for rows in artifact.look("tracks", ["clip_id", "track_id", "type"]):
        (clips, clip), (tracks, track), (kinds, kind) = (_encoded(column) for column in rows.columns)
        _, first = np.unique(clip * len(tracks) + track, return_index=True)
        types |= {(clips[clip[i]], tracks[track[i]]): kinds[kind[i]] for i in first}
    return Counter(clip for clip, _ in types), list(types.values())


def _encoded(column: pa.ChunkedArray) -> tuple[list, np.ndarray]:
    """(different values, for each row the number of its value)."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    indices = encoded.indices  # int32 without nulls; to_numpy() would bring pandas in
    data = memoryview(indices.buffers()[1] or b"")[4 * indices.offset :]
    return encoded.dictionary.to_pylist(), np.frombuffer(data, np.int32)[: len(indices)].astype(np.int64)


def _by_clip(artifact: Artifact, table: str, column: str) -> dict[str, list]:
    """{clip_id: values of a column}."""
    found: dict[str, list] = {}
    columns = _columns(artifact, table, "clip_id", column)
    for clip_id, value in zip(columns["clip_id"], columns[column], strict=True):
        found.setdefault(clip_id, []).append(value)
    return found


def meta_actions(artifact: Artifact) -> list[Section]:
    """Share of ticks of each name."""
    columns = _columns(artifact, "meta_actions", "longitudinal", "lateral", "lane")
    return [counted(f"{channel}, ticks", channel, values) for channel, values in columns.items()]


def moments(artifact: Artifact) -> list[Section]:
    """Scenarios by split, and what changed."""
    columns = _columns(artifact, "moments", "scenario", "split", "channel", "before", "after")
    before_after = zip(columns["channel"], columns["before"], columns["after"], strict=True)
    changes = (f"{channel}: {before} -> {after}" for channel, before, after in before_after)
    return [
        crossed("moments by scenario and split", "scenario", _pairs(columns, "scenario", "split")),
        counted("what changes", "change", changes),
    ]


def evidence(artifact: Artifact) -> list[Section]:
    """Share of moments with each thing known."""
    table = pa.concat_tables(artifact.look("evidence"))
    known = []
    for name in (n for n in table.column_names if n not in _NOT_FEATURES):
        values = table.column(name).to_pylist()
        count = sum(value is not None and value is not False and not no_number(value) for value in values)
        known.append((name, count, f"{count / max(len(values), 1):.1%}"))
    columns = {name: table.column(name).to_pylist() for name in ("scenario", "split")}
    features = Section(f"known at t0, of {table.num_rows} moments", ("feature", "moments", "share"), tuple(known))
    return [
        crossed("moments by scenario and split", "scenario", _pairs(columns, "scenario", "split")),
        *([features] if table.num_rows else []),
    ]


_NOT_FEATURES = ("moment_id", "clip_id", "t0_us", "event_us", "created_us", "scenario", "split")


def labels(artifact: Artifact) -> list[Section]:
    """Status by decision, cause and scenario, balance, what is said twice, reasons, and what waits for a person."""
    names = ("status", "longitudinal_decision", "lateral_decision", "consistent", "critic_score", "teacher", "scenario")
    columns = _columns(artifact, "labels", *names, "reasons", "components", "moment_id", "clip_id", "t0_us")
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    scores = [s for s in columns["critic_score"] if s is not None and np.isfinite(s)]
    spread = (("critic score", len(scores), *np.quantile(scores, [0, 0.5, 1]).tolist()),) if scores else ()
    causes = [(first_category(row), row["status"]) for row in rows]
    reasons = [reason for row in rows for reason in row["reasons"] or ()]
    accepted = [row for row in rows if row["status"] == "accepted"]
    return [
        crossed("longitudinal decision by status", "decision", _pairs(columns, "longitudinal_decision", "status")),
        crossed("lateral decision by status", "decision", _pairs(columns, "lateral_decision", "status")),
        crossed("first cause by status", "category", causes),
        crossed("scenario by status", "scenario", _pairs(columns, "scenario", "status")),
        Section("balance of accepted labels", _BALANCE, tuple(astuple(b) for b in balances(accepted) if b.labels)),
        Section("said twice within a second", ("moment", "and"), tuple(said_twice(rows))),
        crossed("consistent by teacher", "consistent", _pairs(columns, "consistent", "teacher")),
        Section("scores", ("what", "labels", "lowest", "median", "highest"), spread),
        counted("reasons", "reason", reasons),
        counted("review queue", "status", _columns(artifact, "review_queue", "status")["status"]),
    ]


_BALANCE = ("of", "labels", "classes", "most frequent", "its share", "evenness")


def samples(artifact: Artifact) -> list[Section]:
    """Scenarios by split, decisions, and how many carry reasoning."""
    columns = _columns(artifact, "samples", "scenario", "split", "has_reasoning", "longitudinal_decision", "source")
    reasoning = [(s, "with reasoning" if h else "without") for s, h in _pairs(columns, "split", "has_reasoning")]
    return [
        crossed("samples by scenario and split", "scenario", _pairs(columns, "scenario", "split")),
        crossed("samples by split and reasoning", "split", reasoning),
        counted("longitudinal decisions", "decision", columns["longitudinal_decision"]),
        counted("sources", "source", columns["source"]),
    ]


def quarantine(artifact: Artifact) -> list[Section]:
    """Why rows could not be used, counted, with one example each."""
    if "quarantine.parquet" not in artifact.manifest.files:
        return []
    found: dict[str, list[str]] = {}
    for row in (row for rows in artifact.look("quarantine") for row in rows.to_pylist()):
        found.setdefault(str(row["reason"]), []).append(f"{row['where']}: {row['detail'] or ''}".rstrip(": "))
    rows = sorted(((reason, len(rows), rows[0]) for reason, rows in found.items()), key=lambda r: (-r[1], r[0]))
    return [Section("quarantine", ("reason", "rows", "first"), tuple(rows))]


def _columns(artifact: Artifact, table: str, *names: str) -> dict[str, list]:
    read = pa.concat_tables(artifact.look(table, names))
    return {name: read.column(name).to_pylist() for name in names}


def _pairs(columns: dict[str, list], first: str, second: str) -> list[tuple]:
    return list(zip(columns[first], columns[second], strict=True))
