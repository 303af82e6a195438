"""The table of reinforcement: each moment has noise of its own, the same for all policies; a cut cache goes on."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from benchmarks import results_rl
from causeway.model import Policy
from tests.training.examples import GO, example_samples

SAMPLES = example_samples(3)


class _Asked:
    """Answers with what was recorded, and keeps which seeds it was asked with."""

    def __init__(self) -> None:
        self.seeds: dict[str, int] = {}

    def predict(self, samples, n, seed):
        self.seeds |= {sample.sample_id: one for sample, one in zip(samples, seed, strict=True)}
        paths = np.stack([np.stack([sample.trajectory_rig] * n) for sample in samples])
        return SimpleNamespace(trajectory_rig=paths, reasoning=[(GO,) * n for _ in samples])


def test_each_moment_has_noise_of_its_own_and_a_cut_cache_asks_only_what_it_lacks(tmp_path, monkeypatch):
    first, again = _Asked(), _Asked()
    manifest = SimpleNamespace(manifest=SimpleNamespace(content_hash="p"))
    monkeypatch.setattr(results_rl, "Artifact", SimpleNamespace(open=lambda _: manifest))
    monkeypatch.setattr(Policy, "load", lambda _: first)
    whole = results_rl.measure("policy", SAMPLES, tmp_path / "cache.jsonl")
    assert len(set(first.seeds.values())) == 3
    text = (tmp_path / "cache.jsonl").read_text()
    (tmp_path / "cache.jsonl").write_text(text[:-20])
    monkeypatch.setattr(Policy, "load", lambda _: again)
    after = results_rl.measure("policy", SAMPLES, tmp_path / "cache.jsonl")
    assert again.seeds == {SAMPLES[2].sample_id: first.seeds[SAMPLES[2].sample_id]}
    assert (tmp_path / "cache.jsonl").read_text() == text
    assert all(np.array_equal(after.columns[name], whole.columns[name], equal_nan=True) for name in whole.columns)


def test_what_other_samples_gave_is_asked_again(tmp_path, monkeypatch):
    first, again = _Asked(), _Asked()
    manifest = SimpleNamespace(manifest=SimpleNamespace(content_hash="p"))
    monkeypatch.setattr(results_rl, "Artifact", SimpleNamespace(open=lambda _: manifest))
    monkeypatch.setattr(Policy, "load", lambda _: first)
    results_rl.measure("policy", SAMPLES, tmp_path / "cache.jsonl")
    other = replace(SAMPLES[1], trajectory_rig=SAMPLES[1].trajectory_rig + np.float32(1.0))
    monkeypatch.setattr(Policy, "load", lambda _: again)
    results_rl.measure("policy", [SAMPLES[0], other, SAMPLES[2]], tmp_path / "cache.jsonl")
    assert list(again.seeds) == [other.sample_id]


def test_seeds_together_are_compared_moment_by_moment_of_the_same_seed(tmp_path):
    for seed, shift in ((0, 0.0), (1, 1.0)):
        own = tmp_path / f"seed-{seed}"
        own.mkdir()
        for name, gain in (("sft", 0.0), ("safety", 0.5)):
            rows = [{"id": f"m{i}", "clip": f"c{i // 2}", "grade": shift + i + gain, "consistency": 1.0,
                     "close encounters": (1 + i) * (1 - gain), "ADE (m)": 2.0 + shift} for i in range(4)]  # fmt: skip
            if name == "safety":
                rows.reverse()  # a run that was killed keeps its moments in another order
            (own / f"decisions-{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = {f"seed-{seed}": {"rows": {"sft": {}, "safety": {}}} for seed in (0, 1)}
    lines = results_rl._together("decisions", found, tmp_path)
    assert lines[-2] == (
        "| safety | 2.500 [+0.500: +0.500, +0.500] | 1.000 [+0.000: +0.000, +0.000] | 1.250 [+0.500: +0.500, +0.500] "
        "| 2.500 [+1.000: +1.000, +1.000] |"
    )
    assert lines[-3].startswith("| sft | 2.000 | 1.000 | 2.500 | 2.500 |")
