"""Real tiny policies behind the front of a laptop: the same weights are promoted, other weights go back."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from causeway.artifacts import Writer, run, step
from causeway.model.observation import Sample, example_observation
from causeway.platform.release.drive import deploy, finish, trial
from causeway.platform.release.laptop import LaptopEndpoint
from causeway.platform.release.record import Record, Served
from causeway.platform.release.rules import parse_rules, rules_text
from causeway.serving.client import ask
from tests.platform.release.test_laptop import Stream

pytestmark = pytest.mark.slow
SHIPPED = parse_rules(rules_text(""))
LIMITS = SHIPPED.limits.model_copy(update={"path_m": 1e3, "latency_factor": 5.0, "latency_slack_ms": 2e3})
RULES = SHIPPED.model_copy(
    update={"steps": (20, 50), "questions": 4, "answers": 3, "ready_s": 900.0, "limits": LIMITS}
)


@dataclass(frozen=True)
class Weights:
    seed: int
    note: str = ""


@step(kind="policy")
def save_policy(*, out: Writer, config: Weights) -> None:
    from causeway.model import Policy

    Policy.from_scale("tiny", seed=config.seed).save(out.path("config.json").parent)
    out.path("note.json").write_text(f'"{config.note}"')


def served(folder: Path, weights: Weights, version: int) -> Served:
    made = run(save_policy, {}, out=str(folder / f"policy-{version}"), config=weights)
    return Served(made.content_hash, made.location, version)


def question(observation, driven) -> Sample:
    none = ("none", "none")
    return Sample("s", "c", observation.t0_us, "test", "", observation, "", none, driven[:, :2], driven)


def test_same_weights_are_promoted_and_others_go_back_while_a_stream_is_answered(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    first, same, other = (
        served(tmp_path, Weights(seed, note), number)
        for number, (seed, note) in enumerate([(1, ""), (1, "again"), (2, "")], start=1)
    )
    place = LaptopEndpoint(tmp_path / "endpoint", ports=(0, 0))
    plain = [example_observation(seed=number) for number in range(4)]

    def release(candidate: Served, questions: list[Sample]) -> Record:
        deploy(place, candidate, RULES, "test", "a test")
        trial(place, questions, RULES, "test")
        return finish(place, "test", lambda served: None)

    try:
        unknown = [question(observation, observation.ego_history.repeat(4, 0)) for observation in plain]
        assert release(first, unknown).champion == first
        url = place.addresses(None, None).endpoint
        # what the champion answers is taken for what was driven: whoever answers otherwise is farther from it
        known = [question(o, ask(url, o, temperature=0.0).trajectory[0]) for o in plain]
        with Stream(url) as stream:
            assert release(same, known).champion == same
            worse = release(other, known)
        assert (worse.champion, worse.phase) == (same, "rolled_back")
        assert "ade_m_worse" in worse.moves[-2].why
        assert stream.failures == []
        assert worse.candidate is None
    finally:
        place.stop()
