"""The registry: every trained policy with its report, decision and lineage, and which one is the champion.

Knows MLflow (a SQLite file on a laptop, a server on a cluster) and nothing of how policies are served. Artifacts stay
where they are: a version's source is the artifact's location. MLflow is imported inside functions, without telemetry.
Everything here is idempotent by content hash: the same policy is one run and one version, however often it comes.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from causeway.artifacts import Artifact, Writer, step
from causeway.errors import UnusableInput, UsageError
from causeway.platform.lineage import origins
from causeway.platform.report_metrics import log_report

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

NAME = "causeway"
CHAMPION, CANDIDATE = "champion", "candidate"
_SQLITE = "sqlite:///"
_METRICS_A_CALL = 1000  # MLflow's limit


@dataclass(frozen=True)
class Version:
    """One registered policy; `alias` is champion, candidate or ""."""

    name: str
    version: int
    alias: str
    policy: str  # content hash
    source: str  # the artifact's location
    report: str  # the location of the report it was decided by
    decision: str
    why: str


@dataclass(frozen=True)
class RegisterConfig:
    """Where policies are registered (an MLflow URI), why this one came to be, and the endpoint that tries it first.

    Without an endpoint the gate's word makes a champion.
    """

    registry_uri: str = ""
    reason: str = ""
    endpoint: str = ""


@step(kind="release", outside=True)
def register_policy(
    policy: Artifact, report: Artifact, decision: Artifact, *, out: Writer, config: RegisterConfig
) -> None:
    """Enter a policy into the registry with its report and decision; writes release.json.

    Champion when the decision is `promote` and no endpoint is to try it first, candidate otherwise. When it happened
    is in the manifest, so that the same registration has the same content.
    """
    verdict = read_object(decision, "decision.json")
    log_training(policy, config.registry_uri)
    version = register(
        policy, report, verdict, config.registry_uri, policy.manifest.sources, at_once=not config.endpoint
    )
    release = {
        "policy": version.policy,
        "version": version.version,
        "alias": version.alias,
        "endpoint": "",  # nothing serves it yet
        "step": "registered",
        "why": "; ".join(part for part in (config.reason, version.why) if part),
    }
    out.path("release.json").write_text(json.dumps(release, indent=1, sort_keys=True) + "\n")
    out.count(registered=1)


def log_training(policy: Artifact, registry_uri: str) -> str:
    """Log a policy's losses (metrics per stage) and config (params) as one MLflow run; returns the run's id.

    A run is marked with the policy's content hash last, so a run that was killed half way is not taken for whole.
    """
    from mlflow.entities import Metric, Param

    with _client(registry_uri) as client:
        run_id = _run_of(client, policy.manifest.content_hash)
        if run_id is not None:
            return run_id
        at_ms, content_hash = policy.manifest.created_us // 1000, policy.manifest.content_hash
        run = client.create_run(_experiment(client, registry_uri), start_time=at_ms, run_name=content_hash[:12])
        params = [Param(key, str(value)) for key, value in sorted(policy.manifest.config.items())]
        metrics = [Metric(key, value, at_ms, place) for key, value, place in losses(policy)]
        client.log_batch(run.info.run_id, params=params)
        for start in range(0, len(metrics), _METRICS_A_CALL):
            client.log_batch(run.info.run_id, metrics=metrics[start : start + _METRICS_A_CALL])
        client.set_tag(run.info.run_id, "content_hash", content_hash)
        client.set_terminated(run.info.run_id)
        return str(run.info.run_id)


def losses(policy: Artifact) -> list[tuple[str, float, int]]:
    """(stage/name, value, step) of every number in losses.jsonl; UnusableInput names a line that is no JSON."""
    if "losses.jsonl" not in policy.manifest.files:
        return []
    path, found = policy.path("losses.jsonl"), []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            row = json.loads(line)
            stage, place = str(row["stage"]), int(row["step"])
        except (ValueError, KeyError, TypeError) as error:
            raise UnusableInput(f"{path}: line {number} is no loss ({error}); train the policy again") from error
        found += [(f"{stage}/{name}", value, place) for name, value in _numbers(row) if name != "step"]
    return found


def _numbers(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers of a row, those of nested parts by their own names."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _numbers(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield name, float(value)


def register(
    policy: Artifact,
    report: Artifact,
    decision: Mapping[str, Any],
    registry_uri: str,
    sources: Sequence[Mapping[str, str]],
    at_once: bool = True,
) -> Version:
    """Register a policy, or find it again, and set its alias: champion when promoted `at_once`, candidate otherwise.

    A champion that is registered again without being promoted stays champion: only another champion replaces it.
    """
    if "decision" not in decision:
        raise UnusableInput("decision.json: holds no decision; run the gate again")
    manifest, measured = policy.manifest, read_object(report, "report.json")
    tags = {
        "content_hash": manifest.content_hash,
        "code_version": manifest.code_version,
        "decision": str(decision["decision"]),
        "why": str(decision.get("summary", "")),
        "inputs": json.dumps(manifest.inputs, sort_keys=True),
        "sources": json.dumps(list(sources), sort_keys=True),
        "lineage": json.dumps(origins(manifest)),
        "report": report.location,
        "data": json.dumps(measured.get("data", {}), sort_keys=True),
        "metrics": json.dumps({n: m.get("value") for n, m in measured.get("metrics", {}).items()}, sort_keys=True),
    }
    with _client(registry_uri) as client:
        _make_model(client)
        number, run_id = _number_of(client, manifest.content_hash), _run_of(client, manifest.content_hash)
        log_report(client, run_id, report.manifest.content_hash, measured)
        if number is None:
            made = client.create_model_version(NAME, manifest.location, run_id, tags, await_creation_for=0)
            number = int(made.version)
        else:
            for key, value in tags.items():
                client.set_model_version_tag(NAME, str(number), key, value)
        _set_alias(client, number, promoted=at_once and decision["decision"] == "promote")
        return _version(client.get_model_version(NAME, str(number)))


def crown(registry_uri: str, policy: str) -> Version:
    """Make a registered policy (by its content hash) the champion; UnusableInput when the registry has none."""
    with _client(registry_uri) as client:
        number = _number_of(client, policy)
        if number is None:
            raise UnusableInput(f"{registry_uri}: holds no policy {policy[:12]}; register it: causeway run release")
        _set_alias(client, number, promoted=True)
        return _version(client.get_model_version(NAME, str(number)))


def forget(registry_uri: str, policy: str) -> None:
    """Take a policy (by its content hash) out of the registry, with its training run; one that is not there is passed
    over."""
    with _client(registry_uri) as client:
        number, run_id = _number_of(client, policy), _run_of(client, policy)
        if number is not None:
            client.delete_model_version(NAME, str(number))
        if run_id is not None:
            client.delete_run(run_id)


def _set_alias(client: MlflowClient, number: int, promoted: bool) -> None:
    aliases = _aliases(client)
    if promoted:
        client.set_registered_model_alias(NAME, CHAMPION, str(number))
        if aliases.get(CANDIDATE) == number:
            client.delete_registered_model_alias(NAME, CANDIDATE)
    elif aliases.get(CHAMPION) != number:
        client.set_registered_model_alias(NAME, CANDIDATE, str(number))


def champion(registry_uri: str) -> Version | None:
    """The champion, None when there is none yet."""
    return next((version for version in history(registry_uri) if version.alias == CHAMPION), None)


def history(registry_uri: str) -> list[Version]:
    """Every registered version, newest first; [] when nothing was registered yet."""
    path = _sqlite_path(registry_uri)
    if path is not None and not path.is_file():
        return []
    with _client(registry_uri) as client:
        found = [client.get_model_version(NAME, v.version) for v in client.search_model_versions(f"name='{NAME}'")]
    return sorted((_version(version) for version in found), key=lambda version: -version.version)


def _version(version: ModelVersion) -> Version:
    tags = version.tags
    return Version(
        name=version.name,
        version=int(version.version),
        alias=next((alias for alias in (CHAMPION, CANDIDATE) if alias in version.aliases), ""),
        policy=tags.get("content_hash", ""),
        source=str(version.source),
        report=tags.get("report", ""),
        decision=tags.get("decision", ""),
        why=tags.get("why", ""),
    )


def refuse_password(registry_uri: str) -> None:
    """UsageError for a URI that carries a password: URIs are written into manifests and logs."""
    if urlsplit(registry_uri).password is not None:
        raise UsageError(
            "the registry's URI carries a password, which manifests and logs would show; leave it out and set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or PGPASSWORD"
        )


@contextmanager
def _client(registry_uri: str) -> Iterator[MlflowClient]:
    """A client of the registry; on a SQLite file it works alone, because two would both lay out the tables."""
    if not registry_uri:
        raise UsageError("registry_uri is empty: name the registry, for example sqlite:////data/registry.db")
    refuse_password(registry_uri)
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with _alone(registry_uri):
        try:
            yield MlflowClient(tracking_uri=registry_uri, registry_uri=registry_uri)
        except (MlflowException, SQLAlchemyError) as error:
            reason = str(error).splitlines()[0]
            raise UnusableInput(f"{registry_uri}: the registry refuses ({reason}); is it MLflow's?") from error


@contextmanager
def _alone(registry_uri: str) -> Iterator[None]:
    path = _sqlite_path(registry_uri)
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sqlite_path(registry_uri: str) -> Path | None:
    return Path(registry_uri.removeprefix(_SQLITE)) if registry_uri.startswith(_SQLITE) else None


def _make_model(client: MlflowClient) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(NAME)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _experiment(client: MlflowClient, registry_uri: str) -> str:
    """The one experiment; its artifacts (we log none) are named beside a SQLite file, not in the current folder."""
    experiment = client.get_experiment_by_name(NAME)
    if experiment is not None:
        return str(experiment.experiment_id)
    path = _sqlite_path(registry_uri)
    return str(client.create_experiment(NAME, str(path.parent / "mlflow") if path is not None else None))


def _run_of(client: MlflowClient, content_hash: str) -> str | None:
    experiment = client.get_experiment_by_name(NAME)
    if experiment is None:
        return None
    runs = client.search_runs([experiment.experiment_id], f"tags.content_hash = '{content_hash}'", max_results=1)
    return runs[0].info.run_id if runs else None


def _number_of(client: MlflowClient, content_hash: str) -> int | None:
    found = client.search_model_versions(f"name='{NAME}' and tags.content_hash = '{content_hash}'")
    return int(found[0].version) if found else None


def _aliases(client: MlflowClient) -> dict[str, int]:
    return {alias: int(number) for alias, number in client.get_registered_model(NAME).aliases.items()}


def read_object(artifact: Artifact, name: str) -> dict[str, Any]:
    """The JSON object in a file of an artifact; UnusableInput when it holds none."""
    path = artifact.path(name)
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise UnusableInput(f"{path}: not JSON ({error}); make it again") from error
    if not isinstance(content, dict):
        raise UnusableInput(f"{path}: holds no object; make it again")
    return content
