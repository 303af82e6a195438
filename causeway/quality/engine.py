"""Great Expectations, hidden: one table of facts against one suite -> outcomes.

Knows Great Expectations 1.24 and its faults: a batch is validated without a Checkpoint (which costs a third more and
crashes on quantile and KL expectations with pandas 2 and numpy 2), only column-map expectations are used, results are
read through `to_json_dict` (`describe_dict` fails), an expectation that could not be evaluated is an error and never a
pass, and anything over several columns is computed with numpy first. Does not know what a suite means.
"""

import logging
import os
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import pyarrow as pa

from causeway.errors import UsageError
from causeway.quality.expectations import MANY, Expectation, Suite
from causeway.quality.report import Check, Failure, QualityReport

if TYPE_CHECKING:
    import great_expectations as gx
    from great_expectations.data_context import EphemeralDataContext

_SEVERITY = {"refuse": "critical", "drop_clip": "critical", "drop_row": "warning", "warn": "info"}


def check_table(table: pa.Table, suite: Suite) -> QualityReport:
    """Outcomes of every expectation of the suite; the table has the columns it names.

    Columns `subject` (what a row is of), `clip_id` and `item` (its place in the clip) are used where they are there.
    UsageError when a column is missing or an expectation cannot be evaluated on it.
    """
    expectations = suite.expectations
    missing = [e.column for e in expectations if e.column not in table.column_names]
    if missing:
        raise UsageError(f"suite {suite.name}: the table has no column {missing[0]}")
    if table.num_rows == 0:  # nothing can violate an expectation but the one on the number of rows
        return QualityReport(suite.name, tuple(_check_of_empty(suite.name, e) for e in expectations))
    results = _run(table.select(list(dict.fromkeys(e.column for e in expectations))), suite.name, expectations)
    return QualityReport(suite.name, tuple(_check(suite.name, e, results[e.name], table) for e in expectations))


def _check_of_empty(suite: str, expectation: Expectation) -> Check:
    violated = expectation.check == "rows" and (expectation.low or 0) > 0
    return Check(suite, expectation, 0, int(violated))


@cache
def _context() -> "EphemeralDataContext":
    """One context a process: making one takes longer than most checks."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _run(table: pa.Table, name: str, expectations: Sequence[Expectation]) -> dict[str, dict[str, Any]]:
    """Result of each expectation by name, as Great Expectations gives them (plain JSON values)."""
    import great_expectations as gx

    context, source_name = _context(), uuid4().hex  # a source must have a name of its own in the context
    source = context.data_sources.add_pandas(source_name)
    try:
        definition = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        batch = definition.get_batch({"dataframe": table.to_pandas()})
        suite = gx.ExpectationSuite(name, expectations=[_translated(e) for e in expectations])
        document = batch.validate(suite, result_format="COMPLETE").to_json_dict()
    finally:
        context.data_sources.delete(source_name)
    return {r["expectation_config"]["meta"]["name"]: r for r in document["results"]}


def _translated(e: Expectation) -> "gx.expectations.Expectation":
    import great_expectations.expectations as gxe

    common: dict[str, Any] = {"meta": {"name": e.name}, "notes": e.why, "severity": _SEVERITY[e.on_failure]}
    if e.check == "rows":
        return gxe.ExpectTableRowCountToBeBetween(min_value=int(e.low or 0), **common)
    common |= {"column": e.column}
    if e.check == "between":
        return gxe.ExpectColumnValuesToBeBetween(min_value=e.low, max_value=e.high, **common)
    if e.check == "true":
        return gxe.ExpectColumnValuesToBeInSet(value_set=[True], **common)
    if e.check == "in_set":
        return gxe.ExpectColumnValuesToBeInSet(value_set=list(e.values), **common)
    if e.check == "unique":
        return gxe.ExpectColumnValuesToBeUnique(**common)
    return gxe.ExpectColumnValuesToNotBeNull(**common)


def _check(suite: str, e: Expectation, result: dict[str, Any], table: pa.Table) -> Check:
    if e.check == "rows":
        return Check(suite, e, table.num_rows, 0 if result["success"] else 1)
    failing = [int(row) for row in result["result"].get("unexpected_index_list") or ()]
    if bool(failing) == bool(result["success"]):  # it raised: its result is empty
        message = next(iter(_messages(result.get("exception_info"))), "no reason given")
        raise UsageError(f"suite {suite}: {e.name} cannot be checked on column {e.column}: {message}")
    column = table.column(e.column)
    if e.check != "between":
        return Check(suite, e, table.num_rows, len(failing), tuple(_failure(e, table, row, 0.0) for row in failing))
    values = column.to_numpy(zero_copy_only=False).astype(np.float64)
    excess = _excess(e, values)
    failing.sort(key=lambda row: -excess[row])
    known = values[np.isfinite(values)]
    nearest = int(np.nanargmax(excess)) if len(known) else None
    return Check(
        suite,
        e,
        table.num_rows,
        len(failing),
        tuple(_failure(e, table, row, float(excess[row])) for row in failing),
        lowest=float(known.min()) if len(known) else None,
        highest=float(known.max()) if len(known) else None,
        nearest=None if nearest is None else _failure(e, table, nearest, float(excess[nearest])),
    )


def _messages(info: Any) -> list[str]:
    """First lines of the messages of exceptions, which are nested by metric."""
    if not isinstance(info, dict):
        return []
    own = [str(info["exception_message"]).split("\n", maxsplit=1)[0]] if info.get("exception_message") else []
    return own + [message for part in info.values() for message in _messages(part)]


def _excess(e: Expectation, values: np.ndarray) -> np.ndarray:
    """How far outside its bounds a value lies, in shares of their span; negative inside, NaN for null."""
    assert e.low is not None
    assert e.high is not None
    span = e.high - e.low if 0 < e.high - e.low < MANY else max(abs(e.low), 1.0)
    below = e.low - values
    if e.low == 0:  # the least that can be: coming near to it is no sign of anything
        below = np.where(below > 0, below, -np.inf)
    return np.maximum(values - e.high, below) / span


def _failure(e: Expectation, table: pa.Table, row: int, excess: float) -> Failure:
    def text(name: str) -> str:
        value = table.column(name)[row].as_py() if name in table.column_names else None
        return "" if value is None else str(value)

    value = table.column(e.column)[row].as_py()
    said = text(e.about) if e.about else ""
    if isinstance(value, float):
        number = f"{value:.3g} {e.unit}".rstrip()
        shown = f"{number} ({said})" if said else number
    else:
        shown = said or _word(value)
    item = table.column("item")[row].as_py() if "item" in table.column_names else -1
    return Failure(text("subject") or f"row {row}", text("clip_id"), item, shown, excess)


def _word(value: Any) -> str:
    words = {None: "nothing", False: "no", True: "yes"}
    return words[value] if value is None or isinstance(value, bool) else str(value)
