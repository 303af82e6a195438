"""Where and with what a task runs on a cluster: the one place that says so for every step.

An installation sets `CAUSEWAY_TEACHER_SECRET` (a Secret with the endpoints' keys) and `CAUSEWAY_LEDGER_CLAIM` (a volume
claim that all label tasks may mount at once) when it compiles the pipelines; without them no label task has either. On
a laptop these settings mean nothing and Kubeflow's local runner passes over them.
"""

import os

from kfp import kubernetes
from kfp.dsl import PipelineTask, pipeline_context

STORE_SECRET = "causeway-s3"
STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION")
TEACHER_SECRET = os.environ.get("CAUSEWAY_TEACHER_SECRET", "")
TEACHER_KEYS = ("CAUSEWAY_TEACHER_KEY", "CAUSEWAY_CRITIC_KEY")
LEDGER_CLAIM = os.environ.get("CAUSEWAY_LEDGER_CLAIM", "")
LEDGER = "/var/lib/causeway/ledger" if LEDGER_CLAIM else ""  # where label tasks record what they asked and paid


def place_tasks() -> None:
    """Give every task of the pipeline being defined the object store's keys, by reference.

    Called at the end of a pipeline function.
    """
    for task in pipeline_context.Pipeline.get_default_pipeline().tasks.values():
        if task.container_spec is None:  # a pipeline inside the pipeline places its own tasks
            continue
        kubernetes.use_secret_as_env(task, secret_name=STORE_SECRET, secret_key_to_env={key: key for key in STORE_KEYS})
        _drop_new_fields(task)
        kubernetes.set_image_pull_policy(task, "IfNotPresent")


def place_labelling(task: PipelineTask) -> None:
    """Give a task that may ask endpoints their keys and a volume that outlives its pod, where there are such.

    The Secret must hold both keys; one that is not needed may be empty.
    """
    if TEACHER_SECRET:
        kubernetes.use_secret_as_env(task, TEACHER_SECRET, {key: key for key in TEACHER_KEYS})
    if LEDGER_CLAIM:
        kubernetes.mount_pvc(task, LEDGER_CLAIM, LEDGER)


def _drop_new_fields(task: PipelineTask) -> None:
    """The SDK writes fields that came with KFP 2.15 even when they say nothing; a 2.14 back end refuses a pipeline that
    holds them."""
    settings = task.platform_config["kubernetes"]
    for secret in settings["secretAsEnv"]:
        secret.pop("optional", None)
