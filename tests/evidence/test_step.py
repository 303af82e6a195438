"""From clips and moments to evidence: the promise that no cause comes from the future, and the online rigs."""

from dataclasses import fields
from itertools import product

import pytest

from causeway.artifacts import Artifact, run, write_artifact
from causeway.artifacts.schemas import SCHEMAS
from causeway.errors import UnusableInput
from causeway.evidence import Evidence, materialise_rigs, read_evidence, rig_of
from causeway.evidence.records import NAMES
from causeway.evidence.step import FeatureConfig, build_features
from causeway.evidence.views import VIEWS
from tests.evidence.scenes import START_US, TICK_US, clip_row, ego_rows, rig_row, road, signal_row, track_row
from tests.evidence.test_features import poisoned

TICKS = 100


@pytest.fixture
def evidence_of(write_clips, tmp_path):
    """Evidence of moments at the given ticks of clip `c` of drive `town/1`."""

    def build(name, ticks, **tables):
        given = {"clips": [clip_row("c", "town/1", TICKS, START_US)], "rigs": [rig_row("c")], **road("c")}
        picture = {"clip_id": "c", "camera": "front", "t_us": START_US, "image": b"-", "width": 100, "height": 80}
        given |= {"ego": ego_rows("c", [10.0] * TICKS), "frames": [picture]} | tables
        rows = []
        for tick in ticks:
            t0_us = START_US + tick * TICK_US
            row = {"moment_id": f"town/1@{t0_us}", "clip_id": "c", "t0_us": t0_us, "channel": "longitudinal"}
            row |= {"before": "maintain_speed", "after": "gentle_decelerate", "scenario": "slow", "split": "train"}
            rows.append(row)
        write_artifact("moments", {"moments": rows}, tmp_path / f"{name}-moments")
        inputs = {"moments": str(tmp_path / f"{name}-moments"), "clips": write_clips(name, **given)}
        run(build_features, inputs, out=str(tmp_path / f"{name}-evidence"))
        return Artifact.open(tmp_path / f"{name}-evidence")

    return build


def traffic():
    person = {"type": "pedestrian", "length_m": 0.6, "width_m": 0.6, "vy_mps": -1.0}
    tracks = [track_row("c", i, "lead", 40 + 0.8 * i, 0.0, vx_mps=8.0) for i in range(TICKS)]
    tracks += [track_row("c", i, "walks", 60.0, 6 - 0.1 * i, **person) for i in range(TICKS)]
    tracks += [track_row("c", i, "parked", 80.0, -2.0) for i in range(TICKS)]
    signals = [signal_row("c", i, "green" if i < 20 else "red") for i in range(TICKS)]
    return {"ego": ego_rows("c", [10.0] * TICKS), "tracks": tracks, "signals": signals}


def test_evidence_at_t0(evidence_of):
    evidence = evidence_of("clean", [25], **traffic())
    (found,) = read_evidence(evidence)
    assert found.moment_id == f"town/1@{found.t0_us}"
    assert found.event_us == found.created_us == found.t0_us == START_US + 25 * TICK_US
    assert (found.lead_track_id, found.lead_distance_m) == ("lead", 40 + 20 - 25 - 5.5)
    assert (found.crossing_track_id, found.crossing_lateral_m) == ("walks", 3.5)
    assert (found.obstacle_track_id, found.obstacle_lateral_m) == ("parked", -2.0)
    assert (found.signal_state, found.signal_since_us) == ("red", START_US + 20 * TICK_US)
    assert found.has_tracks
    assert found.has_map
    (row,) = evidence.table("evidence").to_pylist()
    assert (row["clip_id"], row["scenario"], row["split"]) == ("c", "slow", "train")
    assert evidence.manifest.counts == {"evidence": 1, "quarantine": 0, "read": 1, "kept": 1}


def test_poison_after_t0_changes_no_bit(evidence_of):
    """Promise 1: all that was observed after t0 is overwritten; the evidence at t0 stays what it was."""
    ticks = (25, 60)
    clean = {e.moment_id: e for e in read_evidence(evidence_of("clean", ticks, **traffic()))}
    assert len(clean) == 2
    t0_us = START_US + ticks[0] * TICK_US
    garbage = {name: poisoned(rows, t0_us) for name, rows in traffic().items()}
    (found,) = read_evidence(evidence_of("poisoned", ticks[:1], **garbage))
    assert found == clean[found.moment_id]
    assert found.lead_track_id == "lead"


