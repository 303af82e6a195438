"""Facts of truth, meta actions and moments: does a row fit its own closed set, time and neighbours?

Knows rows of one table each: whole columns at once, and truth, whose components are lists, in blocks of rows. Does not
know bounds. Times after t0 are positive.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from causeway.artifacts.closed_sets import CHANNELS, COMPONENT_CATEGORIES
from causeway.clips.geometry import FUTURE_US, HISTORY_US
from causeway.quality.facts.columns import after_s, flags, in_blocks, in_words, real_column, texts, whole, with_columns

_WINDOW_US = HISTORY_US + FUTURE_US
_FAR_US = 2**62  # no drive is there, and a window more still fits into 64 bits


def truth_facts(truth: pa.Table) -> pa.Table:
    """`truth.parquet` with flags on its components."""
    return in_blocks(truth, _truth_facts)


def _truth_facts(truth: pa.Table) -> pa.Table:
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
    clip_id = whole(actions, "clip_id")
    named = pc.is_valid(whole(actions, "lane"))
    some = pc.is_in(clip_id, pc.unique(clip_id.filter(named)))
    lane_whole = pc.if_else(some, named, pa.scalar(None, pa.bool_()))
    return with_columns(actions, subject=in_words(clip_id, " ", whole(actions, "t_us")), lane_whole=lane_whole)


def moment_facts(moments: pa.Table) -> pa.Table:
    """`moments.parquet` with: are the actions those of the channel, do they differ, are splits apart in time?"""
    channel, before, after = (whole(moments, name) for name in ("channel", "before", "after"))
    near = _other_split(moments)
    range_s = after_s(moments, "end_us", "t0_us")
    later = pc.greater(pc.fill_null(whole(moments, "end_us"), 0), whole(moments, "t0_us"))
    return with_columns(
        moments,
        subject=whole(moments, "moment_id"),
        change=in_words(channel, ": ", before, " → ", after),
        # a name of no channel is told by `actions_known` alone, a channel of no name by the channel's own closed set
        actions_known=_known(channel, before, after),
        # a proactive scenario is a range of key frames in which nothing need change
        changes=pc.or_(_differ(before, after), later),
        # the key frames of a proactive scenario go on to end_us
        range_s=real_column(range_s),
        apart=pc.is_null(near),
        nearest=near,
    )


def _known(channel: pa.Array, before: pa.Array, after: pa.Array) -> pa.Array:
    """Are both actions names of their channel? Null for a channel that is none."""
    known = pa.nulls(len(channel), pa.bool_())
    for name, actions in CHANNELS.items():
        both = pc.and_(*(pc.is_in(column, pa.array(actions, pa.string())) for column in (before, after)))
        known = pc.if_else(pc.fill_null(pc.equal(channel, name), False), both, known)
    return known


def _differ(one: pa.Array, other: pa.Array) -> pa.Array:
    """Are two texts not the same? Null is the same as null alone."""
    return pc.fill_null(pc.not_equal(one, other), pc.xor(pc.is_null(one), pc.is_null(other)))


def _other_split(moments: pa.Table) -> pa.Array:
    """For each moment one of another split in the same drive whose window overlaps its own, in words, or null."""
    drive = pc.replace_substring_regex(whole(moments, "moment_id"), "@[^@]*$", "")  # the id is drive@t0
    split = pc.fill_null(whole(moments, "split"), "").dictionary_encode()
    drives = pc.fill_null(drive, "").dictionary_encode().indices.to_numpy()
    splits = split.indices.to_numpy()
    t0_us = np.clip(pc.fill_null(whole(moments, "t0_us"), 0).to_numpy(zero_copy_only=False), -_FAR_US, _FAR_US)
    order = np.lexsort([t0_us, drives])
    other = np.full(len(order), -1)
    for rows in np.split(order, np.flatnonzero(np.diff(drives[order])) + 1):
        if len(rows) and (splits[rows] != splits[rows[0]]).any():
            at = _nearest_other(t0_us[rows], splits[rows])
            other[rows[at >= 0]] = rows[at[at >= 0]]
    found = pa.array(other, mask=other < 0)
    told = in_words(whole(moments, "moment_id"), " in ", whole(moments, "split"))
    return told.take(found)


def _nearest_other(t0_us: NDArray[np.int64], splits: NDArray[np.int32]) -> NDArray[np.int64]:
    """Of a drive's moments in order of time: the place of one in another split within a window, or -1.

    It is the earliest before the moment, else the first after it.
    """
    count = len(t0_us)
    place = np.arange(count)
    changes = np.append(np.flatnonzero(np.diff(splits)) + 1, count)
    following = changes[np.searchsorted(changes, place, side="right")]  # the first of another split after each
    first = np.searchsorted(t0_us, t0_us - _WINDOW_US, side="right")
    end = np.searchsorted(t0_us, t0_us + _WINDOW_US, side="left")
    before = np.where(splits[first] != splits, first, following[first])
    return np.where(before < place, before, np.where(following < end, following, -1))
