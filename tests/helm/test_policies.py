"""What holds for every object of both charts, whatever the values."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.helm.charts import CAUSEWAY, KFP, KFP_SECRETS, PROFILES, containers, everything, objects, one, pods, profile

MADE = {name: (lambda name=name: profile(name)) for name in PROFILES}
MADE |= {"everything": everything, "kubeflow-pipelines": lambda: objects(KFP, *KFP_SECRETS)}


@pytest.fixture(params=MADE)
def made(request: pytest.FixtureRequest):
    return MADE[request.param]()


def test_every_pod_is_restricted(made):
    checked = dict(pods(made))
    assert len(checked) >= 9
    for name, spec in checked.items():
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] > 0, name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")), name
        kinds = {key for volume in spec.get("volumes", []) for key in volume} - {"name"}
        assert kinds <= {"emptyDir", "configMap", "secret", "persistentVolumeClaim", "projected"}, name


def test_every_container_is_restricted_and_says_what_it_needs(made):
    checked = list(containers(made))
    assert len(checked) >= 10
    for name, container in checked:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["readOnlyRootFilesystem"] is True, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        if name != "TrainingRuntime":  # its jobs say it, each for itself
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name
        assert container["imagePullPolicy"] == "IfNotPresent", name


def test_every_image_has_a_version(made):
    for name, container in containers(made):
        image = container["image"]
        assert "@sha256:" in image or (":" in image.rpartition("/")[2] and not image.endswith(":latest")), name


def test_no_secret_is_in_plain_sight(made):
    assert [o["metadata"]["name"] for o in made if o["kind"] == "Secret"] == []
    for name, container in containers(made):
        for variable in container.get("env", []):
            if any(word in variable["name"].upper() for word in ("PASSWORD", "SECRET", "TOKEN", "ACCESS_KEY", "ACCESSKEY")):
                assert "secretKeyRef" in variable.get("valueFrom", {}), f"{name} {variable['name']}"


def test_root_of_the_store_is_known_to_the_store_and_to_who_makes_its_user():
    made = everything()
    holders = [
        name
        for name, container in containers(made)
        if any(v.get("valueFrom", {}).get("secretKeyRef", {}).get("name") == "causeway-s3-root" for v in container.get("env", []))
    ]
    (job,) = [o["metadata"]["name"] for o in made if o["metadata"]["name"].startswith("causeway-store-")]
    assert holders == ["Deployment/causeway-s3/minio", f"Job/{job}/make"]
    assert one(made, "Job", job)["metadata"].get("annotations") is None  # a hook would come after what waits for it
    args = one(made, "Job", job)["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args == ["--bucket", "causeway", "--bucket", "mlpipeline"]
    assert "causeway-s3-root" not in json.dumps(profile("multi-node"))


def test_runs_of_pipelines_alone_need_not_be_root_of_the_store():
    def root(made: tuple[dict, ...]) -> list[dict]:
        store = one(made, "Deployment", "minio")["spec"]["template"]["spec"]["containers"][0]
        return [v["valueFrom"]["secretKeyRef"] for v in store["env"] if v["name"].startswith("MINIO_ROOT_")]

    assert root(objects(KFP, *KFP_SECRETS)) == [{"name": "s3", "key": "accesskey"}, {"name": "s3", "key": "secretkey"}]
    made = objects(KFP, *KFP_SECRETS, "--set", "objectStore.rootSecret=kfp-root")
    assert root(made) == [{"name": "kfp-root", "key": "user"}, {"name": "kfp-root", "key": "password"}]
    assert [o["metadata"]["name"] for o in made if "kfp-root" in json.dumps(o)] == ["minio"]


def test_the_job_that_cannot_be_changed_has_another_name_when_it_would_be():
    def name(*more: str) -> str:
        made = objects(CAUSEWAY, "-f", f"{CAUSEWAY}/values/laptop.yaml", *more)
        (found,) = [o["metadata"]["name"] for o in made if o["metadata"]["name"].startswith("causeway-store-")]
        return found

    assert name() == name("--set", "mlflow.workers=3")
    assert len({name(), name("--set", "images.pipelines.tag=abc"), name("--set", "pods.priorityClassName=low")}) == 3


def test_redis_asks_for_a_password_that_backups_have():
    made = everything()
    redis = one(made, "Deployment", "causeway-redis")["spec"]["template"]["spec"]["containers"][0]
    wanted = {"secretKeyRef": {"name": "causeway-redis", "key": "password"}}
    assert redis["env"] == [{"name": "REDISCLI_AUTH", "valueFrom": wanted}]
    jobs = [c for name, c in containers(made) if name.startswith("CronJob/causeway-backup")]
    assert [v["valueFrom"] for v in jobs[0]["env"] if v["name"] == "CAUSEWAY_REDIS_PASSWORD"] == [wanted]


@pytest.mark.parametrize("password", ["0123abcd", 'it\'s "a" \\ $HOME `x` %s\n', "é"])
def test_redis_is_told_its_password_where_no_list_of_processes_shows_it(password: str, tmp_path: Path):
    """The script of the rendered object, with a redis-server that notes what it is given."""
    (redis,) = [
        made
        for made in yaml.safe_load_all((CAUSEWAY.parents[1] / "manifests" / "base" / "deployment.yaml").read_text())
        if made["metadata"]["name"] == "causeway-redis"
    ]
    container = redis["spec"]["template"]["spec"]["containers"][0]
    told = tmp_path / "redis-server"
    told.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\ncat > {tmp_path}/configuration\n')
    told.chmod(0o755)
    names = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REDISCLI_AUTH": password}
    subprocess.run([*container["command"], *container["args"]], env=names, check=True)
    assert (tmp_path / "arguments").read_text() == "- --dir /data --appendonly yes --maxmemory-policy noeviction\n"
    asked = "".join(f"\\x{byte:02x}" for byte in password.encode())
    assert (tmp_path / "configuration").read_text() == f'requirepass "{asked}"\n'


@pytest.mark.parametrize(("password", "tools"), [("", ("od", "tr", "sed")), ("0123abcd", ("tr", "sed"))])
def test_redis_does_not_start_without_a_password(password: str, tools: tuple[str, ...], tmp_path: Path):
    """Where the Secret's key is empty, or the image lacks what the script calls."""
    container = one(everything(), "Deployment", "causeway-redis")["spec"]["template"]["spec"]["containers"][0]
    told = tmp_path / "redis-server"
    told.write_text(f"#!/bin/sh\n: > {tmp_path}/started\n")
    told.chmod(0o755)
    for tool in tools:
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    names = {"PATH": str(tmp_path), "REDISCLI_AUTH": password}
    words = ["/bin/sh", *container["command"][1:], *container["args"]]
    done = subprocess.run(words, env=names, capture_output=True, text=True, check=False)
    assert (done.returncode, "redis: no password" in done.stderr) == (1, True)
    assert not (tmp_path / "started").exists()


