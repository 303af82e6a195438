"""Every number that says what a moment is: when t0 is, what a braking or a move is for, how moments are balanced.

Knows numbers and units only; part of the cache key of the step that finds moments. Ticks are 0.1 s. Source of the
scenarios and of their key frames: arXiv 2511.00088, table 3, which prints no thresholds.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class MomentConfig:
    """The choices of an organisation first, then the thresholds of the key-frame rules.

    `split_by`: "place", "drive" or "vehicle" (see `causeway.clips.splits`). `max_per_scenario`: more of one scenario
    are too many, 0 = no limit. `max_share`: the largest share of all moments that one scenario may have, 1 = no limit
    (with few scenarios: an equal share). Both are off by default: what is left out can train nothing, and a loop can
    draw scenarios evenly; a limit is for whoever pays for labels by the moment.
    """

    split_by: str = "place"
    max_per_scenario: int = 0
    max_share: float = 1.0

    before_change_us: int = 500_000
    merge_us: int = 1_000_000  # transitions of different channels this close are one decision
    range_ticks: int = 200  # the longest range of a proactive scenario: as long as a clip

    # what is around at a tick
    on_way_m: float = 3.0  # a bump, a crosswalk: this near to our path it is on it
    works_reach_m: float = 60.0
    works_beside_m: float = 2.5  # works closer than this to our sides narrow the way
    beside_m: tuple[float, float] = (1.8, 5.6)  # offsets of the lane next to ours
    beside_gap_m: tuple[float, float] = (6.0, 4.0)  # who is closer ahead or behind there leaves us no gap
    beside_s: float = 2.0  # or will be within this time

    fades_ticks: int = 7  # a braking fades for so long, at most, before one goes on
    gains_mps2: float = 0.1

    # what a braking is for
    cause_ticks: int = 20  # causes are looked for from t0 to this long after the action began
    cause_mps2: float = 0.3  # what asks for less braking is no cause
    forced_mps2: float = 1.5  # who crosses and asks for this much drives riskily
    stopped_for_m: float = 12.0  # what is ahead of a car that came to a stand, within this, is what it stopped for
    follow_accel_mps2: float = 1.4  # the intelligent driver model: a, b, time and distance
    follow_brake_mps2: float = 2.0
    follow_s: float = 1.0
    follow_gap_m: float = 2.0
    lead_near_s: float = 3.0  # a lead farther than this away may brake as it likes
    bump_mps: float = 4.0
    works_mps: float = 5.0
    works_least: int = 2  # fewer cones are no site
    curve_mps2: float = 2.0  # comfortable across
    curve_turn_rad: float = 0.2  # who brakes for a curve turns so much …
    curve_turn_ticks: int = 60  # … within this time
    pressed_m: float = 8.0  # one backs up for who is nearer than this …
    pressed_mps: float = 0.3  # … and comes faster

    # cut-ins
    cut_in_ticks: int = 30  # looked for so long before and after the braking began
    cut_in_takes_ticks: int = 40  # how long it may take until it is our lead
    cut_in_least_mps: float = 1.0
    cut_in_from_m: float = 2.2  # from beside our lane …
    cut_in_to_m: float = 1.2  # … to our way
    cut_in_across_mps: float = 0.15

    # who drives dangerously
    risk_ticks: tuple[int, int] = (20, 60)  # looked for so long before and after an action began
    risk_m: float = 70.0
    risk_least_ticks: int = 4
    backs_up_mps: float = 0.3
    comes_mps: float = 2.0
    over_line_m: float = 0.25
    weaves_m: float = 0.8  # in and out again
    swerves_mps: float = 2.6  # a change of lane is slower

    # moves across the lane
    move_smoothing_ticks: int = 5
    move_mps: float = 0.25  # a move reaches this speed across …
    move_begins_mps: float = 0.1  # … and lasts while it is faster than this
    move_look_ticks: int = 100  # how far back its beginning is looked for
    move_least_m: float = 0.5
    move_alone_m: float = 0.9  # one that nothing explains is wandering below this
    switch_m: float = 1.2  # an offset that jumps by more when the lane changes: another lane, not the next piece
    seam_m: float = 0.6  # a jump of less: the next piece of the same lane
    lane_change_m: float = 1.8
    covers_ticks: int = 10  # transitions so near to a move belong to it
    vru_reach_m: float = 40.0  # one gives room to a person within this …
    vru_beside_m: float = 1.5  # … and nearer than this to our side

    # steering
    curve_rad: float = 0.35  # a curve that one enters and feels
    felt_mps2: float = 0.8
    turn_rad: float = 0.6
    turn_mps: float = 8.0
    turn_rate_radpm: float = 0.02
    same_turn_ticks: int = 25  # a turn of the lane channel so near to one found in the steering is the same
    swerve_rad: float = 0.3  # steering out and back by less than this each is a move sideways
    swerve_rest: float = 0.4  # what is left of it, at most
    swerve_gap_ticks: int = 10
    swerve_m: tuple[float, float] = (0.5, 6.0)

    # ranges
    junction_by_ticks: int = 30  # a line that is crossed belongs to the junction reached so soon after
    rolls_mps: float = 1.0
    prepares_ticks: tuple[int, int] = (10, 150)  # a preparation of less is none; how far back one is looked for
    slower_mps: float = 1.0  # a lead that is slower than we are, or nearer than this time: a reason to change lanes
    near_s: float = 2.5
    tight_s: float = 1.5
    behind_m: float = 6.0  # and no farther away than this …
    behind_s: float = 3.5  # … and this time
    passes_m: float = 12.0  # from before what stands to past it, both of us
    passes_mps: float = 4.0
    spare_s: float = 1.5
    gap_ticks: int = 50  # a gap on the lane beside that is there for no longer is none
    slows_ticks: int = 40  # one slows so long before one is seen to be blocked
    obstacle_m: float = 40.0
    intent_ticks: int = 5
    intent_m: float = 40.0
    goes_on_mps: float = 2.0
    passed_m: float = 5.0  # who is so far behind our front bumper is passed


DEFAULTS = MomentConfig()
