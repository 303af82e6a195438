"""The data steps one after another, from drives to evidence, as tests run them again and again in other processes."""

import json
import locale
import sys
from pathlib import Path

from causeway.artifacts import read_manifest
from causeway.platform.steps import STEPS, run_named

# (step, inputs by the step that makes them)
DATA_STEPS = (
    ("ingest", {"drives": "drives"}),
    ("validate_clips", {"clips": "ingest"}),
    ("extract_meta_actions", {"clips": "ingest"}),
    ("find_moments", {"meta": "extract_meta_actions", "clips": "ingest"}),
    ("build_features", {"moments": "find_moments", "clips": "ingest"}),
)
HEAVY = (
    *("great_expectations", "feast", "duckdb", "av", "numba", "scipy.spatial"),
    *sorted({STEPS[name] for name, _ in DATA_STEPS}),
)


def make_data(drives: Path, folder: Path, **ingest: object) -> None:
    """Every step's result in a folder of its name; `ingest` has that step's settings."""
    made = {"drives": str(drives)}
    for name, inputs in DATA_STEPS:
        made[name] = str(folder / name)
        settings = ingest if name == "ingest" else {}
        run_named(name, {key: made[value] for key, value in inputs.items()}, settings, out=made[name])


def hashes(folder: Path) -> dict[str, str]:
    return {name: read_manifest(str(folder / name)).content_hash for name, _ in DATA_STEPS}


def without_vector_code() -> None:
    """FFmpeg reads no variable: it is told."""
    import ctypes

    import av

    (library,) = Path(av.__path__[0]).with_name("av.libs").glob("libavutil*")
    ctypes.CDLL(str(library)).av_force_cpu_flags(0)


def main(folder: Path, plain: bool, sources: dict[str, str]) -> dict[str, str]:
    """{"source step": content hash} of all steps over each source, and of a world made here."""
    if plain:
        without_vector_code()
    world = run_named("make_world", {}, {"scenes": 1, "camera_hz": 2}, out=str(folder / "made world"))
    found = {"made world": world.content_hash}
    # as a program with windows would; x264 would then write its settings into each video with a decimal comma
    locale.setlocale(locale.LC_ALL, "")
    for name, drives in sources.items():
        make_data(Path(drives), folder / name)
        found |= {f"{name} {step}": digest for step, digest in hashes(folder / name).items()}
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2] == "plain", json.loads(sys.argv[3]))))
