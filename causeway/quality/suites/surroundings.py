"""What is expected of what is around the car: tracks, lanes, road elements, lights and the route."""

from causeway.artifacts.closed_sets import LANE_KINDS, ROAD_ELEMENT_KINDS, SIGNAL_STATES, TRACK_TYPES
from causeway.quality.expectations import MANY, Suite, between, filled, in_set, true

# One row an object of a clip: `facts.tracks.track_facts`. drop_row takes the object out, in all its ticks.
TRACKS = Suite(
    "tracks",
    "a tracked object of a clip",
    (
        filled("track_type_named", "type", "drop_row", "an object without a class"),
        in_set("track_type", "type", TRACK_TYPES, "drop_row", "a class nobody knows"),
        true("track_type_stays", "type_stays", "warn", "one object, several classes", "types"),
        true("track_finite", "finite", "drop_row", "NaN or infinity in its poses"),
        true("track_row_once", "rows_once", "drop_row", "two boxes of one object at one tick"),
        true("track_in_clip", "in_clip", "drop_row", "outside the clip, or between its ticks"),
        true("track_size", "size_fits", "drop_row", "a box of another size than its class has", "size"),
        between("track_speed", "speed_excess_mps", 0, 0, "drop_row", "faster than its class can be", "m/s", "speed"),
        between("track_jump", "jump_m", 0, 4.0, "drop_row", "it teleports: its steps do not fit each other", "m"),
        between("track_jitter", "jitter_m", 0, 0.6, "warn", "its place is noisy from tick to tick", "m"),
        between("track_velocity", "velocity_error_mps", 0, 5.0, "warn", "velocity and displacement disagree", "m/s"),
        between("track_known_in_time", "known_after_s", 0, 1.3, "drop_row", "known long after it was seen", "s"),
        between("track_distance", "farthest_m", 0, 1000, "warn", "farther than any sensor sees", "m"),
    ),
    drawn="tracks",
)

# One row a lane: `facts.road.lane_facts`.
LANES = Suite(
    "lanes",
    "a lane of a clip",
    (
        true("lane_once", "once", "drop_row", "one name, two lanes"),
        filled("lane_kind_named", "kind", "drop_row", "a lane of no kind may be one to drive on or not"),
        in_set("lane_kind", "kind", LANE_KINDS, "drop_row"),
        true("lane_finite", "finite", "drop_row", "NaN or infinity in its points or edges"),
        between("lane_points", "points", 2, MANY, "drop_row", "a line has at least two points"),
        between("lane_length", "length_m", 0.2, 5000, "drop_row", "degenerate: no way to go", "m"),
        between("lane_steps", "longest_step_m", 0, 250, "warn", "points far apart: curves are cut", "m"),
        between("lane_width", "width_m", 0.5, 15, "warn", "the edges do not belong to it", "m"),
    ),
)

ROAD_ELEMENTS = Suite(
    "road_elements",
    "an element of the road",
    (
        true("element_once", "once", "drop_row", "one name, two elements"),
        filled("element_kind_named", "kind", "drop_row", "an element of no kind says nothing"),
        in_set("element_kind", "kind", ROAD_ELEMENT_KINDS, "drop_row"),
        true("element_finite", "finite", "drop_row", "NaN or infinity in its points"),
        between("element_points", "points", 1, MANY, "drop_row", "a shape has points"),
    ),
)

SIGNALS = Suite(
    "signals",
    "a light at a time",
    (
        true("light_once", "once", "drop_row", "one light, two states at one time"),
        filled("light_state_named", "state", "drop_row", "a light whose state is not known is `unknown`"),
        in_set("light_state", "state", SIGNAL_STATES, "drop_row", "a state nobody knows is no state"),
        true("light_in_clip", "in_clip", "drop_row", "before or after the clip"),
    ),
)

ROUTE = Suite(
    "route",
    "the route of a clip",
    (
        true("route_once", "once", "drop_row", "one clip, two routes"),
        true("route_finite", "finite", "drop_row", "NaN or infinity in its points"),
        between("route_points", "points", 2, MANY, "drop_row", "a route leads somewhere"),
    ),
)