def test_a_drive_without_tracks_or_map_gives_nulls(evidence_of):
    row = clip_row("c", "town/1", TICKS, START_US, has_tracks=False, has_map=False, has_signals=False)
    (found,) = read_evidence(evidence_of("bare", [30], clips=[row], lanes=[], road_elements=[]))
    assert found.ego_speed_mps == 10.0
    bare = {f.name: getattr(found, f.name) for f in fields(Evidence)}
    assert {n for n, v in bare.items() if v is not None} == {
        *("moment_id", "clip_id", "t0_us", "event_us", "created_us"),
        *VIEWS["ego_state"],
    }
    assert (found.has_tracks, found.has_map, found.has_signals) == (False, False, False)


def test_a_moment_nothing_is_known_of_is_quarantined(evidence_of):
    late = [row | {"observed_us": row["t_us"] + 60_000_000} for row in ego_rows("c", [10.0] * TICKS)]
    evidence = evidence_of("late", [30], ego=late)
    assert [r["reason"] for r in evidence.table("quarantine").to_pylist()] == ["no_ego_state"]
    assert evidence.manifest.counts["kept"] == 0


def test_the_same_inputs_give_the_same_artifact(evidence_of):
    first, again = evidence_of("one", [25, 40], **traffic()), evidence_of("two", [25, 40], **traffic())
    assert first.manifest.content_hash == again.manifest.content_hash


def several(write_clips, tmp_path, drives=4):
    """Clips of drives of two clips each, and a moment near the beginning of every second clip."""
    tables = {"clips": [], "ego": [], "rigs": [], "tracks": []}
    moments = []
    for drive, number in product((f"d{i}" for i in range(drives)), range(2)):
        clip_id, start_us = f"{drive}-{number}", START_US + number * 30 * TICK_US
        tables["clips"].append(clip_row(clip_id, drive, 30, start_us, has_map=False, has_signals=False))
        tables["ego"] += ego_rows(clip_id, [float(drive[1:]) + number] * 30, start_us)
        tables["rigs"].append(rig_row(clip_id))
        tables["tracks"] += [
            track_row(clip_id, number * 30 + i, f"lead of {drive}", 40.0, 0.0, vx_mps=1.0) for i in range(30)
        ]
        if number:
            row = {"moment_id": f"{drive}@{start_us}", "clip_id": clip_id, "t0_us": start_us + TICK_US}
            moments.append(row | dict.fromkeys(("channel", "before", "after", "scenario", "split"), "x"))
    write_artifact("moments", {"moments": moments}, tmp_path / "moments")
    return {"moments": str(tmp_path / "moments"), "clips": write_clips("clips", **tables)}


def test_however_the_work_is_cut_the_evidence_is_the_same(write_clips, tmp_path):
    inputs = several(write_clips, tmp_path)
    found = {}
    for ticks, shards in ((120, 2), (10_000, 1)):
        run(build_features, inputs, out=str(tmp_path / f"{ticks}"), config=FeatureConfig(ticks))
        evidence = Artifact.open(tmp_path / f"{ticks}")
        assert len(list((evidence.folder() / "store" / "lead").iterdir())) == shards
        found[ticks] = evidence.table("evidence")
    assert found[120].equals(found[10_000])
    assert found[120].column("lead_track_id").to_pylist() == [f"lead of d{i}" for i in range(4)]
    # since the clip before: a clip also has what was known in the 2 s before it, and `since` goes on over the border
    assert set(found[120].column("lead_since_us").to_pylist()) == {START_US}


def test_a_moment_of_a_clip_that_is_not_there_is_one_line(write_clips, tmp_path):
    inputs = several(write_clips, tmp_path)
    inputs["clips"] = write_clips("other", clips=[clip_row("x", "x", 30, START_US)])
    with pytest.raises(UnusableInput, match="d0-1: a moment's clip that is not among the clips"):
        run(build_features, inputs, out=str(tmp_path / "evidence"))


def test_no_moments_no_rows(evidence_of):
    evidence = evidence_of("none", [], **traffic())
    assert evidence.manifest.counts["evidence"] == 0


def test_rig_by_vehicle_from_the_online_table(evidence_of, tmp_path):
    evidence = evidence_of("clean", [25], **traffic())
    materialise_rigs(evidence.folder() / "store", tmp_path / "online")
    rig = rig_of("car-1", tmp_path / "online")
    assert rig.cameras == ("front",)
    assert rig.size_px.tolist() == [[100, 80]]
    assert rig.intrinsics.tolist() == [[100, 110, 50, 40]]
    assert rig.rig_from_camera.ravel().tolist() == list(range(16))
    assert (rig.length_m, rig.rear_axle_to_centre_m) == (4.0, 1.5)
    with pytest.raises(UnusableInput, match="no such vehicle"):
        rig_of("car-2", tmp_path / "online")


def test_the_record_has_the_columns_of_the_table_but_not_what_comes_from_later():
    assert [*NAMES, "scenario", "split"] == SCHEMAS["evidence"]["evidence"].schema.names
    assert {n for names in VIEWS.values() for n in names} == set(NAMES[5:])
