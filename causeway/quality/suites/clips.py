"""What is expected of clips and their ego motion. Bounds keep what real drives do and catch what no vehicle does.

Measured on the ten folders of real drives that docs/quality-gate.md names; a standing clip is valid data, and so is a
short one. One row a clip: the columns of `facts.clips` and `facts.motion`; of `clips_left` the one row of `dropping`.
"""

from causeway.artifacts.closed_sets import SPEED_SOURCES
from causeway.quality.expectations import Suite, between, filled, in_set, some, true

CLIPS = Suite(
    "clips",
    "a clip",
    (
        some("has_clips", "clip_id", "refuse", "there is nothing to go on with"),
        true("clip_id_once", "id_once", "refuse", "rows of two clips would be mixed"),
        filled("drive_named", "drive_id", "refuse", "splits are made of whole drives"),
        filled("licence_named", "licence", "warn", "whoever uses the data must know its terms"),
        true("span_agrees", "span_agrees", "drop_clip", "start, end and number of ticks contradict each other", "span"),
        between("clip_length", "length_s", 0.1, 20.1, "drop_clip", "a clip is up to 20 s", "s"),
        true("tracks_agree", "tracks_agree", "drop_clip", "tracks of a clip that says it has none"),
        true("map_agrees", "map_agrees", "drop_clip", "a map of a clip that says it has none"),
        true("signals_agree", "signals_agree", "drop_clip", "lights of a clip that says it has none"),
        # what is left out is traffic that evidence cannot see: a lead that is missing is a cause that is missed
        between("usable_tracks", "unusable_track_share", 0, 0.25, "drop_clip", "too much of the traffic is unusable"),
        in_set("motion_once", "same_motion_as", ("no",), "drop_clip", "the same drive is there twice, as seen or told"),
        in_set("pictures_once", "same_pictures_as", ("no",), "drop_clip", "the same pictures are there twice"),
    ),
)

CLIPS_LEFT = Suite(
    "clips_left",
    "the clips of an artifact",
    (between("enough_left", "dropped_share", 0, 0.5, "refuse", "the source is at fault, not the clips", about="told"),),
)

EGO = Suite(
    "ego",
    "the ego motion of a clip",
    (
        true("has_ticks", "has_ticks", "drop_clip", "a clip without ego motion teaches nothing", "ticks"),
        true("finite", "finite", "drop_clip", "NaN or infinity would spread through everything derived", "not_finite"),
        true("time_increases", "time_increases", "drop_clip", "derived values need increasing time"),
        between("even_ticks", "tick_error_s", 0, 0.001, "drop_clip", "ticks are 0.1 s apart", "s"),
        between("pose_gap", "pose_gap_s", 0, 0.6, "drop_clip", "a longer gap was filled by a straight line", "s"),
        between("rotation_is_unit", "rotation_error", 0, 1e-3, "drop_clip", "a quaternion that is not of length 1"),
        in_set("speed_source", "speed_source", SPEED_SOURCES, "drop_clip", "whether speed was measured must be known"),
        between("speed", "fastest_mps", -12, 75, "drop_clip", "no road vehicle drives faster", "m/s"),
        between("reverse_speed", "slowest_mps", -12, 75, "drop_clip", "no one reverses faster", "m/s"),
        # 1 g of braking and a margin, for one tick in twenty: tracks taken from the air (NGSIM) have single wild ticks
        between("acceleration", "accel_p95_mps2", 0, 13, "drop_clip", "beyond what tyres can do", "m/s²"),
        between("acceleration_peak", "accel_max_mps2", 0, 13, "warn", "single ticks jump", "m/s²"),
        between(
            "sideways_acceleration", "sideways_p95_mps2", 0, 13, "drop_clip", "turning beyond what tyres can do", "m/s²"
        ),
        between("yaw_rate", "yaw_rate_max_radps", 0, 2.5, "warn", "no car turns on the spot", "rad/s"),
        between("pose_jump", "pose_jump_m", 0, 1.0, "drop_clip", "the position jumps within one tick", "m"),
        between("climb", "climb_share", 0, 0.4, "drop_clip", "no road is so steep: axes are mixed up"),
        between("speed_agrees_with_path", "speed_vs_path", 0, 0.15, "drop_clip", "speed is in other units or stale"),
        between(
            "measured_speed_agrees",
            "speed_vs_derived_mps",
            0,
            2.5,
            "drop_clip",
            "for a while measured speed and displacement tell two stories",
            "m/s",
        ),
        between(
            "acceleration_agrees",
            "accel_vs_speed_mps",
            0,
            4.0,
            "drop_clip",
            "acceleration does not add up to the change of speed: other units or another clock",
            "m/s",
        ),
        between(
            "yaw_agrees_with_course", "yaw_vs_course_rad", 0, 0.15, "drop_clip", "axes or angle units are wrong", "rad"
        ),
        between(
            "stands_still", "standing_jitter_m", 0, 0.3, "drop_clip", "poses wander while the measured speed is 0", "m"
        ),
        between(
            "heading_stands_still", "standing_turn_rad", 0, 0.05, "warn", "heading wanders while the car stands", "rad"
        ),
    ),
    drawn="motion",
)
