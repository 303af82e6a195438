"""An endpoint on a cluster against a small API server of our own: which objects, and in which order."""

import copy
from types import SimpleNamespace

import pytest

from causeway.errors import UnusableInput, UsageError
from causeway.platform.release import cluster
from causeway.platform.release.cluster_objects import (
    ClusterSettings,
    http_route,
    inference_service,
    predictors_of,
    settings_from,
)
from causeway.platform.release.endpoint import Moved, NotReady, endpoint_at, refuse_name
from causeway.platform.release.record import Record, Served, begun

A, B = Served("a" * 64, "s3://models/a", 1), Served("b" * 64, "s3://models/b", 2)


class Api:
    """What the endpoint needs of Kubernetes, and a list of what was done, in order."""

    def __init__(self) -> None:
        self.objects, self.done, self.broken = {}, [], set()
        self.version = 0

    def _gone(self):
        from kubernetes.client.exceptions import ApiException

        return ApiException(status=404, reason="Not Found")

    def get_namespaced_custom_object(self, group, version, namespace, plural, name):
        if plural not in self.objects:
            raise self._gone()
        return copy.deepcopy(self.objects[plural])

    def create_namespaced_custom_object(self, group, version, namespace, plural, body):
        return self.replace_namespaced_custom_object(group, version, namespace, plural, "", body)

    def replace_namespaced_custom_object(self, group, version, namespace, plural, name, body):
        self.version += 1
        body = copy.deepcopy(body)
        body["metadata"] |= {"generation": self.version}
        accepted = [{"type": t, "status": "True", "observedGeneration": self.version} for t in ("Accepted", "ResolvedRefs")]
        self.objects[plural] = body | {"status": {"parents": [{"conditions": accepted}]}}
        if plural == "httproutes":
            refs = body["spec"]["rules"][0]["backendRefs"]
            self.done.append("route " + " ".join(f"{ref['name'][9]}:{ref['weight']}" for ref in refs))
        else:
            self.done.append("serve " + " ".join(served.policy[0] for served in predictors_of(body)))

    def delete_namespaced_custom_object(self, group, version, namespace, plural, name):
        if plural not in self.objects:
            raise self._gone()
        del self.objects[plural]
        self.done.append(f"delete {plural}")

    def read_namespaced_deployment(self, name, namespace):
        ready = name[9] not in self.broken
        status = SimpleNamespace(observed_generation=1, ready_replicas=int(ready), unavailable_replicas=int(not ready))
        return SimpleNamespace(metadata=SimpleNamespace(generation=1), status=status)

    def read_namespaced_service(self, name, namespace):
        return SimpleNamespace(spec=SimpleNamespace(selector={"app": name}))

    def list_namespaced_pod(self, namespace, label_selector):
        waiting = SimpleNamespace(reason="CrashLoopBackOff", message="back-off") if label_selector[13] in self.broken else None
        container = SimpleNamespace(name="kserve-container", restart_count=4 if waiting else 0, state=SimpleNamespace(waiting=waiting))
        status = SimpleNamespace(init_container_statuses=None, container_statuses=[container], pod_ip="10.0.0.7")
        return SimpleNamespace(items=[SimpleNamespace(metadata=SimpleNamespace(name="pod", deletion_timestamp=None), status=status)])

    def read_namespaced_config_map(self, name, namespace):
        if name not in self.objects:
            raise self._gone()
        return self.objects[name]

    def read_namespaced_secret(self, name, namespace):
        return self.read_namespaced_config_map(name, namespace)

    def create_namespaced_config_map(self, namespace, body):
        name = body["metadata"]["name"]
        self.objects[name] = SimpleNamespace(data=body["data"], metadata=SimpleNamespace(resource_version="1"))

    def replace_namespaced_config_map(self, name, namespace, body):
        from kubernetes.client.exceptions import ApiException

        if body["metadata"]["resourceVersion"] != self.objects[name].metadata.resource_version:
            raise ApiException(status=409, reason="Conflict")
        changed = str(int(self.objects[name].metadata.resource_version) + 1)
        self.objects[name] = SimpleNamespace(data=body["data"], metadata=SimpleNamespace(resource_version=changed))


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def endpoint(api, monkeypatch):
    from kubernetes import client, config

    monkeypatch.setattr(config, "load_config", lambda: None)
    for name in ("CoreV1Api", "AppsV1Api", "CustomObjectsApi"):
        monkeypatch.setattr(client, name, lambda: api)
    monkeypatch.setattr(cluster.time, "sleep", lambda seconds: api.done.append(f"wait {seconds:g}"))
    return endpoint_at("kserve://vehicles/drive")


