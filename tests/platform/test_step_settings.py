import sys
from dataclasses import dataclass

import pytest

from causeway.artifacts import Writer, step
from causeway.errors import UsageError
from causeway.platform import steps
from causeway.platform.steps import STEPS, typed_settings


def test_settings_have_the_types_of_their_defaults() -> None:
    written = ["seed=3", "timeout_s=2", "camera=front", "ledger=a=b"]
    assert typed_settings("label_moments", written) == {"seed": 3, "timeout_s": 2.0, "camera": "front", "ledger": "a=b"}


def test_a_tuple_that_is_empty_by_default_is_typed_by_its_annotation():
    assert typed_settings("build_samples", ["future_offsets_s=0.5, 1"]) == {"future_offsets_s": (0.5, 1.0)}
    with pytest.raises(UsageError, match="not a number"):
        typed_settings("build_samples", ["future_offsets_s=soon"])


@pytest.mark.parametrize(("text", "message"), [("seed", "name=value"), ("sed=1", "name=value"), ("seed=x", "not a number")])
def test_settings_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        typed_settings("label_moments", [text])


def test_a_step_without_settings_says_so() -> None:
    with pytest.raises(UsageError, match="knows none"):
        typed_settings("merge_labels", ["seed=1"])


def test_several_names_or_numbers_stand_with_commas() -> None:
    written = ["cameras=left, right", "frame_offsets_s=-0.5,0", "route_points=8"]
    expected = {"cameras": ("left", "right"), "frame_offsets_s": (-0.5, 0.0), "route_points": 8}
    assert typed_settings("build_samples", written) == expected
    with pytest.raises(UsageError, match="not a number"):
        typed_settings("build_samples", ["frame_offsets_s=a,b"])


def test_the_pipelines_defaults_for_samples_are_the_steps_own() -> None:
    from causeway.platform.laptop import pipeline_function
    from causeway.training.samples import SamplesConfig

    own = SamplesConfig()
    expected = {"cameras": ",".join(own.cameras)} | {n: getattr(own, n) for n in ("height", "width", "route_points")}
    for name in ("data", "retraining"):
        inputs = pipeline_function(name).component_spec.inputs  # type: ignore[attr-defined]
        assert {n: inputs[n].default for n in expected} == expected


@dataclass(frozen=True)
class Switches:
    on: bool = False
    each: tuple[bool, ...] = (False,)


@step(kind="labels")
def switch(*, out: Writer, config: Switches) -> None:
    """A step that is told yes or no."""


@pytest.mark.parametrize(("word", "means"), [("true", True), ("False", False), (" FALSE ", False)])
def test_yes_and_no_are_words(monkeypatch: pytest.MonkeyPatch, word: str, means: bool) -> None:
    monkeypatch.setitem(STEPS, "switch", __name__)
    found = typed_settings("switch", [f"on={word}", f"each=true,{word}"])
    assert found["on"] is means
    assert found["each"] == (True, means)
    assert typed_settings("train_vlm", [f"bf16={word}"]) == {"bf16": means}


@pytest.mark.parametrize("word", ["0", "1", "no", "yes", "", "truefalse"])
def test_other_words_are_neither_yes_nor_no(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setitem(STEPS, "switch", __name__)
    with pytest.raises(UsageError, match="true, false"):
        typed_settings("switch", [f"on={word}"])
    with pytest.raises(UsageError, match="true, false"):
        typed_settings("switch", [f"each=true,{word}"])


def test_gpus_count_that_this_process_has_had_memory_of(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cuda:
        is_available = is_initialized = staticmethod(lambda: True)
        device_count = staticmethod(lambda: 8)
        max_memory_reserved = staticmethod(lambda gpu: 1 << 20 if gpu == 3 else 0)

    monkeypatch.setitem(sys.modules, "torch", type("torch", (), {"cuda": Cuda}))
    monkeypatch.setattr(steps.time, "monotonic", lambda: 12.0)
    assert steps._gpu_seconds(2.0) == 10.0
    Cuda.is_initialized = staticmethod(lambda: False)
    assert steps._gpu_seconds(2.0) == 0.0