def _unbuilt(words: str) -> str:
    """A script without what its shell prints by itself, which is no process."""
    return re.sub(r'printf %s "\$\w+"', "", words)


def test_no_argument_is_a_secret(made):
    """But for the database's password of upstream's metadata server, which takes flags alone."""
    shown = set()
    for name, container in containers(made):
        words = " ".join([*container.get("command", []), *container.get("args", [])])
        secret = [v["name"] for v in container.get("env", []) if "secretKeyRef" in v.get("valueFrom", {})]
        shown |= {f"{name} {one}" for one in secret if re.search(rf"\$(\({one}\)|\{{?{one}\b)", _unbuilt(words))}
    assert shown <= {f"Deployment/metadata-grpc/metadata DATABASE_{one}" for one in ("USER", "PASSWORD")}


def test_prices_are_settings_where_there_are_any():
    def told(*more: str) -> str:
        made = objects(CAUSEWAY, "-f", f"{CAUSEWAY}/values/laptop.yaml", *more)
        return one(made, "ConfigMap", "causeway-settings")["data"]["CAUSEWAY_PRICES"]

    assert told() == ""
    assert told("--set", "prices.cpuHour=0.04,prices.gpuHour=2.5,prices.currency=EUR") == "cpu=0.04,gpu=2.5,currency=EUR"


def test_a_volume_that_need_not_stay_does_not():
    flags = ("review.enabled=true", "review.labels=s3://b/l", "review.clips=s3://b/c", "review.storage.keep=false")
    made = objects(CAUSEWAY, "-f", f"{CAUSEWAY}/values/laptop.yaml", "--set", ",".join(flags))
    assert "annotations" not in one(made, "PersistentVolumeClaim", "causeway-review")["metadata"]
    assert "annotations" in one(made, "PersistentVolumeClaim", "causeway-s3")["metadata"]


