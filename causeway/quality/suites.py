"""What is expected of data, as data: suite name -> expectations, each with what happens when it is not met.

Knows column names and bounds with their reasons. Does not know how an expectation is checked (`validate` does) nor
how the columns of the facts tables are computed (`facts`, `picture_facts`).
"""

from dataclasses import dataclass, replace
from typing import Literal

Check = Literal["between", "true", "not_null", "unique", "in_set", "rows"]
OnFailure = Literal["drop_row", "drop_clip", "refuse", "warn"]


@dataclass(frozen=True)
class Expectation:
    """One expectation of one column (or of the number of rows).

    `mostly` is the share of rows that must meet it; null is no violation except for `not_null`. `on_failure`:
    drop_row and drop_clip take what violates it out (quarantined), refuse stops, warn only tells.
    """

    name: str
    column: str
    check: Check
    on_failure: OnFailure
    why: str
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    mostly: float = 1.0


# One row a clip: the columns of `facts.clip_facts`.
_CLIPS = (
    Expectation("has_clips", "clip_id", "rows", "refuse", "there is nothing to go on with", low=1),
    Expectation("clip_id_once", "clip_id", "unique", "refuse", "rows of two clips would be mixed"),
    Expectation("time_increases", "time_increases", "true", "drop_clip", "derived values need increasing time"),
    Expectation("even_ticks", "largest_step_s", "between", "drop_clip", "ticks are 0.1 s apart", 0.099, 0.101),
    Expectation("pose_gap", "pose_gap_s", "between", "drop_clip", "a longer gap was filled by a straight line", 0, 0.6),
    Expectation("speed", "fastest_mps", "between", "drop_clip", "no road vehicle drives faster", 0, 75),
    Expectation("reverse_speed", "slowest_mps", "between", "drop_clip", "no one reverses faster", -12, 75),
    # 1 g of braking and a margin; a lone glitch tick is told but does not cost the clip
    Expectation("acceleration", "accel_p99_mps2", "between", "drop_clip", "beyond what tyres can do", 0, 13),
    Expectation("acceleration_peak", "accel_max_mps2", "between", "warn", "single ticks jump", 0, 13),
    Expectation(
        "speed_agrees_with_path", "speed_vs_path", "between", "drop_clip", "speed is in other units or stale", 0, 0.15
    ),
    Expectation(
        "yaw_agrees_with_course", "yaw_vs_course_rad", "between", "drop_clip", "axes or angle units are wrong", 0, 0.15
    ),
    Expectation("rig_present", "rig_present", "true", "drop_clip", "pictures without calibration cannot be used"),
    Expectation(
        "rig_plausible", "rig_plausible", "true", "drop_clip", "focal length, mounting or rotation make no sense"
    ),
    Expectation("black_pictures", "black_share", "between", "drop_clip", "the camera was covered or off", 0, 0.3),
    Expectation("frozen_pictures", "frozen_share", "between", "drop_clip", "the camera stands still", 0, 0.5),
    Expectation("seen_once", "is_duplicate", "in_set", "drop_clip", "the same motion is there twice", values=("no",)),
)

# One row a picture: the columns of `picture_facts.picture_facts`.
_FRAMES = (
    Expectation("picture_once", "key", "unique", "drop_row", "one camera, two pictures at one time"),
    Expectation("decodable", "decodable", "true", "drop_row", "the bytes are no picture"),
)

_SCORE = Expectation("critic_score", "critic_score", "between", "refuse", "a score is a share", 0, 1)
_LABELS = (
    Expectation("has_labels", "moment_id", "rows", "refuse", "there is nothing to train on", low=1),
    Expectation("moment_once", "moment_id", "unique", "refuse", "a moment has one label"),
    Expectation("decision_named", "longitudinal_decision", "not_null", "refuse", "a label has a decision"),
    Expectation("lateral_named", "lateral_decision", "not_null", "refuse", "a label has a decision"),
    Expectation("trace_given", "trace", "not_null", "refuse", "a label has a trace"),
    _SCORE,
    Expectation(
        "consistency_known",
        "consistent",
        "in_set",
        "refuse",
        "a closed set",
        values=("yes", "no", "undecidable"),
    ),
    Expectation(
        "status_known", "status", "in_set", "refuse", "a closed set", values=("accepted", "review", "rejected")
    ),
    Expectation(
        "nothing_from_the_future", "observed_before_t0", "true", "refuse", "a cause was seen after the decision"
    ),
    Expectation("accepted_has_cause", "accepted_has_cause", "true", "refuse", "no cause, no accepted label"),
)

_SAMPLES = (
    Expectation("has_samples", "sample_id", "rows", "refuse", "there is nothing to train on", low=1),
    Expectation("sample_once", "sample_id", "unique", "refuse", "a sample is there once"),
    Expectation("split_known", "split", "in_set", "refuse", "a closed set", values=("train", "val", "test")),
    Expectation("clip_named", "clip_id", "not_null", "refuse", "a sample comes from a clip"),
    Expectation("shard_named", "shard", "not_null", "refuse", "a sample lies in a shard"),
    Expectation("clip_in_one_split", "clip_in_one_split", "true", "warn", "a clip is in two splits"),
)

SUITES: dict[str, tuple[Expectation, ...]] = {
    "clips": _CLIPS,
    "frames": _FRAMES,
    "labels": _LABELS,
    "samples": _SAMPLES,
}


def rows_once(columns: tuple[str, ...]) -> tuple[Expectation, ...]:
    """The suite for a table that has none of its own: its key columns are filled and its rows are there once."""
    filled = Expectation("key_filled", "", "not_null", "refuse", "rows without a key cannot be found")
    once = Expectation("row_once", "key", "unique", "refuse", "a row is there twice")
    return (*(replace(filled, name=f"{c}_filled", column=c) for c in columns), once)
