import json

import numpy as np
import pytest

from causeway.artifacts import Artifact, run, write_artifact
from causeway.errors import Refused
from causeway.quality.checking import quality_of
from causeway.quality.facts.clips import clip_tables
from causeway.quality.step import ValidateConfig, validate_artifact, validate_clips, validate_labels
from tests.quality.planted import POSE, TICK_US, clip_parts, jpeg, lane_row, rig_row, track_rows


def written(tmp_path, parts):
    tables = {name: [row for part in parts for row in part[name]] for name in parts[0]}
    write_artifact("clips", tables, tmp_path / "clips")
    return str(tmp_path / "clips")


def gated(tmp_path, parts):
    clips = written(tmp_path, parts)
    return Artifact(run(validate_clips, {"clips": clips}, out=str(tmp_path / "v")))


def many(rng, count=3):
    return [clip_parts(rng, f"c{i}", speed=6.0 + i) for i in range(count)]


def test_good_clips_go_through_as_they_are_and_one_that_stands_is_good(tmp_path, rng):
    kept = gated(tmp_path, [*many(rng, 2), clip_parts(rng, "still", speed=0.0)])
    before = Artifact.open(tmp_path / "clips")
    for name in ("clips", "ego", "tracks", "frames", "rigs", "lanes", "road_elements", "signals", "route"):
        assert kept.table(name).equals(before.table(name)), name
    # of each clip: itself, 12 pictures, 2 objects, a lane, an element, 3 lights, a route
    assert kept.manifest.counts["read"] == kept.manifest.counts["kept"] == 3 * 21
    assert kept.manifest.counts["quarantine"] == 0
    report = json.loads(kept.path("quality.json").read_text())
    assert report["passed"]
    assert all(check["passed"] for check in report["checks"])


def speed_in_kmh(part, rng):
    for row in part["ego"]:
        row["speed_mps"] *= 3.6


def time_back(part, rng):
    part["ego"][5]["t_us"] = part["ego"][4]["t_us"] + 1


def teleport(part, rng):
    for row in part["ego"][30:]:
        row["y_m"] += 4.0


def sideways(part, rng):
    for row in part["ego"]:
        row |= {"qw": float(np.cos(0.4)), "qz": float(np.sin(0.4))}


def wander(part, rng):
    for tick, row in enumerate(part["ego"]):
        row |= {"speed_mps": 0.0, "derived_speed_mps": 0.0, "x_m": 0.9 if tick > 25 else 0.0}


def reading_gap(part, rng):
    for row in part["ego"][10:20]:
        row["observed_us"] += 1_000_000


def nan_pose(part, rng):
    part["ego"][3]["z_m"] = float("nan")


def covered(part, rng):
    for row in part["frames"][::2]:
        row["image"] = jpeg(grey=0)


def frozen(part, rng):
    for row in part["frames"]:
        row["image"] = part["frames"][0]["image"]


def missing(part, rng):
    del part["frames"][3:9]


def no_rig(part, rng):
    part["rigs"] = [rig_row(part["clips"][0]["clip_id"], "another")]


def bad_lens(part, rng):
    part["rigs"][0] |= {"fx": 0.8, "fy": 0.8}


def fallen_camera(part, rng):
    part["rigs"][0]["rig_from_camera"] = [*POSE[:11], -3.0, *POSE[12:]]


def alike(part, rng):
    clip_id = part["clips"][0]["clip_id"]
    part["rigs"].append(rig_row(clip_id, "g"))
    part["frames"] += [row | {"camera": "g", "image": jpeg(rng)} for row in part["frames"]]
    part["clips"][0]["cameras"] = ["f", "g"]


def too_many_bad_tracks(part, rng):
    for row in part["tracks"][:60]:
        row |= {"length_m": 0.1}


CLIP_FAULTS = {
    speed_in_kmh: {"speed_agrees_with_path", "measured_speed_agrees"},
    time_back: {"even_ticks"},
    teleport: {"pose_jump"},
    sideways: {"yaw_agrees_with_course"},
    wander: {"stands_still"},
    reading_gap: {"pose_gap"},
    nan_pose: {"finite"},
    covered: {"black_pictures"},
    frozen: {"frozen_pictures"},
    missing: {"missing_pictures"},
    no_rig: {"rig_present"},
    bad_lens: {"focal_length"},
    fallen_camera: {"mount_height"},
    alike: {"cameras_differ"},
    too_many_bad_tracks: {"usable_tracks"},
}


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    """One clip for each fault beside as many good ones, through the gate at once; its report and what was kept."""
    rng = np.random.default_rng(7)
    folder = tmp_path_factory.mktemp("spoilt")
    parts = []
    for number, plant in enumerate(CLIP_FAULTS):
        part = clip_parts(rng, f"bad {plant.__name__}", speed=8.0 + 0.01 * number)
        plant(part, rng)
        parts.append(part)
    parts += [clip_parts(rng, f"good{i:02d}", speed=6.0 + 0.1 * i) for i in range(len(CLIP_FAULTS))]
    return gated(folder, parts)


