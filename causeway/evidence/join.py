"""Moments joined with what was known at their t0: one row of evidence for each.

Knows how the times of the views become one and that nothing may be later than t0. Does not know Feast (`store`).
"""

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from causeway.errors import CausewayError
from causeway.evidence.store import known_at
from causeway.evidence.views import VIEWS

if TYPE_CHECKING:
    from feast import FeatureStore


def join(store: "FeatureStore", moments: pa.Table) -> pa.Table:
    """The features of every moment (moment_id, clip_id, t0_us, others are kept), in the order given.

    Adds event_us and created_us, the latest of the views' times. Raises CausewayError when rows got lost or a time
    is later than t0.
    """
    clip_ids, t0_us = (moments.column(name).combine_chunks() for name in ("clip_id", "t0_us"))
    known = known_at(store, "evidence_v1", clip_ids, t0_us)
    columns = {name: moments.column(name) for name in moments.column_names}
    for name in ("event_us", "created_us"):
        columns[name] = pc.max_element_wise(*(known.column(f"{view}_{name}") for view in VIEWS))
    columns |= {name: known.column(name) for names in VIEWS.values() for name in names}
    evidence = pa.table(columns)
    assert_not_later(evidence)
    return evidence


def assert_not_later(evidence: pa.Table) -> None:
    """CausewayError when a time (`…_us`) in a row of evidence is later than the row's t0_us."""
    for name in evidence.column_names:
        if name.endswith("_us") and name != "t0_us":
            late = pc.fill_null(pc.greater(evidence.column(name), evidence.column("t0_us")), False)
            if pc.any(late).as_py():
                moment_id = evidence.filter(late).column("moment_id")[0].as_py()
                raise CausewayError(f"moment {moment_id}: {name} is later than t0; evidence leaks the future")
