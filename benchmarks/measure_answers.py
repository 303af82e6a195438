"""Which questions about a drive a policy answers, and what it looks at for that.

For each kind of question the share of right answers on training and held-out samples beside the most frequent answer's;
on held-out samples also with black pictures, without the route and without motion before t0. What is not missed when it
is gone was not read. Of one policy, without intervals: it tells causes apart, it is no result.

    .venv/bin/python benchmarks/measure_answers.py out/results/seed-0/vlm --samples out/results/data/samples
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from causeway.artifacts import Artifact
from causeway.evaluation.selection import pick
from causeway.model import Observation, Policy
from causeway.model.observation import Sample
from causeway.training.questions import FREE, answers
from causeway.training.stage_gate import BATCH, answered, majority_share

Change = Callable[[Observation], Observation]
WITHOUT: dict[str, Change] = {
    "black": lambda seen: replace(seen, images=np.zeros_like(seen.images)),
    "no route": lambda seen: replace(seen, route=None),
    "no motion": lambda seen: replace(seen, ego_history=np.zeros_like(seen.ego_history)),
}


@torch.no_grad()
def shares(policy: Policy, samples: Sequence[Sample], change: Change = lambda seen: seen) -> dict[str, float]:
    """{question: the share of right answers} with something changed in what is seen."""
    given = [(replace(s, observation=change(s.observation)), s) for s in samples]
    asked = [(shown, q, a) for shown, s in given for q, a in answers(s).items() if q not in FREE]
    hits = defaultdict[str, list[bool]](list)
    for start in range(0, len(asked), BATCH):
        some = asked[start : start + BATCH]
        for (_, question, _), right in zip(some, answered(policy, some), strict=True):
            hits[question].append(right)
    return {question: float(np.mean(found)) for question, found in sorted(hits.items())}


def most_frequent(samples: Sequence[Sample]) -> dict[str, float]:
    """{question: the share of its most frequent answer}."""
    said = defaultdict[str, list[str]](list)
    for sample in samples:
        for question, answer in answers(sample).items():
            said[question].append(answer)
    return {question: majority_share(given) for question, given in said.items()}


def show(columns: Mapping[str, Mapping[str, float]]) -> None:
    """A line for each question, and the mean over them."""
    print(f"{'':32s}" + "".join(f"{name:>14s}" for name in columns))
    questions = sorted(columns["held out"])
    for question in questions:
        print(f"{question:32s}" + "".join(f"{column.get(question, np.nan):14.3f}" for column in columns.values()))
    means = [np.mean([column[q] for q in questions if q in column]) for column in columns.values()]
    print(f"{'mean':32s}" + "".join(f"{mean:14.3f}" for mean in means))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy")
    parser.add_argument("--samples", default="out/results/data/samples")
    parser.add_argument("--limit", type=int, default=300, help="at most so many samples of a split")
    asked = parser.parse_args()
    policy, samples = Policy.load(asked.policy).eval(), Artifact.open(asked.samples)
    train, held = (pick(samples, split, asked.limit, labelled=True)[0] for split in ("train", "test"))
    columns = {"trained on": shares(policy, train), "held out": shares(policy, held)}
    columns |= {name: shares(policy, held, change) for name, change in WITHOUT.items()}
    show(columns | {"most frequent": most_frequent(held)})


if __name__ == "__main__":
    main()
