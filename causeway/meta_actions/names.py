"""The closed sets of meta actions, spelled as everywhere else (arXiv 2511.00088, table 5).

Knows the names, their mirror images and how strong each one is. Does not know how they are detected.
"""

LONGITUDINAL = (
    "gentle_accelerate",
    "strong_accelerate",
    "gentle_decelerate",
    "strong_decelerate",
    "maintain_speed",
    "stop",
    "reverse",
)
LATERAL = (
    "steer_left",
    "steer_right",
    "sharp_steer_left",
    "sharp_steer_right",
    "reverse_left",
    "reverse_right",
    "go_straight",
)
LANE = (
    "lane_keep",
    "lane_change_left",
    "lane_change_right",
    "slight_shift_left",
    "slight_shift_right",
    "turn_left",
    "turn_right",
    "follow_curve_left",
    "follow_curve_right",
)
CHANNELS = {"longitudinal": LONGITUDINAL, "lateral": LATERAL, "lane": LANE}

_CALM = {"maintain_speed", "go_straight", "lane_keep"}
_MILD = {
    "gentle_accelerate",
    "gentle_decelerate",
    "steer_left",
    "steer_right",
    "slight_shift_left",
    "slight_shift_right",
    "follow_curve_left",
    "follow_curve_right",
}


def strength(action: str) -> int:
    """0 for an action that changes nothing, 1 for a mild one, 2 for a strong one (stops and turns are strong)."""
    if action in _CALM:
        return 0
    return 1 if action in _MILD else 2


def mirrored(action: str) -> str:
    """The same action seen in a mirror: left and right change places."""
    if action.endswith("_left"):
        return action.removesuffix("left") + "right"
    if action.endswith("_right"):
        return action.removesuffix("right") + "left"
    return action
