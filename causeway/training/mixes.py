"""The named reward mixes of stage four, and how a config changes a weight.

Knows names and weights. Does not know what a reward computes. `balanced` needs nothing but a sample's own path and
words, so that every drive can train it. The others are the rows of arXiv 2511.00088, table 9: each has what the one
before it has, and one kind of reward more; the paper prints no weights, these are ours. A grade counts more than
consistency: words that are paid for being kept alone become the few that every path keeps.
"""

from dataclasses import fields, replace

from causeway.errors import UsageError
from causeway.training.rewards import RewardMix

MIXES: dict[str, RewardMix] = {
    "balanced": RewardMix(displacement=1.0, comfort=0.2, jerk=0.2, consistency=0.4, reasoning_grade=0.12),
    "reasoning": RewardMix(reasoning_grade=0.5),
}
MIXES["consistency"] = replace(MIXES["reasoning"], consistency=1.0, consistency_graded=0.5)
MIXES["safety"] = replace(
    MIXES["consistency"], collision=3.0, time_to_collision=1.0, clearance=2.0, off_road=1.0, displacement=1.0,
    comfort=0.2, jerk=0.2,
)  # fmt: skip

PAPERS_ROWS = ("reasoning", "consistency", "safety")


def mix_named(name: str, weights: str = "") -> RewardMix:
    """A mix by name, with weights of its own written as `collision=2,jerk=0`.

    UsageError for a mix, a reward or a number that is none.
    """
    if name not in MIXES:
        raise UsageError(f"reward mix {name!r}: use one of {', '.join(MIXES)}")
    known, own = {field.name for field in fields(RewardMix)}, {}
    for text in filter(None, (part.strip() for part in weights.split(","))):
        reward, _, number = text.partition("=")
        if reward.strip() not in known:
            raise UsageError(f"weights: {text!r}: write reward=number; rewards are {', '.join(sorted(known))}")
        try:
            own[reward.strip()] = float(number)
        except ValueError:
            raise UsageError(f"weights: {text!r}: {number!r} is not a number") from None
    return replace(MIXES[name], **own)
