"""A report's metrics in MLflow, on the run of the policy that was measured: value, low and high by suite.

Knows names that MLflow takes and that a report is logged once. Does not know the registry or what a metric means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

_A_CALL = 1000  # metrics that MLflow takes at once
_LONGEST = 250
_TAG = "report"


def log_report(client: MlflowClient, run_id: str | None, report_hash: str, report: Mapping[str, Any]) -> None:
    """Log a report on a run; nothing where there is no run, or where this very report is logged on it already.

    The tag that names the report comes last, so a logging that was cut short is done again.
    """
    from mlflow.entities import Metric

    if run_id is None:
        return
    run = client.get_run(run_id)
    if run.data.tags.get(_TAG) == report_hash:
        return
    metrics = [Metric(name, value, run.info.start_time, 0) for name, value in report_metrics(report)]
    for start in range(0, len(metrics), _A_CALL):
        client.log_batch(run_id, metrics=metrics[start : start + _A_CALL])
    client.set_tag(run_id, _TAG, report_hash)


def report_metrics(report: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """(`report/<metric>`, value) and, where they are known, `…/low` and `…/high`, in names that MLflow takes."""
    for name, metric in sorted(report.get("metrics", {}).items()):
        for part, ending in (("value", ""), ("low", "/low"), ("high", "/high")):
            value = metric.get(part)
            if value is not None:
                yield f"report/{plain_name(name)}{ending}", float(value)


def plain_name(name: str) -> str:
    """A name with what MLflow refuses written out: `@` as `_at_`, everything else that is strange as `_`."""
    return re.sub(r"[^\w\-./ ]", "_", name.replace("@", "_at_"))[:_LONGEST]
