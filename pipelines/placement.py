"""Where and with what a task runs on a cluster: the one place that says so for every step.

Three tables: `PLACES` for the pods of steps, `JOBS` for the training jobs that the launcher steps start, `FAN_OUT` for
the steps that are many tasks side by side. An installation changes entries with a YAML file named by
`CAUSEWAY_PLACEMENT`, and sets `CAUSEWAY_TEACHER_SECRET` (a Secret with the endpoints' keys) and `CAUSEWAY_LEDGER_CLAIM`
(a volume claim that all label tasks may mount at once); all of it counts when pipelines are compiled. On
a laptop none of it means anything: Kubeflow's local runner passes over it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from kfp import kubernetes
from kfp.dsl import PipelineTask, pipeline_context

from causeway.errors import UsageError
from components.images import TRAINING_RUNTIME, image

STORE_SECRET = "causeway-s3"
STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION")
TEACHER_SECRET = os.environ.get("CAUSEWAY_TEACHER_SECRET", "")
TEACHER_KEYS = ("CAUSEWAY_TEACHER_KEY", "CAUSEWAY_CRITIC_KEY")
LEDGER_CLAIM = os.environ.get("CAUSEWAY_LEDGER_CLAIM", "")
LEDGER = "/var/lib/causeway/ledger" if LEDGER_CLAIM else ""  # where label tasks record what they asked and paid
_JOB_NOTE = "causeway/job"  # the annotation in which a launcher's pod finds what its job is to get
_TOLERATION = frozenset({"key", "operator", "value", "effect", "seconds"})


@dataclass(frozen=True)
class Place:
    """What the pod of a step gets. Quantities as Kubernetes writes them; "" or 0 = none is asked for."""

    cpu_request: str = "250m"
    cpu_limit: str = ""  # a limit throttles and saves nobody: the request is the share that is kept free
    memory_request: str = "512Mi"
    memory_limit: str = "2Gi"
    accelerator: str = "nvidia.com/gpu"
    accelerators: int = 0
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    shm: str = ""  # size of /dev/shm in memory
    timeout_s: int = 6 * 3600  # of one attempt
    retries: int = 2  # of a step that failed, whatever it said: KFP knows no exit codes. Gates too: a store may be away


@dataclass(frozen=True)
class Job:
    """What a training job gets: machines, processes on each, and each machine's share."""

    nodes: int = 1
    processes: int = 1  # on a node; 0 = one for each accelerator
    cpu_request: str = "1"
    memory_request: str = "2Gi"
    memory_limit: str = "8Gi"
    accelerator: str = "nvidia.com/gpu"
    accelerators: int = 0  # of a node
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    shm: str = "1Gi"
    timeout_s: int = 5 * 86400
    queue: str = ""  # a Kueue queue


@dataclass(frozen=True)
class FanOut:
    """Into how many tasks a step is split, and how many of them run at once."""

    shards: int = 2
    at_once: int = 2


