"""The report: what was measured, on which data, as a dictionary that is written to report.json and read back.

Knows the shape {"metrics", "data", "policy", "suites", "groups", "measured", "examples", "notes", "training"}:
`measured` lists a suite's metrics, `training` what the policy's folder tells of how it was made (or null). Does not
know how a page looks or what is good enough.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from causeway.artifacts import Artifact
from causeway.errors import UnusableInput
from causeway.evaluation.measured import Measured, groupings_of, groups_of, metrics_of
from causeway.evaluation.suites import SUITES
from causeway.evaluation.training_record import fits

FILE_NAME = "report.json"
_PARTS = {"metrics": dict, "data": dict, "policy": str, "suites": list, "groups": dict, "examples": list, "notes": list}
_METRIC = ("value", "low", "high", "n", "unit")

Report = dict[str, Any]


def build_report(measured: Sequence[Measured], data: Mapping[str, Any], policy: str, seed: int) -> Report:
    """A report of suites; `data` {suite: {name, content_hash, sources, …}} says what each was measured on."""
    single = [
        {
            "metrics": metrics_of(one, seed),
            "data": {one.suite: data[one.suite]},
            "policy": policy,
            "suites": [one.suite],
            "groups": ({one.suite: groups_of(one, seed)} if one.grouped else {}) | groupings_of(one, seed),
            "examples": list(one.examples),
            "notes": list(one.notes),
            "measured": {one.suite: [*one.counts, *one.values, *one.estimates]},
        }
        for one in measured
    ]
    return merged(single)


def merged(reports: Sequence[Report]) -> Report:
    """One report of several about one policy; UnusableInput when they are of two policies or measure the same twice."""
    if not reports:
        raise UnusableInput("no reports to merge; name at least one")
    policies = sorted({report["policy"] for report in reports})
    if len(policies) > 1:
        raise UnusableInput(
            f"reports of different policies cannot be merged: {policies[0][:12]} and {policies[1][:12]}"
        )
    whole: Report = {"metrics": {}, "data": {}, "policy": policies[0], "suites": [], "groups": {}, "measured": {}}
    for part in ("metrics", "data", "groups", "measured"):
        for report in reports:
            held = report.get(part, {})
            twice = sorted(set(whole[part]) & set(held))
            if twice:
                raise UnusableInput(f"two reports both hold {part} {twice[0]!r}; leave one of them out")
            whole[part] |= held
    whole["suites"] = [name for name in SUITES if any(name in report["suites"] for report in reports)]
    whole["examples"] = [example for report in reports for example in report["examples"]]
    whole["training"] = next((report["training"] for report in reports if report.get("training")), None)
    whole["notes"] = list(dict.fromkeys(note for report in reports for note in report["notes"]))
    return whole


def to_json(report: Report) -> str:
    """The text of report.json; NaN is refused, a number that is not there is null."""
    return json.dumps(report, indent=1, sort_keys=True, allow_nan=False) + "\n"


def read_report(artifact: Artifact) -> Report:
    """The report of an artifact; UnusableInput when the file is no report of ours."""
    return from_json(artifact.path(FILE_NAME).read_text(encoding="utf-8"), artifact.location)


def from_json(text: str, where: str) -> Report:
    """A report from its text, its shape checked; UnusableInput says what does not fit."""
    try:
        report = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnusableInput(f"{where}: {FILE_NAME} is not JSON ({error}); evaluate again") from error
    for name, kind in _PARTS.items():
        if not isinstance(report, dict) or not isinstance(report.get(name), kind):
            raise UnusableInput(f"{where}: {FILE_NAME} holds no {name} ({kind.__name__}); evaluate again")
    for name, one in report["metrics"].items():
        _check_metric(name, one, where)
    if not fits(report.get("training")):
        raise UnusableInput(f"{where}: {FILE_NAME} tells of training in another shape; evaluate again")
    return report


def _check_metric(name: str, one: Any, where: str) -> None:
    if not isinstance(one, dict) or set(one) != set(_METRIC):
        raise UnusableInput(f"{where}: metric {name} needs {', '.join(_METRIC)}; evaluate again")
    numbers = [one[part] for part in ("value", "low", "high") if one[part] is not None]
    if not all(isinstance(x, int | float) and math.isfinite(x) for x in numbers) or not isinstance(one["n"], int):
        raise UnusableInput(f"{where}: metric {name} holds something that is no finite number; evaluate again")
