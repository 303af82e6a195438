"""Every step by name, and the one way a Kubeflow component calls it.

Knows where each step's function lives and how its config, errors and manifest cross a process border. Does not know
pipelines. Nothing heavy is imported here: a step's own module imports what it needs when the step really runs.
"""

import errno
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn, get_args, get_type_hints

from causeway.artifacts import Manifest, lookup, read_manifest
from causeway.artifacts.code_version import code_hash
from causeway.errors import CausewayError, Refused, TryAgain, UnusableInput, UsageError

STEPS = {
    "make_world": "causeway.simulation.export",
    "ingest": "causeway.clips.ingest",
    "validate_clips": "causeway.quality.step",
    "validate_artifact": "causeway.quality.step",
    "extract_meta_actions": "causeway.meta_actions.step",
    "find_moments": "causeway.meta_actions.moments",
    "build_features": "causeway.evidence.step",
    "label_moments": "causeway.reasoning.step",
    "merge_labels": "causeway.reasoning.step",
    "queue_review": "causeway.reasoning.step",
    "validate_labels": "causeway.quality.step",
    "build_samples": "causeway.training.samples",
    "join_samples": "causeway.training.joined_samples",
    "train_vlm": "causeway.training.step",
    "train_action": "causeway.training.step",
    "train_coc": "causeway.training.step",
    "train_rl": "causeway.training.step",
    "train_recipe": "causeway.training.step",
    "evaluate": "causeway.evaluation.step",
    "evaluate_open_loop": "causeway.evaluation.step",
    "evaluate_closed_loop": "causeway.evaluation.step",
    "evaluate_reasoning": "causeway.evaluation.step",
    "evaluate_faithfulness": "causeway.evaluation.step",
    "measure_latency": "causeway.evaluation.step",
    "merge_reports": "causeway.evaluation.step",
    "gate": "causeway.evaluation.step",
    "register_policy": "causeway.platform.registry",
    "deploy_policy": "causeway.platform.release.step",
    "probe_policy": "causeway.platform.release.step",
    "promote_policy": "causeway.platform.release.step",
}
OUTSIDE = frozenset({"register_policy", "deploy_policy", "probe_policy", "promote_policy"})  # as `@step` marks them
RAW_INPUTS = frozenset({"drives"})  # inputs that are recordings, not artifacts
ERROR_MARK = "causeway-error:"
MADE_MARK = "causeway-made:"
JOB = "CAUSEWAY_JOB"  # where it is set, a training stage runs as a job of the cluster
_FULL_DISK = ("no space left on device", "disk is full")  # as the C library says it, and SQLite


def step_function(name: str) -> Callable:
    """The function of a step; UsageError for a name that is none."""
    if name not in STEPS:
        raise UsageError(f"{name}: no such step; steps are {', '.join(STEPS)}")
    return getattr(importlib.import_module(STEPS[name]), name)


