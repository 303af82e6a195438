"""Where and with what a task runs on a cluster: the one place that says so for every step.

On a laptop these settings mean nothing and Kubeflow's local runner passes over them.
"""

from kfp import kubernetes
from kfp.dsl import pipeline_context

STORE_SECRET = "causeway-s3"
STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION")


def place_tasks() -> None:
    """Give every task of the pipeline being defined the object store's keys, by reference.

    Called at the end of a pipeline function. The SDK writes the fields that came with KFP 2.15 even when they say
    nothing (`optional: false`), and a 2.14 back end refuses a pipeline that holds them: they are taken out again.
    """
    keys = {key: key for key in STORE_KEYS}
    for task in pipeline_context.Pipeline.get_default_pipeline().tasks.values():
        if task.container_spec is None:  # a pipeline inside the pipeline places its own tasks
            continue
        kubernetes.use_secret_as_env(task, secret_name=STORE_SECRET, secret_key_to_env=keys)
        for secret in task.platform_config["kubernetes"]["secretAsEnv"]:
            secret.pop("optional", None)
        kubernetes.set_image_pull_policy(task, "IfNotPresent")
