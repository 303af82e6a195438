"""An endpoint on a cluster: an InferenceService in Standard mode, and a route of ours over its predictors' Services.

Makes things so in the order in which no request is lost: who comes in is ready before it gets requests; who goes has
none, and the gateway has had time to know, before it is dropped (`spec` of both in `cluster_objects.py`). The record
is a ConfigMap `NAME-release`. Uses the cluster of this pod, or the one at KUBECONFIG.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from causeway.errors import CausewayError, UnusableInput
from causeway.platform.release import cluster_objects as objects
from causeway.platform.release.endpoint import CLUSTER, Addresses, Moved, NotReady, Traffic
from causeway.platform.release.record import Record, Served, from_json, to_json

_KSERVE = ("serving.kserve.io", "v1beta1", "inferenceservices")
_ROUTES = ("gateway.networking.k8s.io", "v1", "httproutes")
_SETTINGS = "causeway-endpoint"
_HOPELESS = ("ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError")
_CRASHES = 3  # of a pod, after which it is taken for broken
_TRIES = 10  # of a write that KServe's controller crosses
_LOOK_S = 1.0
_AWAY_S = 60.0  # how long a control plane may be away while we write


class ClusterEndpoint:
    """The endpoint NAME of a namespace."""

    def __init__(self, namespace: str, name: str) -> None:
        from kubernetes import client, config
        from kubernetes.config.config_exception import ConfigException

        try:
            config.load_config()
        except (ConfigException, OSError) as error:
            raise UnusableInput(f"no cluster: {error}; set KUBECONFIG") from error
        self.namespace, self.name = namespace, name
        self._names = {_KSERVE: name, _ROUTES: objects.route_name(name)}
        self._core, self._apps, self._custom = client.CoreV1Api(), client.AppsV1Api(), client.CustomObjectsApi()

    # --- the record ---

    def load(self) -> Record:
        """The record; an empty one where nothing was released yet."""
        found = self._record()
        if found is None:
            return Record(f"{CLUSTER}{self.namespace}/{self.name}")
        return from_json((found.data or {}).get("release.json", ""), f"ConfigMap {self.namespace}/{self.name}-release")

    def save(self, record: Record) -> Record:
        """Write the record; Moved when somebody else did meanwhile: the API server compares for us."""
        found = self._record()
        if (self.load() if found else record).revision != record.revision or (found is None and record.revision):
            raise Moved(f"{record.endpoint}: another process is at this release; run the same command again")
        record = replace(record, revision=record.revision + 1)
        metadata: dict[str, Any] = {"name": f"{self.name}-release", "namespace": self.namespace}
        body = {"metadata": metadata, "data": {"release.json": to_json(record)}}
        if found is None:
            self._try(lambda: self._core.create_namespaced_config_map(self.namespace, body))
        else:
            metadata["resourceVersion"] = found.metadata.resource_version
            self._try(lambda: self._core.replace_namespaced_config_map(metadata["name"], self.namespace, body))
        return record

    def _record(self) -> Any:
        return self._read(lambda: self._core.read_namespaced_config_map(f"{self.name}-release", self.namespace))

    def settings(self) -> objects.ClusterSettings:
        """The installation's settings, or the defaults where there is no ConfigMap."""
        found = self._read(lambda: self._core.read_namespaced_config_map(_SETTINGS, self.namespace))
        return objects.settings_from((found.data if found else None) or {})

    # --- serving ---

    def show(self, champion: Served | None, candidate: Served | None, percent: int, ready_s: float) -> None:
        """Predictors first, then the route, then wait, and only then drop who has no requests any more."""
        settings = self.settings()
        shares = [(s, weight) for s, weight in ((champion, 100 - percent), (candidate, percent)) if s is not None]
        if not shares:  # a first candidate that goes back
            return self._drop()
        wanted = [served for served, _ in shares]
        live = objects.predictors_of(self._service())
        joined = [*live, *(served for served in wanted if served.name not in {one.name for one in live})]
        if len(joined) > len(live):
            self._put(_KSERVE, objects.inference_service(self.namespace, self.name, joined, settings))
        self._wait(wanted, ready_s)
        if champion is not None:
            self._route(shares, settings, ready_s)
        if [one.name for one in joined] != [one.name for one in wanted]:
            self._put(_KSERVE, objects.inference_service(self.namespace, self.name, wanted, settings))

    def _drop(self) -> None:
        """Take the endpoint away: nobody is to be served."""
        for kind in (_ROUTES, _KSERVE):
            group, version, plural = kind
            place = (group, version, self.namespace, plural, self._names[kind])
            self._read(lambda place=place: self._custom.delete_namespaced_custom_object(*place))

    def _route(self, shares: Sequence[tuple[Served, int]], settings: objects.ClusterSettings, ready_s: float) -> None:
        """Set the weights, and give the gateway time to know them; nothing when they are set already."""
        wanted = objects.http_route(self.namespace, self.name, shares, settings)
        found = self._get(_ROUTES)
        if found is not None and _weights(found) == _weights(wanted):
            return
        self._put(_ROUTES, wanted)
        until = time.monotonic() + ready_s
        while not _accepted(self._get(_ROUTES)):
            if time.monotonic() > until:
                raise NotReady(f"the gateway {settings.gateway} does not take the route {self.namespace}/{self.name}")
            time.sleep(_LOOK_S)
        time.sleep(settings.settle_s)

    def _wait(self, wanted: Sequence[Served], ready_s: float) -> None:
        """Wait until every predictor has a pod that answers. KServe's own `Ready` does not tell of canaries."""
        until = time.monotonic() + ready_s
        for served in wanted:
            while not self._available(served):
                problem = self._problem(served)
                if problem or time.monotonic() > until:
                    raise NotReady(problem or f"{objects.workload(self.name, served)}: no answer within {ready_s:g} s")
                time.sleep(_LOOK_S)

    def _available(self, served: Served) -> bool:
        name = objects.workload(self.name, served)
        found = self._read(lambda: self._apps.read_namespaced_deployment(name, self.namespace))
        if found is None or (found.status.observed_generation or 0) < found.metadata.generation:
            return False
        return (found.status.ready_replicas or 0) >= 1 and not (found.status.unavailable_replicas or 0)

    def _problem(self, served: Served) -> str:
        """Why its pods cannot come up, "" when that is not known."""
        for pod in self._pods(served):
            statuses = [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]
            for status in statuses:
                waiting = status.state.waiting if status.state else None
                reason = waiting.reason if waiting else ""
                if reason in _HOPELESS or (status.restart_count or 0) >= _CRASHES:
                    said = (waiting.message if waiting else "") or ""
                    return f"pod {pod.metadata.name}: {status.name}: {reason or 'crashed'} {said}".strip()
        return ""

    def _pods(self, served: Served) -> list[Any]:
        name = objects.workload(self.name, served)
        service = self._read(lambda: self._core.read_namespaced_service(name, self.namespace))
        if service is None:
            return []
        selector = ",".join(f"{key}={value}" for key, value in (service.spec.selector or {}).items())
        return list(self._core.list_namespaced_pod(self.namespace, label_selector=selector).items)

    # --- asking ---

    def addresses(self, champion: Served | None, candidate: Served | None) -> Addresses:
        """The gateway with the route's host name, and a pod of each predictor."""
        settings = self.settings()

        def at(served: Served | None) -> str:
            pods = self._pods(served) if served else []
            ready = [p.status.pod_ip for p in pods if p.status.pod_ip and not p.metadata.deletion_timestamp]
            return f"{ready[0]}:{objects.GRPC}" if ready else ""

        host = objects.hostname(self.namespace, self.name, settings)
        return Addresses(settings.address, at(champion), at(candidate), host, self._token(settings.token_secret))

    def _token(self, secret: str) -> str:
        """The token of a Secret; "" where none is named. UnusableInput when it is not there."""
        if not secret:
            return ""
        found = self._read(lambda: self._core.read_namespaced_secret(secret, self.namespace))
        try:
            return base64.b64decode(found.data["token"]).decode().strip()
        except (AttributeError, TypeError, KeyError, ValueError) as error:  # no Secret, an empty one, another one
            raise UnusableInput(f"Secret {self.namespace}/{secret}: holds no `token`; see manifests/serving") from error

    def traffic(self) -> Traffic:
        """Restarts of the pods; the gateway counts nothing for us."""
        restarts = {}
        for served in objects.predictors_of(self._service()):
            counts = [s.restart_count or 0 for pod in self._pods(served) for s in pod.status.container_statuses or []]
            restarts[served.name] = sum(counts)
        return Traffic(restarts=restarts)

    # --- the API ---

    def _service(self) -> Mapping[str, Any] | None:
        return self._get(_KSERVE)

    def _get(self, kind: tuple[str, str, str]) -> Mapping[str, Any] | None:
        group, version, plural = kind
        place = (group, version, self.namespace, plural, self._names[kind])
        return self._read(lambda: self._custom.get_namespaced_custom_object(*place))

    def _put(self, kind: tuple[str, str, str], body: dict[str, Any]) -> None:
        """Create an object, or replace what we say of it; controllers that write it meanwhile, and a control plane that
        is away for a moment, are waited for."""
        crossed, until = 0, time.monotonic() + _AWAY_S
        while True:
            try:
                return self._put_once(kind, body)
            except Moved as error:
                crossed += 1
                if crossed == _TRIES:
                    what = f"{kind[2]} {self.namespace}/{self.name}"
                    raise Moved(f"{what}: others write it all the time; try again") from error
                time.sleep(0.2)
            except Away:
                if time.monotonic() > until:
                    raise
                time.sleep(_LOOK_S)

    def _put_once(self, kind: tuple[str, str, str], body: dict[str, Any]) -> None:
        group, version, plural = kind
        found = self._get(kind)
        if found is None:
            place = (group, version, self.namespace, plural)
            return self._try(lambda: self._custom.create_namespaced_custom_object(*place, body))
        named = (group, version, self.namespace, plural, self._names[kind])
        whole = _over(found, body)
        return self._try(lambda: self._custom.replace_namespaced_custom_object(*named, whole))

    def _read(self, call: Any) -> Any:
        """What a call returns, None when there is no such object."""
        from kubernetes.client.exceptions import ApiException

        try:
            return call()
        except ApiException as error:
            if error.status == 404:
                return None
            raise _told(error) from error

    def _try(self, call: Any) -> None:
        """A write; Moved when somebody else wrote first."""
        from kubernetes.client.exceptions import ApiException

        try:
            call()
        except ApiException as error:
            if error.status == 409:
                raise Moved(str(error.reason)) from error
            raise _told(error) from error


class Away(CausewayError):
    """The control plane could not answer now: a webhook or the store behind it is away."""


def _told(error: Any) -> CausewayError:
    body = " ".join(str(error.body or "").split())[:300]
    kind = Away if error.status == 429 or (error.status or 0) >= 500 else CausewayError
    return kind(f"the cluster refuses ({error.status} {error.reason}): {body}")


def _over(found: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """What is there with our spec and our annotations."""
    metadata = dict(found["metadata"])
    ours = body["metadata"].get("annotations")
    if ours:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **ours}
    return {**found, "metadata": metadata, "spec": body["spec"]}


def _weights(route: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    rules = route["spec"]["rules"]
    return [(ref["name"], ref["port"], ref.get("weight", 1)) for rule in rules for ref in rule["backendRefs"]]


def _accepted(route: Mapping[str, Any] | None) -> bool:
    """Whether a gateway has taken the route as it stands now."""
    if route is None:
        return False
    generation = route["metadata"]["generation"]
    for parent in route.get("status", {}).get("parents", []):
        now = [c for c in parent.get("conditions", []) if c.get("observedGeneration") == generation]
        true = {c["type"] for c in now if c["status"] == "True"}
        if {"Accepted", "ResolvedRefs"} <= true:
            return True
    return False
