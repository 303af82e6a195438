"""How right are labels? The rule teacher and the critic against the truth of the built-in world.

Makes drives without pictures, goes the way of the pipeline up to the evidence, matches moments to the truth by their t0
(within 0.3 s, one to one) and prints: which truths have a moment; of which the evidence holds a trace of the cause; how
often decisions and the first component are right, with a confusion table; how many labels broken on purpose in twelve
ways the critic does not accept, and how many true ones.

    .venv/bin/python benchmarks/measure_labels.py --turns 12 --out /tmp/labels

Thresholds of the rules were chosen on seeds below 1010; what is reported anywhere comes from seeds from there on.
A truth counts apart where the row of evidence holds no trace of its cause: no column has its id (somebody far off,
beyond the reach of the map), the road shows no bend or end of our lane yet, or no route is known. Nobody who sees only
that row can name it. A truth without a cause that was in view is left out: there is nothing to name.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from label_breaks import WAYS, Told, told

from causeway.artifacts import Artifact, run
from causeway.clips.ingest import IngestConfig, ingest
from causeway.evidence import Evidence, read_evidence
from causeway.evidence.step import FeatureConfig, build_features
from causeway.meta_actions.moments import MomentConfig, find_moments
from causeway.meta_actions.step import each_drive_meta_actions, extract_meta_actions
from causeway.reasoning.behaviour import Behaviour, DriveBehaviour
from causeway.reasoning.critic import CriticConfig, criticise, status_of
from causeway.reasoning.label import make_label
from causeway.reasoning.mapping import consistent
from causeway.reasoning.records import CocRecord, Component, record_from_row
from causeway.reasoning.teachers import teacher
from causeway.simulation import export

NEAR_US = 300_000
_ROAD = ("left_curve", "right_curve")


@dataclass(frozen=True)
class Case:
    """A truth with the moment that was found for it."""

    drive_id: str
    scenario: str
    truth: CocRecord
    evidence: Evidence
    behaviour: Behaviour

    def known(self) -> bool:
        """Whether the evidence holds a trace of the first cause."""
        first = self.truth.components[0]
        if first.kind in ("lane_end", "route_merge"):
            return self.evidence.lane_end_distance_m is not None
        if first.category == "routing_intent":
            return self.evidence.route_action not in (None, "keep")
        if first.kind in _ROAD:
            return abs(self.evidence.curve_curvature_per_m or 0.0) > 0.001
        ids = {v for n, v in vars(self.evidence).items() if n.endswith("_id") and n not in ("moment_id", "clip_id")}
        return first.category == "lane" or first.track_id in ids


def build(folder: Path, seed: int, turns: int) -> None:
    """Drives of all scenarios and everything up to their evidence, unless it is there."""
    at = {name: str(folder / name) for name in ("drives", "clips", "meta", "moments", "evidence")}
    world = export.WorldConfig(scenes=turns * len(export.SCENARIOS), seed=seed)
    run(export.make_world, {}, out=at["drives"], config=world)
    run(ingest, {"drives": at["drives"]}, out=at["clips"], config=IngestConfig())
    run(extract_meta_actions, {"clips": at["clips"]}, out=at["meta"])
    run(find_moments, {"meta": at["meta"], "clips": at["clips"]}, out=at["moments"], config=MomentConfig())
    inputs = {"moments": at["moments"], "clips": at["clips"]}
    run(build_features, inputs, out=at["evidence"], config=FeatureConfig())


def cases(folder: Path) -> Iterator[tuple[dict, Case | None]]:
    """Every truth with its case; None where no moment was found for it."""
    truth = [row for row in Artifact.open(folder / "drives").table("truth").to_pylist() if row["components"]]
    seen = {e.moment_id: e for e in read_evidence(Artifact.open(folder / "evidence"))}
    moments: dict[str, list[Evidence]] = defaultdict(list)
    for evidence in seen.values():
        moments[evidence.moment_id.rsplit("@", 1)[0]].append(evidence)
    of_truth = _matched(truth, moments)
    clips = Artifact.open(folder / "clips")
    drives = {row["drive_id"] for row in truth}
    behaviour = {name: DriveBehaviour(meta) for name, _, meta in each_drive_meta_actions(clips, drives)}
    for i, row in enumerate(truth):
        evidence = of_truth.get(i)
        if evidence is None:
            yield row, None
            continue
        after = behaviour[row["drive_id"]].after(evidence.t0_us)
        record = _sayable(record_from_row(row), evidence.t0_us)
        yield row, Case(row["drive_id"], row["scenario"], record, evidence, after)


def _matched(truth: list[dict], moments: dict[str, list[Evidence]]) -> dict[int, Evidence]:
    """{row of the truth: its moment}, the nearest pairs first."""
    apart = [(abs(m.t0_us - row["t0_us"]), i, m) for i, row in enumerate(truth) for m in moments[row["drive_id"]]]
    found: dict[int, Evidence] = {}
    taken: set[str] = set()
    for off_us, i, moment in sorted(apart, key=lambda one: (one[0], one[1], one[2].moment_id)):
        if off_us <= NEAR_US and i not in found and moment.moment_id not in taken:
            found[i] = moment
            taken.add(moment.moment_id)
    return found


def _sayable(record: CocRecord, t0_us: int) -> CocRecord:
    """A truth as a label says it: seen up to t0, and no id for what the evidence has no ids for (lanes and bends)."""

    def said(c: Component) -> Component:
        until = min(c.observed_to_us, t0_us)
        named = None if c.category in ("lane", "routing_intent") or c.kind in _ROAD else c.track_id
        return replace(c, track_id=named, observed_from_us=min(c.observed_from_us, until), observed_to_us=until)

    return replace(record, components=tuple(said(c) for c in record.components))


def measure_teacher(found: list[Case]) -> None:
    """Decisions and first components of the rule teacher, with what was taken for what."""
    rules, config = teacher("rules"), CriticConfig()
    right, confused, by_scenario = Counter[str](), Counter[tuple[str, str]](), defaultdict[str, Counter[str]](Counter)
    for case in found:
        record = make_label(case.evidence, case.behaviour, rules, config).record
        true = (case.truth.longitudinal_decision, case.truth.lateral_decision)
        said = (record.longitudinal_decision, record.lateral_decision)
        hits = {"decisions": true == said, "component": bool(record.components) and _same(case.truth, record)}
        for counter in (right, by_scenario[case.scenario]):
            counter.update(["moments", *(name for name, hit in hits.items() if hit)])
        confused[" + ".join(true), " + ".join(said)] += 1
    print(f"\n{'scenario':26s} {'moments':>8s} {'decisions':>10s} {'component':>10s}")
    for name, count in [*sorted(by_scenario.items()), ("all", right)]:
        shares = " ".join(f"{count[what] / count['moments']:10.1%}" for what in ("decisions", "component"))
        print(f"{name:26s} {count['moments']:8d} {shares}")
    print("\nconfusion: truth -> said")
    for (true, said), number in sorted(confused.items(), key=lambda item: (item[0][0], -item[1])):
        print(f"{number:6d}  {true:52s} {'=' if true == said else '-> ' + said}")


def _same(truth: CocRecord, record: CocRecord) -> bool:
    """The same thing: category, kind and id."""
    true, said = truth.components[0], record.components[0]
    return (true.category, true.kind, true.track_id) == (said.category, said.kind, said.track_id)


def measure_critic(found: list[Case], seed: int = 0) -> None:
    """How many labels broken in each way are not accepted, and how many true ones are not."""
    records = [case.truth for case in found]
    alarms = Counter(reason for case in found for reason in _alarms(told(case.truth, case.evidence), case)[:1])
    print(f"\ntrue labels: {len(found)}, false alarms {sum(alarms.values()) / len(found):.2%}")
    for reason, number in alarms.most_common(12):
        print(f"{number:6d}  {reason}")
    total = Counter[str]()
    print(f"\n{'broken on purpose':24s} {'labels':>8s} {'caught':>8s}")
    for number, way in enumerate(WAYS):
        rng = np.random.default_rng([seed, number])
        made = [(way(c.truth, c.evidence, rng, records), c) for c in found]
        broken = [(label, case) for label, case in made if label is not None]
        caught = sum(bool(_alarms(label, case)) for label, case in broken)
        total.update(labels=len(broken), caught=caught)
        print(f"{way.__name__:24s} {len(broken):8d} {caught / max(len(broken), 1):8.1%}")
    print(f"{'all':24s} {total['labels']:8d} {total['caught'] / max(total['labels'], 1):8.1%}")


def _alarms(label: Told, case: Case) -> list[str]:
    """Why a label is not accepted, checked as the step does; [] when it is."""
    critique = criticise(label.record, label.trace, label.evidence)
    b = case.behaviour
    verdict = consistent(label.record, b.longitudinal, b.lateral, b.lane)
    if status_of(label.record, critique, verdict, CriticConfig()) == "accepted":
        return []
    reasons = [*critique.reasons, *([f"consistency: {verdict}"] if verdict == "no" else [])]
    return reasons or ["no cause"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the drives; what is there is used again")
    parser.add_argument("--seed", type=int, default=2000, help="of the first drive of each scenario")
    parser.add_argument("--turns", type=int, default=12, help="drives of each scenario; 0: only what is there")
    parser.add_argument("--more", type=Path, nargs="*", default=[], help="further such folders, counted too")
    asked = parser.parse_args()
    if asked.turns:
        export.PICTURES = replace(export.PICTURES, cameras=())
        export.PROCESSES = 1
        build(asked.out, asked.seed, asked.turns)
    both = [one for folder in (asked.out, *asked.more) for one in cases(folder)]
    lost = Counter(row["scenario"] for row, case in both if case is None)
    found = [case for _, case in both if case is not None]
    known = [case for case in found if case.known()]
    blind = Counter(
        f"{c.truth.components[0].kind} {c.truth.components[0].relative_pose}" for c in found if not c.known()
    )
    print(f"truths {len(both)}, moments found {len(found)}, the evidence can know {len(known)}")
    print(f"no moment: {dict(lost.most_common())}\nno trace in the evidence: {dict(blind.most_common())}")
    print("\n# where the evidence can know")
    measure_teacher(known)
    print("\n# every moment found")
    measure_teacher(found)
    print("\n# the critic, where the evidence can know")
    measure_critic(known)


if __name__ == "__main__":
    main()
