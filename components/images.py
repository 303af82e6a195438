"""Image names of the components, one image for each runtime role.

An installation sets `CAUSEWAY_IMAGE_DATA`, `…_TRAIN`, `…_SIM`, `…_PIPELINES` when it compiles the pipelines; without
them the names are those that a local build gives its images. Never a `latest` tag.
"""

import os

import causeway


def image(role: str) -> str:
    """The image of a role: `data`, `train`, `sim` or `pipelines`."""
    return os.environ.get(f"CAUSEWAY_IMAGE_{role.upper()}", f"causeway/{role}:{causeway.__version__}")
