"""What is expected of rollouts, reports, gate decisions, releases and quality reports themselves."""

from causeway.artifacts.closed_sets import DECISIONS, VERDICTS
from causeway.quality.expectations import MANY, Suite, between, filled, in_set, some, true, unique

ROLLOUTS = Suite(
    "rollouts",
    "a tick of a rollout",
    (
        unique("rollout_tick_once", "subject", "refuse", "a tick of a rollout is there once"),
        true("rollout_finite", "finite", "refuse", "NaN or infinity in the pose"),
        true("rollout_ticks_follow", "follows", "refuse", "ticks count up by one"),
        between("rollout_speed", "speed_mps", -12, 75, "refuse", "no road vehicle drives so fast", "m/s"),
        between("rollout_step", "step_m", 0, 8.0, "refuse", "the vehicle jumps within one tick", "m"),
    ),
)

REPORT = Suite(
    "report",
    "a metric",
    (
        some("has_metrics", "subject", "refuse", "a report without a number says nothing"),
        true("metric_finite", "finite", "refuse", "numbers are finite, or null where nothing was measured"),
        true("interval_holds_value", "ordered", "refuse", "the value lies within its own interval", "interval"),
        filled("unit_named", "unit", "refuse", "a number without a unit cannot be compared"),
        between("share", "share", 0, 1, "refuse", "a share is from 0 to 1"),
        between("measured_on", "n", 1, MANY, "warn", "a metric of nothing"),
        true("data_named", "data_named", "refuse", "reports name the data they were measured on"),
    ),
)

VALUES = Suite(
    "values",
    "one value of a metric",
    (
        unique("value_once", "subject", "refuse", "a unit has one value of a metric"),
        filled("cluster_named", "cluster", "refuse", "what resembles each other must be known for intervals"),
        true("value_finite", "finite", "refuse", "a value is a finite number, or null where it was not measured"),
    ),
)

GATE = Suite(
    "gate",
    "a rule",
    (
        some("has_rules", "subject", "refuse", "a decision without a rule is none"),
        filled("verdict_named", "verdict", "refuse", "a rule without a verdict decided nothing"),
        in_set("verdict_known", "verdict", VERDICTS, "refuse"),
        filled("decision_named", "decision", "refuse", "a gate decides"),
        in_set("decision_known", "decision", DECISIONS, "refuse"),
        true("decision_follows", "follows", "refuse", "the decision is not what its rules say", "decision"),
        filled("rule_says_why", "why", "warn", "a refusal must be understood"),
    ),
)

RELEASE = Suite(
    "release",
    "a release",
    (
        some("has_release", "subject", "refuse", "there is nothing released"),
        filled("policy_named", "policy", "refuse", "a release is of one policy"),
        filled("step_named", "step", "refuse", "where it stands must be known"),
        filled("why_given", "why", "warn", "why it came to be must be known"),
    ),
)

QUALITY = Suite(
    "quality",
    "an expectation",
    (
        some("has_checks", "subject", "refuse", "a report that checked nothing"),
        true("verdict_follows", "follows", "refuse", "the verdict is not what its checks say"),
        between("violations", "unexpected_share", 0, 1, "refuse", "more violations than rows"),
    ),
)
