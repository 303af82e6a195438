"""Facts of evidence: is all of it from t0 or before, are its names known, does what belongs together stand together?

Knows rows of `evidence.parquet`, column by column: a row as Python values takes a hundred times the room. Does not
know bounds. Times after t0 are positive.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from causeway.artifacts.closed_sets import TRACK_TYPES
from causeway.quality.facts.columns import after_s, missing, real_column, real_values, whole, with_columns

_LEAD = ("lead_track_id", "lead_type", "lead_distance_m", "lead_speed_mps")
_OF_MAPS = ("lane_offset_m", "stop_line_distance_m", "crosswalk_id", "bump_id", "sign_id", "cone_id")


def evidence_facts(evidence: pa.Table) -> pa.Table:
    """`evidence.parquet` with times relative to t0 in seconds (positive = after), and flags.

    Columns count by their last words: `…_since_us`, `…_type`, `…_distance_m`.
    """
    names = evidence.column_names
    began, types, ahead = ([n for n in names if n.endswith(e)] for e in ("_since_us", "_type", "_distance_m"))
    event, created = (after_s(evidence, f"{name}_us", "t0_us") for name in ("event", "created"))
    needed = {
        "has_tracks": [n for n in names if n.endswith("_track_id")],
        "has_map": [n for n in names if n in _OF_MAPS],
        "has_signals": ["signal_id"],
    }
    foreign = _foreign(evidence, types)
    lead = [missing(evidence, name) for name in _LEAD]
    return with_columns(
        evidence,
        subject=whole(evidence, "moment_id"),
        event_after_t0_s=real_column(event),
        created_after_t0_s=real_column(created),
        since_after_t0_s=real_column(_most([after_s(evidence, name, "t0_us") for name in began], len(evidence))),
        # what is after t0 is told by `seen_by_t0` and has no age
        event_age_s=real_column(np.where(event <= 0, -event, np.nan)),
        types_known=pa.array([not words for words in foreign], pa.bool_()),
        foreign_types=pa.array(foreign, pa.string()),
        lead_whole=pa.array(np.all(lead, axis=0) | ~np.any(lead, axis=0)),
        has_agrees=pa.array(np.all([_agrees(evidence, flag, ids) for flag, ids in needed.items()], axis=0)),
        nearest_m=real_column(_extreme([real_values(evidence, name) for name in ahead], len(evidence))),
    )


def _foreign(evidence: pa.Table, types: Sequence[str]) -> list[str]:
    """For each row the columns of road users' types with a name that is none, in words; "" = all are known."""
    found: list[list[str]] = [[] for _ in range(evidence.num_rows)]
    for name in types:
        values = whole(evidence, name)
        bad = pc.invert(pc.or_(pc.is_null(values), pc.is_in(values, pa.array(TRACK_TYPES))))
        for row in np.flatnonzero(bad.to_numpy(zero_copy_only=False)).tolist():
            found[row].append(f"{name} {values[row].as_py()}")
    return [", ".join(sorted(words)) for words in found]


def _agrees(evidence: pa.Table, flag: str, names: Sequence[str]) -> NDArray[np.bool_]:
    """Nothing of a kind is named where the clip has none of it [n]."""
    has = pc.fill_null(whole(evidence, flag), False).to_numpy(zero_copy_only=False)
    return has | np.all([missing(evidence, name) for name in names], axis=0)


def _most(columns: Sequence[NDArray[np.float64]], rows: int) -> NDArray[np.float64]:
    """The largest of each row's numbers [n]; NaN where it has none."""
    return np.fmax.reduce([np.full(rows, np.nan), *columns])


def _extreme(distances: Sequence[NDArray[np.float64]], rows: int) -> NDArray[np.float64]:
    """The distance that a bound from 0 to some reach would catch [n]: the least if negative, else the largest."""
    least, most = (np.full(rows, np.nan) for _ in range(2))
    for values in distances:
        np.fmin(least, values, out=least)
        np.fmax(most, values, out=most)
    return np.where(least < 0, least, most)
