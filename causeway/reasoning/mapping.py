"""The one mapping between decisions and meta actions, for labels, the consistency reward and evaluation.

Knows which meta actions keep a decision's promise and which break it. Does not know causes (`causes`) or
how meta actions are detected. The paper's matching table is not printed (arXiv 2511.00088, section 5.2.2):
this one is ours.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from causeway.errors import UnusableInput
from causeway.meta_actions import detect
from causeway.reasoning.causes import can_cause
from causeway.reasoning.grammar import TraceError, parse
from causeway.reasoning.names import LATERAL_DECISIONS, LONGITUDINAL_DECISIONS, NONE
from causeway.reasoning.records import CocRecord

Verdict = Literal["yes", "no", "undecidable"]

ACCELERATING = ("gentle_accelerate", "strong_accelerate")
SLOWING = ("gentle_decelerate", "strong_decelerate")
HOLDING = ("maintain_speed",)
STANDING = ("stop",)
_CALM = ("maintain_speed", "go_straight", "lane_keep")

# A keyframe lies 0.5 s before the action that it explains (arXiv 2511.00088, table 3), so what is under way
# at t0 may go on until then; no run is shorter than 0.8 s, so looking from 0.8 s on misses none. The action
# must begin within 2 s of that: what begins later has later causes.
FIRST_TICK, LAST_TICK = 8, 25
BEGINS_TICK = 8  # a key frame's own action has begun by then
UNCHANGED_TICK = 13  # who decides nothing changes nothing until then; what comes after is another moment's

# decision and motion of the object followed: (actions that keep the promise, actions that cannot decide);
# else "no"
_Row = tuple[tuple[str, ...], tuple[str, ...]]
_LONGITUDINAL: dict[tuple[str, str], _Row] = {
    ("set_speed_tracking", NONE): (ACCELERATING + HOLDING, ("gentle_decelerate",)),
    ("lead_following", NONE): (SLOWING + STANDING + HOLDING, ("gentle_accelerate",)),
    ("lead_following", "stopped"): (SLOWING + STANDING, ()),
    ("lead_following", "slowing"): (SLOWING + STANDING, ()),
    ("lead_following", "moving"): (SLOWING + STANDING + HOLDING + ("gentle_accelerate",), ("strong_accelerate",)),
    ("lead_following", "accelerating"): (ACCELERATING + HOLDING, ("gentle_decelerate",)),
    ("speed_adaptation", NONE): (SLOWING, ("maintain_speed", "gentle_accelerate")),
    ("gap_searching", NONE): (ACCELERATING + SLOWING + HOLDING, STANDING),
    ("passing_acceleration", NONE): (ACCELERATING, ()),
    ("yield", NONE): (SLOWING + STANDING, ()),
    ("yield", "cutting_in"): (SLOWING + STANDING, HOLDING),  # who signals is let in before one has to brake for it
    ("stop_for_static_constraint", NONE): (SLOWING + STANDING, ()),
    (NONE, NONE): (HOLDING + STANDING, ("gentle_accelerate", "gentle_decelerate")),
}


def _sideways(side: str, sharp_too: bool) -> _Row:
    """A move to one side; a sharp one keeps the promise of a turn and cannot decide that of a shift."""
    sharp = (f"sharp_steer_{side}",)
    return ((f"steer_{side}", *sharp), ()) if sharp_too else ((f"steer_{side}",), sharp)


_STEERING = ("steer_left", "steer_right")
_SHARP = ("sharp_steer_left", "sharp_steer_right")
# without a lane the road's own bends look like steering, so keeping a lane allows it
_LATERAL: dict[str, _Row] = {
    "lane_keeping": (("go_straight", *_STEERING), _SHARP),
    NONE: (("go_straight", *_STEERING), _SHARP),
    "merge": (_STEERING, ("go_straight",)),
    "split": (_STEERING, ("go_straight",)),
    "pull_over": (_STEERING, ("go_straight", *_SHARP)),
    "lateral_abort": (_STEERING, ()),
    **{
        f"{decision}_{side}": _sideways(side, sharp_too=decision == "turn")
        for decision in ("nudge_out_of_lane", "nudge_in_lane", "lane_change", "turn")
        for side in ("left", "right")
    },
}


def deciding_action(actions: Sequence[str]) -> str | None:
    """The first action taken after t0, from the names at t0 + 0.1 s, 0.2 s, …; None when there are too few.

    Holding speed or going straight is the answer only when nothing else happens until 2.5 s; standing only
    when the vehicle does not set off until then.
    """
    window = list(actions[FIRST_TICK - 1 : LAST_TICK])
    active = [action for action in window if action not in _CALM]
    if active and active[0] in STANDING:
        active = [action for action in active if action not in STANDING] or active
    return next(iter(active or window), None)


_PHASES = {name: names[0] for names in (ACCELERATING, SLOWING) for name in names}


def begins(actions: Sequence[str]) -> str | None:
    """The action that begins about where a key frame says: 0.2 to 0.8 s after t0; None where none does.

    Gentle or strong is one action, slowing that ends in a stand is no new one, and so is the end of an action.
    `actions` of one channel, at t0 + 0.1 s, 0.2 s, …
    """
    before = actions[0] if actions else ""
    for action in actions[1:BEGINS_TICK]:
        new = _PHASES.get(action, action) != _PHASES.get(before, before)
        if new and action not in _CALM and not (action in STANDING and before in SLOWING):
            return action
        before = action
    return None


def _verdict(row: _Row, action: str | None) -> Verdict:
    kept, undecided = row
    if action is None or action in undecided:
        return "undecidable"
    return "yes" if action in kept else "no"


def longitudinal_verdict(decision: str, motion: str, action: str | None) -> Verdict:
    """Whether a longitudinal action keeps a decision's promise; `motion` is that of its first cause."""
    row = _LONGITUDINAL.get((decision, motion)) or _LONGITUDINAL[decision, NONE]
    return _verdict(row, action)


