from dataclasses import replace
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from causeway.artifacts import Artifact, run, write_artifact
from causeway.artifacts.schemas import tables_of
from causeway.clips import EgoMotion, quaternion_from_yaw
from causeway.errors import UnusableInput, UsageError
from causeway.model.action_space import trajectory_from_controls
from causeway.training import samples as samples_module
from causeway.training.sample_parts import chosen_cameras, ego_windows, route_ahead
from causeway.training.sample_store import write_shard
from causeway.training.sample_stream import Share
from causeway.training.samples import SamplesConfig, build_samples, iterate, load_samples, per_shard

TICK_US, SPEED, CURVATURE = 100_000, 8.0, 0.02
FORWARD = [0, 0, 1, 1.5, -1, 0, 0, 0, 0, -1, 0, 1.4, 0, 0, 0, 1]
SMALL = {"height": 8, "width": 12}


def circle(ticks: int) -> dict[str, np.ndarray]:
    """A left circle driven at 8 m/s: x, y, yaw at each tick."""
    yaw = CURVATURE * SPEED * 0.1 * np.arange(ticks)
    return {"x_m": np.sin(yaw) / CURVATURE, "y_m": (1 - np.cos(yaw)) / CURVATURE, "yaw_rad": yaw}


def jpeg(shade: int) -> bytes:
    data = BytesIO()
    Image.new("RGB", (24, 16), (shade, shade, shade)).save(data, "JPEG", quality=95)
    return data.getvalue()


def clip_tables(border: int = 100, ticks: int = 200, **changes: Any) -> dict[str, list[dict[str, Any]]]:
    """One drive "d" in two clips; every picture's shade is its tick, one picture each 0.2 s, from two cameras."""
    path = circle(ticks)
    wxyz = quaternion_from_yaw(path["yaw_rad"])
    tables: dict[str, list[dict[str, Any]]] = {"clips": [], "ego": [], "frames": [], "rigs": []}
    for clip_id, first, stop in (("d-000", 0, border), ("d-001", border, ticks)):
        origin = {"origin_x_m": 0.0, "origin_y_m": 0.0, "origin_z_m": 0.0, "origin_yaw_rad": 0.0}
        origin |= {"origin_qw": 1.0, "origin_qx": 0.0, "origin_qy": 0.0, "origin_qz": 0.0}
        row = dict.fromkeys(tables_of("clips")["clips"].schema.names)
        row |= {"clip_id": clip_id, "drive_id": "d", "source": "made", "ticks": stop - first} | origin
        tables["clips"].append(row | {"start_us": first * TICK_US, "end_us": (stop - 1) * TICK_US})
        for tick in range(first, stop):
            pose = {"x_m": path["x_m"][tick], "y_m": path["y_m"][tick], "z_m": 0.0}
            turn = dict(zip(("qw", "qx", "qy", "qz"), wxyz[tick], strict=True))
            motion = {"speed_mps": SPEED, "speed_source": "measured", "accel_mps2": 0.0}
            motion |= {"yaw_rate_radps": 0.16, "curvature_per_m": CURVATURE, "observed_us": tick * TICK_US}
            tables["ego"].append({"clip_id": clip_id, "t_us": tick * TICK_US} | pose | turn | motion)
        for camera in ("front_wide", "front_tele"):
            for tick in range(first + first % 2, stop, 2):
                picture = {"image": jpeg(tick), "width": 24, "height": 16}
                tables["frames"].append({"clip_id": clip_id, "camera": camera, "t_us": tick * TICK_US} | picture)
            rig = dict.fromkeys(tables_of("clips")["rigs"].schema.names)
            rig |= {"fx": 12.0, "fy": 12.0, "cx": 12.0, "cy": 8.0, "model": "pinhole", "distortion": []}
            tables["rigs"].append(rig | {"clip_id": clip_id, "camera": camera, "rig_from_camera": FORWARD})
    return tables | changes


