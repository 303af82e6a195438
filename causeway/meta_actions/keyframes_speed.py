"""Key frames of the longitudinal channel: when the car begins to slow, to stop, to go, to back up, and for what.

Knows phases of meta actions (braking to a stand is one decision, however many actions it takes) and the key-frame
rules of arXiv 2511.00088, table 3. What a braking is for is a tag: of all that is ahead, what asks for the most
braking while it lasts. Does not know the lateral channel or which moments can be used.
"""

from dataclasses import dataclass

import numpy as np

from causeway.clips.geometry import TICK_US
from causeway.meta_actions.keyframes_around import SIGNALS, Around, Sightings
from causeway.meta_actions.keyframes_others import cut_in_began, takes_risks
from causeway.meta_actions.keyframes_types import Behaviour, Found, KeyFrame
from causeway.meta_actions.moments_config import MomentConfig
from causeway.meta_actions.names import LONGITUDINAL
from causeway.meta_actions.scenarios import generic_of

SLOW, HOLD, GO, STAND, BACK = range(5)
_PHASE_OF = {
    "gentle_accelerate": GO,
    "strong_accelerate": GO,
    "gentle_decelerate": SLOW,
    "strong_decelerate": SLOW,
    "maintain_speed": HOLD,
    "stop": STAND,
    "reverse": BACK,
}
_PHASES = np.array([_PHASE_OF[name] for name in LONGITUDINAL])


@dataclass(frozen=True)
class Phase:
    """Ticks `start` to `stop` (not included) of one kind, after a phase of kind `before` (-1: the first)."""

    kind: int
    before: int
    start: int
    stop: int
    after: int


def phases(codes: np.ndarray) -> list[Phase]:
    """A row of longitudinal codes as phases in which the car does one thing, gently or strongly."""
    kinds = _PHASES[codes]
    starts = np.flatnonzero(np.diff(kinds, prepend=-1))
    stops = np.append(starts[1:], len(kinds))
    order = [-1, *kinds[starts].tolist(), -1]
    spans = zip(starts.tolist(), stops.tolist(), strict=True)
    return [Phase(order[i + 1], order[i], a, b, order[i + 2]) for i, (a, b) in enumerate(spans)]


def speed_frames(behaviour: Behaviour, around: Around, seen: Sightings) -> Found:
    """Key frames of the longitudinal channel of a run of ticks, and what became of its transitions."""
    codes = behaviour.longitudinal
    found = Found()
    changes = int(np.count_nonzero(np.diff(codes)))
    for phase in phases(codes):
        if phase.before < 0:
            continue
        changes -= 1
        if phase.kind == STAND and phase.before in (SLOW, BACK):
            found.count(continues=1)
        elif phase.kind == HOLD and phase.before in (SLOW, GO):
            found.count(ends=1)
        else:
            found.frames.append(_frame(behaviour, around, seen, phase))
    found.count(continues=changes)  # gentle to strong and back
    return found


def _frame(behaviour: Behaviour, around: Around, seen: Sightings, phase: Phase) -> KeyFrame:
    before, after = (LONGITUDINAL[behaviour.longitudinal[tick]] for tick in (phase.start - 1, phase.start))
    t0 = behaviour.before(_begins(behaviour, phase))
    frame = KeyFrame(t0, "longitudinal", before, after, generic_of(before, after))
    if phase.kind == SLOW:
        return _slowing(behaviour, around, seen, phase, frame)
    if phase.kind == STAND:
        return frame.named(_stopped_for(around, phase.start, behaviour.config) or "stop")
    if phase.before == STAND and phase.kind in (GO, HOLD):
        return _resuming(around, phase, frame, behaviour.config)
    if phase.kind == BACK and _pressed(around, t0, phase.start, behaviour.config):
        return frame.named("risky_driving")
    return frame


def _begins(behaviour: Behaviour, phase: Phase) -> int:
    """When it begins: going on after braking, not while what is left of the braking fades."""
    if phase.kind != GO or phase.before != SLOW:
        return phase.start
    ticks = slice(phase.start, min(phase.start + behaviour.config.fades_ticks, phase.stop) + 1)
    gains = np.flatnonzero(np.diff(behaviour.speed_mps[ticks]) > behaviour.config.gains_mps2 * TICK_US / 1e6)
    return phase.start + (int(gains[0]) if len(gains) else 0)


