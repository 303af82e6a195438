"""Image names of the components, one image for each runtime role.

An installation sets `CAUSEWAY_IMAGE_DATA`, `…_TRAIN`, `…_SIM`, `…_PIPELINES` when it compiles the pipelines (on a
cluster they come from the ConfigMap `causeway-images`); without them the names are those that a local build gives its
images. Never a `latest` tag. `CAUSEWAY_TRAINING_RUNTIME` names the TrainingRuntime of Kubeflow Trainer that training
stages run as; where it is set, the stage's own step only starts a job and follows it, in an image without torch.
"""

import os

import causeway

TRAINING_RUNTIME = os.environ.get("CAUSEWAY_TRAINING_RUNTIME", "")


def image(role: str) -> str:
    """The image of a role: `data`, `train`, `sim` or `pipelines`."""
    return os.environ.get(f"CAUSEWAY_IMAGE_{role.upper()}", f"causeway/{role}:{causeway.__version__}")


def training_image() -> str:
    """The image of a training stage's step: the one that trains, or the small one where a job does."""
    return image("pipelines" if TRAINING_RUNTIME else "train")