def lateral_verdict(decision: str, action: str | None) -> Verdict:
    """Whether one lateral action keeps a decision's promise."""
    return _verdict(_LATERAL[decision], action)


# decision without its side: what the lane channel must, or must not, show; where it shows neither, steering tells
_LANE_OF = {
    "lane_change": "lane_change",
    "turn": "turn",
    "nudge_in_lane": "slight_shift",
    "nudge_out_of_lane": "slight_shift",
}


def lane_verdict(decision: str, lane_actions: Sequence[str]) -> Verdict | None:
    """Whether what the lane channel shows keeps a decision's promise; None where it does not tell.

    A change of lane that begins has to be decided; one that is decided has to be seen where the lane is known.
    """
    if not lane_actions:
        return None
    kind, _, side = decision.rpartition("_")
    begun, shown = begins(lane_actions) or "", deciding_action(lane_actions) or ""
    if kind in _LANE_OF:
        if shown == f"{_LANE_OF[kind]}_{side}":
            return "yes"
        moved = shown.startswith(("lane_change", "slight_shift"))
        return "no" if moved or kind == "lane_change" else None
    if decision == "merge":
        return "yes" if shown.startswith("lane_change") else None
    return "no" if begun.startswith("lane_change") else None


def consistent(
    record: CocRecord,
    longitudinal_actions: Sequence[str],
    lateral_actions: Sequence[str],
    lane_actions: Sequence[str | None] = (),
) -> Verdict:
    """Whether what was done after t0 is what the record decided, on both channels.

    Actions are meta action names at t0 + 0.1 s, 0.2 s, …, those of the lane channel None where no lane is known; "no"
    on one channel is "no", "yes" needs both. UnusableInput for a decision outside the closed sets.
    """
    verdicts = channel_verdicts(record, longitudinal_actions, lateral_actions, lane_actions)
    if "no" in verdicts:
        return "no"
    return "undecidable" if "undecidable" in verdicts else "yes"


