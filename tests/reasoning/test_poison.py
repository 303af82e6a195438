"""From a raw drive to named causes: nothing that was recorded after t0 may change what is named at t0.

The moments are those of the whole drive, for finding them needs the future; what may be asked is whether the rest of
the way looks at it. The raw files are spoiled, so readers, interpolation, the map's cut, the feature store and the
teacher are all in between.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from causeway.artifacts import Artifact, run
from causeway.clips.ingest import IngestConfig, ingest
from causeway.evidence import evidence_from_row
from causeway.evidence.step import build_features
from causeway.meta_actions.moments import find_moments
from causeway.meta_actions.step import extract_meta_actions
from causeway.reasoning.records import Component
from causeway.reasoning.step import LabelConfig, label_moments
from causeway.reasoning.teachers import teacher
from tests.reasoning import raw_drive


def clips_of(tables: raw_drive.Tables, folder: Path) -> str:
    """The drive written and ingested."""
    drives = raw_drive.write(folder / "drives", tables)
    config = IngestConfig(layout="physicalai-av")
    return run(ingest, {"drives": drives}, out=str(folder / "clips"), config=config).location


def moments_of(clips: str, folder: Path) -> str:
    meta = run(extract_meta_actions, {"clips": clips}, out=str(folder / "meta")).location
    return run(find_moments, {"meta": meta, "clips": clips}, out=str(folder / "moments")).location


def evidence_of(moments: str, clips: str, folder: Path) -> str:
    return run(build_features, {"moments": moments, "clips": clips}, out=str(folder / "evidence")).location


def labels_of(evidence: str, clips: str, folder: Path) -> dict[str, Any]:
    inputs = {"evidence": evidence, "clips": clips}
    return row_of(run(label_moments, inputs, out=str(folder / "labels"), config=LabelConfig()).location, "labels")


def row_of(artifact: str, table: str) -> dict[str, Any]:
    """The row of the moment before the ego slows down."""
    row = min(Artifact.open(artifact).table(table).to_pylist(), key=lambda r: r["t0_us"])
    assert 5_500_000 < row["t0_us"] < raw_drive.BRAKES_S * 1e6
    return row


def named(row: dict[str, Any]) -> tuple[Component, ...]:
    return teacher("rules").name_components(evidence_from_row(row))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where clips, moments and evidence of the whole drive are."""
    folder = tmp_path_factory.mktemp("clean")
    clips = clips_of(raw_drive.drive(), folder)
    moments = moments_of(clips, folder)
    return {"clips": clips, "moments": moments, "evidence": evidence_of(moments, clips, folder)}


def test_the_drive_gives_much_to_react_to(clean: dict[str, str]) -> None:
    row = row_of(clean["evidence"], "evidence")
    assert [(c.kind, c.track_id, c.motion) for c in named(row)] == [
        ("pedestrian", "walks", "crossing"),
        ("car", "lead", "slowing"),
        ("car", "parked", "stopped"),
    ]
    assert row["signal_state"] == "red"
    assert row["scenario"] == "yield_to_vru"  # of all that, the person asks for the most braking


@pytest.mark.parametrize("poison", [raw_drive.overwritten, raw_drive.cut_off])
def test_a_spoiled_future_changes_no_evidence_and_no_cause(
    clean: dict[str, str], tmp_path: Path, poison: Callable[[raw_drive.Tables, int], raw_drive.Tables]
) -> None:
    known = row_of(clean["evidence"], "evidence")
    clips = clips_of(poison(raw_drive.drive(), known["t0_us"]), tmp_path)
    evidence = evidence_of(clean["moments"], clips, tmp_path)
    found = row_of(evidence, "evidence")
    assert found == known
    assert named(found) == named(known)
    # the decision is read from what the ego really did next; with that given, the whole label is the same
    label = labels_of(evidence, clean["clips"], tmp_path)
    assert label == labels_of(clean["evidence"], clean["clips"], tmp_path / "clean")
    assert [(c["kind"], c["track_id"]) for c in label["components"]] == [("pedestrian", "walks")]


@pytest.mark.parametrize(
    "drive",
    [
        pytest.param({"every_ms": 500, "first_ms": 220}, id="sightings"),  # seen seldom and between ticks
        pytest.param({"every_ms": 50, "first_ms": 20}, id="often"),
        pytest.param({"first_ms": 50, "ego_ms": 130}, id="poses"),  # a box needs an ego pose later than its sighting
        pytest.param({"every_ms": 500, "first_ms": 50, "ego_ms": 270}, id="both"),
        pytest.param({"stop_line_m": 240.0}, id="map"),  # the map is cut around the whole path
    ],
)
def test_clocks_and_maps_that_reach_past_t0(tmp_path: Path, drive: dict[str, Any]) -> None:
    tables = raw_drive.drive(**drive)
    clips = clips_of(tables, tmp_path)
    moments = moments_of(clips, tmp_path)
    known = row_of(evidence_of(moments, clips, tmp_path), "evidence")
    other = clips_of(raw_drive.cut_off(tables, known["t0_us"]), tmp_path / "cut")
    found = row_of(evidence_of(moments, other, tmp_path / "cut"), "evidence")
    assert found == known
