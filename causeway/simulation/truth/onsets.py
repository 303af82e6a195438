"""When the expert began to slow or to speed up, and for what: its own reasons, tick by tick.

Knows plans and the first sign of what came of them. Does not know what that is called (`along`).
"""

from dataclasses import dataclass, replace

from causeway.simulation.expert.cues import CRUISE
from causeway.simulation.world import Tick, World

STANDING_MPS = 0.2
ACTS_MPS2 = 0.2  # a wish beyond this is an action
BEGUN_MPS2, BEGINS_MPS2 = 0.15, 0.1  # where the method's meta actions are gentle, and where one is cut from the next
LEAST_CHANGE_MPS = 0.8  # what changes the speed less is no decision
SETTLED_TICKS = 10  # without action for this long: the next one is a new decision


@dataclass(frozen=True)
class Onset:
    """The tick at which the expert began to slow (`go` False) or to speed up, and for what it slowed (before)."""

    tick: int
    go: bool
    reason: str
    cause_id: str | None


def onsets(world: World) -> list[Onset]:
    """Where the expert's wish turns to slowing or to speeding up after it was something else; by time."""
    found: list[Onset] = []
    doing, calm = 0, 0
    held: tuple[str, str | None] = ("", None)
    for tick, then in enumerate(world.ticks):
        if then.plan is None:
            continue
        wish, cause = then.plan.wanted_mps2, (then.plan.reason, then.plan.cause_id)
        if cause[0] != CRUISE and (wish < -ACTS_MPS2 or then.ego.speed_mps < STANDING_MPS):
            held = cause
        # easing off to a lower set speed is for nothing that is there
        now = -int(cause[0] != CRUISE) if wish < -ACTS_MPS2 else int(wish > ACTS_MPS2)
        calm = calm + 1 if now == 0 else 0
        if now == 0:
            doing = 0 if calm >= SETTLED_TICKS else doing
            continue
        if now < 0 and doing >= 0:
            found.append(_acting(world, Onset(tick, False, *cause)))
        elif now > 0 and doing <= 0 and held[0]:
            onset = _acting(world, Onset(tick, True, *held))
            found.append(onset)
            held = held if _speed_change(world, onset) < LEAST_CHANGE_MPS else ("", None)
        doing = now
    return [onset for onset in found if _speed_change(world, onset) >= LEAST_CHANGE_MPS]


def _acting(world: World, onset: Onset) -> Onset:
    """The onset at the tick from which the vehicle does what is wished: a foot takes a moment to move."""
    sign = 1.0 if onset.go else -1.0
    accel = [sign * tick.ego.accel_mps2 for tick in world.ticks]
    acts = next((i for i in range(onset.tick, len(accel)) if accel[i] > BEGUN_MPS2), onset.tick)
    while acts > 0 and accel[acts - 1] > BEGINS_MPS2 and (onset.go or not _eases(world.ticks[acts - 1])):
        acts -= 1
    return replace(onset, tick=acts)


def _eases(then: Tick) -> bool:
    """Whether one slows to a lower set speed: what comes to ask for more is no reason for that."""
    return then.plan is not None and then.plan.reason == CRUISE and then.plan.wanted_mps2 < -ACTS_MPS2


def _speed_change(world: World, onset: Onset) -> float:
    """How much the action that begins here changes the speed before it ends, in m/s."""
    sign, last = (1.0 if onset.go else -1.0), onset.tick
    while last + 1 < len(world.ticks) and sign * world.ticks[last + 1].ego.accel_mps2 > BEGINS_MPS2:
        last += 1
    before = world.ticks[max(onset.tick - 1, 0)].ego.speed_mps
    return sign * (world.ticks[last].ego.speed_mps - before)