def test_a_release_goes_in_the_order_that_loses_nothing(endpoint, api):
    endpoint.show(None, A, 0, 5.0)
    endpoint.show(A, None, 0, 5.0)
    assert api.done == ["serve a", "route a:100", "wait 6"]
    api.done.clear()
    endpoint.show(A, B, 0, 5.0)
    assert api.done == ["serve a b", "route a:100 b:0", "wait 6"]
    endpoint.show(A, B, 20, 5.0)
    endpoint.show(A, B, 20, 5.0)
    assert api.done[3:] == ["route a:80 b:20", "wait 6"]
    api.done.clear()
    endpoint.show(B, None, 0, 5.0)  # promotion: requests first, then the time the gateway needs, then the old one goes
    assert api.done == ["route b:100", "wait 6", "serve b"]
    api.done.clear()
    endpoint.show(B, A, 50, 5.0)
    endpoint.show(B, None, 0, 5.0)  # roll back
    assert api.done[-3:] == ["route b:100", "wait 6", "serve b"]


def test_a_control_plane_that_is_away_for_a_moment_is_waited_for(endpoint, api, monkeypatch):
    from kubernetes.client.exceptions import ApiException

    answers, create = [500, 503, None], api.create_namespaced_custom_object

    def away(*place):
        status = answers.pop(0) if answers else None
        if status:
            raise ApiException(status=status, reason="failed calling webhook")
        return create(*place)

    monkeypatch.setattr(api, "create_namespaced_custom_object", away)
    endpoint.show(None, A, 0, 5.0)
    assert api.done[:3] == ["wait 1", "wait 1", "serve a"]
    monkeypatch.setattr(cluster, "_AWAY_S", -1.0)
    answers[:] = [500]
    api.objects.clear()
    with pytest.raises(cluster.Away, match="failed calling webhook"):
        endpoint.show(None, A, 0, 5.0)


def test_a_candidate_that_cannot_start_gets_no_request_and_is_told_why(endpoint, api):
    endpoint.show(A, None, 0, 5.0)
    api.broken.add("b")
    with pytest.raises(NotReady, match="pod pod: kserve-container: CrashLoopBackOff back-off"):
        endpoint.show(A, B, 0, 5.0)
    assert "b" not in " ".join(done for done in api.done if done.startswith("route"))
    endpoint.show(A, None, 0, 5.0)
    assert api.done[-1] == "serve a"
    api.broken.add("a")
    with pytest.raises(NotReady):  # who is to take all requests must run before the route changes
        endpoint.show(B, None, 0, 5.0)
    assert api.done[-1] == "serve a b"


def test_a_first_candidate_that_goes_back_leaves_nothing(endpoint, api):
    endpoint.show(None, A, 0, 5.0)
    endpoint.show(None, None, 0, 5.0)
    assert api.objects == {}


def test_the_record_is_written_by_one_at_a_time(endpoint, api):
    mine = endpoint.load()
    assert mine == Record("kserve://vehicles/drive")
    saved = endpoint.save(begun(mine, A, "", 9.0, "ann", "why", 1))
    assert endpoint.load() == saved
    with pytest.raises(Moved):
        endpoint.save(mine)
    again = endpoint.save(saved)
    assert again.revision == 2