def test_predictors_read_the_store_with_the_keys_that_values_name():
    more = ("--set", "serving.enabled=true,serving.storeSecret=kserve-s3")
    made = objects(CAUSEWAY, "-f", f"{CAUSEWAY}/values/laptop.yaml", *more)
    assert one(made, "ServiceAccount", "causeway-endpoint")["secrets"] == [{"name": "kserve-s3"}]


def test_rights_are_of_one_namespace_and_never_everything(made):
    kinds = {o["kind"] for o in made}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding"}
    roles = [o for o in made if o["kind"] == "Role"]
    assert roles
    for role in roles:
        for rule in role["rules"]:
            words = [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "*" not in words, role["metadata"]["name"]
            if "secrets" in rule["resources"]:
                assert rule["verbs"] == ["get"], role["metadata"]["name"]
                assert rule["resourceNames"], role["metadata"]["name"]


def test_every_binding_names_a_role_and_an_account_that_are_there(made):
    roles = {(o["metadata"]["namespace"], o["metadata"]["name"]) for o in made if o["kind"] == "Role"}
    accounts = {(o["metadata"]["namespace"], o["metadata"]["name"]) for o in made if o["kind"] == "ServiceAccount"}
    bindings = [o for o in made if o["kind"] == "RoleBinding"]
    assert len(bindings) >= 4
    for binding in bindings:
        assert (binding["metadata"]["namespace"], binding["roleRef"]["name"]) in roles
        for subject in binding["subjects"]:
            assert (subject["namespace"], subject["name"]) in accounts, binding["metadata"]["name"]


def test_every_pod_has_an_account_and_a_token_only_where_it_has_rights(made):
    bound = {s["name"] for o in made if o["kind"] == "RoleBinding" for s in o["subjects"]}
    accounts = {o["metadata"]["name"] for o in made if o["kind"] == "ServiceAccount"}
    for name, spec in pods(made):
        assert spec["serviceAccountName"] in accounts, name
        assert not spec["automountServiceAccountToken"] or spec["serviceAccountName"] in bound, name


def test_every_mount_has_its_volume_and_every_claim_is_made(made):
    claims = {o["metadata"]["name"] for o in made if o["kind"] == "PersistentVolumeClaim"}
    for name, spec in pods(made):
        volumes = {volume["name"] for volume in spec.get("volumes", [])}
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes, name
        for volume in spec.get("volumes", []):
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims, name


def test_volumes_outlive_the_release(made):
    for claim in (o for o in made if o["kind"] == "PersistentVolumeClaim"):
        assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep", claim["metadata"]["name"]


def test_every_service_finds_a_pod(made):
    labels = [o["spec"]["template"]["metadata"]["labels"] for o in made if o["kind"] == "Deployment"]
    services = [o for o in made if o["kind"] == "Service"]
    assert services
    for service in services:
        selector = service["spec"]["selector"]
        assert sum(selector.items() <= found.items() for found in labels) == 1, service["metadata"]["name"]


def test_our_pods_may_do_nothing_but_what_is_named():
    made = profile("single-gpu")
    deny = one(made, "NetworkPolicy", "causeway-deny")["spec"]
    assert deny == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "causeway"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [],
    }
    runs = one(made, "NetworkPolicy", "causeway-runs")["spec"]
    assert runs["ingress"] == []
    blocks = [peer["ipBlock"] for rule in runs["egress"] for peer in rule.get("to", []) if "ipBlock" in peer]
    assert blocks
    assert all("169.254.0.0/16" in block["except"] for block in blocks if block["cidr"] == "0.0.0.0/0")


