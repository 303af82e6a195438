"""What an artifact of results holds: quality, policies, rollouts, reports, gate decisions, releases.

Knows their JSON files. Does not load models: sizes come from the headers of the weights.
"""

import json
import math
from pathlib import Path
from typing import Any

from causeway.artifacts import Artifact
from causeway.errors import UnusableInput
from causeway.platform.show_sections import Section, counted

_LONGEST_HEADER = 100 << 20  # bytes of JSON before the weights


def quality(artifact: Artifact) -> list[Section]:
    """Each expectation that does not hold, the worst first."""
    raw = _json(artifact, "quality.json")
    rows = []
    for check in raw.get("checks", ()):
        wanted = check.get("expectation") or {}
        if check.get("unexpected"):
            first = ", ".join(map(str, check.get("examples", ())))
            rows.append((wanted.get("name"), wanted.get("on_failure"), check["unexpected"], check.get("rows"), first))
    verdict = "passed" if raw.get("passed") else "refused"
    heads = ("expectation", "on failure", "violations", "rows", "examples")
    return [
        Section("verdict", ("suite", "verdict", "summary"), ((raw.get("suite"), verdict, raw.get("summary")),)),
        Section("what does not hold", heads, tuple(sorted(rows, key=lambda row: -row[2]))),
    ]


def policy(artifact: Artifact) -> list[Section]:
    """Scale, size, and the losses of every stage."""
    raw = _json(artifact, "config.json")
    scale = raw.get("scale") or {}
    weights = [name for name in artifact.manifest.files if name.endswith(".safetensors")]
    size = sum(_parameters(artifact.path(name)) for name in weights)
    about = (scale.get("name"), size, raw.get("vision_tokenizer"), raw.get("action_tokens"), raw.get("vocabulary_size"))
    heads = ("scale", "parameters", "vision", "action tokens", "vocabulary")
    return [Section("policy", heads, (about,)), _losses(artifact)]


def _losses(artifact: Artifact) -> Section:
    """First and last loss of each stage."""
    stages: dict[str, list[float]] = {}
    if "losses.jsonl" in artifact.manifest.files:
        path = artifact.path("losses.jsonl")
        for number, text in enumerate(path.read_text().splitlines(), start=1):
            line = _parsed(text, f"{path} line {number}")
            stages.setdefault(str(line.get("stage")), []).append(float(line.get("loss", math.nan)))
    rows = tuple((stage, len(values), values[0], values[-1], min(values)) for stage, values in stages.items())
    return Section("losses", ("stage", "steps", "first", "last", "lowest"), rows)


def _parameters(path: Path) -> int:
    """Numbers in a safetensors file, from its header."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = _parsed(file.read(min(length, _LONGEST_HEADER)).decode(errors="replace"), str(path))
    return sum(math.prod(t["shape"]) for name, t in header.items() if name != "__metadata__")


def rollouts(artifact: Artifact) -> list[Section]:
    """One row a drive."""
    drives: dict[tuple, list[dict]] = {}
    for row in (row for rows in artifact.look("rollouts") for row in rows.to_pylist()):
        drives.setdefault((row["driver"], row["scene"], row["seed"]), []).append(row)
    rows = []
    for (driver, scene, seed), ticks in sorted(drives.items(), key=str):
        events = [name for name in _EVENTS if any(tick[name] for tick in ticks)]
        speeds = [tick["speed_mps"] for tick in ticks if tick["speed_mps"] is not None]
        times = [tick["t_us"] for tick in ticks if tick["t_us"] is not None]
        length_s = (max(times) - min(times)) / 1e6 if times else None
        slowest, fastest = min(speeds, default=None), max(speeds, default=None)
        ends = (length_s, slowest, fastest, ticks[-1]["progress_m"], ", ".join(events))
        rows.append((driver, scene, seed, *ends))
    heads = ("driver", "scene", "seed", "length_s", "slowest_mps", "fastest_mps", "progress_m", "events")
    return [Section("rollouts", heads, tuple(rows))]


_EVENTS = (
    "collision",
    "collision_at_fault",
    "off_road",
    "lane_departure",
    "wrong_way",
    "red_light_run",
    "stop_sign_run",
    "failure",
)


def report(artifact: Artifact) -> list[Section]:
    """Every metric with its interval, and the data it was measured on."""
    raw = _json(artifact, "report.json")
    metrics = tuple(
        (name, m.get("value"), m.get("low"), m.get("high"), m.get("n"), m.get("unit"))
        for name, m in sorted((raw.get("metrics") or {}).items())
    )
    measured = sorted((raw.get("data") or {}).items())
    data = tuple((suite, d.get("name"), str(d.get("content_hash"))[:12]) for suite, d in measured)
    return [
        Section("metrics", ("metric", "value", "low", "high", "n", "unit"), metrics),
        Section("measured on", ("suite", "data", "content hash"), data),
        counted("notes", "note", raw.get("notes") or ()),
    ]


def gate(artifact: Artifact) -> list[Section]:
    """The decision and each rule with its numbers."""
    raw = _json(artifact, "decision.json")
    said = ("name", "verdict", "value", "limit", "detail")
    rules = tuple(tuple(rule.get(name) for name in said) for rule in raw.get("rules") or ())
    return [
        Section("decision", ("decision", "summary"), ((raw.get("decision"), raw.get("summary")),)),
        Section("rules", ("rule", *said[1:]), rules),
    ]


def release(artifact: Artifact) -> list[Section]:
    """Everything the release says."""
    raw = _json(artifact, "release.json")
    return [Section("release", ("what", "is"), tuple((name, str(value)) for name, value in sorted(raw.items())))]


def _json(artifact: Artifact, name: str) -> dict[str, Any]:
    path = artifact.path(name)
    return _parsed(path.read_text(encoding="utf-8", errors="replace"), str(path))


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise UnusableInput(f"{where}: not JSON ({error}); make the artifact again") from error
    if not isinstance(raw, dict):
        raise UnusableInput(f"{where}: no object; make the artifact again")
    return raw
