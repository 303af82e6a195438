"""The page at the end of a demo, put together from the run's own artifacts.

Knows which artifact each part of the page comes from, found through lineage. Does not know how the page looks
(`evaluation.page`), and measures nothing.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from causeway.artifacts import Artifact, Manifest, read_manifest, store
from causeway.evaluation.page.page import run_page
from causeway.evaluation.page.pictures import draw_path, enlarged, jpeg
from causeway.evaluation.page.run_parts import AnswerCard, LabelCard, RunSummary, StepLine
from causeway.platform.costs import cost_section, prices
from causeway.platform.lineage import WORLD, lineage
from causeway.platform.run_record import uses_under
from causeway.training.samples import load_samples

SHOWN_WAYPOINTS = 5
_TELLING = ("critical_object", "traffic_light")
_HIDDEN = {"moment_id", "clip_id", "t0_us", "event_us", "created_us", "scenario", "split", "channel"}


def write_page(
    path: Path,
    root: Path,
    samples: Manifest,
    causes: Manifest,
    release: Manifest,
    asked: Any,
    answer: dict[str, Any],
    drives: str,
) -> Path:
    """Write the page of one run to `path` and return it. `asked` is the sample the endpoint was asked about."""
    release = read_manifest(release.location)  # handed on unchanged it names who handed it on; there, who registered it
    made = list({m.content_hash: m for last in (causes, samples, release) for m in lineage(last, root)}.values())
    report = json.loads(_of(made, "report", release.inputs["report"]).path("report.json").read_text())
    decision = json.loads(_of(made, "gate", release.inputs["decision"]).path("decision.json").read_text())
    policy = _of(made, "policy", release.inputs["policy"])
    summary = RunSummary(
        title="Causeway: drives became a policy that answers",
        verdict=_verdict(drives),
        steps=[StepLine(m.step, m.kind, m.counts, m.took_s) for m in made],
        data=_data_lines(made, report),
        losses=_losses(policy),
        report=report,
        decision=decision,
        label=_label_card(made, causes),
        answer=_answer_card(asked, answer),
        sources=_sources(made),
        cost=_cost(root),
        gaps=_gaps(lineage(samples, root)) if samples.content_hash != causes.content_hash else [],
    )
    store.write_bytes(str(path), run_page(summary).encode())
    return path


def _of(made: Sequence[Manifest], kind: str, content_hash: str) -> Artifact:
    return Artifact(next(m for m in made if m.kind == kind and m.content_hash == content_hash))


def _verdict(drives: str) -> str:
    where = f"the drives in {Path(drives).name}" if drives else f"the {WORLD}"
    return f"Trained and measured on {where}. Minutes of training make a poor driver; the gate says how poor."


def _named(manifest: Manifest) -> str:
    return ", ".join(source["name"] for source in manifest.sources) or "no named source"


def _data_lines(made: Sequence[Manifest], report: dict[str, Any]) -> list[str]:
    """Which data each stage was trained on and each suite measured on, one line each."""
    samples = {m.content_hash: m for m in made if m.kind == "samples"}
    lines = []
    for manifest in made:
        if manifest.kind == "policy":
            data = samples[manifest.inputs["samples"]]
            taken, reasoned = manifest.counts["samples"], manifest.counts["with_reasoning"]
            of, named = data.counts["samples"], _named(data)
            lines.append(f"{manifest.step}: {taken} of {of} samples of {named}, {reasoned} of them with a cause")
    return lines + [f"{suite}: measured on {data['name']}" for suite, data in report["data"].items()]


def _losses(policy: Artifact) -> dict[str, list[tuple[int, float]]]:
    """Loss curves by stage, from the lines that travel with the policy."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for line in policy.path("losses.jsonl").read_text().splitlines():
        row = json.loads(line)
        curves.setdefault(row["stage"], []).append((int(row["step"]), float(row["loss"])))
    return curves


