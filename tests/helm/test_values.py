"""Bad values are refused before anything is made, with what, where and what to do."""

import pytest

from tests.helm.charts import CAUSEWAY, KFP, KFP_SECRETS, PROFILES, helm, template

LAPTOP = ("-f", str(CAUSEWAY / "values" / "laptop.yaml"))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("mlfow.enabled=true", "additional properties 'mlfow' not allowed"),
        ("images.data.tag=latest", "images.data.tag is latest"),
        ("images.data.digest=abc", "'/images/data/digest'"),
        ("root=/data", "'/root'"),
        ("root=", "root is empty"),
        ("root=s3://elsewhere/runs", "objectStore.buckets are causeway, mlpipeline: add its bucket"),
        ("objectStore.bundled=false", "kubeflow-pipelines.objectStore.host is still causeway-s3"),
        ("database.existingSecret=", "create secret generic causeway-database"),
        ("database.bundled=false", "database.host is empty"),
        ("redis.bundled=false", "redis.address is empty"),
        ("redis.existingSecret=", "create secret generic causeway-redis"),
        ("objectStore.rootSecret=causeway-s3", "objectStore.rootSecret must name a Secret of its own"),
        ("objectStore.rootSecret=", "objectStore.rootSecret must name a Secret of its own"),
        ("mlflow.enabled=false", "mlflow.uri is empty"),
        ("mlflow.uri=https://me:secret@mlflow", "carries a user or password"),
        ("review.enabled=true", "review.labels and review.clips"),
        ("serving.vehicleTokens=tokens", "serving.releaseToken is not"),
        ("serving.gpus=-1", "'/serving/gpus'"),
        ("serving.gateway=web", "'/serving/gateway'"),
        ("upkeep.backup.enabled=true", "upkeep.backup.to must be s3://"),
        ("upkeep.collect.olderThanDays=1", "'/upkeep/collect/olderThanDays'"),
        ("expose.kind=gateway", "no host is"),
        ("expose.kind=gateway,expose.hosts.mlflow=m.example.com,expose.gateway.name=web", "asks nobody who they are"),
        ("expose.kind=ingress,expose.hosts.mlflow=m.example.com", "asks nobody who they are"),
        ("expose.kind=loadbalancer", "'/expose/kind'"),
        ("networkPolicies.runsMayReach={everywhere}", "'/networkPolicies/runsMayReach/0'"),
        ("training.tolerations[0].effect=Never", "'/training/tolerations/0/effect'"),
        ("objectStore.storage.size=much", "'/objectStore/storage/size'"),
        ("schedules[0].name=n,schedules[0].pipeline=labels,schedules[0].cron=0 0 3 * * *", "none of pipelines.names"),
        ("schedules[0].name=n,schedules[0].pipeline=data,schedules[0].cron=daily", "neither five fields nor six"),
        ("schedules[0].name=n,schedules[0].pipeline=data,schedules[0].cron=0 3 * * *", "nobody says where drives arrive"),
        ("events.enabled=true", "drives is empty"),
        ("events.cron=true", "drives is empty"),
        ("drives=/data", "'/drives'"),
        ("prices.cpuHour=-1", "'/prices/cpuHour'"),
        ("prices.currency=euros", "'/prices/currency'"),
        ("kubeflow-pipelines.ui.on=true", "additional properties 'on' not allowed"),
        ("kubeflow-pipelines.database.existingSecret=", "database.existingSecret is empty"),
    ],
)
def test_a_bad_value_is_refused_with_what_to_do(bad: str, says: str):
    done = template(CAUSEWAY, *LAPTOP, "--set", bad)
    assert done.returncode != 0
    assert done.stdout == ""
    assert says in done.stderr
    assert "secret@" not in done.stderr


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("objectStore.rootSecret=s3", "are the same Secret"),
        ("objectStore.existingSecret=", "create secret generic kfp-s3"),
        ("objectStore.bundled=false", "objectStore.host is empty"),
        ("objectStore.bundled=false,objectStore.host=http://s3", "write the host alone"),
        ("database.bundled=false", "database.host is empty"),
        ("images.apiServer.tag=latest", "images.apiServer.tag is latest"),
        ("argo.requeue=soon", "'/argo/requeue'"),
    ],
)
def test_a_bad_value_of_kubeflow_pipelines_too(bad: str, says: str):
    done = template(KFP, *KFP_SECRETS, "--set", bad)
    assert done.returncode != 0
    assert says in done.stderr


# What the cluster has is asked only where a cluster answers: this group is served by every API server and by no rendering.
CLUSTER = ("--api-versions", "apiregistration.k8s.io/v1")
GATEWAY = ("--api-versions", "gateway.networking.k8s.io/v1/HTTPRoute")
KSERVE = ("--api-versions", "serving.kserve.io/v1alpha1/ServingRuntime")
TRAINER = ("--api-versions", "trainer.kubeflow.org/v1alpha1/TrainingRuntime")


@pytest.mark.parametrize(
    ("there", "says"),
    [
        ((), "install Kubeflow Trainer, or training.enabled=false"),
        (TRAINER, "install KServe, or serving.enabled=false"),
        ((*TRAINER, *KSERVE), "install the Gateway API"),
    ],
)
def test_what_a_cluster_lacks_is_said(there: tuple[str, ...], says: str):
    values = ("-f", str(CAUSEWAY / "values" / "single-gpu.yaml"))
    done = template(CAUSEWAY, *values, *CLUSTER, *there)
    assert done.returncode != 0
    assert says in done.stderr
    whole = template(CAUSEWAY, *values, *CLUSTER, *TRAINER, *KSERVE, *GATEWAY)
    assert whole.returncode == 0, whole.stderr


@pytest.mark.parametrize("profile", PROFILES)
def test_lint_finds_nothing(profile: str):
    done = helm("lint", "--strict", str(CAUSEWAY), "--kube-version", "1.34.0", "-f", f"{CAUSEWAY}/values/{profile}.yaml")
    assert done.returncode == 0, done.stdout
    assert "1 chart(s) linted, 0 chart(s) failed" in done.stdout


def test_lint_finds_nothing_in_kubeflow_pipelines():
    done = helm("lint", "--strict", str(KFP), "--kube-version", "1.34.0", *KFP_SECRETS)
    assert done.returncode == 0, done.stdout
    assert "1 chart(s) linted, 0 chart(s) failed" in done.stdout
