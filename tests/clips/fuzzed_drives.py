"""The whole drives that are damaged: of every layout the made drive, twice, and what else its reader can read."""

import gzip
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from causeway.clips.readers.physicalai import layout as physicalai
from tests.clips import argoverse2_fixture, pandaset_fixture, test_commonroad, test_kitti_odometry
from tests.clips.physicalai_fixture import write_drives
from tests.clips.raw_drives import WRITERS
from tests.clips.raw_story import deleted, story, without_future

Write = Callable[[Path, int], Path]  # (folder, how many drives) -> what to give to ingest
_ENDS_US = {"commonroad": 8_600_000}  # shorter, there would be no ego


def _made(layout: str, folder: Path, count: int) -> Path:
    """The drive of the poison test, cut short so that thousands are quick."""
    short = without_future(story(), _ENDS_US.get(layout, 1_200_000), deleted)
    return WRITERS[layout](folder, {f"{n:04d}": short for n in range(count)})


def _physicalai(folder: Path, count: int) -> Path:
    """With the tables that only the public data set has, a route, and poses worked out afterwards."""
    write_drives(folder, [f"c{n}" for n in range(count)], seconds=0.6)
    names = {"clip_id": [f"c{n}" for n in range(count)]}
    more = {
        physicalai.FEATURE_PRESENCE: {"egomotion": [True] * count, "obstacle": [False] * count},
        physicalai.DATA_COLLECTION: {"country": ["Germany"] * count},
        physicalai.SPLITS: {"split": ["val"] * count},
    }
    for path, columns in more.items():
        (folder / path).parent.mkdir(exist_ok=True)
        pq.write_table(pa.table(names | columns), folder / path)
    return folder


def _argoverse2(folder: Path, count: int) -> Path:
    for number in range(count):
        log = argoverse2_fixture.write_log(folder, f"log-{number}")
        argoverse2_fixture.write_camera(log, pictures=2)
    return folder


def _commonroad(folder: Path, count: int) -> Path:
    """Lights with a cycle, signs, stop lines; a packed file and one that is not."""
    cycle = "<cycle><cycleElement><duration>9</duration><color>red</color></cycleElement></cycle>"
    light = f'<trafficLight id="40">{cycle}</trafficLight><trafficSign id="30"/>'
    lane = '<successor ref="11"/><trafficLightRef ref="40"/><stopLine/><laneletType>urban</laneletType>'
    lanes = test_commonroad.lanelet(10, 0, lane) + test_commonroad.lanelet(11, 50)
    cars = test_commonroad.car(1), test_commonroad.car(2, steps=9, y=3)
    for number in range(count):
        name = f"USA_Test-{number}_1_T-1"
        test_commonroad.scenario(folder / f"a{number}.xml{'.gz' * (number == 1)}", lanes, light, *cars, name=name)
    return folder


def _kitti_odometry(folder: Path, count: int) -> Path:
    """The compact form beside the official one."""
    test_kitti_odometry.official(folder, pictures=4)
    (folder / "derived").mkdir()
    rows = "\n".join(f"{i * 0.1},{i * 1.0},0,0,0" for i in range(12))
    for number in range(count):
        (folder / "derived" / f"seq1{number}_ego.csv").write_text(f"t,x,y,z,yaw\n{rows}\n")
    return folder


def _pandaset(folder: Path, count: int) -> Path:
    """With cuboids, which are never opened, and tracks beside the sequences."""
    for number in range(count):
        sequence = pandaset_fixture.write_sequence(folder / f"00{number}", pictures=False)
        pandaset_fixture.write_agents(sequence / "derived", pandaset_fixture.agents())
        for cuboids in sequence.glob("annotations/cuboids/*.gz"):
            cuboids.write_bytes(gzip.compress(b"never opened", mtime=0))
    return folder


def _tables(folder: Path, count: int) -> Path:
    """CSV, gzipped JSON and YAML that says more: degrees, km/h, times in a table of their own, lights."""
    from tests.clips import test_tables

    folder.mkdir(parents=True, exist_ok=True)
    mapping = test_tables.write_rig(folder)
    (folder / "t.csv").write_text("ms\n" + "\n".join(str(100 + 500 * i) for i in range(4)))
    mapping["cameras"][0]["times"] = {"file": "t.csv", "column": "ms", "unit": "ms"}
    (folder / "lights.csv").write_text("t,id,state\n0,A,r\n1,A,g\n")
    columns = {"t": "t", "signal_id": "id", "state": "state"}
    mapping["signals"] = {"file": "lights.csv", "columns": columns, "states": {"r": "red", "g": "green"}}
    mapping["signals"] |= {"lanes": {"A": ["a"]}, "hold_s": 2.0}
    lens = {"lens": {"fx": 100, "fy": 100, "cx": 80, "cy": 60, "width": 160, "height": 120}}
    (folder / "lens.json").write_text(json.dumps(lens))
    mapping["cameras"][0]["calibration"] = {"file": "lens.json"} | {name: f"lens.{name}" for name in lens["lens"]}
    (folder / "rig.yaml").write_text(yaml.safe_dump(mapping))
    return folder / "rig.yaml"


_MORE: dict[str, Write] = {
    "physicalai-av": _physicalai,
    "argoverse2": _argoverse2,
    "commonroad": _commonroad,
    "kitti-odometry": _kitti_odometry,
    "pandaset": _pandaset,
    "tables": _tables,
}

FUZZED: dict[str, list[Write]] = {
    layout: [partial(_made, layout), *([_MORE[layout]] if layout in _MORE else [])] for layout in WRITERS
}
