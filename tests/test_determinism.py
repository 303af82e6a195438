"""The same drives give the same content hashes, whatever the process is told of threads, hashes, places and processors.

Each way of running is a process of its own that makes everything from ingest to evidence, of the built-in world and,
where they are, of two real drives, one with videos. A failure names the artifact and the first columns that differ.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from causeway.artifacts import Artifact
from causeway.artifacts.hashing import FLOAT_QUANTUM, table_hash
from causeway.artifacts.schemas import tables_of
from causeway.platform.steps import run_named
from tests.data_steps import DATA_STEPS

ROOT = Path(__file__).resolve().parents[1]
REAL = ("kitti_raw_0013", "av2_logs")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
USUAL = dict.fromkeys(THREADS, "2") | {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
FOREIGN = "de_DE"  # writes 1,5 for 1.5; C.UTF-8 stands in for it where it cannot be made


def dispatched() -> str:
    """What NumPy can choose of this processor beyond what it always uses."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])


def old_processor() -> dict[str, str]:
    """Each library told to use nothing newer than SSE: NumPy, OpenBLAS, Numba, Arrow, the C library, libjpeg."""
    hidden = ("AVX", "AVX2", "FMA", "FMA4", "BMI2", "ERMS", "FSRM", *(f"AVX512{kind}" for kind in ("F", "VL", "BW", "DQ")))
    return {
        "NPY_DISABLE_CPU_FEATURES": dispatched(),
        **{"OPENBLAS_CORETYPE": "Prescott", "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
        **{"ARROW_USER_SIMD_LEVEL": "NONE", "JSIMD_FORCENONE": "1"},
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=" + ",".join(f"-{name}" for name in hidden),
    }


WAYS = {
    "one thread": dict.fromkeys(THREADS, "1"),
    "another hash seed": {"PYTHONHASHSEED": "12345"},
    "another time zone": {"TZ": "Asia/Kolkata"},
    "another locale": {},
    "another place": {},
    "an old processor": old_processor(),
}


def run(
    folder: Path, sources: dict[str, str], cwd: Path = ROOT, plain: bool = False, **environment: str
) -> dict[str, str]:
    """What `data_steps` found in a process of this environment."""
    arguments = [str(folder), "plain" if plain else "usual", json.dumps(sources)]
    child = subprocess.run(
        [sys.executable, "-m", "tests.data_steps", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **USUAL, **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-3000:]
    return json.loads(child.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory):
    """(folder, sources, what was found) of the way that the others are held against."""
    folder = tmp_path_factory.mktemp("usual")
    world = run_named("make_world", {}, {"scenes": 2, "camera_hz": 5}, out=str(folder / "drives"))
    real = Path(os.environ.get("CAUSEWAY_TEST_DRIVES", ROOT.parent / "shared" / "data"))
    sources = {"world": world.location} | {name: str(real / name) for name in REAL if (real / name).is_dir()}
    return folder, sources, run(folder / "out", sources)


def foreign_locale(folder: Path) -> dict[str, str]:
    """The environment of a locale with decimal commas, made here where it is not installed."""
    made = folder / "locales"
    made.mkdir()
    tool = shutil.which("localedef")
    command = [tool or "", "-i", FOREIGN, "-f", "UTF-8", str(made / f"{FOREIGN}.UTF-8")]
    if tool and subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return {"LOCPATH": str(made), "LC_ALL": f"{FOREIGN}.UTF-8"}
    print(f"no locale {FOREIGN} here, nor can it be made: POSIX stands in for it")
    return {"LC_ALL": "POSIX"}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_hashes_are_the_same(way: str, usual, tmp_path: Path):
    folder, sources, expected = usual
    environment = WAYS[way] | (foreign_locale(tmp_path) if way == "another locale" else {})
    place = tmp_path / "ein anderer ört" if way == "another place" else tmp_path
    place.mkdir(exist_ok=True)
    found = run(place, sources, cwd=place if way == "another place" else ROOT, plain="processor" in way, **environment)
    assert set(found) == {f"{name} {step}" for name in sources for step, _ in DATA_STEPS} | {"made world"}
    apart = [key for key in expected if found[key] != expected[key]]
    assert not apart, f"{way}: {apart}; {differences(folder / 'out', place, apart)}"
    # equal by luck is not enough: values must be so near each other that an edge between two is not to be expected
    edges = edges_met(folder / "out", place, sources)
    print(f"{way}: {edges:.1e} values to be expected on either side of an edge of rounding")
    assert edges < 0.01


def differences(first: Path, second: Path, keys: list[str]) -> list[str]:
    """Of each artifact: the columns whose values differ, how many and by how much."""
    told = []
    for key in keys:
        place = key if key == "made world" else key.replace(" ", "/")
        pair = [Artifact.open(folder / place) for folder in (first, second)]
        for table in tables_of(pair[0].manifest.kind):
            columns = [artifact.table(table) for artifact in pair]
            for name in columns[0].column_names:
                one, two = (t.select([name]) for t in columns)
                if table_hash(one.schema, one.to_batches()) != table_hash(two.schema, two.to_batches()):
                    told.append(f"{key}: {table}.{name}: {apart(one, two)}")
    return told


def apart(one: pa.Table, other: pa.Table) -> str:
    a, b = one.column(0), other.column(0)
    if len(a) != len(b) or not pa.types.is_floating(a.type):
        return f"{len(a)} and {len(b)} values of {a.type}"
    gap = np.abs(a.to_numpy() - b.to_numpy())
    return f"{int((gap > 0).sum())} of {len(a)} differ, by {np.nanmax(gap):g} at most"


def edges_met(first: Path, second: Path, sources: dict[str, str]) -> float:
    """How many values are to be expected on different sides of an edge of rounding, given how far apart they are."""
    expected = 0.0
    for place in (f"{name}/{step}" for name in sources for step, _ in DATA_STEPS):
        one, two = (Artifact.open(folder / place) for folder in (first, second))
        for table in tables_of(one.manifest.kind):
            for a, b in zip(one.table(table).itercolumns(), two.table(table).itercolumns(), strict=True):
                if pa.types.is_floating(a.type):
                    gap = np.abs(a.drop_null().to_numpy() - b.drop_null().to_numpy())
                    expected += float(gap.sum()) / FLOAT_QUANTUM
    return expected
