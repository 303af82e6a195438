"""Parts of a suite that were measured apart, joined to the report of the whole.

Knows which parts belong together and that means and intervals are made anew from all values, so that the joined report
holds the numbers that one evaluation would. Does not know how anything was measured. The three samples to look at are
chosen among those that the parts show: best and worst are the whole's, the median one is near the middle.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from causeway.errors import UnusableInput
from causeway.evaluation.driving.films import worst_of
from causeway.evaluation.driving.rollout_scores import estimates_of
from causeway.evaluation.measured import Measured
from causeway.evaluation.report import Report, build_report

_SHARD = "shard"


def told_shard(measured: Measured, shard: int, shards: int) -> dict[str, Any]:
    """What a report must remember of a part so that it can be joined."""
    units = zip(measured.unit_ids, measured.groups, strict=True)
    groupings = {name: dict(zip(measured.unit_ids, of, strict=True)) for name, of in measured.groupings.items()}
    of = {"groups": dict(units), "groupings": groupings, "grouped": list(measured.grouped)}
    return {_SHARD: {"index": shard, "of": shards, **of}}


def is_shard(report: Report) -> bool:
    """Whether a report is a part of a suite."""
    return any(_SHARD in data for data in report["data"].values())


def joined(reports: Sequence[Report], values: Sequence[pa.Table], seed: int) -> Report:
    """The report of one suite from all its parts and their `values` tables.

    UnusableInput when parts are missing, doubled, of other policies or other data.
    """
    (suite,) = _only({tuple(report["suites"]) for report in reports}, "suites")
    (policy,) = _only({(report["policy"],) for report in reports}, "policies")
    data = [report["data"][suite] for report in reports]
    _only({(one["content_hash"],) for one in data}, "data")
    _complete([one[_SHARD] for one in data], suite)
    _whole(data, suite)
    measured = _measured(suite, reports, pa.concat_tables(values))
    whole = {name: value for name, value in data[0].items() if name != _SHARD}
    return build_report([measured], {suite: whole | worst_of(data)}, policy, seed)


def _only(found: set[tuple[str, ...]], what: str) -> tuple[str, ...]:
    if len(found) > 1:
        first, second = sorted(found)[:2]
        raise UnusableInput(f"parts of different {what} cannot be joined: {first} and {second}")
    return next(iter(found))


def _complete(shards: Sequence[Mapping[str, Any]], suite: str) -> None:
    got, of = sorted(shard["index"] for shard in shards), shards[0]["of"]
    if got != list(range(of)) or any(shard["of"] != of for shard in shards):
        raise UnusableInput(f"suite {suite} was measured in {of} parts, these are parts {got}; name each once")


def _whole(data: Sequence[Mapping[str, Any]], suite: str) -> None:
    """Parts cut with other batch sizes overlap and leave gaps: neither may go unnoticed."""
    units = [unit for one in data for unit in one[_SHARD]["groups"]]
    of = data[0].get("samples", len(units))
    if len(set(units)) != len(units) or len(units) != of:
        found = f"{len(units)} values of {len(set(units))} units, {of} in all"
        raise UnusableInput(f"parts of suite {suite} hold {found}; measure every part with the same batch size")


def _measured(suite: str, reports: Sequence[Report], values: pa.Table) -> Measured:
    shards = [report["data"][suite][_SHARD] for report in reports]
    group = {unit: name for shard in shards for unit, name in shard["groups"].items()}
    ids = sorted(group)
    place = {unit: number for number, unit in enumerate(ids)}
    columns, cluster = _columns(values, place)
    names = list(dict.fromkeys(values.column("metric").to_pylist()))
    named = shards[0]["groupings"]
    groupings = {name: {u: g for one in shards for u, g in one["groupings"][name].items()} for name in named}
    metrics = {name: metric for report in reports for name, metric in report["metrics"].items()}
    measured = Measured(
        suite=suite,
        unit_ids=ids,
        clusters=[cluster[unit] for unit in ids],
        groups=[group[unit] for unit in ids],
        values={name: columns[name] for name in names},
        units={name: metrics[name]["unit"] for name in names},
        counts={name: _count(name, reports) for name, metric in metrics.items() if metric["unit"] == "count"},
        estimates=estimates_of({name: columns[name] for name in names}),
        grouped=shards[0]["grouped"],
        groupings={name: [of[unit] for unit in ids] for name, of in groupings.items()},
        examples=_examples([one for report in reports for one in report["examples"]]),
        notes=list(dict.fromkeys(note for report in reports for note in report["notes"])),
    )
    return measured


def _columns(values: pa.Table, place: Mapping[str, int]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """(metric -> value by unit, unit -> cluster)."""
    columns: dict[str, np.ndarray] = {}
    cluster: dict[str, str] = {}
    rows = (values.column(name).to_pylist() for name in ("metric", "unit_id", "cluster", "value"))
    for metric, unit, of, value in zip(*rows, strict=True):
        columns.setdefault(metric, np.full(len(place), np.nan))[place[unit]] = np.nan if value is None else value
        cluster[unit] = of
    return columns, cluster


def _count(name: str, reports: Sequence[Report]) -> tuple[int, int]:
    found = [report["metrics"][name] for report in reports]
    return int(sum(one["value"] for one in found)), sum(one["n"] for one in found)


def _examples(shown: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of what the parts show the best, the worst, and what lies in the middle; one sample is shown once."""
    order = sorted(shown, key=lambda one: (one["score_m"], one["sample_id"]))
    if not order:
        return []
    picked = {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
    once = {one["sample_id"]: which for which, one in reversed(picked.items())}
    return [picked[which] | {"which": which} for which in picked if which in once.values()]