def _label_card(made: Sequence[Manifest], causes: Manifest) -> LabelCard | None:
    """An accepted label, its picture and what it cites; one that names a road user or a light tells most."""
    labels = _of(made, "labels", str(causes.inputs["labels"])).table("labels").to_pylist()
    pictures = {s.sample_id: s for s in load_samples(Artifact(causes), with_reasoning=True)}
    accepted = [r for r in labels if r["status"] == "accepted" and r["moment_id"] in pictures]
    if not accepted:
        return None
    chosen = next((r for r in accepted if r["components"][0]["category"] in _TELLING), accepted[0])
    rows = [r for m in made if m.kind == "evidence" for r in Artifact(m).table("evidence").to_pylist()]
    evidence = next(r for r in rows if r["moment_id"] == chosen["moment_id"])
    return LabelCard(
        picture=jpeg(enlarged(pictures[chosen["moment_id"]].observation.images[0, -1])),
        trace=chosen["trace"],
        decision=(chosen["longitudinal_decision"], chosen["lateral_decision"]),
        components=[
            {name: _shown(name, value, chosen["t0_us"]) for name, value in c.items() if value is not None}
            for c in chosen["components"]
        ],
        evidence=[
            (name, _shown(name, value, chosen["t0_us"])) for name, value in evidence.items() if _says(name, value)
        ],
        critic_score=chosen["critic_score"],
        moment=chosen["moment_id"],
        status=chosen["status"],
    )


def _says(name: str, value: Any) -> bool:
    return value is not None and name not in _HIDDEN


def _shown(name: str, value: Any, t0_us: int) -> str:
    """A value as a person reads it: times as seconds before the moment, numbers to three decimals."""
    if name.endswith("_us"):
        return f"{(t0_us - value) / 1e6:.1f} s before t0" if value != t0_us else "t0"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _answer_card(asked: Any, answer: dict[str, Any]) -> AnswerCard:
    seen = asked.observation
    picture = draw_path(enlarged(seen.images[0, -1]), answer["trajectory"][0], seen.rig[0])
    return AnswerCard(
        picture=jpeg(picture),
        decision=tuple(answer["decision"][0]),
        reasoning=answer["reasoning"][0],
        waypoints=[point[:2] for point in answer["trajectory"][0][:SHOWN_WAYPOINTS]],
        timing_ms=answer["timing_ms"],
        sample=asked.sample_id,
        policy_version=answer["policy_version"],
    )


def _sources(made: Sequence[Manifest]) -> list[dict[str, str]]:
    found = {(s["name"], s["licence"]) for m in made for s in m.sources}
    return [{"name": name, "licence": licence} for name, licence in sorted(found)]


def _cost(root: Path) -> tuple[tuple[str, ...], list[list[Any]], list[str]]:
    """Heads and rows of what all runs under the root used, and cost where there are prices; runs not in it."""
    uses, damaged = uses_under(str(root))
    missing = [f"not counted: {line}" for line in damaged]
    for line in missing:
        print(f"cost: {line}", file=sys.stderr)
    section = cost_section(uses, prices())
    return section.columns, [[row[0], *(f"{value:.4f}" for value in row[1:])] for row in section.rows], missing


def _gaps(own: Sequence[Manifest]) -> list[str]:
    """What these drives lack, and what therefore ran on the built-in world."""
    clips = next(Artifact(m).table("clips").to_pylist() for m in own if m.kind == "clips")
    labels = next(Artifact(m).table("labels").to_pylist() for m in reversed(own) if m.kind == "labels")
    caused = sum(1 for row in labels if row["status"] == "accepted" and row["components"])
    lines = [f"{caused} of {len(labels)} moments have a cause that was observable"]
    if not any(c["has_tracks"] for c in clips):
        lines.append("no tracks: no lead vehicle, obstacle or pedestrian can be a cause; no replay of the log")
    if not any(c["has_map"] for c in clips):
        lines.append("no map: no curve or lane can be a cause; the lane channel of meta actions is empty")
    if not any(c["has_signals"] for c in clips):
        lines.append("no traffic lights: no light can be a cause")
    lines.append(f"stages vlm, coc and rl were trained on the {WORLD}, whose causes are known")
    lines.append(f"reasoning, faithfulness and closed loop were measured on the {WORLD}")
    if all(c["has_tracks"] and c["has_map"] for c in clips):
        lines.append("these drives have boxes and a map: a log replay drives on in them, seen in drawn pictures")
    return lines