def label(t0_us: int, status: str = "accepted", clip_id: str = "d-000") -> dict[str, Any]:
    return {
        "moment_id": f"d@{t0_us}",
        "clip_id": clip_id,
        "t0_us": t0_us,
        "longitudinal_decision": "stop_for_static_constraint",
        "lateral_decision": "none",
        "components": [],
        "trace": "Stop for the red light ahead.",
        "status": status,
        "scenario": "slow",
        "split": "val" if t0_us % 200_000 else "train",
    }


def build(tmp_path: Path, labels: list[dict], clips: dict[str, list[dict]] | None = None, **config: Any) -> Artifact:
    number = len(list(tmp_path.iterdir()))
    names = {"labels": labels, **(clips or clip_tables())}
    write_artifact("labels", {"labels": names.pop("labels")}, tmp_path / f"labels{number}")
    write_artifact("clips", names, tmp_path / f"clips{number}")
    inputs = {"labels": str(tmp_path / f"labels{number}"), "clips": str(tmp_path / f"clips{number}")}
    run(build_samples, inputs, out=str(tmp_path / f"samples{number}"), config=SamplesConfig(**SMALL | config))
    return Artifact.open(tmp_path / f"samples{number}")


def test_a_sample_across_a_clip_border(tmp_path: Path) -> None:
    samples = build(tmp_path, [label(10_100_000, clip_id="d-001")])  # tick 101, the border is at tick 100
    (sample,) = load_samples(samples)
    seen = sample.observation
    assert (sample.sample_id, sample.split, sample.scenario) == ("d@10100000", "val", "slow")
    assert seen.cameras == ("front_wide", "front_tele")
    # pictures are made at even ticks: 98 for t0 - 0.3 s (from the clip before), 100 for t0; times are the real ones
    assert seen.frame_t_us.tolist() == [[9_800_000, 10_000_000]] * 2
    assert seen.images.shape == (2, 2, 8, 12, 3)
    assert np.abs(seen.images.mean(axis=(2, 3, 4)) - [98, 100]).max() < 2
    np.testing.assert_allclose(seen.rig[0, :5], [0.5, 0.75, 0.5, 0.5, 0], atol=1e-6)
    assert seen.ego_history[-1].tolist() == [0, 0, 0]
    angle = 0.1 * SPEED * CURVATURE
    np.testing.assert_allclose(
        seen.ego_history[-2], [-np.sin(angle) / CURVATURE, (1 - np.cos(angle)) / CURVATURE, -angle], atol=1e-5
    )
    np.testing.assert_allclose(sample.trajectory_rig[:, 2], angle * np.arange(1, 65), atol=1e-5)
    np.testing.assert_allclose(sample.controls, np.tile([0, CURVATURE], (64, 1)), atol=2e-3)
    driven = trajectory_from_controls(sample.controls, seen.speed_mps)
    np.testing.assert_allclose(driven, sample.trajectory_rig, atol=0.02)


def test_labels_decide_what_is_trained(tmp_path: Path) -> None:
    labels = [label(3_000_000), label(4_000_000, "review"), label(5_000_000, "rejected")]
    samples = build(tmp_path, labels)
    accepted, masked = load_samples(samples)
    assert accepted.reasoning == "Stop for the red light ahead."
    assert accepted.decision == ("stop_for_static_constraint", "none")
    assert (masked.reasoning, masked.decision) == ("", ("none", "none"))
    counts = samples.manifest.counts
    assert (counts["read"], counts["kept"], counts["rejected"], counts["with_reasoning"]) == (2, 2, 1, 1)
    assert samples.table("samples").column("source").to_pylist() == ["made", "made"]
    assert [s.sample_id for s in load_samples(samples, with_reasoning=False)] == ["d@4000000"]


