"""Key frames of the lateral and lane channels: leaving the lane, coming back, changing lanes, turning.

Knows steering phases, moves across the lane and the key-frame rules of arXiv 2511.00088, table 3. Where a map says
that steering does no more than follow the lane there is no decision, but for a curve that one feels. Does not know the
longitudinal channel.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causeway.clips.geometry import TICK_US
from causeway.meta_actions.keyframes_around import Around, Sightings
from causeway.meta_actions.keyframes_moves import Move
from causeway.meta_actions.keyframes_types import Behaviour, Found, KeyFrame
from causeway.meta_actions.moments_config import MomentConfig
from causeway.meta_actions.names import LANE, LATERAL
from causeway.meta_actions.scenarios import generic_of


@dataclass(frozen=True)
class Steering:
    """Ticks `start` to `stop` (not included) of steering to one side (`side` +1 left, -1 right, 0 straight)."""

    side: int
    start: int
    stop: int
    turn_rad: float
    reverse: bool


_SIDE = np.array([0 if n == "go_straight" else 1 if n.endswith("left") else -1 for n in LATERAL])
_REVERSE = np.array([name.startswith("reverse") for name in LATERAL])


def steering(behaviour: Behaviour) -> list[Steering]:
    """A row of lateral codes as phases of one side, sharp or not."""
    kind = _SIDE[behaviour.lateral] + 4 * _REVERSE[behaviour.lateral]
    starts = np.flatnonzero(np.diff(kind, prepend=99))
    stops = np.append(starts[1:], len(kind))
    yaw = behaviour.yaw_rad
    return [
        Steering(
            int(_SIDE[behaviour.lateral[a]]),
            a,
            b,
            float(yaw[min(b, len(yaw) - 1)] - yaw[a]),
            bool(_REVERSE[behaviour.lateral[a]]),
        )
        for a, b in zip(starts.tolist(), stops.tolist(), strict=True)
    ]


def path_frames(behaviour: Behaviour, around: Around, seen: Sightings, across: Sequence[Move]) -> Found:
    """Key frames of the lateral and lane channels of a run of ticks, and what became of their transitions.

    `across` are the run's moves across the lane.
    """
    found = Found()
    covered = np.zeros(len(behaviour.t_us), dtype=bool)
    near = behaviour.config.covers_ticks
    for move in across:
        frame = _frame_of_move(behaviour, around, seen, move)
        if frame is not None:
            found.frames.append(frame)
            covered[max(move.start - near, 0) : move.stop + near] = True
    _steer(behaviour, around, seen, covered, found)
    _lanes(behaviour, around, covered, found)
    return found


def _frame_of_move(behaviour: Behaviour, around: Around, seen: Sightings, move: Move) -> KeyFrame | None:
    """None for wandering within the lane."""
    t0 = behaviour.before(move.start)
    channel, before, after = _action_of(behaviour, move)
    frame = KeyFrame(t0, channel, before, after, f"shift_{move.side}", transitions=0)
    cause = shift_cause(around, seen, t0, move.start, move.side, behaviour.config)
    if move.lane:
        return frame.named("bypass_construction" if cause == "bypass_construction" else "lane_change")
    if not move.leaves:
        return frame.named("keep_lane") if abs(move.across_m) >= behaviour.config.move_least_m else None
    if cause:
        return frame.named(cause)
    return frame if abs(move.across_m) >= behaviour.config.move_alone_m else None


def _action_of(behaviour: Behaviour, move: Move) -> tuple[str, str, str]:
    """(channel, before, after): the transition to the side of a move on the lane channel, else in steering; a move that
    neither shows is a shift, as the map says."""
    covers = behaviour.config.covers_ticks
    near = slice(max(move.start - covers, 1), min(move.stop + covers, len(behaviour.t_us)))
    for channel, names in (("lane", LANE), ("lateral", LATERAL)):
        codes = behaviour.codes(channel)
        before, after = codes[near.start - 1 : near.stop - 1], codes[near]
        for i in np.flatnonzero((before != after) & (before >= 0) & (after >= 0)):
            if names[after[i]].endswith(move.side):
                return channel, names[before[i]], names[after[i]]
    return "lane", "lane_keep", f"{'lane_change' if move.lane else 'slight_shift'}_{move.side}"


def shift_cause(around: Around, seen: Sightings, t0: int, start: int, side: str, config: MomentConfig) -> str:
    """What a move to a side gives room to, standing or walking on the other side; "" where nothing does."""
    ticks = slice(t0, start + config.cause_ticks)
    away = -1.0 if side == "left" else 1.0  # the side of what we give room to
    with np.errstate(invalid="ignore"):
        works = (around.works[ticks] >= config.works_least) & (away * around.works_offset_m[ticks] > 0)
        stands = away * around.obstacle_offset_m[ticks] > 0
    if works.any():
        return "bypass_construction"
    if stands.any():
        return "nudge"
    then = seen.between(t0, start + config.cause_ticks)
    people = seen.weak[then] & (away * seen.offset_m[then] > 0) & (seen.clearance_m[then] < config.vru_beside_m)
    people &= (seen.gap_m[then] > 0) & (seen.gap_m[then] < config.vru_reach_m)
    return "yield_to_vru" if people.any() else ""


def _steer(behaviour: Behaviour, around: Around, seen: Sightings, covered: np.ndarray, found: Found) -> None:
    phases = steering(behaviour)
    changes = int(np.count_nonzero(np.diff(behaviour.lateral)))
    out_and_back = 0  # until here steering is the second half of a move sideways
    for i, phase in enumerate(phases):
        if i == 0:
            continue
        changes -= 1
        before, after = (LATERAL[behaviour.lateral[tick]] for tick in (phase.start - 1, phase.start))
        frame = KeyFrame(behaviour.before(phase.start), "lateral", before, after, generic_of(before, after))
        if covered[phase.start]:
            found.count(within_move=1)
        elif phase.start < out_and_back:
            found.count(continues=1)
        elif phase.side == 0:
            found.count(ends=1)
        elif phase.reverse:
            found.frames.append(frame)
        elif around.has_map[phase.start]:
            _on_a_lane(behaviour, around, phase, frame, found)
        else:
            back = _swerve(behaviour, phases[i : i + 3])
            out_and_back = back.stop if back else 0
            found.frames.append(_free(behaviour, around, seen, phase, frame, back is not None))
    found.count(continues=changes)


def _on_a_lane(behaviour: Behaviour, around: Around, phase: Steering, frame: KeyFrame, found: Found) -> None:
    """A turn, a curve that one feels, or no more than what the lane asks for."""
    config = behaviour.config
    ticks = slice(phase.start, phase.stop)
    speed = behaviour.speed_mps[ticks]
    junction = around.in_junction[ticks].any() or speed.min() < config.turn_mps
    side = "left" if phase.side > 0 else "right"
    rate = np.abs(np.diff(behaviour.yaw_rad[phase.start : phase.stop + 1])) / (TICK_US / 1e6)
    felt_mps2 = float(np.max(rate * speed[: len(rate)], initial=0.0))
    if junction and abs(phase.turn_rad) >= config.turn_rad:
        found.frames.append(frame.named(f"turn_{side}"))
    elif abs(phase.turn_rad) >= config.curve_rad and felt_mps2 >= config.felt_mps2:
        found.frames.append(frame.named("curve").at(phase.start).until(phase.stop - 1))
    else:
        found.count(follows_lane=1)


def _free(
    behaviour: Behaviour, around: Around, seen: Sightings, phase: Steering, frame: KeyFrame, swerves: bool
) -> KeyFrame:
    """Steering where no map says whether it follows the road."""
    side, config = "left" if phase.side > 0 else "right", behaviour.config
    if swerves:
        return frame.named(shift_cause(around, seen, frame.tick, phase.start, side, config) or f"shift_{side}")
    ticks = slice(phase.start, phase.stop)
    sharp = LATERAL[behaviour.lateral[ticks].max(initial=0)].startswith("sharp")
    driven_m = float(np.abs(behaviour.speed_mps[ticks]).sum()) * TICK_US / 1e6
    turns = abs(phase.turn_rad) >= max(config.turn_rad, config.turn_rate_radpm * driven_m)
    return frame.named(f"turn_{side}" if sharp or turns else f"steer_{side}")


def _swerve(behaviour: Behaviour, phases: list[Steering]) -> Steering | None:
    """The steering back, when the first of some phases and the next to a side together move the car sideways."""
    out, config = phases[0], behaviour.config
    back = next((phase for phase in phases[1:] if phase.side), None)
    if back is None or back.side != -out.side or back.start - out.stop > config.swerve_gap_ticks:
        return None
    most = max(abs(out.turn_rad), abs(back.turn_rad))
    if most > config.swerve_rad or abs(out.turn_rad + back.turn_rad) > config.swerve_rest * most:
        return None
    ticks = slice(out.start, back.stop)
    heading = behaviour.yaw_rad[ticks] - behaviour.yaw_rad[out.start]
    across_m = abs(float(np.sum(np.sin(heading) * behaviour.speed_mps[ticks])) * TICK_US / 1e6)
    return back if config.swerve_m[0] <= across_m <= config.swerve_m[1] else None


def _lanes(behaviour: Behaviour, around: Around, covered: np.ndarray, found: Found) -> None:
    """Transitions of the lane channel: those that no move across the lane and no steering speaks for."""
    codes = behaviour.lane
    known = (codes[1:] >= 0) & (codes[:-1] >= 0)
    turning = _turning(found.frames, len(codes), behaviour.config.same_turn_ticks)
    for tick in (np.flatnonzero(known & (codes[1:] != codes[:-1])) + 1).tolist():
        before, after = LANE[codes[tick - 1]], LANE[codes[tick]]
        frame = KeyFrame(behaviour.before(tick), "lane", before, after, generic_of(before, after))
        if covered[tick] and not after.startswith("turn"):  # a turn is more than a move across the lane
            found.count(within_move=1)
        elif after == "lane_keep":
            found.count(ends=1)
        elif after.startswith("follow_curve"):
            found.count(follows_lane=1)  # felt ones are found in the steering
        elif after.startswith("slight_shift") and around.has_map[tick]:
            found.count(wanders=1)  # as a move it was too small
        elif after.startswith("turn") and turning[after.rsplit("_", 1)[1]][frame.tick]:
            found.count(continues=1)
        else:
            found.frames.append(frame)


def _turning(frames: Sequence[KeyFrame], count: int, near_ticks: int) -> dict[str, np.ndarray]:
    """For each side the ticks [n] near to a key frame of turning to it."""
    near = {side: np.zeros(count, dtype=bool) for side in ("left", "right")}
    for frame in frames:
        if frame.scenario.startswith(("turn", "curve")):
            side = frame.after.rsplit("_", 1)[1]
            near[side][max(frame.tick - near_ticks, 0) : frame.tick + near_ticks + 1] = True
    return near
