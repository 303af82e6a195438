"""The few calls to the Kubernetes API that runs and jobs need, in one namespace.

Knows the client library and its errors. Decides nothing. Uses the cluster of this pod, or the one at KUBECONFIG.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from causeway.errors import CausewayError, UnusableInput
from causeway.platform.cluster.train_job import GROUP, PLURAL, RUN_LABEL, VERSION

NAMESPACE = "CAUSEWAY_NAMESPACE"
DEFAULT_NAMESPACE = "kubeflow"  # where Kubeflow Pipelines runs everything when it is installed alone


def namespace() -> str:
    """Where runs are: what `CAUSEWAY_NAMESPACE` says."""
    return os.environ.get(NAMESPACE) or DEFAULT_NAMESPACE


class Kube:
    """Pods, TrainJobs and Workflows of a namespace. UnusableInput where there is no cluster."""

    def __init__(self, where: str) -> None:
        from kubernetes import client, config
        from kubernetes.config.config_exception import ConfigException

        try:
            config.load_config()
        except (ConfigException, OSError) as error:
            raise UnusableInput(f"no cluster: {error}; set KUBECONFIG") from error
        self.namespace = where
        self._core, self._custom = client.CoreV1Api(), client.CustomObjectsApi()

    def job(self, name: str) -> dict[str, Any] | None:
        """A TrainJob, or None."""
        return self._call(self._custom.get_namespaced_custom_object, GROUP, VERSION, self.namespace, PLURAL, name)

    def jobs(self, run: str) -> list[dict[str, Any]]:
        """The TrainJobs that a run started; none where Trainer is not installed."""
        found = self._call(
            self._custom.list_namespaced_custom_object,
            GROUP, VERSION, self.namespace, PLURAL, label_selector=f"{RUN_LABEL}={run}",
        )  # fmt: skip
        return (found or {}).get("items", [])

    def create_job(self, body: Mapping[str, Any]) -> bool:
        """Create a TrainJob; False when one of that name is there."""
        create = self._custom.create_namespaced_custom_object
        return self._call(create, GROUP, VERSION, self.namespace, PLURAL, dict(body), there=False) is not False

    def delete_job(self, name: str) -> None:
        """Delete a TrainJob and wait for nothing; fine when it is gone."""
        self._call(
            self._custom.delete_namespaced_custom_object,
            GROUP, VERSION, self.namespace, PLURAL, name, propagation_policy="Foreground",
        )  # fmt: skip

    def pods(self, selector: str) -> list[Any]:
        """Pods by label."""
        found = self._call(self._core.list_namespaced_pod, self.namespace, label_selector=selector)
        return found.items if found else []

    def log(self, pod: str, container: str, since_s: int | None) -> str:
        """What a container wrote in the last seconds, each line with its time; "" while it has not started."""
        text = self._call(
            self._core.read_namespaced_pod_log,
            pod, self.namespace, container=container, timestamps=True, since_seconds=since_s, _preload_content=False,
            early=True,
        )  # fmt: skip
        return text.data.decode(errors="replace") if text is not None else ""

    def workflow(self, name: str) -> dict[str, Any] | None:
        """An Argo Workflow, or None."""
        if not name:  # outside a run; the API would answer with a list
            return None
        return self._call(
            self._custom.get_namespaced_custom_object, "argoproj.io", "v1alpha1", self.namespace, "workflows", name
        )

    def workflows_of(self, run: str) -> list[dict[str, Any]]:
        """The Workflows of a run of Kubeflow Pipelines: one, or none when it is gone."""
        found = self._call(
            self._custom.list_namespaced_custom_object,
            "argoproj.io", "v1alpha1", self.namespace, "workflows", label_selector=f"pipeline/runid={run}",
        )  # fmt: skip
        return (found or {}).get("items", [])

    @staticmethod
    def _call(function: Any, *given: Any, there: Any = None, early: bool = False, **named: Any) -> Any:
        """Call; None for what is not there, `there` for what is there already; `early`: None for what has not begun."""
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return function(*given, **named)
        except ApiException as error:
            if error.status == 404 or (early and error.status == 400):
                return None
            if error.status == 409 and there is not None:
                return there
            said = f"{error.reason}: {str(error.body)[:300]}"
            if error.status in (401, 403):
                raise UnusableInput(f"the cluster refuses: {said}; give this account the rights") from error
            if error.status in (400, 422):
                raise UnusableInput(f"the cluster does not take it: {said}") from error
            raise Unreachable(f"the cluster: {error.status} {said}") from error
        except (HTTPError, OSError) as error:
            raise Unreachable(f"the cluster does not answer: {error}") from error


class Unreachable(CausewayError):
    """The API server did not answer, or not well: worth another try."""