def _slowing(behaviour: Behaviour, around: Around, seen: Sightings, phase: Phase, frame: KeyFrame) -> KeyFrame:
    stops = phase.after == STAND
    frame = frame.named("stop") if stops else frame
    causes = _causes(behaviour, around, frame.tick, phase)
    stood_for = _stopped_for(around, phase.stop, behaviour.config) if stops else ""
    asked = [stood_for, *causes] if stood_for else causes
    if not asked or asked[0] in _OTHERS:
        named = _for_others(behaviour, around, seen, phase.start, frame)
        if named is not None:
            return named
        if not asked and _nears(behaviour, around, frame.tick, phase):
            asked = ["slow_for_lead"]
    for cause in asked:
        if cause == "cut_in":
            continue
        if cause in ("slow_for_lead", "stop_for_lead"):
            return frame.named("stop_for_lead" if stops else "slow_for_lead")
        if cause == "stop_for_control":
            return frame.named(cause).at(_turned(around, frame.tick, phase.stop, ("red", "yellow")))
        if cause == "curve":
            last = curve_end(around, phase.start, behaviour.config)
            turns = stops or around.in_junction[phase.start : last + 1].any()  # no curve of the road, a turn of ours
            return frame if turns else frame.named(cause).until(last)
        return frame.named(cause)
    return frame


def _for_others(behaviour: Behaviour, around: Around, seen: Sightings, start: int, frame: KeyFrame) -> KeyFrame | None:
    """Slowing for somebody who drives dangerously, or who cuts in; None when nobody does."""
    if takes_risks(around, seen, start, behaviour.config):
        return frame.named("risky_driving")
    began = cut_in_began(behaviour, around, seen, start)
    return None if began is None else frame.named("cut_in").at(began)


_OTHERS = ("slow_for_lead", "stop_for_lead", "cut_in", "risky_driving")


def _nears(behaviour: Behaviour, around: Around, t0: int, phase: Phase) -> bool:
    """A lead that asks for little: near, and slower than we are or braking; or too near, as after a change of lane."""
    ticks = slice(t0, min(phase.stop, phase.start + behaviour.config.cause_ticks))
    v = behaviour.speed_mps[ticks]
    near = around.lead_gap_m[ticks] < behaviour.config.follow_gap_m + behaviour.config.near_s * v
    slower = (around.lead_mps[ticks] < v) | (around.lead_accel_mps2[ticks] < -behaviour.config.cause_mps2)
    tight = around.lead_gap_m[ticks] < behaviour.config.follow_gap_m + behaviour.config.tight_s * v
    return bool((tight | (near & slower)).any())


def _causes(behaviour: Behaviour, around: Around, t0: int, phase: Phase) -> list[str]:
    """Scenarios of what asks for braking from t0 to 2 s after it began, what asks for the most first."""
    config = behaviour.config
    ticks = slice(t0, min(phase.stop, phase.start + config.cause_ticks))
    wanted = demands(behaviour.speed_mps[ticks], around, ticks, config)
    asked = {name: _highest(values) for name, values in wanted.items()}
    asked["risky_driving"] *= asked["risky_driving"] >= config.forced_mps2
    after = slice(phase.start, phase.start + config.curve_turn_ticks)
    turned_rad = np.abs(behaviour.yaw_rad[after] - behaviour.yaw_rad[phase.start])
    asked["curve"] *= turned_rad.max() >= config.curve_turn_rad
    return [name for name in sorted(asked, key=asked.__getitem__, reverse=True) if asked[name] >= config.cause_mps2]


def _highest(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.max()) if len(known) else 0.0


def demands(v: np.ndarray, around: Around, ticks: slice, config: MomentConfig) -> dict[str, np.ndarray]:
    """{scenario: braking in m/s² that its cause asks for} at ticks with speeds v; NaN where it is not there.

    To a stand before it, or to a speed at it; behind a lead as `_following` says, or the lead's own where that is more.
    """
    gap_m = around.lead_gap_m[ticks]
    near = gap_m < config.follow_gap_m + config.lead_near_s * v
    own = np.where(near, -around.lead_accel_mps2[ticks], np.nan)
    asks = np.isin(around.signal[ticks], [SIGNALS.index("red"), SIGNALS.index("yellow")])
    bend = np.abs(around.curve_per_m[ticks])
    slow = np.sqrt(config.curve_mps2 / np.maximum(bend, 1e-4))
    crossing, weak, joins = around.crossing_gap_m[ticks], around.crossing_weak[ticks], around.crossing_joins[ticks]
    works = np.where(around.works[ticks] >= config.works_least, around.works_gap_m[ticks], np.nan)
    return {
        "yield_to_vru": np.where(weak, _braking(v, 0.0, crossing), np.nan),
        "slow_for_lead": np.fmax(_following(v, gap_m, around.lead_mps[ticks], config), own),
        "cut_in": np.where(joins, _following(v, crossing, around.crossing_mps[ticks], config), np.nan),
        "stop_for_control": np.where(asks, _braking(v, 0.0, around.signal_gap_m[ticks]), np.nan),
        "bypass_construction": _braking(v, config.works_mps, works),
        "speed_bump": _braking(v, config.bump_mps, around.bump_gap_m[ticks]),
        "risky_driving": np.where(weak | joins, np.nan, _braking(v, 0.0, crossing)),
        "curve": _braking(v, slow, around.curve_gap_m[ticks]),
    }