@pytest.mark.parametrize("plant", CLIP_FAULTS, ids=lambda plant: plant.__name__)
def test_a_spoilt_clip_is_dropped_for_exactly_its_fault(spoilt, plant):
    rows = [row for row in spoilt.table("quarantine").to_pylist() if row["where"] == f"bad {plant.__name__}"]
    assert len(rows) == 1
    assert set(rows[0]["reason"].split(", ")) == CLIP_FAULTS[plant]
    assert len(rows[0]["detail"]) > 20


def test_the_good_clips_beside_them_stay(spoilt):
    ids = spoilt.table("clips").column("clip_id").to_pylist()
    assert ids == [f"good{i:02d}" for i in range(len(CLIP_FAULTS))]
    counts = spoilt.manifest.counts
    assert counts["read"] == counts["kept"] + counts["quarantine"]


def test_rows_are_dropped_one_by_one_with_a_reason_a_person_understands(tmp_path, rng):
    parts = many(rng)
    part = parts[0]
    part["frames"][1]["image"] = b"no picture"
    part["frames"][2]["image"] = jpeg(grey=0)
    part["tracks"] += [row for i in range(6) for row in track_rows(f"v{i}", "c0", side_m=4.0 * i + 7)]
    part["tracks"] += track_rows("walker", "c0", speed=1.0, side_m=-6.0, type="pedestrian", length_m=12.0)
    part["lanes"] += [lane_row("point", "c0", centre=[[1.0, 1.0], [1.0, 1.0]])]
    part["signals"][2]["state"] = "purple"
    part["route"] = [{"clip_id": "c0", "points": [[0.0, 0.0]]}]
    part["road_elements"][0]["kind"] = "dragon"
    kept = gated(tmp_path, parts)
    rows = {row["where"]: (row["reason"], row["detail"]) for row in kept.table("quarantine").to_pylist()}
    assert rows == {
        "c0 f 500000": ("decodable", "the bytes are no picture"),
        "c0 f 1000000": ("black_picture", "nothing can be seen: covered or off (0, expected at least 8)"),
        "c0 track walker": (
            "track_size",
            "a box of another size than its class has (pedestrian 12.00 × 1.90 × 1.50 m, "
            "can be 0.15…2.5 × 0.15…2.5 × 0.3…2.6 m)",
        ),
        "c0 point": ("lane_length", "degenerate: no way to go (0 m, expected 0.2 to 5000 m)"),
        "c0 s at 0.2 s": (
            "light_state",
            "a state nobody knows is no state (purple, expected one of red, yellow, green, off, unknown)",
        ),
        "c0": ("route_points", "a route leads somewhere (1, expected at least 2)"),
        "c0 e": (
            "element_kind",
            "a closed set (dragon, expected one of stop_line, crosswalk, bump, sign, cone)",
        ),
    }
    assert kept.manifest.counts["clips"] == 3
    assert kept.manifest.counts["frames"] == 34
    assert "walker" not in kept.table("tracks").column("track_id").to_pylist()
    counts = kept.manifest.counts
    assert (counts["quarantine"], counts["read"]) == (7, counts["kept"] + 7)


def test_a_clip_that_is_there_twice_is_kept_once(tmp_path, rng):
    parts = many(rng)
    again = clip_parts(np.random.default_rng(1), "d-again", speed=6.0)
    again["frames"] = [row | {"clip_id": "d-again"} for row in parts[0]["frames"]]
    kept = gated(tmp_path, [*parts, again])
    (row,) = kept.table("quarantine").to_pylist()
    assert (row["where"], row["reason"]) == ("d-again", "motion_once, pictures_once")
    assert "c0, expected one of no" in row["detail"]


def test_too_little_left_is_refused_with_numbers(tmp_path, rng):
    parts = many(rng)
    speed_in_kmh(parts[0], rng)
    speed_in_kmh(parts[1], rng)
    told = r"enough_left: .*0\.667 \(2 of 3 clips would be dropped, most of them for \w+: 2 of 3 violate"
    with pytest.raises(Refused, match=told):
        gated(tmp_path, parts)
    assert not (tmp_path / "v").exists()


