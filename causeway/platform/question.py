"""One question to an endpoint about one sample, and its answer in words."""

from typing import Any

from causeway.artifacts import Artifact
from causeway.errors import UsageError

SHOWN_WAYPOINTS = 5


def ask_about(url: str, sample: str, samples: int, seed: int) -> dict[str, Any]:
    """Ask `url` about `SAMPLES:ID`; the answer as JSON-able values. UsageError when there is no such sample."""
    from causeway.serving.client import ask
    from causeway.training.samples import load_samples

    location, _, sample_id = sample.rpartition(":")
    if not location:
        raise UsageError(f"--sample {sample}: write SAMPLES:ID, an artifact and one of its sample ids")
    every = load_samples(Artifact.open(location))
    found = next((s for s in every if s.sample_id == sample_id), None)
    if found is None:
        raise UsageError(f"{location}: no sample {sample_id!r}; for example {every[0].sample_id!r}")
    return answer_as_dict(ask(url, found.observation, samples=samples, seed=seed))


def answer_as_dict(answer: Any) -> dict[str, Any]:
    """An endpoint's answer as JSON-able values."""
    return {
        "decision": [list(pair) for pair in answer.decision],
        "reasoning": list(answer.reasoning),
        "trajectory": answer.trajectory.tolist(),
        "controls": answer.controls.tolist(),
        "timing_ms": {name: round(float(value), 2) for name, value in answer.timing_ms.items()},
        "policy_version": answer.policy_version,
        "degraded": answer.degraded,
        "lacked": answer.lacked,
    }


def describe(answer: dict[str, Any]) -> str:
    """The first sample of an answer in four lines: decision, reasoning, first waypoints, milliseconds."""
    waypoints = "  ".join(f"({x:.2f}, {y:.2f})" for x, y, _ in answer["trajectory"][0][:SHOWN_WAYPOINTS])
    timing = ", ".join(f"{name} {value:.0f}" for name, value in answer["timing_ms"].items())
    return "\n".join(
        [
            f"  decision   {' / '.join(answer['decision'][0])}",
            f"  reasoning  {answer['reasoning'][0]}",
            f"  waypoints  {waypoints} … m, at 0.1 s steps",
            f"  ms         {timing}",
        ]
    )
