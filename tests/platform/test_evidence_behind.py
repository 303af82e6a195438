"""The evidence that samples' labels were made from is found again under the root of a run."""

from causeway.artifacts import Artifact, Writer, run, step
from causeway.platform.lineage import evidence_behind


@step(kind="evidence")
def make_evidence(*, out: Writer) -> None:
    out.path("a.txt").write_text("evidence")


@step(kind="labels")
def make_labels(evidence: Artifact, *, out: Writer) -> None:
    out.path("a.txt").write_text("labels")


@step(kind="labels")
def merge(labels: list[Artifact], *, out: Writer) -> None:
    out.path("a.txt").write_text("merged")


@step(kind="samples")
def make_samples(labels: Artifact, *, out: Writer) -> None:
    out.path("a.txt").write_text("samples")


def test_evidence_is_found_through_every_step_of_the_labels(tmp_path):
    root = str(tmp_path)
    evidence = run(make_evidence, {}, root=root)
    labels = run(make_labels, {"evidence": evidence.location}, root=root)
    whole = run(merge, {"labels": [labels.location]}, root=root)
    samples = run(make_samples, {"labels": whole.location}, root=root)
    assert evidence_behind(samples.location, root) == evidence.location
    assert evidence_behind(samples.location, str(tmp_path / "elsewhere")) is None