def test_a_refused_artifact_says_which_expectation_with_numbers(tmp_path, rng):
    parts = many(rng)
    parts[1]["clips"][0]["clip_id"] = "c0"
    with pytest.raises(Refused, match="rows_of_known_clips: ") as caught:
        gated(tmp_path, parts)
    assert caught.value.exit_code == 3


def test_a_run_that_was_stopped_goes_on(tmp_path, rng, monkeypatch):
    from causeway.quality import step as module

    clips = written(tmp_path, many(rng))
    report = quality_of(Artifact.open(clips), "ego")
    monkeypatch.setattr(module, "quality_of", lambda clips: report)
    calls, real = [], module.without

    def stopping(tables, clip_id, dropped):
        calls.append(clip_id)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(tables, clip_id, dropped)

    def gate(out):
        return run(validate_clips, {"clips": clips}, out=str(tmp_path / out))

    monkeypatch.setattr(module, "without", stopping)
    with pytest.raises(KeyboardInterrupt):
        gate("v")
    resumed, whole = gate("v"), gate("w")
    assert calls == ["c0", "c1", "c1", "c2", "c0", "c1", "c2"]
    assert resumed.content_hash == whole.content_hash


def test_clips_are_read_one_after_the_other(tmp_path, rng):
    clips = Artifact.open(written(tmp_path, many(rng)))
    for clip, tables in clip_tables(clips):
        for name, rows in tables.items():
            assert set(rows.column("clip_id").to_pylist()) == {clip["clip_id"]}, name
        assert tables["ego"].column("t_us").to_pylist() == [t * TICK_US for t in range(60)]


def label(**changes):
    row = {"moment_id": "m", "clip_id": "a", "t0_us": 100, "status": "review", "consistent": "yes", "teacher": "rules"}
    row |= {"longitudinal_decision": "none", "lateral_decision": "none", "trace": "", "critic_score": 1.0}
    return row | {"components": [], "reasons": []} | changes


def test_labels_pass_as_they_are_or_are_refused(tmp_path):
    queue = [{"moment_id": "m", "clip_id": "a", "t0_us": 100, "priority": 1, "why": "no cause", "status": "review"}]
    write_artifact("labels", {"labels": [label()], "review_queue": queue}, tmp_path / "good")
    inputs = {"labels": str(tmp_path / "good")}
    kept = Artifact(run(validate_labels, inputs, out=str(tmp_path / "v"), config=ValidateConfig()))
    for name in ("labels", "review_queue"):
        assert kept.table(name).to_pylist() == Artifact.open(tmp_path / "good").table(name).to_pylist()
    late = {"category": "critical_object", "kind": "car", "observed_from_us": 0, "observed_to_us": 200_100, "rank": 1}
    write_artifact("labels", {"labels": [label(components=[late])]}, tmp_path / "late")
    with pytest.raises(Refused, match=r"nothing_from_the_future: 1 of 1 .* seen until 0\.2 s after t0"):
        run(validate_labels, {"labels": str(tmp_path / "late")}, out=str(tmp_path / "w"), config=ValidateConfig())


def test_the_report_on_a_refused_artifact_is_written(tmp_path):
    write_artifact("labels", {"labels": [label(status="perhaps")]}, tmp_path / "labels")
    inputs = {"artifact": str(tmp_path / "labels")}
    found = Artifact(run(validate_artifact, inputs, out=str(tmp_path / "q"), config=ValidateConfig()))
    report = json.loads(found.path("quality.json").read_text())
    assert not report["passed"]
    assert [c["expectation"]["name"] for c in report["checks"] if not c["passed"]] == ["status_known"]
    again = Artifact(
        run(validate_artifact, {"artifact": str(tmp_path / "q")}, out=str(tmp_path / "qq"), config=ValidateConfig())
    )
    assert json.loads(again.path("quality.json").read_text())["passed"]


def test_a_report_is_the_same_bytes_every_time(tmp_path, rng):
    parts = many(rng)
    speed_in_kmh(parts[0], rng)
    clips, config = written(tmp_path, parts), ValidateConfig("ego")
    one = run(validate_artifact, {"artifact": clips}, out=str(tmp_path / "a"), config=config)
    two = run(validate_artifact, {"artifact": clips}, out=str(tmp_path / "b"), config=config)
    assert one.content_hash == two.content_hash
