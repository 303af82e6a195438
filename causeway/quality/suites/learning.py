"""What is expected of labels, the review queue, samples and policies."""

from causeway.artifacts.closed_sets import (
    CONSISTENT,
    LABEL_STATUSES,
    LATERAL_DECISIONS,
    LONGITUDINAL_DECISIONS,
)
from causeway.clips.splits import SPLITS
from causeway.quality.expectations import MANY, Suite, between, filled, in_set, some, true, unique

_NO_LABELS = (
    "there is nothing to train on; a label is of a moment, a change of behaviour with 2.0 s before and 6.4 s after it "
    "in one drive without gaps: give longer or more drives (the moments artifact counts what was found in these)"
)

LABELS = Suite(
    "labels",
    "a label",
    (
        some("has_labels", "moment_id", "refuse", _NO_LABELS),
        unique("moment_once", "moment_id", "refuse", "a moment has one label"),
        filled("decision_named", "longitudinal_decision", "refuse", "a label has a decision"),
        filled("lateral_named", "lateral_decision", "refuse", "a label has a decision"),
        in_set("decision_known", "longitudinal_decision", LONGITUDINAL_DECISIONS, "refuse"),
        in_set("lateral_known", "lateral_decision", LATERAL_DECISIONS, "refuse"),
        filled("trace_given", "trace", "refuse", "a label has a trace, if an empty one"),
        true("accepted_says_why", "accepted_has_trace", "refuse", "an accepted label without words teaches none"),
        filled("teacher_named", "teacher", "refuse", "who labelled must be known"),
        between("critic_score", "critic_score", 0, 1, "refuse", "a score is a share"),
        in_set("consistency_known", "consistent", CONSISTENT, "refuse"),
        filled("status_named", "status", "refuse", "whether to train on it must be known"),
        in_set("status_known", "status", LABEL_STATUSES, "refuse"),
        true("components_known", "components_known", "refuse", "a closed set of categories", "components"),
        true("ranks_in_order", "ranks_whole", "warn", "ranks are 1, 2, 3 …", "components"),
        true(
            "nothing_from_the_future",
            "observed_before_t0",
            "refuse",
            "a cause was seen after the decision",
            "components",
        ),
        true("accepted_has_cause", "accepted_has_cause", "refuse", "no cause, no accepted label"),
        true("rejected_says_why", "rejected_has_reason", "warn", "a person cannot mend what has no reason"),
    ),
)

REVIEW_QUEUE = Suite(
    "review_queue",
    "a label that waits for a person",
    (
        unique("queued_once", "moment_id", "refuse", "a person would do the work twice"),
        filled("queued_why", "why", "refuse", "a person must know what to look for"),
        filled("queued_status_named", "status", "refuse", "whether it still waits must be known"),
        in_set("queued_status", "status", LABEL_STATUSES, "refuse"),
    ),
)

SAMPLES = Suite(
    "samples",
    "a sample",
    (
        some("has_samples", "sample_id", "refuse", "there is nothing to train on"),
        unique("sample_once", "sample_id", "refuse", "a sample is there once"),
        in_set("split_known", "split", SPLITS, "refuse"),
        filled("split_named", "split", "refuse", "training must know what to leave alone"),
        filled("clip_named", "clip_id", "refuse", "a sample comes from a clip"),
        filled("shard_named", "shard", "refuse", "a sample lies in a shard"),
        true("shard_there", "shard_there", "refuse", "the shard is a file of the artifact"),
        unique("place_once", "place", "refuse", "two samples in one place of a shard"),
        between("has_cameras", "cameras", 1, MANY, "refuse", "a sample without a picture shows nothing"),
        in_set("sample_decision", "longitudinal_decision", LONGITUDINAL_DECISIONS, "refuse"),
        in_set("sample_lateral", "lateral_decision", LATERAL_DECISIONS, "refuse"),
        true("reasoning_agrees", "reasoning_agrees", "refuse", "has_reasoning and the text contradict each other"),
        true("clip_in_one_split", "clip_in_one_split", "warn", "a clip is in two splits"),
    ),
)

POLICY = Suite(
    "policy",
    "a file of weights",
    (
        some("has_weights", "subject", "refuse", "a policy is its weights"),
        true("config_readable", "config_readable", "refuse", "config.json says what the weights are"),
        true("card_there", "card_there", "warn", "MODEL_CARD.md tells people what the policy is for"),
        true("header_readable", "header_readable", "refuse", "not a safetensors file"),
        true("whole", "whole", "refuse", "the file is shorter or longer than its tensors", "size"),
        between("tensors", "tensors", 1, MANY, "refuse", "a file of weights holds tensors"),
        true("no_pickle", "no_pickle", "refuse", "a pickle can run anything when it is opened"),
    ),
)