def test_the_runner_gets_what_kubeflow_lacks_and_no_more():
    made = profile("single-gpu")
    rules = [
        (group, resource, verb)
        for o in made
        if o["kind"] == "Role" and o["metadata"]["name"] in ("causeway-runner", "causeway-runner-jobs", "causeway-release")
        for rule in o["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]
    assert ("trainer.kubeflow.org", "trainjobs", "create") in rules
    assert ("serving.kserve.io", "inferenceservices", "update") in rules
    assert ("gateway.networking.k8s.io", "httproutes", "update") in rules
    forbidden = {("", "pods", "create"), ("", "secrets", "list"), ("apps", "deployments", "delete"), ("", "pods/exec", "create")}
    assert not forbidden & set(rules)


def test_without_serving_and_training_their_rights_are_gone():
    made = profile("laptop")
    groups = {group for o in made if o["kind"] == "Role" for rule in o["rules"] for group in rule["apiGroups"]}
    assert not groups & {"serving.kserve.io", "trainer.kubeflow.org"}


def test_a_mirror_is_before_every_image():
    images = [container["image"] for _, container in containers(profile("air-gapped"))]
    assert len(images) >= 15
    assert [image for image in images if not image.startswith("registry.internal/causeway/")] == []
    data = one(profile("air-gapped"), "ConfigMap", "causeway-images")["data"]
    assert data["CAUSEWAY_IMAGE_DATA"] == "registry.internal/causeway/causeway/data:0.1.0"


def test_a_digest_goes_before_a_tag():
    digest = "sha256:" + "a" * 64
    made = objects(CAUSEWAY, "-f", f"{CAUSEWAY}/values/laptop.yaml", "--set", f"images.pipelines.digest={digest}")
    data = one(made, "ConfigMap", "causeway-images")["data"]
    assert data["CAUSEWAY_IMAGE_PIPELINES"] == f"causeway/pipelines@{digest}"


def test_gpus_are_asked_for_where_they_are():
    runtime = one(profile("single-gpu"), "ServingRuntime", "causeway")["spec"]
    assert runtime["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert runtime["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    made = objects(CAUSEWAY, "-f", f"{CAUSEWAY}/values/laptop.yaml", "--set", "serving.enabled=true")
    plain = one(made, "ServingRuntime", "causeway")["spec"]
    assert "nvidia.com/gpu" not in plain["containers"][0]["resources"]["limits"]
    placed = one(profile("single-gpu"), "ConfigMap", "causeway-placement")["data"]["placement.yaml"]
    assert yaml.safe_load(placed)["jobs"]["all"]["accelerators"] == 1


def test_pipelines_and_schedules_are_submitted_one_after_the_other():
    spec = one(everything(), "Job", "causeway-submit")["spec"]["template"]["spec"]
    (submit,), (schedule,) = spec["initContainers"], spec["containers"]
    assert submit["args"] == ["submit", "data", "training", "release", "retraining", "--upload-only"]
    assert schedule["args"][:6] == ["schedule", "create", "nightly", "retraining", "--cron", "0 0 3 * * *"]


def test_alerts_have_a_page_and_dashboards_are_whole():
    rules = one(everything(), "PrometheusRule", "causeway")["spec"]["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == 10
    for rule in rules:
        page = CAUSEWAY.parents[1] / rule["annotations"]["runbook"]
        assert page.is_file(), page
        assert rule["alert"] in page.read_text()
        assert rule["expr"].count("(") == rule["expr"].count(")")
    boards = [o for o in everything() if o["metadata"]["name"].startswith("causeway-dashboard-")]
    assert len(boards) == 2
    for board in boards:
        ((_, text),) = board["data"].items()
        panels = json.loads(text)["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels) >= 8


def test_metrics_that_alerts_ask_for_are_told_by_the_server():
    from causeway.serving import metrics

    text = " ".join(rule["expr"] for rule in one(everything(), "PrometheusRule", "causeway")["spec"]["groups"][0]["rules"])
    for name in (metrics.PART, metrics.REQUESTS, metrics.SPEED, metrics.BRIGHTNESS, metrics.YAW, metrics.FRAME_AGE):
        assert name._name in text, name._name
    assert set(metrics.OUTCOMES) - {"invalid", "cancelled"} <= set(text.replace('"', "|").split("|"))


def test_releases_may_read_the_token_that_values_name_and_no_other_secret():
    made = objects(CAUSEWAY, "-f", str(CAUSEWAY / "values" / "laptop.yaml"), "--set", "serving.enabled=true,serving.releaseToken=mine")
    rules = one(made, "Role", "causeway-release")["rules"]
    assert [rule["resourceNames"] for rule in rules if "secrets" in rule["resources"]] == [["mine"]]
