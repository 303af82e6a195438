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
    "alpasim_collision_any": Wording("AlpaSim's collisions, any", _LOW, "share of scenes"),
    "alpasim_off_road": Wording("AlpaSim's off road", _LOW, "share of scenes"),
    "alpasim_wrong_lane": Wording("AlpaSim's wrong lane", _LOW, "share of scenes with over 120° to the lane"),
    "alpasim_progress": Wording("AlpaSim's progress", _HIGH, "how far along the whole path of the expert it got"),
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
        "heading_error_deg": Wording("heading error", _LOW, "mean absolute error of yaw"),
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
        "reasoning_grade": Wording("grade", _HIGH, "of the words against the label by a rule judge, 0–5"),
        "consistency": Wording(
            "words and wheels agree", _HIGH, "the path does what the sentence says; undecidable counts 0"
        ),
    },
    "faithfulness": {
        "faithfulness_failed_answers": Wording("failed answers", _LOW, "NaN, late or a crash"),
        "faithfulness_repeated_m": Wording("shift by the same words again", _LOW, "anything but 0 is noise"),
        "faithfulness_swapped_m": Wording("shift by another scene's words", _HIGH, "mean shift of the path over 6.4 s"),
        "faithfulness_emptied_m": Wording("shift by no words", _HIGH, "mean shift of the path"),
        "faithfulness_contradicted_m": Wording("shift by the opposite words", _HIGH, "mean shift of the path"),
        "faithfulness_stop_go_mps": Wording("“go” minus “stop”", _HIGH, "difference in mean speed when told so"),
        "faithfulness_left_right_deg": Wording(
            "“left” minus “right”", _HIGH, "difference in final heading when told so"
        ),
        "faithfulness_stop_go_followed": Wording("“stop”/“go” followed", _HIGH, "share with over 0.5 m/s between them"),
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
    },
}

BASELINES = {
    "constant_velocity": "constant velocity",
    "constant_turn_rate": "constant turn rate",
    "majority": "majority",
}


def suite_of(name: str) -> str:
    """The suite a metric belongs to; names that no suite lists are told by their prefix."""
    for suite, words in WORDS.items():
        if name in words:
            return suite
    for prefix, suite in (("latency", "latency"), ("faithfulness", "faithfulness"), ("replay_", "replay")):
        if name.startswith(prefix):
            return suite
    if name in ("min_distance_m", "driven_km", "alpasim_driven_km"):
        return "closed-loop"
    return "reasoning" if name in ("consistency_decided", "reasoning_words") else "open-loop"
