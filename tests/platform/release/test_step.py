"""The steps of a release, one after the other, and the person's verbs on the same endpoint."""

import json
from pathlib import Path

import pytest

from causeway.artifacts import Artifact, Writer, run, step
from causeway.errors import Refused, UnusableInput, UsageError
from causeway.platform.registry import champion, register
from causeway.platform.release import endpoint as endpoints
from causeway.platform.release import probe, status
from causeway.platform.release import step as steps
from causeway.platform.release.laptop import LaptopEndpoint
from causeway.platform.release.rules import rules_text
from causeway.platform.release.step import ReleaseConfig, deploy_policy, probe_policy, promote_policy
from causeway.platform.steps import OUTSIDE, STEPS, step_function
from tests.platform.release.test_laptop import PROGRAM, QUESTIONS

QUICK = {"[10, 50]": "[50]", "questions: 24": "questions: 6", "answers: 6": "answers: 2", "least_s: 2": "least_s: 0"}


@step(kind="policy")
def make_policy(*, out: Writer, config: ReleaseConfig) -> None:
    out.path("stub.json").write_text(config.who)


@step(kind="report")
def make_report(*, out: Writer) -> None:
    out.path("report.json").write_text("{}")


@step(kind="gate")
def make_decision(*, out: Writer, config: ReleaseConfig) -> None:
    out.path("decision.json").write_text(json.dumps({"decision": config.who, "summary": "as measured"}))


@step(kind="release")
def make_release(*, out: Writer, config: ReleaseConfig) -> None:
    out.path("release.json").write_text(config.who)


@step(kind="samples")
def make_samples(*, out: Writer) -> None:
    out.path("note.json").write_text("{}")


class Place:
    """A root with a registry and an endpoint."""

    def __init__(self, root: Path, canary: str) -> None:
        self.root, self.registry = root, f"sqlite:///{root}/registry.db"
        self.config = ReleaseConfig(
            endpoint=str(root / "endpoint"), canary=canary, who="tester", registry_uri=self.registry
        )

    def make(self, function, text: str = "") -> str:
        config = ReleaseConfig(who=text) if text else None
        return run(function, {}, root=str(self.root), config=config).location

    def release(self, off_m: float, letter: str, decision: str = "promote", config=None) -> dict:
        """All three steps of one policy; what the last says."""
        config = config or self.config
        policy = Artifact.open(self.make(make_policy, json.dumps({"off_m": off_m, "version": "?" + letter})))
        verdict = {"decision": decision, "summary": "as measured"}
        report = Artifact.open(self.make(make_report))
        known = register(policy, report, verdict, self.registry, [], at_once=False)
        stub = Path(policy.location, "stub.json")
        stub.write_text(json.dumps({"off_m": off_m, "version": policy.manifest.content_hash}))
        said = {"policy": known.policy, "version": known.version, "step": "registered", "why": "as measured"}
        registered = self.make(make_release, json.dumps(said | {"endpoint": "", "alias": "candidate"}))
        inputs = {"policy": policy.location, "decision": self.make(make_decision, decision), "release": registered}
        deployed = run(deploy_policy, inputs, root=str(self.root), config=config)
        asked = {"release": deployed.location, "samples": self.make(make_samples)}
        probed = run(probe_policy, asked, root=str(self.root), config=config)
        done = run(promote_policy, {"release": probed.location}, root=str(self.root), config=config)
        return json.loads(Artifact(done).path("release.json").read_text())


@pytest.fixture(scope="module")
def canary() -> str:
    text = rules_text("")
    for old, new in QUICK.items():
        text = text.replace(old, new)
    return text


@pytest.fixture
def place(tmp_path, canary, monkeypatch):
    def light(name: str) -> LaptopEndpoint:
        return LaptopEndpoint(Path(name), (0, 0), PROGRAM)

    for module in (steps, status, endpoints):
        monkeypatch.setattr(module, "endpoint_at", light)
    monkeypatch.setattr(steps, "questions_of", lambda samples, count: QUESTIONS[:count])
    made = Place(tmp_path, canary)
    yield made
    light(made.config.endpoint).stop()


def test_the_registry_follows_what_the_probe_decided(place):
    nowhere = ReleaseConfig(canary=place.config.canary, registry_uri=place.registry)
    assert place.release(0.5, "x", config=nowhere)["step"] == "registered"
    assert place.release(0.5, "y", decision="refuse")["step"] == "refused"
    with pytest.raises(Refused, match="nothing was released here"):
        status.status(place.config.endpoint)

    first = place.release(0.2, "a")
    assert (first["step"], first["alias"], first["who"]) == ("promoted", "champion", "tester")
    assert champion(place.registry).policy == first["policy"]

    worse = place.release(2.0, "b")
    assert (worse["step"], worse["alias"], worse["why"]) == ("rolled back", "candidate", "ade_m_worse 1.8 > 0.25")
    assert [move["step"] for move in worse["moves"]] == ["dark", "rolling back", "rolled back"]
    assert worse["ready"] is True
    assert worse["moves"][1]["figures"]["findings"]["ade_m_worse"]["verdict"] == "bad"
    assert champion(place.registry).policy == first["policy"]

    better = place.release(0.0, "c")
    assert [move["step"] for move in better["moves"]] == ["dark", "canary 50 %", "promoting", "promoted"]
    assert better["moves"][2]["figures"]["through"] == {first["policy"]: 9, better["policy"]: 8}
    assert champion(place.registry).policy == better["policy"]

    with pytest.raises(UsageError, match="--why is empty"):
        status.decide(place.config.endpoint, "rollback", " ")
    values, text = status.decide(place.config.endpoint, "rollback", "it brakes too late")
    assert values["champion"]["policy"] == first["policy"]
    assert "it brakes too late" in text
    assert champion(place.registry).policy == first["policy"]
    told, text = status.status(place.config.endpoint)
    assert told["traffic"]["lost"] == 0
    assert "set 100 %" in text
    with pytest.raises(Refused, match="no policy is on trial"):
        status.decide(place.config.endpoint, "promote", "now")


def test_steps_that_work_outside_are_marked_so_in_both_places():
    marked = {name for name in STEPS if name.endswith("_policy") and step_function(name)._causeway_step.outside}
    assert marked == OUTSIDE


def test_questions_are_held_out_ones_first_and_at_least_two(monkeypatch):
    from causeway.training import samples

    there = {"test": QUESTIONS[:1], "val": [], "train": QUESTIONS[1:]}
    monkeypatch.setattr(samples, "load_samples", lambda artifact, split, limit: there[split][:limit])
    assert probe.questions_of(None, 3) == QUESTIONS[:3]
    there["train"] = []
    with pytest.raises(UnusableInput, match="two or more"):
        probe.questions_of(type("None", (), {"location": "here"}), 3)