def _braking(v: np.ndarray, to_mps: np.ndarray | float, gap_m: np.ndarray) -> np.ndarray:
    """What it takes to be no faster than a speed after a gap."""
    return (v**2 - np.minimum(to_mps, v) ** 2) / (2 * np.maximum(gap_m, 1.0))


def _following(v: np.ndarray, gap_m: np.ndarray, ahead_mps: np.ndarray, config: MomentConfig) -> np.ndarray:
    """The braking of the intelligent driver model (Treiber, Hennecke and Helbing 2000) without a wish to go faster."""
    closing_m = v * (v - ahead_mps) / (2 * np.sqrt(config.follow_accel_mps2 * config.follow_brake_mps2))
    wanted_m = config.follow_gap_m + np.maximum(v * config.follow_s + closing_m, 0.0)
    return config.follow_accel_mps2 * ((wanted_m / np.maximum(gap_m, 0.5)) ** 2 - 1.0)


def _stopped_for(around: Around, tick: int, config: MomentConfig) -> str:
    """What is nearest ahead of a car that came to a stand at a tick; "" when nothing is."""
    tick = min(tick, len(around.t_us) - 1)
    asks = SIGNALS[around.signal[tick]] in ("red", "yellow")
    line_m = around.signal_gap_m[tick] if asks else around.stop_gap_m[tick]
    if SIGNALS[around.signal[tick]] == "green":
        line_m = np.nan
    person_m = around.crossing_gap_m[tick] if around.crossing_weak[tick] else np.nan
    gaps = {"stop_for_lead": around.lead_gap_m[tick], "stop_for_control": line_m, "yield_to_vru": person_m}
    near = {name: gap for name, gap in gaps.items() if gap <= config.stopped_for_m}
    return min(near, key=near.__getitem__) if near else ""


def _turned(around: Around, t0: int, stop: int, states: tuple[str, ...]) -> int:
    """The later of t0 and the tick in which the light shows one of the states."""
    wanted = [SIGNALS.index(state) for state in states]
    shows = np.flatnonzero(np.isin(around.signal[t0:stop], wanted))
    return t0 + int(shows[0]) if len(shows) else t0


def _resuming(around: Around, phase: Phase, frame: KeyFrame, config: MomentConfig) -> KeyFrame:
    """Going on at a light or a stop line, when nobody stands before us."""
    t0, standing = frame.tick, max(phase.start - 1, 0)
    line_m = np.nanmin([np.inf, around.signal_gap_m[standing], around.stop_gap_m[standing]])
    lead_m = around.lead_gap_m[t0]
    first = not lead_m <= min(line_m, config.stopped_for_m)
    green = SIGNALS.index("green") in around.signal[t0 : phase.start + 3]
    if line_m > config.stopped_for_m or not first or (around.signal[standing] > 0 and not green):
        return frame.named("start")
    return frame.named("resume_at_control").at(_turned(around, t0, phase.start + 1, ("green",)))


def _pressed(around: Around, t0: int, start: int, config: MomentConfig) -> bool:
    """Somebody ahead comes towards us or stands in our way very near: we back up for them."""
    ahead = slice(t0, start + 1)
    comes = (around.lead_gap_m[ahead] < config.pressed_m) & (around.lead_mps[ahead] < -config.pressed_mps)
    crosses = around.crossing_gap_m[ahead] < config.pressed_m
    return bool((comes | crosses).any())


def curve_end(around: Around, tick: int, config: MomentConfig) -> int:
    """The last tick before the curve ahead at `tick` is through: from when on none as strong as half of it is near."""
    bend = around.curve_per_m[tick : tick + config.range_ticks + 1]
    ahead = (np.abs(bend) >= np.abs(bend[0]) / 2) & (np.sign(bend) == np.sign(bend[0]))
    ends = np.flatnonzero(~ahead)
    return tick + (int(ends[0]) if len(ends) else len(bend)) - 1
