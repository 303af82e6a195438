"""What a decision moment is called: the sixteen scenarios of the method, and plain names for all that has no cause.

Knows names and which one a transition of meta actions has by itself. Does not know what is around: `keyframes` does.
A scenario is a tag: it may be found with what happened after t0, says under which heading a moment is counted and
balanced, and must never become evidence of a cause. Source: arXiv 2511.00088, table 3.
"""

from causeway.meta_actions.names import strength

REACTIVE = (
    "slow_for_lead",
    "stop_for_lead",
    "stop_for_control",
    "resume_at_control",
    "lane_change",
    "yield_to_vru",
    "cut_in",
    "speed_bump",
    "nudge",
    "bypass_construction",
    "risky_driving",
)
PROACTIVE = ("curve", "lane_change_preparation", "nudge_preparation", "pass_intersection", "no_yield_to_vru")
SCENARIOS = REACTIVE + PROACTIVE

# What the car does by itself, where nothing around explains it (or nothing is known of what is around).
GENERIC = (
    "slow",
    "stop",
    "start",
    "speed_up",
    "cruise",
    "reverse",
    "steer_left",
    "steer_right",
    "turn_left",
    "turn_right",
    "shift_left",
    "shift_right",
    "keep_lane",
)
ALL_SCENARIOS = SCENARIOS + GENERIC

_BY_ACTION = {
    "gentle_accelerate": "speed_up",
    "strong_accelerate": "speed_up",
    "gentle_decelerate": "slow",
    "strong_decelerate": "slow",
    "maintain_speed": "cruise",
    "stop": "stop",
    "reverse": "reverse",
    "go_straight": "keep_lane",
    "lane_keep": "keep_lane",
}
_BY_PREFIX = {
    "steer": "steer",
    "sharp_steer": "turn",
    "reverse": "turn",
    "turn": "turn",
    "slight_shift": "shift",
    "follow_curve": "steer",
}


def generic_of(before: str, after: str) -> str:
    """The name, one of `GENERIC`, of a transition by itself (`lane_change` for a change of lane, which needs no cause).

    `before` and `after` are meta actions of one channel, as `names.CHANNELS` spells them.
    """
    if before == "stop" and after != "reverse":
        return "start"
    if after in _BY_ACTION:
        return _BY_ACTION[after]
    prefix, side = after.rsplit("_", 1)
    return "lane_change" if prefix == "lane_change" else f"{_BY_PREFIX[prefix]}_{side}"


def weight(scenario: str, before: str, after: str) -> tuple[int, int, int]:
    """Which of two moments at nearly the same time speaks for both: the larger. A cause counts before the action.

    What reacts counts before what was planned ahead, and that before what the car does alone.
    """
    named = 2 if scenario in REACTIVE else int(scenario in PROACTIVE)
    return named, strength(after), strength(before)
