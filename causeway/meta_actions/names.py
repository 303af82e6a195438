"""The meta actions (arXiv 2511.00088, table 5): their mirror images and how strong each one is.

The names themselves are in `artifacts.closed_sets`. Does not know how they are detected.
"""

from causeway.artifacts.closed_sets import CHANNELS, LANE, LATERAL, LONGITUDINAL

__all__ = ["CHANNELS", "LANE", "LATERAL", "LONGITUDINAL", "mirrored", "strength"]

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
