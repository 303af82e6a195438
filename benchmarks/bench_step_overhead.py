"""What a finished step of ours costs a pipeline run, beside an empty component in the same run.

Both sides run through Kubeflow's local runner, in turn, in one pipeline: N empty components and N components whose
step is already done. Prints the medians and their difference; the aim is 0.3 s at most.
"""

import statistics
import tempfile
import time
import warnings
from pathlib import Path

from kfp import dsl, local

from causeway.artifacts import write_artifact
from components.extract_meta_actions import extract_meta_actions
from components.open_artifact import open_artifact

REPEATS = 5


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def empty(artifact: dsl.Output[dsl.Artifact]) -> None:
    Path = __import__("pathlib").Path
    Path(artifact.path).parent.mkdir(parents=True, exist_ok=True)
    Path(artifact.path).write_text("{}")


def _clips(folder: Path) -> str:
    ego = [
        {
            "clip_id": "a", "t_us": k * 100_000, "x_m": float(k), "y_m": 0.0, "z_m": 0.0, "qw": 1.0, "qx": 0.0,
            "qy": 0.0, "qz": 0.0, "speed_mps": 10.0, "speed_source": "measured", "accel_mps2": 0.0,
            "yaw_rate_radps": 0.0, "curvature_per_m": 0.0, "observed_us": k * 100_000,
        }
        for k in range(100)
    ]  # fmt: skip
    clip = {
        "clip_id": "a", "drive_id": "a", "start_us": 0, "end_us": 9_900_000, "ticks": 100, "origin_x_m": 0.0,
        "origin_y_m": 0.0, "origin_z_m": 0.0, "origin_yaw_rad": 0.0, "origin_qw": 1.0, "origin_qx": 0.0,
        "origin_qy": 0.0, "origin_qz": 0.0,
    }  # fmt: skip
    return write_artifact("clips", {"clips": [clip], "ego": ego}, folder / "clips").location


def main() -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        clips, root = _clips(Path(scratch)), f"{scratch}/root"

        @dsl.pipeline(name="overhead")
        def ours(clips: str, root: str) -> None:
            opened = open_artifact(location=clips)
            extract_meta_actions(clips=opened.outputs["artifact"], root=root)

        @dsl.pipeline(name="nothing")
        def nothing() -> None:
            first = empty()
            empty().after(first)

        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=f"{scratch}/kfp")
        ours(clips=clips, root=root)  # the step is made once; from here on it is found
        took: dict[str, list[float]] = {"ours": [], "empty": []}
        for _ in range(REPEATS):
            for name, call in (("ours", lambda: ours(clips=clips, root=root)), ("empty", nothing)):
                started = time.perf_counter()
                call()
                took[name].append((time.perf_counter() - started) / 2)
    ours_s, empty_s = statistics.median(took["ours"]), statistics.median(took["empty"])
    print(f"step of ours, already done: {ours_s:.3f} s; empty component: {empty_s:.3f} s")
    print(f"difference {ours_s - empty_s:.3f} s a step, ratio {ours_s / empty_s:.2f}")


if __name__ == "__main__":
    main()
