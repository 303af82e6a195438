"""Does the gate refuse what is worse and let pass what is the same? On a policy and samples given by path.

    .venv/bin/python benchmarks/measure_gate.py --policy P --samples S --scenes 16 --out out/gate-bench.json

First the policy is made worse in a dozen ways (`causeway.evaluation.worsened`), each held against the policy itself:
each must be refused, for a reason that fits. Then A/A: the same weights under new sampling seeds on clips drawn anew,
as many as the power calculation says: none must be refused. Limits that the policy itself does not keep are left out
and named: they would refuse everything, whatever is asked here. What a policy answered is remembered: most worsenings
change answers, not questions, so they cost no time of the model's. Latency is measured on the policy itself.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from causeway.artifacts import Artifact
from causeway.evaluation.gate_bench import clips_needed, judged, metrics_in, same_twice
from causeway.evaluation.measured import Measured
from causeway.evaluation.rules import Rules, parse_rules, rules_text
from causeway.evaluation.suites import SUITES, Data, SuiteConfig
from causeway.evaluation.worsened import WORSENINGS
from causeway.model.observation import Observation

Suites = dict[str, Measured]
ASKED = ("open-loop", "reasoning", "faithfulness", "closed-loop", "latency")
AGAIN = ("open-loop", "reasoning", "closed-loop")  # what another sampling seed changes; words forced on it do not


@dataclass(frozen=True, eq=False)
class Remembering:
    """A policy that is asked the same batch once."""

    policy: Any
    known: dict[str, Any] = field(default_factory=dict)

    def predict(self, samples: Sequence[Observation], n: int = 1, seed: Any = 0, **options: Any) -> Any:
        """What the policy answered to these very observations, seeds and options, or answers now."""
        asked = hashlib.blake2b(repr((n, seed, sorted(options.items()))).encode(), digest_size=16)
        for seen in samples:
            for part in (getattr(seen, one.name) for one in fields(seen)):
                asked.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
        key = asked.hexdigest()
        if key not in self.known:
            self.known[key] = self.policy.predict(samples, n=n, seed=seed, **options)
        return self.known[key]


def measured(
    policy: Any, asked: argparse.Namespace, suites: Sequence[str], seed: int, scenarios: Sequence[str] = ()
) -> Suites:
    """The suites of a policy."""
    data = Data(Artifact.open(asked.samples))
    config = SuiteConfig(limit=asked.limit, scenes=asked.scenes, calls=asked.calls, seed=seed, batch=asked.batch)
    found = {}
    for suite in suites:
        if suite == "closed-loop" and not asked.scenes:
            continue
        started = time.monotonic()
        closed = suite == "closed-loop"
        found[suite] = (
            driven(policy, data, config, scenarios) if closed else SUITES[suite](policy, data, config).measured
        )
        print(f"  {suite}: {len(found[suite].unit_ids)} units, {time.monotonic() - started:.0f} s", flush=True)
    return found


def driven(policy: Any, data: Data, config: SuiteConfig, scenarios: Sequence[str]) -> Measured:
    """The closed loop in the same scenes whatever the sampling seed; of all scenarios in turn, or of those named."""
    from causeway.evaluation.answers import AskConfig
    from causeway.evaluation.driving.closed_loop import baseline_rollouts, expert_rollouts, roll_out, scene_ids
    from causeway.evaluation.driving.rollout_scores import closed_loop
    from causeway.evaluation.selection import spec_of, world_spec

    scenes = scene_ids(config.scenes, 0, scenarios)
    rollouts = roll_out(policy, scenes, AskConfig(1, config.seed, config.batch), spec=world_spec(spec_of(data.samples)))
    return closed_loop(rollouts, expert_rollouts(scenes), baseline_rollouts(scenes))


def kept_rules(rules: Rules, champion: Suites) -> tuple[Rules, list[str]]:
    """(the rules without those that the policy does not pass against itself but for too few clips, their names)."""
    decision, _ = judged(champion, champion, rules)
    known = [(rule, row, row["verdict"] == "pass" if rule.margin is None else row["value"] is not None)
             for rule, row in zip(rules.rules, decision["rules"], strict=True)]  # fmt: skip
    kept = tuple(rule for rule, _, keeps in known if keeps)
    return rules.model_copy(update={"rules": kept}), [row["name"] for _, row, keeps in known if not keeps]


def worsened(policy: Remembering, champion: Suites, rules: Rules, asked: argparse.Namespace) -> list[dict[str, Any]]:
    """One row for each worsening."""
    rows = []
    for name, worse in WORSENINGS.items():
        print(name, flush=True)
        base = policy.policy if "latency" in worse.suites else policy
        suites = [suite for suite in worse.suites if suite in champion]
        again = ["closed-loop"] if worse.scenarios and "closed-loop" in champion else []
        before = champion | measured(policy, asked, again, 0, worse.scenarios)
        candidate = before | measured(worse.make(base), asked, suites, 0, worse.scenarios)
        decision, failed = judged(candidate, before, rules)
        right = sorted(set(failed) & set(worse.reasons))
        rows.append({"worsening": name, "decision": decision["decision"], "failed": failed, "right": right})
        print(f"  {decision['decision']}: {', '.join(failed) or '-'}; the right reason: {', '.join(right) or 'NONE'}")
    return rows


def same(policy: Any, rules: Rules, asked: argparse.Namespace) -> dict[str, Any]:
    """A/A runs on as many clips as the power calculation says."""
    print("A/A", flush=True)
    seeds = [measured(policy, asked, AGAIN, seed) for seed in range(1, asked.seeds + 1)]
    needed = clips_needed(seeds[0], seeds[1], rules)
    count = max((number for number in needed.values() if number), default=2)
    found: list[str] = []
    reasons: dict[str, int] = {}
    for run in range(asked.runs):
        ones, others = same_twice(seeds, count, run, metrics_in(rules))
        decision, failed = judged(ones, others, rules)
        found.append(decision["decision"])
        for metric in failed:
            reasons[metric] = reasons.get(metric, 0) + 1
    counts = {word: found.count(word) for word in ("promote", "inconclusive", "refuse")}
    pool = {name: len(set(suite.clusters)) for name, suite in seeds[0].items()}
    return {"runs": asked.runs, "clips": count, "drawn_from": pool, "needed": needed, **counts, "refused_for": reasons}


def main() -> None:
    """Run both and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", required=True)
    parser.add_argument("--samples", required=True)
    parser.add_argument("--rules", default="default")
    parser.add_argument("--limit", type=int, default=0, help="samples of the split, 0 = all")
    parser.add_argument("--scenes", type=int, default=0, help="closed loop, 0 = without")
    parser.add_argument("--calls", type=int, default=12, help="of the latency suite")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=4, help="A/A: sampling seeds, two or more")
    parser.add_argument("--runs", type=int, default=50, help="A/A runs")
    parser.add_argument("--only", choices=("worsened", "same"))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.seeds < 2:
        parser.error("A/A compares two sampling seeds: --seeds 2 or more")
    from causeway.model import Policy

    bare = Policy.load(Artifact.open(asked.policy).folder())
    policy = Remembering(bare)
    champion = measured(policy, asked, ASKED[:-1], 0) | measured(bare, asked, ASKED[-1:], 0)
    rules, left_out = kept_rules(parse_rules(rules_text(asked.rules)), champion)
    print("left out, as the policy itself does not keep them:", "; ".join(left_out) or "none")
    result: dict[str, Any] = {"left_out": left_out}
    if asked.only != "same":
        rows = worsened(policy, champion, rules, asked)
        right = sum(row["decision"] == "refuse" and bool(row["right"]) for row in rows)
        result |= {"worsened": rows, "refused_rightly": right, "of": len(rows)}
        print(f"{right} of {len(rows)} worsened policies refused for the right reason")
    if asked.only != "worsened":
        limited = rules.model_copy(update={"rules": tuple(r for r in rules.rules if r.metric.split("_")[0] not in
                                                          ("faithfulness", "latency"))})  # fmt: skip
        result["same"] = same(policy, limited, asked)
        print("A/A:", json.dumps(result["same"]))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
