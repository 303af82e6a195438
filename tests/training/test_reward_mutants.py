"""Does a test notice when a reward is turned round? Each mutant below changes one line; the named tests must fail on it.

A mutant is a copy of a module with the line changed; the names that a test module took from the module are taken from
the copy while its tests run. The tests themselves run unmutated, and pass, where they stand.
"""

import importlib
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import Phase, settings

QUICK = settings(
    max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False, database=None
)
MOTION, AGENTS, WORDS = "test_motion_rewards", "test_collision_reward", "test_rewards"


@dataclass(frozen=True)
class Mutant:
    """One line changed, and the tests (module:name) of which at least one must fail."""

    module: str
    old: str
    new: str
    tests: tuple[str, ...]


def _motion(old: str, new: str, *tests: str) -> Mutant:
    return Mutant("causeway.training.motion_rewards", old, new, tuple(f"{MOTION}:{test}" for test in tests))


def _agents(old: str, new: str, *tests: str) -> Mutant:
    return Mutant("causeway.training.collision_reward", old, new, tuple(f"{AGENTS}:{test}" for test in tests))


def _words(module: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(f"causeway.training.{module}", old, new, tuple(f"{WORDS}:{test}" for test in tests))


def _grpo(old: str, new: str, *tests: str) -> Mutant:
    return Mutant("causeway.training.grpo", old, new, tuple(f"test_grpo:{test}" for test in tests))


def _way(module: str, old: str, new: str, test: str) -> Mutant:
    return Mutant(f"causeway.training.{module}", old, new, (f"test_pay:{test}",))


def _tokens(*changes: tuple[str, str]) -> Mutant:
    tests = ("tests.model.test_action_tokens:test_order_is_acceleration_then_curvature",)
    olds, news = zip(*changes, strict=True)
    return Mutant("causeway.model.action_tokens", "\n===\n".join(olds), "\n===\n".join(news), tests)


GENTLY = ("test_comfort_never_falls_when_everything_happens_more_gently", "test_comfort_counts_each_bound_by_its_ticks")
CURVES = ("test_comfort_judges_lateral_acceleration_by_speed_times_yaw_rate",)
ENCODED = ("_nearest(rows[..., kind], levels()[kind]) for kind in range(2)",) * 2
ENCODED = (ENCODED[0], ENCODED[1].replace("range(2)", "(1, 0)"))
DECODED = ("levels()[kind][bins[..., kind]] for kind in range(2)", "levels()[kind][bins[..., 1 - kind]] for kind in range(2)")

MUTANTS: dict[str, Mutant] = {
    "displacement: sign": _motion(
        "return -ade_m / (ade_m", "return ade_m / (ade_m", "test_displacement_never_falls_when_the_path_comes_nearer"
    ),
    "displacement: turned round in its range": _motion(
        "return -ade_m / (ade_m + ADE_SCALE_M)", "return ade_m / (ade_m + ADE_SCALE_M) - 1.0",
        "test_displacement_never_falls_when_the_path_comes_nearer",
    ),
    "jerk: sign": _motion(
        "return -rms_mps3 / (rms_mps3", "return rms_mps3 / (rms_mps3", "test_jerk_never_falls_when_the_path_is_smoothed"
    ),
    "jerk: turned round in its range": _motion(
        "return -rms_mps3 / (rms_mps3 + JERK_SCALE_MPS3)", "return rms_mps3 / (rms_mps3 + JERK_SCALE_MPS3) - 1.0",
        "test_jerk_never_falls_when_the_path_is_smoothed",
    ),
    "comfort: sign": _motion("return np.mean([ticks", "return -np.mean([ticks", GENTLY[0]),
    "comfort: turned round in its range": _motion("return np.mean([ticks", "return 1 - np.mean([ticks", GENTLY[0]),
    "comfort: braking": _motion("(accel >= limit.accel_min", "(accel <= limit.accel_min", *GENTLY),
    "comfort: speeding up": _motion("(accel <= limit.accel_max", "(accel >= limit.accel_max", *GENTLY),
    "comfort: lateral": _motion("np.abs(motion[\"lateral_accel\"]) <=", "np.abs(motion[\"lateral_accel\"]) >=", *CURVES),
    "comfort: jerk": _motion("motion[\"jerk\"] <=", "motion[\"jerk\"] >=", *GENTLY),
    "comfort: longitudinal jerk": _motion(
        "np.abs(motion[\"longitudinal_jerk\"]) <=", "np.abs(motion[\"longitudinal_jerk\"]) >=", *GENTLY
    ),
    "comfort: yaw acceleration": _motion("np.abs(motion[\"yaw_accel\"]) <=", "np.abs(motion[\"yaw_accel\"]) >=", *GENTLY),
    "comfort: yaw rate": _motion("np.abs(motion[\"yaw_rate\"]) <=", "np.abs(motion[\"yaw_rate\"]) >=", *CURVES),
    "comfort: sideways speed instead of v × yaw rate": _motion("speed * yaw_rate", "speed * 0.0", *CURVES),
    "progress: sign": _motion("return np.where(whole", "return -np.where(whole", "test_progress_never_falls_further_along_the_way"),
    "progress: turned round in its range": _motion(
        "return np.where(whole", "return 1.0 - np.where(whole", "test_progress_never_falls_further_along_the_way"
    ),
    "collision: sign": _agents("-1.0, 0.0)", "1.0, 0.0)", "test_collision_never_rises_with_another_agent"),
    "collision: turned round in its range": _agents(
        "-1.0, 0.0)", "0.0, -1.0)", "test_collision_never_rises_with_another_agent", "test_nobody_around_is_no_danger"
    ),
    "collision: blame for hits from behind": _agents(
        "(hits & ~_run_into(", "(hits & _run_into(", "test_a_hit_from_behind_is_not_ours_unless_we_back_up",
        "test_clearance_is_how_much_of_half_a_metre_is_kept",
    ),
    "collision: behind is ahead": _agents(
        "[0] < -box[..., 3] / 2", "[0] > box[..., 3] / 2", "test_a_hit_from_behind_is_not_ours_unless_we_back_up"
    ),
    "time to collision: sign": _agents(
        "/ HORIZON_S - 1.0)", "/ -HORIZON_S + 1.0)", "test_time_to_collision_never_falls_with_a_larger_gap"
    ),
    "time to collision: turned round in its range": _agents(
        "/ HORIZON_S - 1.0)", "/ -HORIZON_S)", "test_time_to_collision_never_falls_with_a_larger_gap"
    ),
    "time to collision: closing is leaving": _agents(
        "closing = -(apart", "closing = (apart", "test_time_to_collision_is_the_gap_over_the_closing_speed"
    ),
    "clearance: sign": _agents(
        "/ CLOSE_M - 1.0)", "/ -CLOSE_M + 1.0)", "test_clearance_never_falls_with_a_wider_berth"
    ),
    "clearance: turned round in its range": _agents(
        "/ CLOSE_M - 1.0)", "/ -CLOSE_M)", "test_clearance_never_falls_with_a_wider_berth"
    ),
    "clearance: a touch after coming from behind": _agents(
        "near, own) | _blamed(ego, others, hits, own)", "near, own)",
        "test_who_came_from_behind_and_is_then_swerved_into_is_ours",
    ),
    "clearance: no margin ahead": _agents(
        "length_m=own.length_m + 2 * margin_m, ", "", "test_clearance_is_how_much_of_half_a_metre_is_kept"
    ),
    "close encounter: turned round": _agents(
        "touched | _ours(ego", "touched | ~_ours(ego",
        "test_a_close_encounter_is_nearer_than_the_margin_and_nearer_than_the_record",
    ),
    "off-road: sign": Mutant(
        "causeway.training.road_reward", "0.0 - leaves_road", "0.0 + leaves_road",
        ("test_road_reward:test_off_road_never_falls_towards_the_middle_of_the_road",),
    ),
    "off-road: turned round in its range": Mutant(
        "causeway.training.road_reward", "0.0 - leaves_road(predicted, road, footprint).mean(axis=-1)",
        "leaves_road(predicted, road, footprint).mean(axis=-1) - 1.0",
        ("test_road_reward:test_off_road_never_falls_with_more_road",),
    ),
    "off-road: off is on": Mutant(
        "causeway.training.road_reward", "~held.all(axis=-1)", "held.all(axis=-1)",
        ("test_road_reward:test_off_road_never_falls_towards_the_middle_of_the_road",),
    ),
    "consistency: turned round": _words(
        "text_rewards", "consistent(record, along, aside) == \"yes\"", "consistent(record, along, aside) != \"yes\"",
        "test_consistency_is_one_only_when_the_path_does_what_the_trace_says",
    ),
    "graded consistency: yes is no": _words(
        "text_rewards", "{\"yes\": 1.0,", "{\"yes\": 0.0,",
        "test_graded_consistency_is_one_exactly_where_the_binary_one_is",
    ),
    "graded consistency: the way there costs": _words(
        "text_rewards", "sum(name in kept for", "sum(name not in kept for",
        "test_graded_consistency_pays_for_half_of_it_and_for_the_way_there",
    ),
    "reasoning grade: sign": _words(
        "text_rewards", "return np.array(grades, dtype=np.float64)\n\n\ndef _texts",
        "return -np.array(grades, dtype=np.float64)\n\n\ndef _texts",
        "test_reasoning_grade_never_falls_with_a_right_decision_or_a_right_cause",
    ),
    "reasoning grade: turned round, as in the released recipe": _words(
        "text_rewards", "return np.array(grades, dtype=np.float64)\n\n\ndef _texts",
        "return 5 - np.array(grades, dtype=np.float64)\n\n\ndef _texts",
        "test_reasoning_grade_never_falls_with_a_right_decision_or_a_right_cause",
    ),
    "reasoning grade: a right decision costs": _words(
        "text_rewards", "return 1.0 + right", "return 2.0 - right",
        "test_reasoning_grade_never_falls_when_one_more_decision_is_right",
    ),
    "reasoning grade: a right cause costs": _words(
        "text_rewards", ">= MOSTLY_RIGHT else", "< MOSTLY_RIGHT else",
        "test_reasoning_grade_never_falls_with_a_right_decision_or_a_right_cause",
    ),
    "judge's grade: turned round": Mutant(
        "causeway.training.judge_reward", "    return grade\n", "    return 5 - grade\n",
        ("test_judge_reward:test_every_grade_is_read",),
    ),
    "mix: sign": _words("rewards", "total += weight", "total -= weight", "test_mix_never_falls_when_a_reward_rises"),
    "mix: weight turned round": _words(
        "rewards", "total += weight * values", "total += values / weight", "test_mix_weighs_each_span_and_weight_zero_is_absent"
    ),
    "mix: a missing reward is the worst": _words(
        "rewards", "np.where(known, groups, mean)", "np.where(known, groups, -1e3)",
        "test_a_row_without_a_reward_moves_no_advantage",
    ),
    "curation: who agrees is kept": Mutant(
        "causeway.training.curation", "sorted((-value, name)", "sorted((value, name)",
        ("test_curation:test_half_disagree_most_and_half_are_random",),
    ),
    "advantage: sign": _grpo(
        "torch.where(sound, rewards - mean", "torch.where(sound, mean - rewards",
        "test_advantages_are_centred_and_scaled_by_the_spread",
    ),
    "clipped form: sign": _grpo(
        "form.kl_weight * drift - earned", "form.kl_weight * drift + earned",
        "test_the_clipped_form_makes_the_better_member_likelier_and_the_worse_one_less_likely",
    ),
    "clipped form, drift: sign": _grpo(
        "((form.kl_weight * drift", "((-form.kl_weight * drift", "test_drift_is_a_cost_in_both_forms"
    ),
    "softmax form: sign": _grpo(
        "* drift - taught * rows", "* drift + taught * rows",
        "test_the_softmax_form_makes_the_better_member_the_likelier",
    ),
    "softmax form, drift: sign": _grpo(
        "(form.kl_weight * weight * drift", "(-form.kl_weight * weight * drift", "test_drift_is_a_cost_in_both_forms"
    ),
    "softmax form, who is preferred: sign": _grpo(
        "(form.beta * centred", "(-form.beta * centred", "test_the_softmax_form_makes_the_better_member_the_likelier"
    ),
    "spans: sign": Mutant(
        "causeway.training.reinforcement", "else 1.0) * term", "else 1.0) * -term",
        ("test_reinforcement:test_words_tokens_and_walks_each_learn_what_earned_more",),
    ),
    "pay of what stands around: sign": _way(
        "scoring", "found[name][rows] = known[name]", "found[name][rows] = -known[name]",
        "test_who_stops_behind_a_parked_car_is_paid_more_than_who_runs_into_it_or_leaves_the_road",
    ),
    "pay of words by what is driven: sign": _way(
        "rolling", "{name: values.reshape", "{name: -values.reshape",
        "test_words_are_paid_what_is_driven_behind_them_as_a_mean_of_its_walks",
    ),
    "pay of a judge's grade: sign": _way(
        "scoring", "found = graded.grades.copy()", "found = 5 - graded.grades",
        "test_a_judges_grade_is_what_words_are_paid",
    ),
    "pay in curation: sign": _way(
        "curated_samples", "rewards = np.where(words.sound, words.total(pay.mix, TEXT), np.nan)",
        "rewards = np.where(words.sound, -words.total(pay.mix, TEXT), np.nan)",
        "test_curation_ranks_a_group_as_the_rewards_do",
    ),
    "pay of paths in curation: sign": _way(
        "curated_samples", "rewards + paths.total(", "rewards - paths.total(",
        "test_curation_ranks_a_group_as_the_rewards_do",
    ),
    "practice: sign": Mutant(
        "causeway.simulation.practice", "span = Span(rewards, sound", "span = Span(-rewards, sound",
        ("tests.simulation.test_practice:test_the_better_drive_becomes_the_likelier_and_a_broken_one_is_not_read",),
    ),
    "practice, progress: sign": Mutant(
        "causeway.simulation.practice", "return progress - config", "return -progress - config",
        ("tests.simulation.test_practice:test_better_drives_earn_more",),
    ),
    "practice, the way made: sign": Mutant(
        "causeway.simulation.practice", "(end - start) / expert_m", "(start - end) / expert_m",
        ("tests.simulation.test_practice:test_better_drives_earn_more",),
    ),
    "practice, a hit: sign": Mutant(
        "causeway.simulation.practice", "progress - config.at_fault * hit", "progress + config.at_fault * hit",
        ("tests.simulation.test_practice:test_better_drives_earn_more",),
    ),
    "practice, leaving the road: sign": Mutant(
        "causeway.simulation.practice", "hit - config.off_road * left", "hit + config.off_road * left",
        ("tests.simulation.test_practice:test_better_drives_earn_more",),
    ),
    "walk's step: sign": Mutant(
        "causeway.model.exploration", "density = -((value - mean) ** 2)", "density = ((value - mean) ** 2)",
        ("tests.model.test_exploration:test_the_log_probability_is_the_gaussians",),
    ),
    "fit of the flow: sign": Mutant(
        "causeway.model.exploration", "return -(field - (target - noise))", "return (field - (target - noise))",
        ("tests.model.test_exploration:"
         "test_the_flow_fits_a_path_the_better_the_nearer_it_is_to_what_the_flow_drives",),
    ),
    "token order: encoded": _tokens(ENCODED),
    "token order: decoded": _tokens(DECODED),
    "token order: encoded and decoded": _tokens(ENCODED, DECODED),
}  # fmt: skip


def _mutated(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A copy of the module with its lines changed."""
    original = importlib.import_module(mutant.module)
    text = Path(str(original.__file__)).read_text()
    for old, new in zip(mutant.old.split("\n===\n"), mutant.new.split("\n===\n"), strict=True):
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {mutant.module}: see to the mutant"
        text = text.replace(old, new)
    copy = types.ModuleType(f"{mutant.module}_mutant")
    copy.__file__ = original.__file__
    monkeypatch.setitem(sys.modules, copy.__name__, copy)
    exec(compile(text, str(original.__file__), "exec"), copy.__dict__)
    return copy


def _test(name: str, original: str, copy: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The named test, whose module has the copy's names instead of the original's."""
    module_name, _, test_name = name.partition(":")
    module = importlib.import_module(module_name if "." in module_name else f"tests.training.{module_name}")
    names = vars(importlib.import_module(original))
    for known, value in list(vars(module).items()):
        if known in names and names[known] is value and callable(value) and value.__module__ == original:
            monkeypatch.setattr(module, known, getattr(copy, known))
    test: Callable[..., None] = getattr(module, test_name)
    if hasattr(test, "hypothesis"):
        monkeypatch.setattr(test, "_hypothesis_internal_use_settings", QUICK)
    return test


def _killers(name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of the mutant's tests those that fail on it."""
    mutant = MUTANTS[name]
    copy = _mutated(mutant, monkeypatch)
    return [test for test in mutant.tests if _fails(_test(test, mutant.module, copy, monkeypatch))]


def _fails(test: Callable[..., None]) -> bool:
    arguments: Sequence[object] = (4,) if test.__name__ == "test_every_grade_is_read" else ()
    try:
        test(*arguments)
    except AssertionError:
        return True
    return False


FIRST = ("consistency: turned round", "graded consistency: yes is no", "token order: encoded", "token order: decoded")


def _at_once(name: str) -> bool:
    """Whether a mutant is one of the few that every run of the tests tries: each sign, and the order of tokens."""
    return name.endswith(": sign") or name in FIRST


@pytest.mark.parametrize(
    "name", [name if _at_once(name) else pytest.param(name, marks=pytest.mark.slow) for name in MUTANTS]
)
def test_a_mutant_is_noticed(name, monkeypatch):
    assert _killers(name, monkeypatch), f"no test notices {name!r}"


def test_every_reward_has_a_mutant_of_its_sign():
    from causeway.training.rewards import REWARDS

    told = {name.replace("-", " ").split(":")[0] for name in MUTANTS}
    spoken = {"off_road": "off road", "consistency_graded": "graded consistency"}
    assert {spoken.get(name, name.replace("_", " ")) for name in REWARDS} <= told


@pytest.mark.slow
def test_what_is_not_mutated_is_not_noticed(monkeypatch):
    for mutant in MUTANTS.values():
        same = Mutant(mutant.module, mutant.old, mutant.old, mutant.tests)
        copy = _mutated(same, monkeypatch)
        assert not _fails(_test(mutant.tests[0], mutant.module, copy, monkeypatch)), mutant
        monkeypatch.undo()