def test_nothing_later_than_t0_reaches_an_observation(tmp_path: Path) -> None:
    t0_us = 6_000_000
    (honest,) = load_samples(build(tmp_path, [label(t0_us)]))
    tables = clip_tables()
    for row in tables["ego"]:
        if row["t_us"] > t0_us:
            row |= {"x_m": row["x_m"] + 3.0, "speed_mps": -1.0, "accel_mps2": 9.0}
    for row in tables["frames"]:
        if row["t_us"] > t0_us:
            row["image"] = jpeg(255)
    (poisoned,) = load_samples(build(tmp_path, [label(t0_us)], tables))
    assert honest.observation.frame_t_us.max() <= t0_us
    for name in ("images", "frame_t_us", "rig", "ego_history"):
        np.testing.assert_array_equal(getattr(poisoned.observation, name), getattr(honest.observation, name))
    assert poisoned.observation.speed_mps == honest.observation.speed_mps
    assert np.abs(poisoned.trajectory_rig - honest.trajectory_rig).max() > 2


def test_what_cannot_be_a_sample_is_quarantined_with_its_reason(tmp_path: Path) -> None:
    tables = clip_tables()
    tables["ego"][100]["x_m"] = float("nan")
    tables["frames"] = [r for r in tables["frames"] if not 12_000_000 < r["t_us"] < 13_200_000]
    broken = next(r for r in tables["frames"] if r["t_us"] == 11_800_000 and r["camera"] == "front_tele")
    broken["image"] = b"no picture"
    labels = [
        label(200_000),  # no history
        label(3_000_000),
        label(5_000_000),  # NaN ahead of it
        label(10_050_000, clip_id="d-001"),  # between two ticks
        label(11_800_000, clip_id="d-001"),  # broken picture
        label(13_100_000, clip_id="d-001"),  # the last picture is 1.1 s old
        label(18_000_000, clip_id="d-001"),  # no future
        label(4_000_000, clip_id="e-000"),  # of another set of clips
    ]
    samples = build(tmp_path, labels, tables)
    assert [s.sample_id for s in load_samples(samples)] == ["d@3000000"]
    details = {q["where"]: q["detail"] for q in samples.table("quarantine").to_pylist()}
    assert len(details) == 7
    for where, word in {
        "d@200000": "no whole window",
        "d@5000000": "NaN",
        "d@10050000": "no tick",
        "d@11800000": "picture",
        "d@13100000": "within 1.0 s",
        "d@18000000": "no whole window",
        "d@4000000": "e-000",
    }.items():
        assert word in details[where]


def test_a_camera_without_pictures_is_absent_and_its_slot_empty(tmp_path: Path) -> None:
    tables = clip_tables()
    tables["frames"] = [r for r in tables["frames"] if r["camera"] == "front_wide" or r["t_us"] >= 10_000_000]
    samples = build(tmp_path, [label(3_000_000), label(12_000_000, clip_id="d-001")], tables)
    first, second = sorted(load_samples(samples), key=lambda s: s.t0_us)
    assert first.observation.cameras == ("front_wide",)
    assert first.observation.images.shape == (1, 2, 8, 12, 3)
    assert second.observation.cameras == ("front_wide", "front_tele")


