"""Facts of truth, meta actions, moments and evidence: does a row fit its own closed set, time and neighbours?

Knows rows of one table each. Does not know bounds. Times after t0 are positive.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from causeway.artifacts.closed_sets import CHANNELS, COMPONENT_CATEGORIES, TRACK_TYPES
from causeway.clips.geometry import FUTURE_US, HISTORY_US

_WINDOW_US = HISTORY_US + FUTURE_US
_LEAD = ("lead_track_id", "lead_type", "lead_distance_m", "lead_speed_mps")
_OF_MAPS = ("lane_offset_m", "stop_line_distance_m", "crosswalk_id", "bump_id", "sign_id", "cone_id")


def with_columns(table: pa.Table, **columns: Any) -> pa.Table:
    """The table with further columns, given as Arrow arrays, or lists of text or flags."""
    for name, values in columns.items():
        table = table.append_column(name, values if isinstance(values, pa.Array) else pa.array(values))
    return table


def texts(values: Iterable[Any]) -> pa.Array:
    """Text, null for None."""
    return pa.array([None if v is None else str(v) for v in values], pa.string())


def flags(values: Iterable[bool | None]) -> pa.Array:
    """Flags, null for None."""
    return pa.array(list(values), pa.bool_())


def reals(values: Iterable[float | None]) -> pa.Array:
    """Numbers, null for None and NaN."""
    return pa.array([None if v is None or not np.isfinite(v) else float(v) for v in values], pa.float64())


def truth_facts(truth: pa.Table) -> pa.Table:
    """`truth.parquet` with flags on its components."""
    rows = truth.select(["drive_id", "t0_us", "components"]).to_pylist()
    of_components = component_flags([(r["t0_us"], r["components"]) for r in rows])
    # the world knows until when a cause could be seen, also after the decision: it must have begun by then
    began = (all(_seen_by({"from": c["observed_from_us"]}, r["t0_us"]) for c in _there(r["components"])) for r in rows)
    return with_columns(
        truth.drop_columns(["components"]),
        subject=texts(f"{r['drive_id']}@{r['t0_us']}" for r in rows),
        **of_components,
        began_before_t0=flags(began),
    )


def component_flags(rows: list[tuple[int, list[dict] | None]]) -> dict[str, pa.Array]:
    """For lists of components at t0: are the categories known, was all seen by t0, are ranks 1, 2, 3 …"""
    return {
        "components_known": flags(all(c["category"] in COMPONENT_CATEGORIES for c in _there(cs)) for _, cs in rows),
        "observed_before_t0": flags(all(_seen_by(_times(c), t0) for c in _there(cs)) for t0, cs in rows),
        "ranks_whole": flags(sorted(c["rank"] or 0 for c in _there(cs)) == _counted(_there(cs)) for _, cs in rows),
        "components": texts("; ".join(_said(c, t0) for c in _there(cs)) for t0, cs in rows),
    }


def _there(components: list[dict] | None) -> list[dict]:
    return [c for c in components or () if c is not None]


def _counted(components: list[dict]) -> list[int]:
    return list(range(1, len(components) + 1))


def _times(component: Mapping) -> dict[str, int | None]:
    return {name: component.get(f"observed_{name}_us") for name in ("from", "to")}


def _seen_by(times_us: Mapping[str, int | None], t0_us: int) -> bool:
    return all(t <= t0_us for t in times_us.values() if t is not None)


def _said(component: Mapping, t0_us: int) -> str:
    text = f"{component.get('category')} {component.get('kind') or ''}".strip()
    until = component.get("observed_to_us")
    if until is None:
        return text
    return f"{text} seen until {abs(until - t0_us) / 1e6:.1f} s {'after' if until > t0_us else 'before'} t0"


def meta_action_facts(actions: pa.Table) -> pa.Table:
    """`meta_actions.parquet` with its key in words and, of a clip with lane actions, whether every tick has one."""
    clip_ids = actions.column("clip_id").to_pylist()
    named = [name is not None for name in actions.column("lane").to_pylist()]
    some = {clip for clip, has in zip(clip_ids, named, strict=True) if has}
    whole = [has if clip in some else None for clip, has in zip(clip_ids, named, strict=True)]
    subject = (f"{c} {t}" for c, t in zip(clip_ids, actions.column("t_us").to_pylist(), strict=True))
    return with_columns(actions, subject=texts(subject), lane_whole=flags(whole))


def moment_facts(moments: pa.Table) -> pa.Table:
    """`moments.parquet` with: are the actions those of the channel, do they differ, are splits apart in time?"""
    rows = moments.to_pylist()
    near = _other_split(rows)
    known = [all(r[n] in CHANNELS.get(r["channel"], ()) for n in ("before", "after")) for r in rows]
    return with_columns(
        moments,
        subject=texts(r["moment_id"] for r in rows),
        change=texts(f"{r['channel']}: {r['before']} → {r['after']}" for r in rows),
        # a name of no channel is told by `actions_known` alone, a channel of no name by the channel's own closed set
        actions_known=flags(k if r["channel"] in CHANNELS else None for k, r in zip(known, rows, strict=True)),
        # a proactive scenario is a range of key frames in which nothing need change
        changes=flags(r["before"] != r["after"] or (r.get("end_us") or 0) > r["t0_us"] for r in rows),
        # the key frames of a proactive scenario go on to end_us
        range_s=reals(_after_s(r.get("end_us"), r["t0_us"]) for r in rows),
        apart=flags(other is None for other in near),
        nearest=texts(near),
    )


def _other_split(rows: list[dict]) -> list[str | None]:
    """For each moment one of another split in the same drive whose window overlaps its own, or None."""
    found: list[str | None] = [None] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: (_drive(rows[i]), rows[i]["t0_us"] or 0))
    for place, i in enumerate(order):
        for j in order[place + 1 :]:
            one, other = rows[i], rows[j]
            if _drive(one) != _drive(other) or (other["t0_us"] or 0) - (one["t0_us"] or 0) >= _WINDOW_US:
                break
            if one["split"] != other["split"]:
                found[i], found[j] = found[i] or _named(other), found[j] or _named(one)
    return found


def _named(row: Mapping) -> str:
    return f"{row['moment_id']} in {row['split']}"


def _drive(row: Mapping) -> str:
    """The drive of a moment: its id is drive@t0."""
    return str(row["moment_id"]).rsplit("@", 1)[0]


def evidence_facts(evidence: pa.Table) -> pa.Table:
    """`evidence.parquet` with times relative to t0 in seconds (positive = after), and flags.

    Columns count by their last words: `…_since_us`, `…_type`, `…_distance_m`.
    """
    rows = evidence.to_pylist()
    names = evidence.column_names
    began, types, ahead = ([n for n in names if n.endswith(e)] for e in ("_since_us", "_type", "_distance_m"))
    after = {name: [_after_s(r[f"{name}_us"], r["t0_us"]) for r in rows] for name in ("event", "created")}
    since = [max((s for n in began if (s := _after_s(r[n], r["t0_us"])) is not None), default=None) for r in rows]
    needed = {
        "has_tracks": [n for n in names if n.endswith("_track_id")],
        "has_map": [n for n in names if n in _OF_MAPS],
        "has_signals": ["signal_id"],
    }
    foreign = [sorted(f"{n} {r[n]}" for n in types if r[n] not in (None, *TRACK_TYPES)) for r in rows]
    return with_columns(
        evidence,
        subject=texts(r["moment_id"] for r in rows),
        event_after_t0_s=reals(after["event"]),
        created_after_t0_s=reals(after["created"]),
        since_after_t0_s=reals(since),
        # what is after t0 is told by `seen_by_t0` and has no age
        event_age_s=reals(-s if s is not None and s <= 0 else None for s in after["event"]),
        types_known=flags(not words for words in foreign),
        foreign_types=texts(", ".join(words) for words in foreign),
        lead_whole=flags(len({r[n] is None for n in _LEAD}) == 1 for r in rows),
        has_agrees=flags(all(r[flag] or r[n] is None for flag, ids in needed.items() for n in ids) for r in rows),
        nearest_m=reals(_extreme([r[n] for n in ahead]) for r in rows),
    )


def _after_s(t_us: int | None, t0_us: int) -> float | None:
    return None if t_us is None else (t_us - t0_us) / 1e6


def _extreme(distances: list[float | None]) -> float | None:
    """The distance that a bound from 0 to some reach would catch: the least if negative, else the largest."""
    known = [d for d in distances if d is not None]
    if not known:
        return None
    return min(known) if min(known) < 0 else max(known)