_SMALL = Place(memory_request="256Mi", memory_limit="1Gi", timeout_s=3600)
_READS = Place(memory_request="1Gi", memory_limit="8Gi", timeout_s=24 * 3600)
_DRIVES = Place(cpu_request="500m", memory_request="2Gi", memory_limit="8Gi", shm="1Gi", timeout_s=24 * 3600)
_LAUNCHES = replace(_SMALL, cpu_request="50m", memory_limit="512Mi", timeout_s=7 * 86400, retries=3)
_TRAINS = replace(_DRIVES, memory_limit="16Gi", timeout_s=5 * 86400)
_TRAINED_IN = _LAUNCHES if TRAINING_RUNTIME else _TRAINS
STAGES = ("train_vlm", "train_action", "train_coc", "train_rl", "train_recipe")
PLACES: Mapping[str, Place] = {
    "open_artifact": _SMALL,
    "ingest": _READS,
    "validate_clips": _READS,
    "extract_meta_actions": _READS,
    "find_moments": _READS,
    "build_features": _READS,
    "label_moments": replace(_READS, cpu_request="100m"),
    "merge_labels": _READS,
    "queue_review": _READS,
    "validate_labels": _READS,
    "build_samples": _READS,
    "join_samples": _READS,
    "find_news": replace(_SMALL, memory_limit="2Gi"),
    "bench_or_samples": _SMALL,
    "remember": _SMALL,
    "evaluate_open_loop": _DRIVES,
    "evaluate_closed_loop": _DRIVES,
    "evaluate_reasoning": _DRIVES,
    "evaluate_faithfulness": _DRIVES,
    "measure_latency": _DRIVES,
    "merge_reports": _SMALL,
    "gate": _SMALL,
    "gate_stage": _SMALL,
    "register_policy": _SMALL,
    "deploy_policy": _SMALL,
    "probe_policy": replace(_SMALL, timeout_s=24 * 3600),
    "promote_policy": replace(_SMALL, timeout_s=7 * 86400),  # a canary takes the time that its rules say
    "take_turn": _SMALL,
    "conclude": _SMALL,
    **dict.fromkeys(STAGES, _TRAINED_IN),
}
JOBS: Mapping[str, Job] = dict.fromkeys(STAGES, Job())
FAN_OUT: Mapping[str, FanOut] = {"label_moments": FanOut()}
_TABLES: Mapping[str, Mapping[str, Any]] = {"steps": PLACES, "jobs": JOBS, "fan_out": FAN_OUT}
_PARTS = ":, ".join(_TABLES)


def fan_out(name: str) -> FanOut:
    """How a step is split here. UsageError for none."""
    found: FanOut = changed(FAN_OUT[name], _CHANGES.get("fan_out", {}), name)
    if not (found.shards and found.at_once):
        raise UsageError(f"placement of {name}: shards and at_once are at least 1")
    return found


def place_tasks() -> None:
    """Give every task of the pipeline being defined its place, and the object store's keys by reference.

    Called at the end of a pipeline function.
    """
    for task in pipeline_context.Pipeline.get_default_pipeline().tasks.values():
        if task.container_spec is not None:  # a pipeline inside the pipeline places its own tasks
            place_task(task)


def place_task(task: PipelineTask) -> None:
    """One task's place. A task that has it already is left alone."""
    if "secretAsEnv" in task.platform_config.get("kubernetes", {}):
        return
    task.set_caching_options(False)  # Kubeflow's key holds a prefix, not what lies there: new drives would go unseen
    name = task.component_spec.name.replace("-", "_")
    place = changed(PLACES[name], _CHANGES.get("steps", {}), name)
    _resources(task, place)
    if place.retries:
        task.set_retry(place.retries, backoff_duration="30s", backoff_factor=2, backoff_max_duration="600s")
    kubernetes.set_timeout(task, place.timeout_s)
    for key, value in place.node_selector.items():
        kubernetes.add_node_selector(task, key, value)
    for one in place.tolerations:
        kubernetes.add_toleration(task, **{("toleration_seconds" if k == "seconds" else k): v for k, v in one.items()})
    if place.shm:
        kubernetes.empty_dir_mount(task, "shm", "/dev/shm", medium="Memory", size_limit=place.shm)
    kubernetes.use_secret_as_env(task, secret_name=STORE_SECRET, secret_key_to_env={key: key for key in STORE_KEYS})
    if name == "label_moments":
        _give_labelling(task)
    if TRAINING_RUNTIME and name in STAGES:
        _give_job(task, changed(JOBS[name], _CHANGES.get("jobs", {}), name))
    kubernetes.use_field_path_as_env(task, "CAUSEWAY_NAMESPACE", "metadata.namespace")
    kubernetes.use_field_path_as_env(task, "CAUSEWAY_RUN", "metadata.labels['pipeline/runid']")
    kubernetes.use_field_path_as_env(task, "CAUSEWAY_WORKFLOW", "metadata.labels['workflows.argoproj.io/workflow']")
    _drop_new_fields(task)
    kubernetes.set_image_pull_policy(task, "IfNotPresent")


