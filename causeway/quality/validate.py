"""One function hides Great Expectations: validate(table, suite) -> QualityReport.

Knows Great Expectations 1.24 and its faults: only column-map expectations are used (the quantile and KL ones crash in
`Checkpoint.run` with pandas 2 and numpy 2), results are read through `to_json_dict` (`describe_dict` fails the same
way), and anything over several columns is computed with numpy first. Does not know what a suite means.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from causeway.artifacts import Artifact
from causeway.artifacts.schemas import tables_of
from causeway.errors import UsageError
from causeway.quality.facts import clip_facts, key_facts, label_facts, sample_facts
from causeway.quality.picture_facts import picture_facts
from causeway.quality.report import Check, QualityReport
from causeway.quality.suites import SUITES, Expectation, rows_once

if TYPE_CHECKING:
    import great_expectations as gx

_EXAMPLES = 3


def validate(table: pa.Table, suite: str) -> QualityReport:
    """Check a table against a suite by name.

    The table has the columns that the suite names (facts tables for `clips` and `frames`). UsageError for a name
    that does not exist or a column that is missing.
    """
    if suite not in SUITES:
        raise UsageError(f"{suite}: no such suite; known are {', '.join(SUITES)}")
    return check(table, suite, SUITES[suite])


def quality_of(artifact: Artifact, suite: str = "") -> QualityReport:
    """The report on a whole artifact of any kind; `suite` chooses one by name, else the kind decides.

    A kind without a suite of its own is checked for filled keys and rows that are there twice.
    """
    kind = artifact.manifest.kind
    if suite and suite not in SUITES:
        raise UsageError(f"{suite}: no such suite; known are {', '.join(SUITES)}")
    name = suite or kind
    if name == "clips":
        return validate(clip_facts(artifact), "clips").with_checks(_frames_report(artifact).checks)
    if name == "frames":
        return _frames_report(artifact)
    if name in ("labels", "samples"):
        facts = label_facts if name == "labels" else sample_facts
        return validate(facts(artifact.table(name)), name)
    return _keys_report(artifact)


def _frames_report(artifact: Artifact) -> QualityReport:
    return validate(picture_facts(artifact), "frames")


def _keys_report(artifact: Artifact) -> QualityReport:
    report = QualityReport(artifact.manifest.kind, ())
    for name, spec in sorted(tables_of(artifact.manifest.kind).items()):
        if name != "quarantine" and f"{name}.parquet" in artifact.manifest.files:
            facts = key_facts(artifact.table(name, columns=spec.keys))
            report = report.with_checks(check(facts, name, rows_once(spec.keys)).checks)
    return report


def check(table: pa.Table, name: str, expectations: Sequence[Expectation]) -> QualityReport:
    """Run expectations over a table in an ephemeral Great Expectations context."""
    columns = list(dict.fromkeys(e.column for e in expectations))
    missing = [c for c in columns if c not in table.column_names]
    if missing:
        raise UsageError(f"suite {name}: the table has no column {missing[0]}")
    if table.num_rows == 0:  # nothing can violate an expectation but the one on the number of rows
        return QualityReport(name, tuple(_check_of_empty(e) for e in expectations))
    os.environ.setdefault("TQDM_DISABLE", "1")
    results = _run(table.select(columns), name, expectations)
    checks = tuple(_check(e, results[e.name], table) for e in expectations)
    return QualityReport(name, checks)


def _check_of_empty(expectation: Expectation) -> Check:
    passed = expectation.check != "rows" or (expectation.low or 0) <= 0
    return Check(expectation, passed, 0, 0)


def _run(table: pa.Table, name: str, expectations: Sequence[Expectation]) -> dict[str, dict[str, Any]]:
    """Result of each expectation by name, as Great Expectations gives them (plain JSON values)."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("tables").add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("all")
    suite = context.suites.add(gx.ExpectationSuite(name, expectations=[_translated(e) for e in expectations]))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name=name, validation_definitions=[definition], result_format={"result_format": "COMPLETE"})
    )
    outcome = checkpoint.run(batch_parameters={"dataframe": table.to_pandas()})
    (document,) = [run.to_json_dict() for run in outcome.run_results.values()]
    return {r["expectation_config"]["meta"]["name"]: r for r in document["results"]}


def _translated(e: Expectation) -> "gx.expectations.Expectation":
    import great_expectations.expectations as gxe

    common: dict[str, Any] = {"meta": {"name": e.name}, "notes": e.why}
    if e.check == "rows":
        return gxe.ExpectTableRowCountToBeBetween(min_value=int(e.low or 0), **common)
    common |= {"column": e.column, "mostly": e.mostly}
    if e.check == "between":
        return gxe.ExpectColumnValuesToBeBetween(min_value=e.low, max_value=e.high, **common)
    if e.check == "true":
        return gxe.ExpectColumnValuesToBeInSet(value_set=[True], **common)
    if e.check == "in_set":
        return gxe.ExpectColumnValuesToBeInSet(value_set=list(e.values), **common)
    if e.check == "unique":
        return gxe.ExpectColumnValuesToBeUnique(**common)
    return gxe.ExpectColumnValuesToNotBeNull(**common)


def _check(e: Expectation, result: dict[str, Any], table: pa.Table) -> Check:
    if result.get("exception_info", {}).get("raised_exception"):
        message = str(result["exception_info"].get("exception_message", "")).split("\n", maxsplit=1)[0]
        raise UsageError(f"suite: {e.name} cannot be checked on column {e.column}: {message}")
    detail = result["result"]
    if e.check == "rows":
        return Check(e, result["success"], table.num_rows, 0 if result["success"] else 1)
    failing = tuple(int(row) for row in detail.get("unexpected_index_list") or ())
    label = table.column("clip_id") if "clip_id" in table.column_names else None
    examples = [
        f"{label[row].as_py()}: {_shown(table, e.column, row)}" if label else str(_shown(table, e.column, row))
        for row in failing[:_EXAMPLES]
    ]
    return Check(e, result["success"], table.num_rows, len(failing), tuple(examples), failing)


def _shown(table: pa.Table, column: str, row: int) -> str:
    value = table.column(column)[row].as_py()
    return f"{value:.3g}" if isinstance(value, float) else str(value)
