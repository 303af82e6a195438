"""What each cut for a deadline costs: python benchmarks/measure_deadline_cuts.py POLICY SAMPLES [--limit N].

Every cut answers the same samples with the same noise; the price is its mean difference to the whole answer, with the
95 % interval over clips. Times are medians of single questions, the cuts taking turns.
"""

import argparse

from causeway.artifacts import Artifact
from causeway.evaluation.cut_costs import measure_cuts
from causeway.model import Policy
from causeway.training.samples import load_samples


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("policy")
    parser.add_argument("samples")
    parser.add_argument("--split")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--timed", type=int, default=20)
    options = parser.parse_args()
    policy = Policy.load(options.policy)
    samples = list(load_samples(Artifact.open(options.samples), options.split, options.limit))
    print("| cut | ms | ADE m | price of the cut, ADE m | FDE m | same decision |\n|---|---|---|---|---|---|")
    for cost in measure_cuts(policy, samples, timed=options.timed):
        price = cost.price["ade"]
        value, low, high = (float("nan") if x is None else x for x in (price.value, price.low, price.high))
        name = cost.degraded or "none"
        print(
            f"| {name} | {cost.p50_ms:.0f} | {cost.mean['ade']:.2f} | {value:+.2f} ({low:+.2f} … {high:+.2f}) | "
            f"{cost.mean['fde']:.2f} | {cost.same_decision.value or 0:.0%} of {cost.same_decision.n} |"
        )


if __name__ == "__main__":
    main()
