"""Metrics in words: what a page calls each of them, in which order, and which way is better.

Knows names only. A metric that is not here is shown under its own name, so nothing measured is hidden.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """One metric: its heading, which way is better ("lower", "higher", "" = neither), and what it is in one line."""

    says: str
    better: str
    means: str


SUITE_TITLES = {
    "open-loop": "Open loop: the path against what was driven",
    "closed-loop": "Closed loop: driving in the built-in world",
    "replay": "Log replay: driving on in recorded clips, seen in pictures drawn from boxes and map",
    "reasoning": "Reasoning: are the words right?",
    "faithfulness": "Faithfulness: do the words move the wheels?",
    "latency": "Latency: how long an answer takes",
}

_LOW, _HIGH = "lower", "higher"

# of a replay too, where the expert is whoever recorded the clip
_CLOSED_LOOP = {
    "failed_rollouts": Wording("failed rollouts", _LOW, "an answer failed on the way; scored 0, never dropped"),
    "scene_score": Wording(
        "scene score", _HIGH, "0 after a crash at fault or off-road, else progress / 0.8 up to 1; nothing excluded"
    ),
    "collision_at_fault": Wording(
        "collisions at fault", _LOW, "share of scenes; not when hit from behind or while standing"
    ),
    "collision_any": Wording("collisions, any", _LOW, "share of scenes; below: by the part of the car that is touched"),
    "collision_front": Wording("… with the front", _LOW, "the front bumper, whatever else"),
    "collision_side": Wording("… with a side", _LOW, "neither bumper"),
    "collision_rear": Wording("… with the rear", _LOW, "the rear bumper: hit from behind"),
    "off_road": Wording("off road", _LOW, "share of scenes in which a corner of the car leaves the road"),
    "wrong_way": Wording("wrong way", _LOW, "share of scenes with the car in none but oncoming lanes"),
    "red_light_run": Wording("red lights run", _LOW, "share of scenes"),
    "stop_sign_run": Wording("stop signs run", _LOW, "share of scenes in which it did not stand before the line"),
    "close_encounter": Wording("close encounters", _LOW, "share of scenes with less than 0.5 m to another"),
    "min_time_to_collision_s": Wording(
        "least time to collision", _HIGH, "if all kept velocity and heading; 10 s and more counts as 10; mean"
    ),
    "lane_departure": Wording(
        "lane departures", "", "share of scenes where the car's centre leaves its lane; a nudge may"
    ),
    "driven_comfort": Wording("comfort of what was driven", _HIGH, "share of ticks within six bounds; ours"),
    "expert_incidents": Wording(
        "drives in which the expert errs", _LOW, "it touches somebody or leaves the road: what is beside it means less"
    ),
    "progress": Wording(
        "progress", _HIGH, "way made along the route, of the way that the expert (in a replay: the record) makes"
    ),
    "km_between_incidents": Wording(
        "km between incidents", _HIGH, "driven for each collision or leaving of the road; Poisson interval"
    ),
    "km_between_incidents_at_fault": Wording("km between incidents at fault", _HIGH, "of collisions, those at fault"),
    "alpasim_scene_score": Wording(
        "AlpaSim's scene score", _HIGH, "by its formula: what happens after 4 m off the expert's path is excluded"
    ),
    "alpasim_collision_at_fault": Wording(
        "AlpaSim's collisions at fault", _LOW, "front or side; who stands is not excused"
    ),
    "alpasim_collision_any": Wording("AlpaSim's collisions, any", _LOW, "share of scenes; whole boxes"),
    "alpasim_collision_rounded": Wording("AlpaSim's collisions, smaller boxes", _LOW, "its 2 % smaller, rounder boxes"),
    "alpasim_off_road": Wording("AlpaSim's off road", _LOW, "share of scenes"),
    "alpasim_wrong_lane": Wording("AlpaSim's wrong lane", _LOW, "share of scenes with over 120° to the lane"),
    "alpasim_progress": Wording("AlpaSim's progress", _HIGH, "how far along the whole path of the expert it got"),
    "alpasim_progress_rel": Wording(
        "AlpaSim's relative progress", _HIGH, "the least place on the expert's path so far, as a share of it"
    ),
    "alpasim_off_place_m": Wording(
        "AlpaSim's distance to the place", _LOW, "the farthest from where the expert was at that time; mean"
    ),
    "alpasim_plan_deviation_m": Wording(
        "AlpaSim's plan deviation", _LOW, "a plan's distance to the one before, the near future weighing most"
    ),
    "alpasim_open_loop_collision": Wording(
        "AlpaSim's plans that collide", _LOW, "share of plans that touch somebody's box within 3 s"
    ),
    "alpasim_min_ade_self@2.5s": Wording(
        "AlpaSim's plans kept, 2.5 s", _LOW, "distance between a plan and what was driven then"
    ),
    "alpasim_min_ade_gt@2.5s": Wording(
        "AlpaSim's plans by the record, 2.5 s", _LOW, "distance between a plan and where the expert was then"
    ),
    "alpasim_left_corridor": Wording(
        "AlpaSim's corridor left", _LOW, "share of scenes 4 m beside the expert's path; past its end does not count"
    ),
    "alpasim_off_path_m": Wording("AlpaSim's distance to the path", _LOW, "the farthest from the expert's path; mean"),
    "alpasim_cut_short": Wording("AlpaSim cuts short", "", "share of scenes that got 4 m off before any incident"),
    "alpasim_excluded_incidents": Wording(
        "incidents that AlpaSim excludes", "", "they came after 4 m off; ours, above, count them"
    ),
    "alpasim_km_between_incidents": Wording("AlpaSim's km between incidents", _HIGH, "of what is not excluded"),
    "alpasim_km_between_incidents_at_fault": Wording(
        "AlpaSim's score: km between incidents at fault", _HIGH, "what the paper's closed-loop tables give"
    ),
}

_CUTS = {  # of answers whose deadline is near
    "flow_steps_5": "5 flow steps",
    "flow_steps_2": "2 flow steps",
    "flow_steps_2_reasoning_short": "2 flow steps and few words",
    "flow_steps_2_reasoning_off": "2 flow steps and no words",
}

WORDS: dict[str, dict[str, Wording]] = {
    "open-loop": {
        "failed_answers": Wording("failed answers", _LOW, "NaN, late, too few samples or a crash; never dropped"),
        "min_ade_6": Wording(
            "minADE₆", _LOW, "mean distance over 6.4 s of the best of six (chosen over the whole horizon)"
        ),
        "min_ade_6_at_3s": Wording("minADE₆ at 3 s", _LOW, "the same sample's mean up to 3 s"),
        "alpasim_min_ade@2.5s": Wording("AlpaSim minADE at 2.5 s", _LOW, "best sample chosen anew for this horizon"),
        "ade": Wording("ADE", _LOW, "mean distance of the first sample, the one that would be driven"),
        "fde": Wording("FDE", _LOW, "its distance at 6.4 s"),
        "miss_rate": Wording("miss rate", _LOW, "share with FDE above 2 m"),
        "path_collision": Wording(
            "path touches another", _LOW, "the first path's footprint and a recorded agent; not from behind"
        ),
        "path_close_encounter": Wording("path comes close", _LOW, "within 0.5 m of a recorded agent"),
        "path_off_road": Wording("path leaves the road", _LOW, "a corner of the footprint at any tick"),
        "coverage_6": Wording(
            "coverage", "", "recorded end is not the outermost of seven; 86 % when calibrated, less is too sure"
        ),
        "energy_score_6": Wording(
            "energy score", _LOW, "of the six ends: far ones, and ones too sure or too wild, cost"
        ),
        "heading_error_deg": Wording("heading error", _LOW, "mean absolute error of yaw"),
        "steers_same_way": Wording("steers to the same side", _HIGH, "of samples, where the driver went 1 m aside"),
        "speed_error_mps": Wording("speed error", _LOW, "mean absolute error of speed"),
        "comfort": Wording("comfort", _HIGH, "share of ticks within six bounds of acceleration, jerk and yaw"),
    },
    "closed-loop": _CLOSED_LOOP,
    "replay": {f"replay_{name}": word for name, word in _CLOSED_LOOP.items()},
    "reasoning": {
        "reasoning_failed_answers": Wording("failed answers", _LOW, "NaN, late or a crash"),
        "parse_rate": Wording("parse rate", _HIGH, "share of sentences within the closed sets"),
        "decision_accuracy": Wording("both decisions right", _HIGH, "against the label"),
        "longitudinal_accuracy": Wording(
            "longitudinal decision right", _HIGH, "beside it: always the most frequent one"
        ),
        "lateral_accuracy": Wording("lateral decision right", _HIGH, "beside it: always the most frequent one"),
        "component_precision": Wording("cause precision", _HIGH, "named causes that the label has"),
        "component_recall": Wording("cause recall", _HIGH, "label's causes that were named"),
        "hallucination_rate": Wording(
            "answers with an invented cause", _LOW, "one that the evidence up to t0 does not hold, where it can tell"
        ),
        "hallucinated_components": Wording("invented causes", _LOW, "of those named that the evidence can tell of"),
        "longitudinal_macro_f1": Wording(
            "longitudinal macro F1", _HIGH, "mean F1 of the labelled decisions, each counting the same"
        ),
        "lateral_macro_f1": Wording("lateral macro F1", _HIGH, "mean F1 of the labelled decisions"),
        "judge_failed_answers": Wording("not judged", _LOW, "the judge endpoint gave no answer that can be used"),
        "judge_score": Wording("judge endpoint's score", _HIGH, "mean of its four answers below"),
        "judge_decision_fits": Wording("… decision fits", _HIGH, "the decisions are what the driver on record did"),
        "judge_causes_cover": Wording("… causes cover", _HIGH, "each decision has a cause that can bring it about"),
        "judge_causes_true": Wording("… causes true", _HIGH, "each cause was visible by t0 and is as described"),
        "judge_nearest_cause": Wording("… nearest cause", _HIGH, "no nearer cause was left out"),
        "people_accuracy": Wording("both decisions right, by people", _HIGH, "on moments that people labelled"),
        "people_agree_rule_judge": Wording("rule judge agrees with people", _HIGH, "on which answers are right"),
        "people_kappa_rule_judge": Wording("… beyond chance (κ)", _HIGH, "Cohen's kappa: 0 as by chance, 1 always"),
        "people_agree_endpoint_judge": Wording(
            "judge endpoint agrees with people", _HIGH, "on which answers are right"
        ),
        "people_kappa_endpoint_judge": Wording("… beyond chance (κ)", _HIGH, "Cohen's kappa"),
        "reasoning_grade": Wording("grade", _HIGH, "of the words against the label by a rule judge, 0–5"),
        "consistency": Wording(
            "words and wheels agree", _HIGH, "the path does what the sentence says; undecidable counts 0"
        ),
        "consistency_decided": Wording("… where it can be decided", _HIGH, "the same without the undecidable"),
        "reasoning_words": Wording("length", "", "words of a sentence"),
    },
    "faithfulness": {
        "faithfulness_failed_answers": Wording("failed answers", _LOW, "NaN, late, a crash, or no likelihood"),
        "faithfulness_repeated_m": Wording("shift by the same words again", _LOW, "anything but 0 is noise"),
        "faithfulness_swapped_m": Wording("shift by another scene's words", _HIGH, "mean shift of the path over 6.4 s"),
        "faithfulness_emptied_m": Wording("shift by no words", _HIGH, "mean shift of the path"),
        "faithfulness_contradicted_m": Wording("shift by the opposite words", _HIGH, "mean shift of the path"),
        "faithfulness_stop_go_mps": Wording("“go” minus “stop”", _HIGH, "difference in mean speed when told so"),
        "faithfulness_left_right_deg": Wording(
            "“left” minus “right”", _HIGH, "difference in final heading when told so"
        ),
        "faithfulness_stop_go_followed": Wording("“stop”/“go” followed", _HIGH, "share with over 0.5 m/s between them"),
        "faithfulness_left_right_followed": Wording(
            "“left”/“right” followed", _HIGH, "share that ends over 2° further left when told left"
        ),
        "faithfulness_words_followed": Wording(
            "words followed", _HIGH, "share of forced sentences that the path keeps"
        ),
    },
    "latency": {
        "latency_failed_answers": Wording("failed answers", _LOW, "a crash"),
        "latency_total_p50_ms": Wording("answer time, median", _LOW, "one question at a time, by our clock"),
        "latency_total_p99_ms": Wording("answer time, 99th percentile", _LOW, "near the worst of so few calls"),
        "latency_decode_p50_ms": Wording("of it: pictures decoded", _LOW, "median, as the policy reports it"),
        "latency_vision_p50_ms": Wording("of it: vision", _LOW, "median"),
        "latency_prefill_p50_ms": Wording("of it: prefill", _LOW, "median"),
        "latency_reasoning_p50_ms": Wording("of it: reasoning", _LOW, "median, word by word"),
        "latency_action_p50_ms": Wording("of it: action", _LOW, "median, all flow steps"),
        **{
            f"latency_cut_{cut}_{metric}": Wording(f"cut to {says}: {of}", better, means)
            for cut, says in _CUTS.items()
            for metric, of, better, means in (
                ("ade_worse", "farther off", _LOW, "mean distance to the recorded path, less that of the whole answer"),
                ("same_decision", "same decision", _HIGH, "as the whole answer's"),
            )
        },
    },
}

BASELINES = {
    "constant_velocity": "constant velocity",
    "constant_turn_rate": "constant turn rate",
    "majority": "majority",
}


def plain(name: str) -> Wording:
    """A metric that has no words here, under its own name."""
    return Wording(name.replace("_", " "), "", "")


def folded(suite: str, name: str) -> bool:
    """Whether a metric stands in the folded table of AlpaSim's formulas."""
    return suite != "open-loop" and "alpasim_" in name


def alone(suite: str, name: str) -> str:
    """What a metric is called where those above it in its table are not seen: what "…" stands for is said."""
    above = list(WORDS[suite])[: list(WORDS[suite]).index(name)]
    says = WORDS[suite][name].says
    if not says.startswith(_DITTO):
        return says
    whole = next((WORDS[suite][n].says for n in reversed(above) if not WORDS[suite][n].says.startswith(_DITTO)), "")
    return f"{whole.split(',')[0]}: {says.removeprefix(_DITTO)}"


_DITTO = "… "


def suite_of(name: str) -> str:
    """The suite a metric belongs to; names that no suite lists are told by their prefix."""
    for suite, words in WORDS.items():
        if name in words:
            return suite
    for prefix, suite in (("latency", "latency"), ("faithfulness", "faithfulness"), ("replay_", "replay")):
        if name.startswith(prefix):
            return suite
    of_drives = name.startswith("alpasim_") and not name.startswith("alpasim_min_ade@")
    if of_drives or name in ("min_distance_m", "driven_km"):
        return "closed-loop"
    return "reasoning" if name in ("consistency_decided", "reasoning_words") else "open-loop"
