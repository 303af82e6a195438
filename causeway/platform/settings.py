"""What a user sets on a pipeline: `--set name=value` becomes typed pipeline arguments.

Knows each pipeline's own parameters (read from the pipeline itself) and the defaults that depend on where the run
keeps its artifacts. Does not run anything.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from causeway.artifacts.store import is_s3
from causeway.errors import UsageError
from causeway.platform.laptop import check_arguments, pipeline_function
from causeway.platform.steps import parts_of

_BUDGET = ("budget_calls", "budget_tokens", "budget_money", "price_in", "price_out")
_LABELLING = frozenset({"teacher", "critic", "in_flight", *_BUDGET})  # settings of `label_moments`
_SAMPLES = ("height", "width", "route_points")  # settings of `build_samples`, and its cameras
_CASTS = {"Integer": int, "Float": float}  # as KFP names the types of parameters; any other is text


def registry_uri(folder: Path) -> str:
    """The registry of a laptop: one SQLite file in `folder`."""
    return f"sqlite:///{folder.absolute()}/registry.db"


def log_folder(root: str) -> Path:
    """Where a run's log goes: beside its artifacts, or into `out/logs` when those are on S3."""
    return Path("out/logs") if is_s3(root) else Path(root, "logs")


def pipeline_arguments(name: str, settings: Sequence[str], root: str) -> dict[str, Any]:
    """Typed arguments of a pipeline; UsageError for an unknown name, a wrong type or a missing value."""
    pipeline = pipeline_function(name)
    inputs = pipeline.component_spec.inputs  # type: ignore[attr-defined]
    given: dict[str, Any] = {"root": root if is_s3(root) else str(Path(root).absolute())}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting}: write name=value")
        given[key] = _cast(key, value, inputs[key].type) if key in inputs else value
    if "registry" in inputs:
        given.setdefault("registry", registry_uri(Path("out") if is_s3(root) else Path(root)))
    if name == "release":
        given.setdefault("endpoint", str(Path("out" if is_s3(root) else root, "endpoint").absolute()))
    check_arguments(name, pipeline, given)
    _refuse_releases(given)
    if "registry" in given:
        from causeway.platform.registry import refuse_password

        refuse_password(given["registry"])  # before any log has it
    if "teacher" in inputs:
        _refuse_labellers(given)
        _refuse_samples(given)
    _refuse_policies(given)
    _refuse_reinforcement(given)
    return given


def _refuse_labellers(given: dict[str, Any]) -> None:
    """UsageError for what the label task would refuse after hours, and after a log had named it."""
    from causeway.reasoning.label_config import LabelConfig

    LabelConfig(**{name: value for name, value in given.items() if name in _LABELLING})


def _refuse_samples(given: dict[str, Any]) -> None:
    """UsageError for what the last step of the data pipeline would refuse."""
    asked = {name: given[name] for name in _SAMPLES if name in given}
    asked |= {"cameras": tuple(parts_of(given["cameras"]))} if "cameras" in given else {}
    if asked:
        from causeway.training.samples import SamplesConfig

        SamplesConfig(**asked)


def _refuse_releases(given: dict[str, Any]) -> None:
    """What the steps of a release would refuse after the evaluation."""
    if given.get("canary"):
        from causeway.platform.release.rules import parse_rules, rules_text

        parse_rules(rules_text(given["canary"]))
    if given.get("endpoint"):
        from causeway.platform.release.endpoint import refuse_name

        refuse_name(given["endpoint"])


def _refuse_policies(given: dict[str, Any]) -> None:
    """UsageError for a size or a vision tokenizer that the first stage of training would refuse."""
    if "scale" in given or "vision" in given:
        from causeway.model.scales import scale_named
        from causeway.model.vision import refuse_unfit
        from causeway.training.config import VlmConfig

        unsaid = VlmConfig()
        refuse_unfit(given.get("vision", unsaid.vision_tokenizer), scale_named(given.get("scale", unsaid.scale)))


def _refuse_reinforcement(given: dict[str, Any]) -> None:
    """UsageError for settings of stage four that are none, have another type or name no mix, before three stages."""
    if "rl" in given:
        from causeway.training.config import RlConfig, read_settings
        from causeway.training.mixes import mix_named

        settings = read_settings(given["rl"], RlConfig, "--set rl")
        if "scale" in settings:
            raise UsageError("--set rl: scale is the same for all stages; write --set scale=NAME")
        config = RlConfig(**settings)
        mix_named(config.mix, config.weights)


def _cast(key: str, value: str, kind: str) -> Any:
    try:
        return _CASTS.get(kind, str)(value)
    except ValueError as error:
        raise UsageError(f"--set {key}={value}: not a number") from error
