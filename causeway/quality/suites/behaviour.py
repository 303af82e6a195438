"""What is expected of truth, meta actions, moments and evidence: names of closed sets, and nothing from the future."""

from causeway.artifacts.closed_sets import (
    CHANNELS,
    LANE,
    LATERAL,
    LATERAL_DECISIONS,
    LONGITUDINAL,
    LONGITUDINAL_DECISIONS,
    SIGNAL_STATES,
)
from causeway.clips.splits import SPLITS
from causeway.quality.expectations import MANY, Suite, between, filled, in_set, some, true, unique

TRUTH = Suite(
    "truth",
    "a moment of the built-in world",
    (
        some("has_truth", "drive_id", "warn", "no drive has a moment"),
        unique("truth_once", "subject", "refuse", "a moment has one truth"),
        in_set("truth_longitudinal", "longitudinal_decision", LONGITUDINAL_DECISIONS, "refuse"),
        in_set("truth_lateral", "lateral_decision", LATERAL_DECISIONS, "refuse"),
        true("truth_components_known", "components_known", "refuse", "a closed set of categories", "components"),
        true("truth_seen_by_t0", "began_before_t0", "refuse", "a cause was not to be seen yet", "components"),
        filled("truth_scenario", "scenario", "warn", "scenarios are what is counted by"),
    ),
)

META_ACTIONS = Suite(
    "meta_actions",
    "a tick",
    (
        some("has_actions", "clip_id", "refuse", "there is nothing to find moments in"),
        unique("tick_once", "subject", "refuse", "a tick has one meta action a channel"),
        in_set("longitudinal_known", "longitudinal", LONGITUDINAL, "refuse"),
        in_set("lateral_known", "lateral", LATERAL, "refuse"),
        in_set("lane_known", "lane", LANE, "refuse"),
        filled("longitudinal_named", "longitudinal", "refuse", "every tick has one"),
        filled("lateral_named", "lateral", "refuse", "every tick has one"),
        true("lane_of_whole_clip", "lane_whole", "warn", "a map ends within the clip: some ticks have no lane action"),
    ),
)

MOMENTS = Suite(
    "moments",
    "a moment",
    (
        # a short drive has none, and that is valid: it is told
        some("has_moments", "moment_id", "warn", "nothing to label"),
        unique("moment_id_once", "moment_id", "refuse", "a moment is one decision"),
        filled("moment_clip", "clip_id", "refuse", "a moment is in a clip"),
        filled("moment_channel_named", "channel", "refuse", "a moment is of one channel"),
        in_set("moment_channel", "channel", tuple(CHANNELS), "refuse"),
        true(
            "moment_actions_known",
            "actions_known",
            "refuse",
            "before and after are meta actions of the channel",
            "change",
        ),
        true("moment_changes", "changes", "refuse", "a meta action changes, or key frames go on for a while", "change"),
        filled("moment_scenario", "scenario", "refuse", "balance and reports go by scenario"),
        in_set("moment_split", "split", SPLITS, "refuse"),
        filled("moment_split_named", "split", "refuse", "training must know what to leave alone"),
        between("moment_range", "range_s", 0, 20, "refuse", "key frames end before they begin, or go on for ever", "s"),
        # windows [t0 - 2.0 s, t0 + 6.4 s] of two splits: the same seconds to learn from and to be tested on
        true("splits_apart", "apart", "refuse", "its window overlaps that of a moment in another split", "nearest"),
    ),
)

EVIDENCE = Suite(
    "evidence",
    "the evidence of a moment",
    (
        some("has_evidence", "moment_id", "warn", "no moment has evidence"),
        unique("evidence_once", "moment_id", "refuse", "a moment has one row of evidence"),
        between("seen_by_t0", "event_after_t0_s", -MANY, 0, "refuse", "an observation from after the decision", "s"),
        between("written_by_t0", "created_after_t0_s", -MANY, 0, "refuse", "a correction from after the decision", "s"),
        between("since_before_t0", "since_after_t0_s", -MANY, 0, "refuse", "a state that began after t0", "s"),
        between("fresh", "event_age_s", 0, 2.0, "warn", "evidence is of the 2 s up to t0", "s"),
        filled("ego_speed_known", "ego_speed_mps", "refuse", "every tick has a speed"),
        true("evidence_types", "types_known", "refuse", "a class nobody knows", "foreign_types"),
        in_set("signal_state", "signal_state", SIGNAL_STATES, "refuse"),
        true("lead_whole", "lead_whole", "refuse", "a lead has an id, a class, a distance and a speed, or nothing"),
        true("only_what_was_there", "has_agrees", "refuse", "a track, lane or light of a clip that has none"),
        between("distances", "nearest_m", 0, 500, "refuse", "distances ahead are from 0 to the map's reach", "m"),
        filled("evidence_split", "split", "refuse", "labels and samples take it over"),
    ),
)