def resolve_config(function: Callable, settings: Mapping[str, Any]) -> Any:
    """A step's config dataclass with `settings` over its defaults; UsageError for an unknown field."""
    from causeway.artifacts import config_class

    kind = config_class(function)
    if kind is None:
        if settings:
            raise UsageError(f"{function.__name__} takes no settings; got {', '.join(settings)}")
        return None
    known = {f.name for f in fields(kind)}
    unknown = sorted(set(settings) - known)
    if unknown:
        raise UsageError(f"{function.__name__}: no setting {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return kind(**{n: tuple(v) if isinstance(v, list) else v for n, v in settings.items()})


def typed_settings(name: str, written: Sequence[str]) -> dict[str, Any]:
    """Settings of a step as a person writes them, `name=value`, each typed as its default is; tuples with commas."""
    from causeway.artifacts import config_class

    kind = config_class(step_function(name))
    hints = get_type_hints(kind) if kind else {}
    # an empty tuple says what it holds by its annotation alone
    defaults: dict[str, Any] = {
        f.name: (get_args(hints[f.name])[0](),) if f.default == () else f.default
        for f in (fields(kind) if kind else ())
        if f.init
    }
    found: dict[str, Any] = {}
    for text in written:
        key, equals, value = text.partition("=")
        if not equals or key not in defaults:
            raise UsageError(f"--set {text}: write name=value; {name} knows {', '.join(sorted(defaults)) or 'none'}")
        try:
            found[key] = _as(defaults[key], value)
        except (KeyError, ValueError) as error:
            raise UsageError(f"--set {text}: not a number (or true, false)") from error
    return found


def _as(default: Any, text: str) -> Any:
    """A text with the type of a default; of a tuple the parts, which have commas between them."""
    if isinstance(default, bool):
        return {"true": True, "false": False}[text.strip().lower()]
    if isinstance(default, tuple):
        return tuple(_as(default[0], part) for part in parts_of(text))
    return type(default)(text)


def parts_of(text: str) -> list[str]:
    """What stands between the commas of a setting, without the spaces around it."""
    return [part.strip() for part in text.split(",")]


def run_named(
    name: str,
    inputs: Mapping[str, Any],
    settings: Mapping[str, Any],
    *,
    out: str | None = None,
    root: str | None = None,
) -> Manifest:
    """Run a step by name, its result at `out` or under `root`."""
    from causeway.artifacts import run

    function = step_function(name)
    return run(function, inputs, out=out, root=root, config=resolve_config(function, settings))


def run_in_component(
    name: str, inputs: Mapping[str, Any], settings: Mapping[str, Any], root: str, output_path: str
) -> Manifest:
    """What every Kubeflow component does: run a step under `root` and leave its manifest at `output_path`.

    An error for a person becomes one marked line on stderr (the runner finds it again) and its own exit code.
    """
    began, busy_s = time.monotonic(), sum(os.times()[:4])
    try:
        asked = _asked_key(name, inputs, settings)
        manifest = lookup.find(name, asked, root) if asked else None
        if manifest is None:
            manifest = _made(name, inputs, settings, root)
            if asked:
                lookup.point(name, asked, root, manifest)
    except (CausewayError, OSError) as error:
        fail(error)
    except Exception as error:
        if not is_known(error):
            traceback.print_exc()
        fail(error)
    _leave(manifest, output_path)
    print(f"{name}: {manifest.content_hash[:12]} {json.dumps(manifest.counts)}", file=sys.stderr)
    made: dict[str, Any] = {"step": name, "kind": manifest.kind, "location": manifest.location}
    made |= {"cpu_s": round(sum(os.times()[:4]) - busy_s, 2), "gpu_s": round(_gpu_seconds(began), 2)}
    print(f"{MADE_MARK} {json.dumps(made)}", file=sys.stderr)
    return manifest


def written_in_component(name: str, text: str) -> dict[str, Any]:
    """Settings of a training step that a pipeline hands on as one JSON object; what is none ends the task in a line."""
    from causeway.artifacts import config_class
    from causeway.training.config import read_settings

    try:
        kind = config_class(step_function(name))
        assert kind is not None
        return read_settings(text, kind, name)
    except CausewayError as error:
        fail(error)


def _gpu_seconds(began: float) -> float:
    """Seconds since `began` on each GPU that this process has had memory of; 0 where it has taken none."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return 0.0
    taken = sum(torch.cuda.max_memory_reserved(gpu) > 0 for gpu in range(torch.cuda.device_count()))
    return (time.monotonic() - began) * taken


def _made(name: str, inputs: Mapping[str, Any], settings: Mapping[str, Any], root: str) -> Manifest:
    """Run the step in this process, or as a job of the cluster where the pod says so."""
    if JOB not in os.environ:
        return run_named(name, inputs, settings, root=root)
    from causeway.platform.cluster.launch import launched

    return launched(name, inputs, settings, root)


def _asked_key(name: str, inputs: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """A key over the question as it was asked; it finds a finished step without importing the step.

    The settings' defaults are part of the code, whose hash is in the key. None for raw inputs and for settings that
    name a file: there the bytes count, and the step's own key knows them. None also for a step that works outside its
    artifact: what it did there may be undone.
    """
    if name in OUTSIDE or RAW_INPUTS & set(inputs) or any(_names_a_file(value) for value in settings.values()):
        return None
    flat = [item for value in inputs.values() for item in (value if isinstance(value, list) else [value])]
    manifests = [read_manifest(item) if item else None for item in flat]
    hashes = [m.content_hash if m else None for m in manifests]
    return lookup.key_of({"asked": name, "inputs": hashes, "settings": dict(settings), "code": code_hash(STEPS[name])})


def _names_a_file(value: Any) -> bool:
    return isinstance(value, str) and value != "" and (value.startswith("s3://") or Path(value).exists())


def gate_in_component(
    name: str, inputs: Mapping[str, Any], settings: Mapping[str, Any], root: str, output_path: str
) -> None:
    """What a gate component does whose refusal ends the run: a refused or undecided policy goes no further."""
    from causeway.artifacts import Artifact

    manifest = run_in_component(name, inputs, settings, root, output_path)
    decision = json.loads(Artifact(manifest).path("decision.json").read_text())
    if decision["decision"] != "promote":
        _refuse(root, f"{name}: {decision['decision']}: {decision['summary']}")


def release_in_component(
    name: str, inputs: Mapping[str, Any], settings: Mapping[str, Any], root: str, output_path: str
) -> None:
    """What the last component of a release does: a policy that was rolled back ends the run with its reason.

    One whose server did not run was never judged: that may be another machine's fault, and is not remembered.
    """
    from causeway.artifacts import Artifact

    manifest = run_in_component(name, inputs, settings, root, output_path)
    release = json.loads(Artifact(manifest).path("release.json").read_text())
    if release["step"] == "rolled back":
        why = f"{release['policy'][:12]} was rolled back: {release['why']}"
        if not release.get("ready", True):
            fail(Refused(why))
        _refuse(root, why)


def _refuse(root: str, why: str) -> NoReturn:
    """End the run refused, and remember it of the round of retraining that it may be."""
    from causeway.platform.rounds import refuse

    try:
        refuse(root, why)
    except (CausewayError, OSError) as error:  # the refusal itself matters more
        print(f"{error}: it is not remembered that this round was refused", file=sys.stderr)
    fail(Refused(why))


def open_in_component(location: str, output_path: str) -> None:
    """What the component `open_artifact` does: leave the manifest of a finished artifact at `output_path`."""
    try:
        manifest = read_manifest(location)
    except (CausewayError, OSError) as error:
        fail(error)
    _leave(manifest, output_path)


def _leave(manifest: Manifest, output_path: str) -> None:
    try:
        Path(output_path).parent.mkdir(parents=True, exist_ok=True)
        Path(output_path).write_text(manifest.to_json())
    except OSError as error:
        fail(error)


def fail(error: Exception) -> NoReturn:
    """End the process with the error's exit code and one marked line."""
    known = as_causeway_error(error)
    line = {"exit_code": known.exit_code, "message": str(known)}
    print(f"{ERROR_MARK} {json.dumps(line)}", file=sys.stderr, flush=True)
    os._exit(known.exit_code)  # KFP's executor would turn SystemExit into a traceback


def as_causeway_error(error: Exception) -> CausewayError:
    """The error as one line for a person: a full disk or a denied folder is no bug of ours."""
    if isinstance(error, CausewayError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        where = error.filename or "this machine"
        return UnusableInput(f"{where}: {error.strerror}; mend that and run the same command again")
    if is_known(error):  # libraries that write files themselves have errors of their own for it
        return UnusableInput(f"this machine: {os.strerror(errno.ENOSPC)}; make room and run the same command again")
    return CausewayError(f"{type(error).__name__}: {error}; this is a bug, please report it")


def is_known(error: Exception) -> bool:
    """True for an error that is no bug: ours, the operating system's, or a library's word for a full disk."""
    return isinstance(error, CausewayError | OSError) or any(word in str(error).lower() for word in _FULL_DISK)


def marked(text: str, mark: str) -> Any:
    """What a step wrote as JSON behind a mark, from a line of its log; None when the line is another one."""
    _, found, payload = text.partition(mark)
    try:
        return json.JSONDecoder().raw_decode(payload.lstrip())[0] if found else None  # another line may follow on it
    except ValueError:
        return None


def error_from_line(text: str) -> CausewayError | None:
    """The error that `fail` printed, read back from a log line; None when the line is another one."""
    line = marked(text, ERROR_MARK)
    try:
        kinds = {k.exit_code: k for k in (UsageError, Refused, UnusableInput, TryAgain)}
        return kinds.get(line["exit_code"], CausewayError)(line["message"])
    except (ValueError, KeyError, TypeError):
        return None
