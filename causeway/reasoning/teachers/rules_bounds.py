"""What is near, slow or bent enough for the rule teacher, and the braking in m/s² that a thing ahead asks for.

Knows numbers and three laws of motion. Does not know which thing is which (`rules_seen`). Law of following: Treiber,
Hennecke and Helbing, Congested traffic states in empirical observations and microscopic simulations (2000).
"""

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from causeway.evidence import Evidence


@dataclass(frozen=True)
class RuleBounds:
    """When something observed is a cause; distances along the path."""

    standing_mps: float = 0.5  # slower is standing
    changing_mps2: float = 0.3  # a lead that gains or loses less holds its speed
    near_m: float = 15.0  # always near enough to matter
    headway_s: float = 4.5  # farther than this at the ego's speed does not matter yet
    gap_m: float = 3.0  # a lead nearer than this and
    gap_s: float = 2.1  # … this at the speed of the faster one is followed, however fast it is
    nearer_s: float = 0.3  # … and so much more of one that speeds up: it was nearer a moment ago
    taken_s: float = 1.1  # a lane with a lead nearer than this is not free
    closing_mps: float = 0.5  # a lead that holds its speed matters when one comes this much nearer each second
    reach_m: float = 72.0  # obstacles, cones, bumps and who crosses
    beside_m: float = 1.0  # farther to a side is beside the path
    on_crosswalk_m: float = 5.0  # who crosses so near to a crosswalk uses it
    waits_mps: float = 2.0  # a vehicle that crosses slower than this …
    waits_m: float = 3.0  # … from farther beside our path lets us go
    at_line_m: float = 6.0  # a sign so near to the line, or a car at it
    ahead_m: float = 3.0  # one that is not so far ahead of us is beside us
    towards_mps: float = 0.1  # a neighbour that comes over so fast may want our place
    over_s: float = 3.0  # so long it takes to come over
    comes_mps: float = 0.5  # who comes over, or towards us over the middle, so fast means it
    half_in_m: float = 0.8  # a lead so far beside our path's middle is not yet in our lane
    surprise_mps2: float = 0.5  # who is suddenly there, and a gap that has to be found, ask for at least this
    meeting_m: float = 0.4  # less room when we meet is a danger
    meeting_s: float = 4.0  # who is past a place so long before we are there is not met
    end_s: float = 12.0  # a lane that ends sooner than this and
    end_m: float = 40.0  # … so much farther has to be left
    room_s: float = 1.5  # to who is on a lane that one wants
    turn_mps: float = 6.0
    lets_go_mps2: float = -0.7  # a lead that lets one speed up so much and
    gains_mps: float = 1.5  # … drives away so fast holds nobody back
    tight_mps2: float = -0.4  # who comes over where one could speed up no more than this is let in
    sideways_mps2: float = 1.0  # a curve that asks for more at the present speed is a cause
    here_m: float = 5.0  # a curve so near is one that we are in
    curve_m: float = 10.0  # a curve that one is in already asks as if it were so far away
    kink_m: float = 25.0  # nearer than this, and …
    real_curve_mps2: float = 1.2  # … behind a lead, a curve that asks for less is rather a kink of the map
    bend_per_m: float = 0.003  # a road that bends more than this explains steering by itself
    clear_m: float = 1.0  # what one leaves beside something passed
    blocking_m: float = -0.3  # what leaves less room stands in our way
    centred_m: float = 0.3  # farther from its middle, one is not centred in the lane
    comfortable_mps2: float = 2.0  # across, in a curve
    bump_mps: float = 4.0
    works_mps: float = 6.0
    follow_s: float = 1.2  # the law of following: time, distance, acceleration and braking (intelligent driver model)
    follow_m: float = 2.0
    follow_mps2: float = 1.4
    follow_brake_mps2: float = 1.9


BOUNDS = RuleBounds()
PRESSING_MPS2 = 0.3  # what asks for less braking does not press


def to_stand(evidence: "Evidence", distance_m: float, margin_m: float = 1.0) -> float:
    """Braking that it takes to stand `margin_m` before a thing."""
    return to_pass(evidence, distance_m, 0.0, margin_m)


def to_pass(evidence: "Evidence", distance_m: float, speed_mps: float, margin_m: float = 0.0) -> float:
    """Braking that it takes to be no faster than `speed_mps` there; 0 when one is not."""
    v = max(evidence.ego_speed_mps, 0.0)
    return max(v * v - speed_mps * speed_mps, 0.0) / (2 * max(distance_m - margin_m, 0.5))


def to_follow(evidence: "Evidence", distance_m: float, speed_mps: float) -> float:
    """Braking that it takes to follow a lead at that distance and speed; below 0 when one is too far behind."""
    b = BOUNDS
    v = max(evidence.ego_speed_mps, 0.0)
    closing_m = v * (v - speed_mps) / (2 * sqrt(b.follow_mps2 * b.follow_brake_mps2))
    wanted_m = b.follow_m + max(b.follow_s * v + closing_m, 0.0)
    return b.follow_mps2 * ((wanted_m / max(distance_m, 0.5)) ** 2 - 1.0)
