"""Which questions about a drive a policy answers, and what it looks at for that.

For each kind of question the share of right answers on training and held-out samples beside the most frequent answer's;
on held-out samples also with black pictures, without the route and with a past that tells no more than the speed. What
is not missed when it is gone was not read. Of one policy, without intervals: it tells causes apart, it is no result.

    .venv/bin/python benchmarks/measure_answers.py out/results/seed-0/vlm --samples out/results/data/samples
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from causeway.artifacts import Artifact
from causeway.evaluation.selection import pick
from causeway.evaluation.words.lost_inputs import blank_history, blank_images
from causeway.model import Observation, Policy
from causeway.model.observation import Sample
from causeway.training.stage_gate import answered, majority_share

Change = Callable[[Observation], Observation]
WITHOUT: dict[str, Change] = {
    "black": blank_images,
    "no route": lambda seen: replace(seen, route=None),
    "no motion": blank_history,
}


def changed(samples: Sequence[Sample], change: Change) -> list[Sample]:
    """The same samples with something taken away from what is seen; their answers stay."""
    return [replace(sample, observation=change(sample.observation)) for sample in samples]


def shares(hits: Mapping[str, Sequence[bool]]) -> dict[str, float]:
    """{question: the share of right answers}."""
    return {question: float(np.mean(found)) for question, found in hits.items()}


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
    hits, said = answered(policy, held)
    columns = {"trained on": shares(answered(policy, train)[0]), "held out": shares(hits)}
    columns |= {name: shares(answered(policy, changed(held, change))[0]) for name, change in WITHOUT.items()}
    show(columns | {"most frequent": {question: majority_share(given) for question, given in said.items()}})


if __name__ == "__main__":
    main()
