"""Schedules: Kubeflow's recurring runs, by name.

A schedule names a pipeline and no version: each of its runs takes the version that was uploaded last. One run at a
time; times that were missed are not made up for. Kubeflow cannot change a recurring run, so another one of that name
takes its place. Knows the API's objects; does not know what pipelines do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from causeway.errors import UnusableInput, UsageError
from causeway.platform.cluster import pipelines_api as api
from causeway.platform.cluster.arguments import cluster_arguments
from causeway.platform.laptop import pipeline_function

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,51}[a-z0-9])?")
_FIELDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))  # seconds, minutes, hours, day, month, day of the week
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WORDS = frozenset((*_MONTHS, "sun", "mon", "tue", "wed", "thu", "fri", "sat"))
_PART = re.compile(r"(\*|\?|\d+|[a-z]{3})(?:-(\d+|[a-z]{3}))?(?:/(\d+))?")


@dataclass(frozen=True)
class Schedule:
    """What starts when: `cron` has six fields, seconds first, in UTC."""

    name: str
    pipeline: str  # as Kubeflow knows it
    cron: str
    arguments: Mapping[str, Any]


def schedule(name: str, pipeline: str, cron: str, settings: Sequence[str], root: str) -> Schedule:
    """A schedule as a person asks for it; UsageError for a name, time or setting that cannot be.

    A pipeline that records why it started is told the schedule's name, unless a reason was set.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name}: a schedule's name is at most 53 small letters, digits and -, a letter first")
    known = pipeline_function(pipeline)
    inputs = known.component_spec.inputs  # type: ignore[attr-defined]
    why = [f"reason=schedule {name}"] if "reason" in inputs else []
    arguments = cluster_arguments(pipeline, [*why, *settings], root)
    return Schedule(name, known.name, cron_of(cron), arguments)  # type: ignore[attr-defined]


def cron_of(text: str) -> str:
    """Six fields from five or six; UsageError that names the field for what is none."""
    parts = text.lower().split()
    if len(parts) == 5:
        parts = ["0", *parts]
    if len(parts) != 6:
        raise UsageError(f'--cron "{text}": write five fields, minute first, or six with seconds first: "0 3 * * *"')
    names = ("seconds", "minutes", "hours", "day of the month", "month", "day of the week")
    for name, part, bounds in zip(names, parts, _FIELDS, strict=True):
        for piece in part.split(","):
            if not _is_piece(piece, *bounds):
                raise UsageError(f'--cron "{text}": {part!r} is no {name} ({bounds[0]} to {bounds[1]})')
    return " ".join(parts)


def _is_piece(piece: str, low: int, high: int) -> bool:
    match = _PART.fullmatch(piece)
    if match is None:
        return False
    first, last, step = match.groups()
    for bound in (first, last):
        if bound and bound.isalpha() and bound not in _WORDS:
            return False
        if bound and bound.isdigit() and not low <= int(bound) <= high:
            return False
    if first in ("*", "?") and last:
        return False
    if first and last and first.isdigit() and last.isdigit() and int(last) < int(first):
        return False
    return step is None or int(step) > 0


def create(client: Any, wanted: Schedule) -> tuple[dict[str, Any], str]:
    """Make it so; what says the same already is left, what says something else is replaced.

    The new one is there before the old ones go, so that a kill between the two loses no schedule.
    """
    pipeline = api.pipeline_id(client, wanted.pipeline)
    newest = api.newest_version(client, pipeline) if pipeline else None
    if newest is None:
        short = wanted.pipeline.removeprefix("causeway-")
        raise UnusableInput(f"{wanted.pipeline}: never uploaded; causeway submit {short} --upload-only")
    before = named(client, wanted.name)
    same = [one for one in before if _says(one, wanted, pipeline)]
    kept = same[0].recurring_run_id if same else _make(client, wanted, pipeline)
    old = [one for one in before if one.recurring_run_id != kept]
    for one in old:
        api.patient(partial(client.delete_recurring_run, one.recurring_run_id))
    told = {"name": wanted.name, "id": kept, "cron": wanted.cron, "pipeline": wanted.pipeline}
    told |= {"kept": bool(same), "replaced": len(old)}
    how = "is there already" if same else "replaced" if before else "created"
    return told, f"schedule {wanted.name} {how}: {wanted.pipeline} (now {newest.display_name}) at {wanted.cron} UTC"


def _says(one: Any, wanted: Schedule, pipeline: str) -> bool:
    reference, trigger = one.pipeline_version_reference, one.trigger
    return bool(
        one.status == "ENABLED"
        and reference
        and reference.pipeline_id == pipeline
        and not reference.pipeline_version_id
        and trigger
        and trigger.cron_schedule
        and trigger.cron_schedule.cron == wanted.cron
        and dict((one.runtime_config and one.runtime_config.parameters) or {}) == dict(wanted.arguments)
    )


def _make(client: Any, wanted: Schedule, pipeline: str) -> str:
    from kfp_server_api import (
        V2beta1CronSchedule,
        V2beta1PipelineVersionReference,
        V2beta1RecurringRun,
        V2beta1RuntimeConfig,
        V2beta1Trigger,
    )

    body = V2beta1RecurringRun(
        display_name=wanted.name,
        description=f"{wanted.pipeline} at {wanted.cron}",
        experiment_id=api.experiment(client),
        pipeline_version_reference=V2beta1PipelineVersionReference(pipeline_id=pipeline),
        runtime_config=V2beta1RuntimeConfig(parameters=dict(wanted.arguments)),
        trigger=V2beta1Trigger(cron_schedule=V2beta1CronSchedule(cron=wanted.cron)),
        mode="ENABLE",
        max_concurrency="1",
        no_catchup=True,
    )
    made = api.patient(lambda: client._recurring_run_api.recurring_run_service_create_recurring_run(body))
    return made.recurring_run_id


def named(client: Any, name: str) -> list[Any]:
    """Recurring runs of that name; more than one only after a kill."""
    return [one for one in every(client) if one.display_name == name]


def every(client: Any) -> list[Any]:
    """All recurring runs."""
    found: list[Any] = []
    token = ""
    while True:
        answer = api.patient(partial(client.list_recurring_runs, page_size=100, page_token=token))
        found += answer.recurring_runs or []
        token = answer.next_page_token or ""
        if not token:
            return found


def listing(client: Any) -> tuple[dict[str, Any], str]:
    """Every schedule, as data and as lines."""
    rows = [_row(one) for one in every(client)]
    lines = [f"{r['name']}  {r['cron']} UTC  {r['status'].lower()}  {r['arguments']}" for r in rows]
    return {"schedules": rows}, "\n".join(lines) or "no schedules"


def _row(one: Any) -> dict[str, Any]:
    cron = one.trigger.cron_schedule.cron if one.trigger and one.trigger.cron_schedule else ""
    arguments = dict((one.runtime_config and one.runtime_config.parameters) or {})
    reference = one.pipeline_version_reference
    about = {"pipeline_id": reference.pipeline_id if reference else "", "status": str(one.status)}
    return {"name": one.display_name, "id": one.recurring_run_id, "cron": cron, "arguments": arguments} | about


def delete(client: Any, name: str) -> tuple[dict[str, Any], str]:
    """Delete by name. Kubernetes takes a run that is under way along: it belongs to the schedule."""
    found = named(client, name)
    for one in found:
        api.patient(partial(client.delete_recurring_run, one.recurring_run_id))
    return {"deleted": len(found)}, f"schedule {name}: {'deleted' if found else 'there was none'}"
