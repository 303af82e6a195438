"""The truth of a drive: every decision moment with its cause, from what the expert itself had in mind.

Knows how the moments along the road and sideways become one list. Their rules, those of arXiv 2511.00088, table 3,
are in `along` and `sideways`. Of the motion only its first sign is used, so whatever finds moments in a
drive can be judged by this.
"""

from causeway.clips.geometry import FUTURE_US, HISTORY_US, TICK_US
from causeway.simulation.truth.along import moments_along
from causeway.simulation.truth.parts import Moment, observed
from causeway.simulation.truth.sideways import ANSWERED_TICKS, moments_sideways
from causeway.simulation.world import World

__all__ = ["Moment", "truth_of"]

ONE_DECISION_US = (3_000_000, 1_500_000)  # before and after a moment sideways: the same thing, answered along the road
LEAVES = ("nudge", "yield_to_vru", "lane_change", "bypass_construction", "risky_driving")
WORKS_US = 1_200_000
ALONE_US = 1_000_000  # a range in which nothing changes speaks only where nothing else does


def truth_of(world: World) -> list[Moment]:
    """The moments of a drive that the expert drove to its end, with 2.0 s before and 6.4 s after; by time.

    Every component was in view at t0; a moment whose first cause was not (somebody stood before it) has none.
    """
    aside = moments_sideways(world)
    along = [m for m in moments_along(world) if not any(_same(m, other) or _freed(m, other) for other in aside)]
    last_us = (len(world.ticks) - 1) * TICK_US - FUTURE_US
    moments = sorted([*along, *aside], key=lambda m: (m.t0_us, m.scenario))
    acted = [m for m in moments if not _only_goes_on(m)]
    kept = [m for m in moments if not _only_goes_on(m) or all(abs(m.t0_us - a.t0_us) > ALONE_US for a in acted)]
    return [observed(m) for m in kept if HISTORY_US <= m.t0_us <= last_us]


def _only_goes_on(moment: Moment) -> bool:
    return moment.scenario in ("pass_intersection", "no_yield_to_vru")


def _freed(along: Moment, aside: Moment) -> bool:
    """Whether going on is part of leaving the lane's middle: who gets past, or out of the queue, speeds up."""
    return (
        aside.scenario in LEAVES
        and along.scenario in ("speed_up", "start")
        and abs(along.t0_us - aside.t0_us) <= ALONE_US
    )


def _same(along: Moment, aside: Moment) -> bool:
    """Whether a moment along the road is part of one sideways: the same cause, at nearly the same time."""
    causes = {c.track_id for c in aside.record.components if c.category in ("critical_object", "odd_constraint")}
    later_us = along.t0_us - aside.t0_us
    shared = any(c.track_id in causes for c in along.record.components)
    if aside.scenario == "bypass_construction":  # braking and moving aside there may be two decisions
        return shared and abs(later_us) <= WORKS_US
    last_us = ANSWERED_TICKS * TICK_US if aside.scenario == "cut_in" else ONE_DECISION_US[0]
    return shared and -ONE_DECISION_US[1] <= later_us <= last_us
