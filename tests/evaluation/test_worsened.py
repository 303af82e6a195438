"""The gate on policies that were made worse on purpose, and on the same policy twice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from causeway.evaluation.answers import AskConfig
from causeway.evaluation.baselines import arcs
from causeway.evaluation.gate import Evaluated, decide
from causeway.evaluation.gate_bench import clips_needed, evaluated, judged, metrics_in, same_twice
from causeway.evaluation.latency import latency
from causeway.evaluation.measured import Measured
from causeway.evaluation.open_loop_suite import open_loop
from causeway.evaluation.page.wording import suite_of
from causeway.evaluation.rules import Rules, parse_rules, rules_text
from causeway.evaluation.words.faithfulness import faithfulness
from causeway.evaluation.words.reasoning import reasoning
from causeway.evaluation.worsened import GO, STOP, WORSENINGS, Worsening, slow
from causeway.model.observation import ObservationSpec, Sample, example_observation
from causeway.model.prediction import Prediction

SPEC = ObservationSpec(cameras=("front_wide",), frame_offsets_s=(0.0,), height=4, width=4)
CLIPS = 170
LATENCY_S = 0.02


def scene(number: int) -> Sample:
    """Every other scene stops for a red light; the rest drive on, some of them round a bend."""
    stops, turn = number % 2 == 0, (-0.08, 0.0, 0.08)[number % 3]
    speed = 6.0 + number % 5
    ticks = np.arange(1, 65) * 0.1
    way = np.where(ticks < 4, speed * ticks - speed / 8 * ticks**2, speed * 2) if stops else speed * ticks
    path = arcs(np.ones(1), np.array([0.0 if stops else turn]))[0]
    yaw = path[:, 2]
    path = np.stack([way * np.cos(yaw / 2), way * np.sin(yaw / 2), yaw], axis=-1).astype(np.float32)
    seen = example_observation(0, SPEC, speed)
    seen = replace(seen, images=np.full_like(seen.images, 1 + number % 250), t0_us=seen.t0_us + number)
    words, decision = (STOP, ("stop_for_static_constraint", "none")) if stops else (GO, ("set_speed_tracking", "none"))
    return Sample(f"s{number:03d}", f"clip{number:03d}", seen.t0_us, "test", "a scene", seen, words, decision,
                  np.zeros((64, 2), dtype=np.float32), path)  # fmt: skip


SCENES = [scene(number) for number in range(CLIPS)]


@dataclass
class ByHeart:
    """Knows every scene by its picture, drives it with a little noise, and does what it is told instead."""

    def predict(
        self, samples: Sequence[Any], n: int = 1, seed: Any = 0, *, temperature: float = 0.6,
        forced_reasoning: Sequence[str] | None = None, use_reasoning: bool = True, **_: Any,
    ) -> Prediction:  # fmt: skip
        seeds = [seed] * len(samples) if isinstance(seed, int) else seed
        known = [self._known(one) for one in samples]
        words = list(forced_reasoning) if forced_reasoning else [scene.reasoning if scene else GO for scene in known]
        words = words if use_reasoning else [""] * len(words)
        rows = zip(samples, known, words, seeds, strict=True)
        return Prediction(
            reasoning=[[said] * n for said in words],
            decision=[[self._decision(said)] * n for said in words],
            trajectory_rig=np.stack([self._paths(*row, n) for row in rows]).astype(np.float32),
            controls=np.zeros((len(samples), n, 64, 2), dtype=np.float32),
            timing_ms={},
        )

    def _known(self, seen: Any) -> Sample | None:
        number = int(seen.images.flat[0]) - 1
        return SCENES[number] if number >= 0 else None

    def _decision(self, said: str) -> tuple[str, str]:
        return ("stop_for_static_constraint", "none") if said == STOP else ("set_speed_tracking", "none")

    def _paths(self, seen: Any, known: Sample | None, said: str, seed: int, n: int) -> np.ndarray:
        held = arcs(np.array([0.0 if "Stop" in said else seen.speed_mps]), np.zeros(1))[0]
        path = known.trajectory_rig if known and said == known.reasoning else held
        lean = np.arange(1, 65) / 64 * np.random.default_rng(seed).normal(0.0, 0.4, size=(n, 1))
        paths = np.repeat(np.asarray(path, dtype=np.float64)[None], n, axis=0)
        paths[..., 1] += lean
        return paths


SUITES: dict[str, Callable[[Any, int], Measured]] = {
    "open-loop": lambda policy, seed: open_loop(policy, SCENES, AskConfig(n=6, seed=seed, batch=32)),
    "reasoning": lambda policy, seed: reasoning(policy, SCENES, AskConfig(seed=seed, batch=32)),
    "faithfulness": lambda policy, seed: faithfulness(policy, SCENES[:20], AskConfig(seed=seed, batch=20)),
    "latency": lambda policy, seed: latency(policy, SCENES[:2], 3, seed),
}


def shipped(*suites: str) -> Rules:
    """The shipped rules about these suites; latency at a ceiling that a test can wait for."""
    rules = parse_rules(rules_text("")).rules
    kept = [rule for rule in rules if suite_of(rule.metric) in suites]
    ceiling = [r.model_copy(update={"limit": 1000 * LATENCY_S}) if r.metric.startswith("latency_t") else r for r in kept]
    return Rules(version=1, rules=tuple(ceiling))


@pytest.fixture(scope="module")
def champion() -> tuple[dict[str, Measured], Evaluated]:
    suites = {name: run(ByHeart(), 0) for name, run in SUITES.items()}
    return suites, evaluated(suites, "champion")


@pytest.mark.parametrize("name", WORSENINGS)
def test_a_policy_made_worse_is_refused_for_the_right_reason(
    name: str, champion: tuple[dict[str, Measured], Evaluated]
):
    worse: Worsening = WORSENINGS[name] if name != "slow" else replace(WORSENINGS[name], make=slow(2 * LATENCY_S))
    suites, before = champion
    policy = worse.make(ByHeart())
    candidate = suites | {suite: SUITES[suite](policy, 0) for suite in worse.suites if suite in SUITES}
    decision = decide(evaluated(candidate, "candidate"), shipped(*SUITES), before)
    failed = {row["metric"] for row in decision["rules"] if row["verdict"] == "fail"}
    assert decision["decision"] == "refuse"
    assert failed & set(worse.reasons), f"refused for {failed}, which is not what is wrong with it"


RUNS = 50
RUNS_PASSED = 38  # of 50 that each pass with probability 0.9: fewer in one bench of a thousand


def same_policy(runs: int) -> tuple[dict[str, int | None], list[dict[str, Any]]]:
    """(clips that the rules need, decisions on so many A/A pairs of the most that any needs)."""
    rules = shipped("open-loop", "reasoning")
    seeds = [{name: SUITES[name](ByHeart(), seed) for name in ("open-loop", "reasoning")} for seed in (1, 2)]
    needed = clips_needed(*seeds, rules)
    count = max(number for number in needed.values() if number)
    pairs = [same_twice(seeds, count, draw, metrics_in(rules)) for draw in range(runs)]
    return needed, [judged(*pair, rules)[0] for pair in pairs]


def test_the_same_policy_under_new_seeds_is_promoted():
    needed, decisions = same_policy(2)
    assert needed["decision_accuracy"] == 88, "words never differ: 10 rules share 0.1 %, ln(0.001 / 10) / ln(1 - 0.1)"
    aside = sum(abs(scene.trajectory_rig[-1, 1]) > 1 for scene in SCENES)
    assert needed["steers_same_way"] == int(np.ceil(26 * CLIPS / aside)), "26 that go aside: ln(0.001 / 10) / ln(1 - 0.3)"
    assert [decision["decision"] for decision in decisions] == ["promote"] * 2


@pytest.mark.slow
def test_the_same_policy_is_refused_in_none_of_fifty_runs():
    needed, decisions = same_policy(RUNS)
    assert "refuse" not in [decision["decision"] for decision in decisions]
    for metric in needed:
        passed = sum(row["metric"] == metric and row["verdict"] == "pass" and "loss" in row
                     for decision in decisions for row in decision["rules"])  # fmt: skip
        assert passed >= RUNS_PASSED, f"{metric}: its n is that at which nine in ten pass"
