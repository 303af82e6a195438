"""Pipelines as files: Kubeflow's intermediate representation, and manifests for GitOps, named by what is in them.

A version's name ends with the first twelve digits of its content's hash: the same code, images and placement give the
same version, and another one never replaces it. Does not talk to a cluster.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

from causeway.platform.laptop import PIPELINES, pipeline_function

_API = "pipelines.kubeflow.org/v2beta1"
_DIGITS = 12


@dataclass(frozen=True)
class Package:
    """A compiled pipeline: its names and its file."""

    pipeline: str  # as Kubeflow knows it: causeway-data
    version: str  # causeway-data-0123456789ab
    description: str
    path: Path


def compile_all(out: Path, names: tuple[str, ...] = PIPELINES) -> list[Path]:
    """Write `<out>/<pipeline>.yaml` for every pipeline; returns the paths."""
    return [package(name, out).path for name in names]


def package(name: str, out: Path) -> Package:
    """Compile one pipeline into `out`, with its exit handler; UsageError for a name that is none."""
    from kfp import compiler

    inner = pipeline_function(name)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.yaml"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = import_module("pipelines.on_cluster").concluded(inner)
        compiler.Compiler().compile(pipeline, str(path))
    return packaged(name, path)


def packaged(name: str, path: Path) -> Package:
    """A pipeline that is compiled at `path` already, under the name that its content gives it."""
    inner = pipeline_function(name)
    called, about = inner.name, inner.description or ""  # type: ignore[attr-defined]
    return Package(called, f"{called}-{sha256(path.read_bytes()).hexdigest()[:_DIGITS]}", about, path)


def result_tasks(name: str) -> frozenset[str]:
    """The tasks that may make what a pipeline ends with, by name; more than one where branches end in one place."""
    spec = pipeline_function(name).pipeline_spec  # type: ignore[attr-defined]
    return frozenset(_result_tasks(spec, spec.root))


def _result_tasks(spec: Any, component: Any) -> Iterator[str]:
    for made in component.dag.outputs.artifacts.values():
        for chosen in made.artifact_selectors:
            inner = spec.components[component.dag.tasks[chosen.producer_subtask].component_ref.name]
            if inner.HasField("dag"):
                yield from _result_tasks(spec, inner)
            else:
                yield chosen.producer_subtask


def manifests(packages: list[Package]) -> list[dict[str, Any]]:
    """`Pipeline` and `PipelineVersion` objects, for a back end that keeps its pipelines in Kubernetes (KFP 2.14 and
    later, `--pipelinesStoreKubernetes`)."""
    import yaml

    found: list[dict[str, Any]] = []
    for one in packages:
        spec, platform = yaml.load_all(one.path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        metadata = {"labels": {"app.kubernetes.io/part-of": "causeway"}}
        about = {"displayName": one.pipeline, "description": one.description}
        found.append(
            {"apiVersion": _API, "kind": "Pipeline", "metadata": {"name": one.pipeline} | metadata, "spec": about}
        )
        held = {"pipelineName": one.pipeline, "displayName": one.version, "description": one.description}
        held |= {"pipelineSpec": spec, "platformSpec": platform}
        found.append(
            {"apiVersion": _API, "kind": "PipelineVersion", "metadata": {"name": one.version} | metadata, "spec": held}
        )
    return found


def write_manifests(files: list[Path], out: Path) -> list[Path]:
    """Write `<out>/manifests/<name>.yaml` of compiled pipelines, an object a file; returns the paths."""
    import yaml

    folder, written = out / "manifests", []
    folder.mkdir(parents=True, exist_ok=True)
    for one in manifests([packaged(path.stem, path) for path in files]):
        path = folder / f"{one['kind'].lower()}-{one['metadata']['name']}.yaml"
        path.write_text(yaml.dump(one, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False))
        written.append(path)
    return written
