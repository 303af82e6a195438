"""Pipelines as files: Kubeflow's intermediate representation, ready to upload."""

import warnings
from pathlib import Path

from causeway.platform.laptop import PIPELINES, pipeline_function


def compile_all(out: Path) -> list[Path]:
    """Write `<out>/<pipeline>.yaml` for every pipeline; returns the paths."""
    from kfp import compiler

    out.mkdir(parents=True, exist_ok=True)
    files = []
    for name in PIPELINES:
        pipeline = pipeline_function(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiler.Compiler().compile(pipeline, str(out / f"{name}.yaml"))
        files.append(out / f"{name}.yaml")
    return files
