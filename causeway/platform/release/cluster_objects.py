"""The Kubernetes objects of an endpoint, as plain values: InferenceService, HTTPRoute, and the endpoint's settings.

Pure functions. KServe's own canary field carries no requests in Standard mode (measured on 0.20), so its share stays
0 and an HTTPRoute of ours splits them over the predictors' Services. What a predictor runs on (image, GPUs, node
selector, tolerations, probes) is in the ServingRuntime, which an installation patches; see manifests/serving.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from causeway.errors import UnusableInput, UsageError
from causeway.platform.release.record import Served

_MARK = "causeway.dev/served"  # on a predictor's pods: which policy it is
REST, GRPC = 80, 8081  # of a predictor's Service: the ports `http1` and `grpc` of the runtime


@dataclass(frozen=True)
class ClusterSettings:
    """What an installation says of its endpoints, in the ConfigMap `causeway-endpoint`; every value is text there.

    `address`: gRPC host:port of the gateway as seen from where releases run. `settle_s`: how long the gateway may take
    to know new weights; before that nothing is stopped. `token_secret`: a Secret of the endpoint's namespace, in whose
    key `token` a release finds the token with which it asks ("" = servers ask for none).
    """

    gateway: str = "kserve/kserve-ingress-gateway"
    hostname: str = ""
    address: str = "traefik.traefik:80"
    runtime: str = "causeway"
    service_account: str = "causeway-endpoint"
    token_secret: str = ""
    settle_s: float = 6.0


def settings_from(data: Mapping[str, str]) -> ClusterSettings:
    """Settings from a ConfigMap's data; UnusableInput names the key that does not fit."""
    unknown = sorted(set(data) - {field.name for field in fields(ClusterSettings)})
    if unknown:
        raise UnusableInput(f"ConfigMap causeway-endpoint: {unknown[0]!r} is no setting; see manifests/serving")
    texts = {key: value for key, value in data.items() if key != "settle_s"}
    try:
        return ClusterSettings(**texts, settle_s=float(data.get("settle_s", ClusterSettings.settle_s)))
    except ValueError as error:
        raise UnusableInput(f"ConfigMap causeway-endpoint: settle_s: {error}") from error


def predictor(served: Served, settings: ClusterSettings) -> dict[str, Any]:
    """One predictor of an InferenceService; UsageError for a policy on a disk, which no node can read."""
    if not served.location.startswith(("s3://", "pvc://")):
        raise UsageError(f"{served.location}: a cluster reads policies from s3:// or pvc://; train with --root s3://…")
    return {
        "name": served.name,
        "annotations": {_MARK: json.dumps(asdict(served), sort_keys=True)},
        "minReplicas": 1,  # without it a share of 0 is scaled to no pod
        "serviceAccountName": settings.service_account,
        "terminationGracePeriodSeconds": 60,  # requests inside are answered first
        "model": {
            "modelFormat": {"name": "causeway"},
            "runtime": settings.runtime,
            "protocolVersion": "v2",
            "storageUri": served.location,
        },
    }


def served_by(found: Mapping[str, Any]) -> Served:
    """Which policy a predictor of ours serves; UnusableInput for one that is not ours."""
    try:
        return Served(**json.loads(found["annotations"][_MARK]))
    except (KeyError, TypeError, ValueError) as error:
        name = found.get("name", "?")
        raise UnusableInput(f"predictor {name}: was not made by a release; delete its service first") from error


def predictors_of(service: Mapping[str, Any] | None) -> list[Served]:
    """The policies of an InferenceService, the main predictor first."""
    if service is None:
        return []
    spec = service["spec"]
    return [served_by(spec["predictor"]), *(served_by(entry["predictor"]) for entry in spec.get("canary") or [])]


def inference_service(
    namespace: str, name: str, policies: Sequence[Served], settings: ClusterSettings
) -> dict[str, Any]:
    """An InferenceService with a predictor for each policy; the first is the main one."""
    main, *others = (predictor(served, settings) for served in policies)
    spec: dict[str, Any] = {"predictor": main}
    if others:
        spec["canary"] = [{"trafficPercent": 0, "predictor": other} for other in others]
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {
                "serving.kserve.io/deploymentMode": "Standard",
                "serving.kserve.io/autoscalerClass": "none",
            },
        },
        "spec": spec,
    }


def workload(name: str, served: Served) -> str:
    """The name of a predictor's Service and Deployment."""
    return f"{name}-{served.name}-predictor"


def http_route(
    namespace: str, name: str, shares: Sequence[tuple[Served, int]], settings: ClusterSettings
) -> dict[str, Any]:
    """One host name before the predictors' Services, gRPC and REST, by weight."""
    gateway_namespace, _, gateway = settings.gateway.partition("/")

    def backends(port: int) -> list[dict[str, Any]]:
        return [{"name": workload(name, served), "port": port, "weight": weight} for served, weight in shares]

    grpc = {"matches": [{"path": {"type": "PathPrefix", "value": "/inference.GRPCInferenceService/"}}]}
    rest = {"matches": [{"path": {"type": "PathPrefix", "value": "/v2/"}}]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": route_name(name), "namespace": namespace},
        "spec": {
            "parentRefs": [{"name": gateway, "namespace": gateway_namespace}],
            "hostnames": [hostname(namespace, name, settings)],
            "rules": [grpc | {"backendRefs": backends(GRPC)}, rest | {"backendRefs": backends(REST)}],
        },
    }


def route_name(name: str) -> str:
    """The name of our route; KServe makes one of the service's own name, and would write over ours."""
    return f"{name}-release"


def hostname(namespace: str, name: str, settings: ClusterSettings) -> str:
    """The endpoint's host name: the installation's, or one of the service's own name."""
    return settings.hostname or f"{name}-route-{namespace}.example.com"
