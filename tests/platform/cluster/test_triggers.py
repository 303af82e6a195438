"""What Argo is given to start pipelines: the committed copy is what the code writes, and events are debounced."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from causeway.platform.cluster.triggers import triggers, write_triggers

COPY = Path(__file__).parents[3] / "manifests" / "events" / "triggers.yaml"


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], dict[str, Any]]:
    monkeypatch.delenv("CAUSEWAY_IMAGE_PIPELINES", raising=False)
    return {(one["kind"], one["metadata"]["name"]): one for one in triggers()}


def test_the_committed_copy_is_what_the_code_writes(objects: dict, tmp_path: Path) -> None:
    (path,) = write_triggers(tmp_path)
    assert list(yaml.safe_load_all(COPY.read_text())) == list(yaml.safe_load_all(path.read_text()))


def test_further_events_create_nothing_while_one_waits(objects: dict) -> None:
    (trigger,) = objects["Sensor", "causeway-new-data"]["spec"]["triggers"]
    created = trigger["template"]["k8s"]["source"]["resource"]
    assert created["metadata"]["name"] == "causeway-new-data"
    assert "generateName" not in created["metadata"]
    assert created["spec"]["workflowTemplateRef"] == {"name": "causeway-start"}
    given = {one["name"]: one["value"] for one in created["spec"]["arguments"]["parameters"]}
    assert given["settle"] == "120"
    assert trigger["template"]["k8s"]["parameters"][0]["dest"] == "spec.arguments.parameters.0.value"
    assert next(iter(given)) == "reason"


def test_the_webhook_holds_no_number_as_text(objects: dict) -> None:
    """Argo Events' controller ends at maxPayloadSize: '65536', which hera asks for, and takes every other event along."""
    webhook = objects["EventSource", "causeway-new-data"]["spec"]["webhook"]["drive"]
    assert webhook == {"port": "12000", "endpoint": "/new-data", "method": "POST"}  # this port is a text in its type too


def test_it_is_gone_as_soon_as_its_run_has_begun(objects: dict) -> None:
    spec = objects["WorkflowTemplate", "causeway-start"]["spec"]
    assert spec["ttlStrategy"]["secondsAfterSuccess"] == 0
    assert spec["ttlStrategy"]["secondsAfterFailure"] <= 600  # further events create nothing while it is there
    assert [[step["name"] for step in steps] for steps in spec["templates"][0]["steps"]] == [["settle"], ["submit"]]


def test_a_cron_workflow_has_schedules_and_no_schedule(objects: dict) -> None:
    spec = objects["CronWorkflow", "causeway-retraining"]["spec"]
    assert spec["schedules"] == ["0 3 * * *"]
    assert "schedule" not in spec
    assert spec["concurrencyPolicy"] == "Forbid"


def test_the_pod_is_restricted(objects: dict) -> None:
    spec = objects["WorkflowTemplate", "causeway-start"]["spec"]
    (container,) = [one["container"] for one in spec["templates"] if "container" in one]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert not container["image"].endswith(":latest")


def test_the_image_is_the_installations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUSEWAY_IMAGE_PIPELINES", "registry/causeway/pipelines@sha256:0")
    template = next(one for one in triggers() if one["kind"] == "WorkflowTemplate")
    images = [one["container"]["image"] for one in template["spec"]["templates"] if "container" in one]
    assert images == ["registry/causeway/pipelines@sha256:0"]