def rig_row(camera: str, yaw_deg: float, fx: float) -> dict[str, Any]:
    pose = np.reshape(np.array(FORWARD, dtype=float), (4, 4))
    cos, sin = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    turn = np.array([[cos, -sin, 0, 0], [sin, cos, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    return {
        "camera": camera,
        "fx": fx,
        "fy": fx,
        "cx": 50.0,
        "cy": 50.0,
        "rig_from_camera": (turn @ pose).ravel().tolist(),
    }


@pytest.mark.parametrize(
    ("rigs", "chosen"),
    [
        ([("image_01", 0, 70), ("image_00", 0, 70)], {"front_wide": "image_00"}),
        ([("CAM_BACK", 180, 40), ("CAM_FRONT_LEFT", 55, 60), ("CAM_FRONT", 1, 60)], {"front_wide": "CAM_FRONT"}),
        ([("long", 2, 200), ("wide", 4, 30)], {"front_wide": "wide"}),
        ([("front_tele", 0, 200), ("wide", 4, 30)], {"front_wide": "wide", "front_tele": "front_tele"}),
        ([("front_wide", 0, 30), ("wider", 0, 20)], {"front_wide": "front_wide"}),
        ([("front_wide", 0, None), ("other", 9, 30)], {"front_wide": "other"}),  # no lens is known
        ([("front_wide", 0, None)], {}),
        ([], {}),
    ],
)
def test_which_camera_stands_in(rigs: list[tuple], chosen: dict[str, str]) -> None:
    found = chosen_cameras([rig_row(*rig) for rig in rigs], ("front_wide", "front_tele"))
    assert {name: row["camera"] for name, row in found.items()} == chosen


def test_shards_read_back_in_any_order_and_have_the_same_bytes(tmp_path: Path) -> None:
    labels = [label(2_000_000 + i * 100_000) for i in range(11)]
    samples = build(tmp_path, labels, shard_samples=4)
    again = build(tmp_path, labels[::-1], shard_samples=4)
    assert samples.manifest.content_hash == again.manifest.content_hash
    assert sorted(n for n in samples.manifest.files if "safetensors" in n) == [
        f"shards/{i:06d}.{name}" for i in range(3) for name in ("around.safetensors", "safetensors")
    ]
    assert [s.t0_us for s in load_samples(samples, limit=3)] == [2_000_000, 2_100_000, 2_200_000]
    assert {s.split for s in load_samples(samples, split="val")} == {"val"}
    order = [s.sample_id for s in iterate(samples, seed=1)]
    assert order == [s.sample_id for s in iterate(samples, seed=1)]
    assert order != [s.sample_id for s in iterate(samples, seed=2)]
    ranks = [[s.sample_id for s in iterate(samples, 1, Share(r, 3))] for r in range(3)]
    assert sorted(chain.from_iterable(ranks)) == sorted(order) == sorted({row["moment_id"] for row in labels})
    for one in iterate(samples, seed=3):
        assert round(float(one.observation.images[0, -1].mean())) // 2 * 2 == one.t0_us // TICK_US // 2 * 2


def test_a_broken_shard_is_named(tmp_path: Path) -> None:
    samples = build(tmp_path, [label(3_000_000)])
    samples.path("shards/000000.safetensors").write_bytes(b"cut off")
    with pytest.raises(UnusableInput, match=r"sample d@3000000.*000000.*cut short"):
        list(load_samples(samples))


@pytest.mark.parametrize("offsets", [(), (0.0, 0.1), (0.0, -0.3), (float("nan"),)])
def test_offsets_after_t0_are_refused(offsets: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="frame_offsets_s"):
        SamplesConfig(frame_offsets_s=offsets)


@pytest.mark.parametrize("age_s", [float("nan"), float("inf"), -0.1])
def test_an_age_that_is_none_is_refused(age_s: float) -> None:
    with pytest.raises(UsageError, match="max_picture_age_s"):
        SamplesConfig(max_picture_age_s=age_s)


@pytest.mark.parametrize(
    "config",
    [
        *({"cameras": cameras} for cameras in ((), ("a", "a"), ("a,b",), ("",), ("a", " "))),
        *({"width": 0}, {"shard_samples": 0}),
    ],
)
def test_a_config_that_cannot_be_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        SamplesConfig(**config)


def test_a_gap_in_the_ticks_is_no_window() -> None:
    t_us = np.arange(200) * TICK_US
    t_us[100:] += 400_000
    path = circle(200)
    zeros = np.zeros(200)
    ego = EgoMotion(t_us, path["x_m"], path["y_m"], zeros, path["yaw_rad"], zeros, zeros, zeros, zeros, t_us, zeros)
    ego_windows(ego, 2_000_000)
    with pytest.raises(UnusableInput, match="no whole window"):
        ego_windows(ego, 8_000_000)


def test_a_rank_that_is_not_there_is_refused(tmp_path: Path) -> None:
    samples = build(tmp_path, [label(3_000_000)])
    with pytest.raises(UsageError, match="rank"):
        next(iterate(samples, 0, Share(rank=2, world=2)))


def test_large_pictures_make_shards_of_fewer_samples() -> None:
    assert per_shard(SamplesConfig()) == 256
    large = SamplesConfig(cameras=("a", "b", "c", "d"), frame_offsets_s=(-0.3, -0.2, -0.1, 0.0), height=320, width=576)
    assert per_shard(large) == 30  # of 8.8 MB each
    assert per_shard(replace(large, height=20_000, width=20_000)) == 1


def other_drive(tables: dict[str, list[dict[str, Any]]], letter: str) -> dict[str, list[dict[str, Any]]]:
    """The same drive under another name; its clips' ids sort in the other order than the drives' do."""
    renamed = {"clip_id": lambda v: f"{letter}-{v}", "drive_id": lambda v: letter}
    return {
        name: [{key: renamed.get(key, lambda v: v)(value) for key, value in row.items()} for row in rows]
        for name, rows in tables.items()
    }


def test_shards_go_from_drive_to_drive_and_a_kill_loses_the_one_in_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drives = [other_drive(clip_tables(), letter) for letter in ("z", "b")]
    tables = {name: drives[0][name] + drives[1][name] for name in drives[0]}
    times = [3_000_000 + i * 700_000 for i in range(5)]
    labels = [label(t, clip_id=f"{d}-d-000") | {"moment_id": f"{d}@{t}"} for d in ("z", "b") for t in times]
    whole = build(tmp_path, labels, tables, shard_samples=4)
    index = whole.table("samples").sort_by([("shard", "ascending"), ("row", "ascending")]).to_pylist()
    assert [row["sample_id"] for row in index] == [f"{d}@{t}" for d in ("b", "z") for t in times]
    assert [row["shard"] for row in index] == ["000000"] * 4 + ["000001"] * 4 + ["000002"] * 2

    written: list[str] = []

    def killed(samples: Any, slots: Any, path: Path) -> None:
        written.append(path.name)
        if len(written) == 2:
            path.write_bytes(b"half a shard")
            raise KeyboardInterrupt
        write_shard(samples, slots, path)

    monkeypatch.setattr(samples_module, "write_shard", killed)
    config = SamplesConfig(**SMALL, shard_samples=4)
    inputs = {"labels": str(tmp_path / "labels0"), "clips": str(tmp_path / "clips0")}
    with pytest.raises(KeyboardInterrupt):
        run(build_samples, inputs, out=str(tmp_path / "again"), config=config)
    assert not (tmp_path / "again").exists()
    made = run(build_samples, inputs, out=str(tmp_path / "again"), config=config)
    assert written == [f"{i:06d}.safetensors" for i in (0, 1, 1, 2)]  # the first was not made twice
    assert (made.content_hash, made.files, made.counts) == (
        whole.manifest.content_hash,
        whole.manifest.files,
        whole.manifest.counts,
    )


def test_how_samples_are_cut_into_shards_changes_no_sample(tmp_path: Path) -> None:
    labels = [label(3_000_000 + i * 500_000) for i in range(7)]
    few, many = (build(tmp_path, labels, shard_samples=n, route_points=8) for n in (3, 7))
    for one, other in zip(load_samples(few), load_samples(many), strict=True):
        for name in ("images", "frame_t_us", "rig", "ego_history"):
            np.testing.assert_array_equal(getattr(one.observation, name), getattr(other.observation, name))
        np.testing.assert_array_equal(one.controls, other.controls)
        assert (one.sample_id, one.reasoning, one.decision) == (other.sample_id, other.reasoning, other.decision)


def test_a_route_comes_along_when_it_is_asked_for(tmp_path: Path) -> None:
    path = circle(200)
    line = np.stack([path["x_m"], path["y_m"]], axis=-1).tolist()
    tables = clip_tables() | {"route": [{"clip_id": "d-000", "points": line}]}
    labels = [label(5_000_000), label(12_000_000, clip_id="d-001")]
    with_route, without = load_samples(build(tmp_path, labels, tables, route_points=5))[::-1]
    assert without.observation.route is None  # its clip has none
    yaw = np.arange(5) * 4.0 * CURVATURE  # every four metres along the circle, from the rig on
    expected = np.stack([np.sin(yaw), 1 - np.cos(yaw)], axis=-1) / CURVATURE
    np.testing.assert_allclose(with_route.observation.route, expected, atol=0.01)
    assert all(s.observation.route is None for s in load_samples(build(tmp_path, labels, tables)))


def test_where_a_route_begins_and_ends() -> None:
    ticks = np.arange(100)
    zeros = np.zeros(100)
    ego = EgoMotion(ticks * TICK_US, ticks * 1.0, zeros, zeros, zeros, zeros, zeros, zeros, zeros, ticks, zeros)
    line = np.array([[-50.0, 1.0], [60.0, 1.0]])
    ahead = route_ahead(ego, 5_000_000, line, 32)  # at x = 50 m, heading along x
    assert ahead is not None
    np.testing.assert_allclose(ahead, [[0, 1], [4, 1], [8, 1]], atol=1e-5)
    assert route_ahead(ego, 7_000_000, line, 32) is None  # behind us
    assert route_ahead(ego, 5_000_000, line[:1], 32) is None
    assert route_ahead(ego, 5_000_000, line, 0) is None
    with pytest.raises(UnusableInput, match="route"):
        route_ahead(ego, 5_000_000, np.array([[0.0, np.nan], [1.0, 1.0]]), 4)


def test_labels_that_contradict_themselves(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="d@3000000 has two labels"):
        build(tmp_path, [label(3_000_000), label(3_000_000, "review")])
    silent = [label(3_000_000) | {"trace": ""}, label(4_000_000) | {"lateral_decision": None}, label(5_000_000)]
    samples = build(tmp_path, silent)
    assert [s.sample_id for s in load_samples(samples)] == ["d@5000000"]
    assert all("no trace or no decision" in row["detail"] for row in samples.table("quarantine").to_pylist())
    assert samples.manifest.counts["quarantine"] == 2


@pytest.mark.parametrize("name", ["clip_id", "t0_us", "status", "split"])
def test_a_label_without_a_place_or_a_status_ends_the_build(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnusableInput, match=f"a label without {name}"):
        build(tmp_path, [label(3_000_000), label(4_000_000) | {name: None}])


def test_a_picture_without_a_size_ends_the_build(tmp_path: Path) -> None:
    tables = clip_tables()
    tables["frames"][7]["width"] = None
    with pytest.raises(UnusableInput, match=r"frames\.parquet: a picture without width"):
        build(tmp_path, [label(3_000_000)], tables)


def test_a_route_that_is_no_line_costs_its_samples_alone(tmp_path: Path) -> None:
    tables = clip_tables() | {"route": [{"clip_id": "d-000", "points": [[0.0, 0.0], [1.0]]}]}
    samples = build(tmp_path, [label(5_000_000), label(12_000_000, clip_id="d-001")], tables, route_points=5)
    assert [s.sample_id for s in load_samples(samples)] == ["d@12000000"]
    assert "route of clip d-000" in samples.table("quarantine").to_pylist()[0]["detail"]


def test_a_damaged_table_of_pictures_ends_the_build(tmp_path: Path) -> None:
    build(tmp_path, [label(3_000_000)])
    frames = tmp_path / "clips0" / "frames.parquet"
    data = bytearray(frames.read_bytes())
    column = pq.read_metadata(frames).row_group(0).column(3)
    data[(column.dictionary_page_offset + column.data_page_offset) // 2] ^= 1  # in the pictures, not in a header
    frames.write_bytes(data)
    inputs = {"labels": str(tmp_path / "labels0"), "clips": str(tmp_path / "clips0")}
    with pytest.raises(UnusableInput, match=r"frames\.parquet: not a readable table of pictures"):
        run(build_samples, inputs, out=str(tmp_path / "again"), config=SamplesConfig(**SMALL))
    assert not (tmp_path / "again").exists()