def channel_verdicts(
    record: CocRecord,
    longitudinal_actions: Sequence[str],
    lateral_actions: Sequence[str],
    lane_actions: Sequence[str | None] = (),
) -> tuple[Verdict, Verdict]:
    """The verdicts of `consistent` on the longitudinal and on the lateral channel; inputs and errors are its own."""
    if (record.longitudinal_decision, record.lateral_decision) not in _PAIRS:
        raise UnusableInput(f"decisions of {record} are not in the closed sets; see causeway.reasoning.names")
    return (
        _along(record, longitudinal_actions),
        lane_verdict(record.lateral_decision, [name for name in lane_actions if name])
        or lateral_verdict(record.lateral_decision, deciding_action(lateral_actions)),
    )


def _along(record: CocRecord, actions: Sequence[str]) -> Verdict:
    """The verdict on the longitudinal channel; beside a move across the lane, holding the speed is none."""
    decision = record.longitudinal_decision
    if decision == NONE:
        action = deciding_action(actions[:UNCHANGED_TICK])
        moves = record.lateral_decision not in (NONE, "lane_keeping")
        # the answer to what was there before goes on, and to speed up is part of a move
        explained = moves and (begins(actions) is None or action in ACCELERATING)
        verdict = longitudinal_verdict(decision, NONE, action)
        return "undecidable" if verdict == "no" and explained else verdict
    action = deciding_action(actions)
    if action in HOLDING and record.lateral_decision != NONE and not record.lateral_decision.startswith("turn"):
        return "no"
    motions = [c.motion for c in record.components if can_cause(c, decision)]
    return longitudinal_verdict(decision, (motions or [NONE])[0], action)


_PAIRS = {(a, b) for a in LONGITUDINAL_DECISIONS for b in LATERAL_DECISIONS}


def actions_of_trajectory(trajectory_rig: Any, speed_mps: Any) -> tuple[np.ndarray, np.ndarray]:
    """Meta actions of a trajectory: names […, n] for each channel at 0.1 s, 0.2 s, ….

    trajectory_rig […, n, 3] (x, y, yaw at t0 + 0.1 s …, rig frame at t0), speed_mps […] measured at t0,
    signed. UnusableInput for other shapes or values that are not finite.
    """
    path = np.asarray(trajectory_rig, dtype=np.float64)
    if path.ndim < 2 or path.shape[-1] != 3:
        raise UnusableInput(f"trajectory has shape {path.shape}, expected […, n, 3]: x, y, yaw")
    path = np.concatenate([np.zeros_like(path[..., :1, :]), path], axis=-2)
    x, y, yaw = np.moveaxis(path, -1, 0)
    middle_yaw = yaw[..., :-1] + np.diff(yaw, axis=-1) / 2
    forward_m = np.diff(x, axis=-1) * np.cos(middle_yaw) + np.diff(y, axis=-1) * np.sin(middle_yaw)
    start = np.broadcast_to(np.asarray(speed_mps, dtype=np.float64), forward_m.shape[:-1])
    speed = np.concatenate([start[..., None], forward_m / 0.1], axis=-1)
    longitudinal, lateral = detect(np.arange(speed.shape[-1]) * 100_000, x, y, yaw, speed)
    return longitudinal[..., 1:], lateral[..., 1:]


def consistency(trace_or_record: str | CocRecord, trajectory_rig: Any, speed_mps: float) -> Verdict:
    """Whether a trajectory [n, 3] does what a trace says; a trace that does not parse is "no".

    Source: r_consistency of arXiv 2511.00088, section 5.2.2: one when both channels match, else zero.
    """
    try:
        record = parse(trace_or_record) if isinstance(trace_or_record, str) else trace_or_record
    except TraceError:
        return "no"
    longitudinal, lateral = actions_of_trajectory(trajectory_rig, speed_mps)
    return consistent(record, longitudinal.tolist(), lateral.tolist())
