"""Starting a pipeline by Argo itself: a CronWorkflow for GitOps, and events that say that there are new drives.

Built with hera's models, which check every field before anything reaches a cluster. What is started is
`causeway submit`, which starts a run of Kubeflow Pipelines and is done. Debounced: events create one Workflow of a
fixed name, which waits a while; while it is there, a second one cannot be. Knows names and times; no drives.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

PIPELINE = "retraining"
CRON = "0 3 * * *"
SETTLE = "120"  # seconds after the first event in which others are taken along
BUS = "causeway"
_ACCOUNT, _SENSOR_ACCOUNT = "causeway-submitter", "causeway-sensor"
_START, _EVENT = "causeway-start", "causeway-new-data"
_LABELS = {"app.kubernetes.io/part-of": "causeway"}
_PORT = "12000"
_API = "argoproj.io/v1alpha1"
_ROOM = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
_FAILED_S = 300  # a Workflow that failed holds its name no longer than this: until then further events create nothing
_RETRIES = {"limit": "3", "backoff": {"duration": "30", "factor": "2"}}


def triggers() -> list[dict[str, Any]]:
    """WorkflowTemplate, CronWorkflow, EventSource and Sensor, as objects."""
    return [*(one.dict(by_alias=True, exclude_none=True) for one in (_template(), _cron())), _source(), _sensor()]


def write_triggers(out: Path) -> list[Path]:
    """Write `<out>/manifests/triggers.yaml`; returns the path in a list."""
    import yaml

    path = out / "manifests" / "triggers.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump_all(triggers(), sort_keys=False))
    return [path]


def _template() -> Any:
    """What starts a run: first a pause, then `causeway submit`, in turn with runs that are under way."""
    from hera.workflows import models as argo

    value = [argo.Parameter(name="pipeline", value=PIPELINE), argo.Parameter(name="reason", value="asked for by hand")]
    settings = argo.Parameter(name="settings", value="")
    pause = argo.Template(name="settle", suspend=argo.SuspendTemplate(duration="{{workflow.parameters.settle}}"))
    steps = argo.Template(
        name="start",
        steps=[
            argo.ParallelSteps([argo.WorkflowStep(name="settle", template="settle")]),
            argo.ParallelSteps([argo.WorkflowStep(name="submit", template="submit")]),
        ],
    )
    spec = argo.WorkflowSpec(
        entrypoint="start",
        service_account_name=_ACCOUNT,
        arguments=argo.Arguments(parameters=[*value, settings, argo.Parameter(name="settle", value="0")]),
        templates=[steps, pause, _submit()],
        ttl_strategy=argo.TTLStrategy(seconds_after_success=0, seconds_after_failure=_FAILED_S),
        pod_metadata=argo.Metadata(labels=_LABELS),
        security_context=argo.PodSecurityContext(
            run_as_non_root=True, run_as_user=1000, seccomp_profile=argo.SeccompProfile(type="RuntimeDefault")
        ),
    )
    return argo.WorkflowTemplate(
        api_version=_API,
        kind="WorkflowTemplate",
        metadata=argo.ObjectMeta(name=_START, labels=_LABELS),
        spec=spec,
    )


def _submit() -> Any:
    from hera.workflows import models as argo

    script = (
        'set -f; IFS=";"; words=; for one in $SETTINGS; do words="$words;--set;$one"; done; '
        'exec causeway submit "$PIPELINE" --in-turn --reason "$REASON" ${words#;}'
    )
    environment = [
        argo.EnvVar(name=name, value=f"{{{{workflow.parameters.{name.lower()}}}}}")
        for name in ("PIPELINE", "REASON", "SETTINGS")
    ]
    environment.append(
        argo.EnvVar(
            name="CAUSEWAY_NAMESPACE",
            value_from=argo.EnvVarSource(field_ref=argo.ObjectFieldSelector(field_path="metadata.namespace")),
        )
    )
    container = argo.Container(
        image=os.environ.get("CAUSEWAY_IMAGE_PIPELINES", "causeway/pipelines:0.1.0"),
        image_pull_policy="IfNotPresent",
        command=["sh", "-c", script],
        env=environment,
        env_from=[
            argo.EnvFromSource(config_map_ref=argo.ConfigMapEnvSource(name="causeway-images")),
            argo.EnvFromSource(config_map_ref=argo.ConfigMapEnvSource(name="causeway-settings")),
        ],
        resources=argo.ResourceRequirements.model_validate(_ROOM),
        security_context=argo.SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=argo.Capabilities(drop=["ALL"]),
        ),
        volume_mounts=[argo.VolumeMount(name="scratch", mount_path="/tmp")],
    )
    return argo.Template(
        name="submit",
        container=container,
        volumes=[argo.Volume(name="scratch", empty_dir=argo.EmptyDirVolumeSource())],
        retry_strategy=argo.RetryStrategy.model_validate(_RETRIES),
    )


def _cron() -> Any:
    """Retraining every night, for installations that keep their schedules in Git."""
    from hera.workflows import models as argo

    return argo.CronWorkflow(
        api_version=_API,
        kind="CronWorkflow",
        metadata=argo.ObjectMeta(name="causeway-retraining", labels=_LABELS),
        spec=argo.CronWorkflowSpec(
            schedules=[CRON],
            timezone="UTC",
            concurrency_policy="Forbid",
            starting_deadline_seconds=3600,
            workflow_spec=argo.WorkflowSpec(
                workflow_template_ref=argo.WorkflowTemplateRef(name=_START),
                arguments=argo.Arguments(parameters=[argo.Parameter(name="reason", value="cron 0 3 * * *")]),
            ),
        ),
    )


def _source() -> dict[str, Any]:
    """A webhook that an object store or an uploader calls when a drive's manifest is there.

    Its `maxPayloadSize` (1 MiB) cannot be set: hera calls it a string, and a string there ends Argo Events' controller,
    for every namespace; a number is what the controller reads.
    """
    from hera.events import models as events

    webhook = {"port": _PORT, "endpoint": "/new-data", "method": "POST"}
    port = {"port": int(_PORT), "targetPort": int(_PORT)}
    spec = {"eventBusName": BUS, "service": {"ports": [port]}, "webhook": {"drive": webhook}}
    events.EventSourceSpec.model_validate(spec)
    events.WebhookContext.model_validate(webhook)
    return _object("EventSource", spec)


def _sensor() -> dict[str, Any]:
    """One Workflow of a fixed name for however many events; it is gone when the run has begun."""
    from hera.events import models as events

    given = [{"name": "reason", "value": "new data"}, {"name": "settle", "value": SETTLE}]
    workflow = _object("Workflow", {"workflowTemplateRef": {"name": _START}, "arguments": {"parameters": given}})
    told = {"dependencyName": "drive", "dataTemplate": "new data: {{.Input.body.drive}}", "value": "new data"}
    reason = {"src": told, "dest": "spec.arguments.parameters.0.value"}
    start = {"operation": "create", "source": {"resource": workflow}, "parameters": [reason]}
    spec = {
        "eventBusName": BUS,
        "template": {"serviceAccountName": _SENSOR_ACCOUNT},
        "dependencies": [{"name": "drive", "eventSourceName": _EVENT, "eventName": "drive"}],
        "triggers": [{"template": {"name": "start", "k8s": start}}],
    }
    events.SensorSpec.model_validate(spec)
    return _object("Sensor", spec)


def _object(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": _EVENT, "labels": dict(_LABELS)}, "spec": spec}
