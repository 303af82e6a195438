"""Kubeflow Pipelines' API: versions of pipelines, runs, and errors as a person should read them.

Knows the SDK's client. Does not know what a pipeline does, nor pods and logs. The back end may be older than the SDK.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from causeway.errors import CausewayError, UnusableInput, UsageError
from causeway.platform.compiled import Package

ADDRESS = "CAUSEWAY_KFP"
_IN_A_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_PATIENCE_S = 600.0  # a back end that is moved or restarted is away for less
ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")


def state_of(run: Any) -> str:
    """A run's state. One that was told to end is CANCELED: where it has an exit handler Kubeflow ends it as FAILED."""
    if run.state == "FAILED" and any(past.state == "CANCELING" for past in run.state_history or ()):
        return "CANCELED"
    return str(run.state)


class AwayError(CausewayError):
    """The API did not answer, or not well: worth another try."""


def address() -> str:
    """Where the API is: `CAUSEWAY_KFP`, or in a pod the service of its namespace. UsageError where it is not known."""
    named = os.environ.get(ADDRESS, "")
    if named:
        return named if "://" in named else f"http://{named}"
    if _IN_A_POD.is_file():
        return f"http://ml-pipeline.{_IN_A_POD.read_text().strip()}:8888"
    forward = "kubectl -n kubeflow port-forward svc/ml-pipeline 8888"
    raise UsageError(f"{ADDRESS} is not set; say where Kubeflow Pipelines is: {forward}, then {ADDRESS}=localhost:8888")


def connect() -> Any:
    """A client; UnusableInput where nothing answers."""
    host = address()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from kfp import Client

        try:
            return _asked(lambda: Client(host=host))
        except AwayError as error:
            raise UnusableInput(f"{host}: no Kubeflow Pipelines there ({error}); see {ADDRESS}") from error


def _asked(call: Callable[[], Any]) -> Any:
    """Make a call; AwayError for what another try may mend, UnusableInput for what the API refuses."""
    from kfp_server_api.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call()
    except ApiException as error:
        said = _told(error)
        if error.status in (400, 403, 404, 409, 401):
            raise Denied(f"Kubeflow Pipelines: {said}", error.status) from error
        raise AwayError(f"Kubeflow Pipelines: {error.status} {said}") from error
    except (HTTPError, OSError, TimeoutError) as error:
        raise AwayError(f"no answer: {error}") from error


class Denied(UnusableInput):
    """The API said no; `status` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def _told(error: Any) -> str:
    try:
        return str(json.loads(error.body)["message"])[:400]
    except (ValueError, KeyError, TypeError):
        return str(error.reason)


def patient(call: Callable[[], Any], say: Callable[[str], None] | None = None) -> Any:
    """Make a call until it is answered, for ten minutes; UnusableInput after that."""
    until, told = time.monotonic() + _PATIENCE_S, False
    while True:
        try:
            return _asked(call)
        except AwayError as error:
            if time.monotonic() > until:
                raise UnusableInput(f"{error}; {_PATIENCE_S:.0f} s long") from error
            if say and not told:
                say(f"{error}; waiting")
                told = True
            time.sleep(2.0)


def upload(client: Any, one: Package) -> tuple[str, str, bool]:
    """(pipeline's id, version's id, whether it is new). A version of that name is left as it is, never overwritten."""
    pipeline = _pipeline_id(client, one)
    found = version_id(client, pipeline, one.version)
    if found:
        return pipeline, found, False

    def send() -> Any:
        return client.upload_pipeline_version(
            str(one.path), one.version, pipeline_id=pipeline, description=one.description
        )

    try:
        return pipeline, patient(send).pipeline_version_id, True
    except Denied as error:  # somebody uploaded it meanwhile
        found = version_id(client, pipeline, one.version) if error.status in (400, 409) else ""
        if not found:
            raise
        return pipeline, found, False


def pipeline_id(client: Any, name: str) -> str:
    """A pipeline's id; "" where it was never uploaded."""
    return patient(lambda: client.get_pipeline_id(name)) or ""


def _pipeline_id(client: Any, one: Package) -> str:
    """The pipeline's id; it is made where it is not there."""
    found = pipeline_id(client, one.pipeline)
    if found:
        return found
    from kfp_server_api import V2beta1Pipeline

    body = V2beta1Pipeline(display_name=one.pipeline, description=one.description)
    try:
        return patient(lambda: client._pipelines_api.pipeline_service_create_pipeline(body)).pipeline_id
    except Denied as error:
        found = pipeline_id(client, one.pipeline) if error.status in (400, 409) else ""
        if not found:
            raise
        return found


def version_id(client: Any, pipeline: str, name: str) -> str:
    """A version's id by its name; "" where there is none."""
    asked = matching("display_name", name)
    answer = patient(lambda: client.list_pipeline_versions(pipeline, page_size=10, filter=asked))
    return next((v.pipeline_version_id for v in answer.pipeline_versions or [] if v.display_name == name), "")


def newest_version(client: Any, pipeline: str) -> Any:
    """The version that a schedule takes: the one that was uploaded last; None where there is none."""
    answer = patient(lambda: client.list_pipeline_versions(pipeline, page_size=1, sort_by="created_at desc"))
    return next(iter(answer.pipeline_versions or []), None)


def matching(key: str, value: str) -> str:
    """A filter of the API: what has exactly this value."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "stringValue": value}]})


def experiment(client: Any) -> str:
    """The id of the experiment that runs of ours are in; it is made where it is not there."""
    return patient(lambda: client.create_experiment("causeway")).experiment_id


def start(
    client: Any, name: str, pipeline: str, version: str, arguments: Mapping[str, Any], reason: str
) -> str:
    """Start a run of a version; returns its id."""
    from kfp_server_api import V2beta1PipelineVersionReference, V2beta1Run, V2beta1RuntimeConfig

    body = V2beta1Run(
        display_name=name,
        description=reason,
        experiment_id=experiment(client),
        pipeline_version_reference=V2beta1PipelineVersionReference(pipeline_id=pipeline, pipeline_version_id=version),
        runtime_config=V2beta1RuntimeConfig(parameters=dict(arguments)),
    )
    return _asked(lambda: client._run_api.run_service_create_run(body)).run_id


def runs_named(client: Any, name: str) -> list[Any]:
    """Runs of that name, the newest first."""
    asked = matching("display_name", name)
    answer = patient(lambda: client.list_runs(page_size=20, sort_by="created_at desc", filter=asked))
    return [run for run in answer.runs or [] if run.display_name == name]


def not_ended(client: Any) -> list[Any]:
    """The runs that have not ended, newest first; the newest hundred runs are looked at."""
    answer = patient(lambda: client.list_runs(page_size=100, sort_by="created_at desc"))
    return [run for run in answer.runs or [] if run.state not in ENDED]


def under_way(client: Any, pipeline: str) -> bool:
    """Whether a run of this pipeline has not ended."""
    return any(
        run.pipeline_version_reference and run.pipeline_version_reference.pipeline_id == pipeline
        for run in not_ended(client)
    )