def _resources(task: PipelineTask, place: Place) -> None:
    task.set_cpu_request(place.cpu_request).set_memory_request(place.memory_request)
    task.set_memory_limit(place.memory_limit)
    if place.cpu_limit:
        task.set_cpu_limit(place.cpu_limit)
    if place.accelerators:
        task.set_accelerator_type(place.accelerator).set_accelerator_limit(place.accelerators)


def _give_labelling(task: PipelineTask) -> None:
    """A task that may ask endpoints gets their keys and a volume that outlives its pod, where there are such.

    The Secret must hold both keys; one that is not needed may be empty.
    """
    if TEACHER_SECRET:
        kubernetes.use_secret_as_env(task, TEACHER_SECRET, {key: key for key in TEACHER_KEYS})
    if LEDGER_CLAIM:
        kubernetes.mount_pvc(task, LEDGER_CLAIM, LEDGER)


def _give_job(task: PipelineTask, job: Job) -> None:
    """What the launcher asks for its job travels on its own pod, where a laptop never sees it."""
    note = {"runtime": TRAINING_RUNTIME, "image": image("train")} | asdict(job)
    kubernetes.add_pod_annotation(task, _JOB_NOTE, json.dumps(note))
    kubernetes.use_field_path_as_env(task, "CAUSEWAY_JOB", f"metadata.annotations['{_JOB_NOTE}']")


def _drop_new_fields(task: PipelineTask) -> None:
    """The SDK writes fields that came with KFP 2.15 even when they say nothing; a 2.14 back end refuses a pipeline that
    holds them."""
    settings = task.platform_config["kubernetes"]
    for secret in settings["secretAsEnv"]:
        secret.pop("optional", None)


def changed(entry: Any, changes: Mapping[str, Any], name: str) -> Any:
    """An entry of a table with what the installation changes of it: `all` first, then the step's own.

    UsageError for a name or a value that the table does not know.
    """
    known = {one.name: one.default for one in fields(entry)}
    for whose in ("all", name):
        for key, value in (changes.get(whose) or {}).items():
            if key not in known:
                raise UsageError(f"placement of {whose}: no setting {key!r}; there are {', '.join(known)}")
            entry = replace(entry, **{key: _checked(whose, key, value, getattr(entry, key))})
    return entry


def _checked(whose: str, key: str, value: Any, now: Any) -> Any:
    if key == "tolerations":
        if not isinstance(value, list) or any(not isinstance(v, dict) or set(v) - _TOLERATION for v in value):
            raise UsageError(f"placement of {whose}: tolerations: a list of {{{', '.join(sorted(_TOLERATION))}}}")
        return tuple(value)
    if isinstance(now, Mapping):
        if not isinstance(value, dict):
            raise UsageError(f"placement of {whose}: {key}: write name: value")
        return {str(k): str(v) for k, v in value.items()}
    if isinstance(now, int):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise UsageError(f"placement of {whose}: {key}: {value!r} is no whole number from 0")
        return value
    return str(value)


def read_changes(path: str) -> dict[str, Any]:
    """The installation's file {steps: {NAME or all: {…}}, jobs: {…}, fan_out: {…}}; {} without one.

    UsageError where it is wrong.
    """
    if not path:
        return {}
    import yaml

    try:
        found = yaml.safe_load(Path(path).read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"CAUSEWAY_PLACEMENT={path}: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"CAUSEWAY_PLACEMENT={path}: write {_PARTS}:")
    for part, entries in found.items():
        known = _TABLES.get(part)
        if known is None or not isinstance(entries, dict):
            raise UsageError(f"CAUSEWAY_PLACEMENT={path}: {part}: write {_PARTS}:, each with names below it")
        unknown = sorted(set(entries) - set(known) - {"all"})
        if unknown:
            raise UsageError(f"CAUSEWAY_PLACEMENT={path}: {part}: no {unknown[0]!r}; there are all, {', '.join(known)}")
    return found


_CHANGES = read_changes(os.environ.get("CAUSEWAY_PLACEMENT", ""))