def test_addresses_are_the_gateway_and_pods(endpoint, api):
    endpoint.show(A, B, 0, 5.0)
    where = endpoint.addresses(A, B)
    assert (where.endpoint, where.authority) == ("traefik.traefik:80", "drive-route-vehicles.example.com")
    assert where.candidate == "10.0.0.7:8081"
    assert endpoint.traffic().restarts == {A.name: 0, B.name: 0}


def test_a_release_asks_with_the_token_of_the_secret_that_settings_name(endpoint, api):
    assert endpoint.addresses(None, None).token == ""
    api.objects["causeway-endpoint"] = SimpleNamespace(data={"token_secret": "causeway-release-token"})
    for nothing in ({}, {"causeway-release-token": SimpleNamespace(data={"other": "eA=="})}):
        api.objects |= nothing
        with pytest.raises(UnusableInput, match="vehicles/causeway-release-token: holds no `token`"):
            endpoint.addresses(None, None)
    api.objects["causeway-release-token"] = SimpleNamespace(data={"token": "c2VjcmV0Cg=="})
    where = endpoint.addresses(None, None)
    assert where.token == "secret"
    assert "secret" not in repr(where)


def test_a_route_that_no_gateway_has_taken_as_it_stands_is_not_accepted():
    true = [{"type": t, "status": "True", "observedGeneration": 2} for t in ("Accepted", "ResolvedRefs")]
    older = [condition | {"observedGeneration": 1} for condition in true]
    unsaid = [{"type": condition["type"], "status": "True"} for condition in true]

    def accepted(*parents: dict) -> bool:
        return cluster._accepted({"metadata": {"generation": 2}, "status": {"parents": list(parents)}})

    assert not accepted({"conditions": older}, {"conditions": unsaid}, {})
    assert not accepted({"conditions": true[:1]})
    assert accepted({"conditions": older}, {"conditions": true})


def test_objects_are_as_the_cluster_wants_them():
    settings = settings_from({"gateway": "infra/door", "hostname": "drive.example.com", "settle_s": "2"})
    service = inference_service("vehicles", "drive", [A, B], settings)
    assert service["spec"]["canary"][0]["trafficPercent"] == 0
    assert service["spec"]["canary"][0]["predictor"]["minReplicas"] == 1
    assert service["spec"]["predictor"]["model"]["storageUri"] == "s3://models/a"
    assert predictors_of(service) == [A, B]
    route = http_route("vehicles", "drive", [(A, 80), (B, 20)], settings)
    assert route["metadata"]["name"] != service["metadata"]["name"]  # KServe writes a route of that name itself
    route = route["spec"]
    assert route["parentRefs"] == [{"name": "door", "namespace": "infra"}]
    assert [[(ref["port"], ref["weight"]) for ref in rule["backendRefs"]] for rule in route["rules"]] == [
        [(8081, 80), (8081, 20)],
        [(80, 80), (80, 20)],
    ]


def test_what_a_cluster_cannot_serve_is_refused():
    with pytest.raises(UsageError, match="s3:// or pvc://"):
        inference_service("n", "d", [Served("c" * 64, "/policies/c", 1)], ClusterSettings())
    with pytest.raises(UnusableInput, match="'gatway' is no setting"):
        settings_from({"gatway": "x"})
    with pytest.raises(UnusableInput, match="settle_s"):
        settings_from({"settle_s": "soon"})
    with pytest.raises(UnusableInput, match="was not made by a release"):
        predictors_of({"spec": {"predictor": {"name": "theirs"}}})


@pytest.mark.parametrize("name", ["", "kserve://", "kserve://a", "kserve://a/b/c", "kserve://A/b", "s3://bucket/x"])
def test_names_that_are_no_endpoint(name):
    with pytest.raises(UsageError):
        refuse_name(name)
