"""What stands around a sample: cut in the right frame, stored beside the shards, and seen by nobody who learns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from causeway.artifacts import Artifact
from causeway.artifacts.schemas import tables_of
from causeway.clips import Clip, EgoMotion, to_frame
from causeway.errors import UnusableInput
from causeway.model.surroundings import Agents, Footprint, Surroundings, check_surroundings
from causeway.training.config import ActionConfig, CocConfig, VlmConfig
from causeway.training.sample_around import around_drive, surroundings
from causeway.training.sample_around_store import around_file
from causeway.training.samples import load_samples
from causeway.training.stages import STAGES
from tests.training.examples import agent_at, example_samples, store_samples
from tests.training.test_samples import TICK_US, build, circle, clip_tables, label

T0_TICK, T0_US = 40, 4_000_000
LEFT, RIGHT = [[-500.0, 40.0], [500.0, 40.0]], [[-500.0, -40.0], [500.0, -40.0]]


def track(tick: int, x_m: float, y_m: float, name: str = "one", **changes) -> dict:
    row = dict.fromkeys(tables_of("clips")["tracks"].schema.names)
    row |= {"clip_id": "d-000" if tick < 100 else "d-001", "t_us": tick * TICK_US, "observed_us": tick * TICK_US}
    row |= {"track_id": name, "type": "car", "x_m": x_m, "y_m": y_m, "z_m": 0.8, "yaw_rad": 0.5}
    return row | {"length_m": 4.5, "width_m": 1.8, "height_m": 1.6, "vx_mps": 0.0, "vy_mps": 0.0} | changes


def lane(**changes) -> dict:
    row = {"clip_id": "d-000", "lane_id": "l", "centre": [[-500.0, 0.0], [500.0, 0.0]], "left": LEFT, "right": RIGHT}
    return row | {"successors": [], "kind": "drive"} | changes


def around(tmp_path: Path, tracks: list[dict], lanes: list[dict], t0_us: int = T0_US, **clip) -> tuple:
    """What stands around one sample of a circle drive, and its artifact."""
    tables = clip_tables(tracks=tracks, lanes=lanes)
    for row in tables["clips"]:
        row.update({"has_tracks": True, "has_map": True} | clip)
    samples = build(tmp_path, [label(t0_us)], tables)
    (sample,) = load_samples(samples, around=True)
    return sample.around, samples


def test_agents_and_road_are_in_the_rig_frame_at_t0(tmp_path):
    standing = [track(tick, 20.0, 9.0) for tick in range(30, 80)]
    found, samples = around(tmp_path, standing, [lane()])
    ego = np.array([circle(200)[name][T0_TICK] for name in ("x_m", "y_m", "yaw_rad")])
    assert found.agents.kinds == ("car",)
    assert found.agents.present[0].tolist() == [True] * 39 + [False] * 25
    np.testing.assert_allclose(found.agents.poses_rig[0, :39], [to_frame([20.0, 9.0, 0.5], ego)] * 39, atol=1e-5)
    assert not found.agents.poses_rig[0, 39:].any()
    assert found.agents.sizes_m.tolist() == pytest.approx(np.array([[4.5, 1.8]]))
    corner = to_frame([-500.1, 40.1, 0.0], ego)[:2]
    assert np.abs(found.road[0] - corner).sum(axis=1).min() < 1e-3
    assert samples.manifest.counts["with_agents"] == samples.manifest.counts["with_road"] == 1


def test_a_track_goes_on_in_the_next_clip(tmp_path):
    moving = [track(tick, 0.1 * tick, 9.0) for tick in range(60, 130)]
    found, _ = around(tmp_path, moving, [], t0_us=8_000_000)
    assert found.agents.present[0].sum() == 49
    assert found.road == ()


@pytest.mark.parametrize(
    "wrong", [{"length_m": -1.0}, {"width_m": 0.0}, {"x_m": np.nan}, {"yaw_rad": None}, {"length_m": None}]
)
def test_rows_without_a_pose_or_a_size_are_counted(tmp_path, wrong):
    rows = [track(tick, 20.0, 9.0) | (wrong if tick == 50 else {}) for tick in range(45, 60)]
    found, samples = around(tmp_path, rows, [])
    assert found.agents.present[0].sum() == 14
    assert samples.manifest.counts["unusable_track_rows"] == 1


def test_what_a_drive_does_not_know_is_none(tmp_path):
    rows, bare = [track(50, 20.0, 9.0)], lane(right=[])
    blind, _ = around(tmp_path, rows, [lane()], has_tracks=False, has_map=False)
    assert (blind.agents, blind.road) == (None, None)
    assert around(tmp_path, rows, [lane(), bare])[0].road is None  # where the road ends is not known
    far = lane(lane_id="far", left=[[900.0, 1], [910.0, 1]], right=[[900.0, -1], [910.0, -1]])
    assert len(around(tmp_path, rows, [lane(), far, lane(lane_id="twice")])[0].road) == 1


def test_who_cannot_be_met_is_left_out(tmp_path):
    rows = [track(50, 20.0, 9.0)]
    rows += [track(50, 20.0, 20.0, "bridge", z_m=6.0), track(50, 900.0, 0.0, "far"), track(50, 20.0, 4.0, "high", z_m=None)]
    assert around(tmp_path, rows, [])[0].agents.present.sum() == 2


def test_a_clip_frame_that_is_turned(tmp_path):
    quarter = (np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5))
    clip = Clip("c", "d", "", 0, 9_900_000, 100, origin_xyz_m=(5.0, 0.0, 0.0), origin_wxyz=quarter)
    tables = {"tracks": [track(1, 3.0, 0.0, clip_id="c")], "lanes": [lane(clip_id="c")], "rigs": []}
    rows = {name: pa.Table.from_pylist(tables[name], tables_of("clips")[name].schema) for name in tables}
    zeros = np.zeros(100)
    ego = EgoMotion(
        t_us=np.arange(100) * TICK_US, x_m=zeros, y_m=zeros, z_m=zeros, yaw_rad=zeros, speed_mps=zeros, accel_mps2=zeros,
        yaw_rate_radps=zeros, curvature_per_m=zeros, observed_us=np.arange(100) * TICK_US,
        clip_id=np.array(["c"] * 100, dtype=object),
    )  # fmt: skip
    found, unusable = surroundings(around_drive([clip], {"c": (True, True)}, rows), ego, 0, "c")
    assert found.agents.poses_rig[0, 0].tolist() == pytest.approx([5.0, 3.0, 0.5 + np.pi / 2])
    assert found.road[0].min(axis=0).tolist() == pytest.approx([5 - 40.1, -500.1])
    assert (unusable, found.footprint) == (0, Footprint())


def test_the_footprint_is_the_recording_vehicle_s(tmp_path):
    tables = clip_tables()
    for row in tables["rigs"]:
        row |= {"length_m": 5.2, "width_m": 2.1, "rear_axle_to_centre_m": 1.6}
    (sample,) = load_samples(build(tmp_path, [label(T0_US)], tables), around=True)
    assert sample.around.footprint == Footprint(5.2, 2.1, 1.6)


# --- stored beside the shards -------------------------------------------------------------------------------------


def made(agents: int, road: int | None, seed: int = 0) -> Surroundings:
    rng = np.random.default_rng(seed)
    found = Agents(
        rng.normal(size=(agents, 64, 3)).astype(np.float32), rng.uniform(1, 5, (agents, 2)).astype(np.float32),
        rng.random((agents, 64)) < 0.5, tuple(rng.choice(["car", "pedestrian"], agents).tolist()),
    )  # fmt: skip
    rings = None if road is None else tuple(rng.normal(size=(3 + i, 2)).astype(np.float32) for i in range(road))
    return Surroundings(found if agents else None, rings, Footprint(4.0, 1.5 + 0.1 * agents, 1.0))


KINDS_OF = [made(3, 2), made(0, None), made(1, 0), made(5, 7, seed=1)]


def test_surroundings_come_back_as_they_were_and_only_when_asked_for(tmp_path):
    written = [replace(s, around=a) for s, a in zip(example_samples(4), KINDS_OF, strict=True)]
    artifact = store_samples(tmp_path / "samples", written)
    assert [sample.around for sample in load_samples(artifact)] == [None] * 4
    for sample, wanted in zip(load_samples(artifact, around=True)[:], KINDS_OF, strict=True):
        found = sample.around
        assert found.footprint == wanted.footprint
        assert (found.agents is None, found.road is None) == (wanted.agents is None, wanted.road is None)
        for one, other in zip(found.road or (), wanted.road or (), strict=True):
            np.testing.assert_array_equal(one, other)
        if wanted.agents is not None:
            assert found.agents.kinds == wanted.agents.kinds
            for name in ("poses_rig", "sizes_m", "present"):
                np.testing.assert_array_equal(getattr(found.agents, name), getattr(wanted.agents, name))


def test_samples_without_surroundings_say_so_when_they_are_asked_for(tmp_path):
    artifact = store_samples(tmp_path / "samples", example_samples(2))
    assert len(list(load_samples(artifact))) == 2
    with pytest.raises(UnusableInput, match="build the samples again"):
        load_samples(artifact, around=True)[0]


def test_a_damaged_file_of_surroundings_harms_nobody_who_does_not_read_it(tmp_path):
    artifact = store_samples(tmp_path / "samples", [replace(s, around=KINDS_OF[0]) for s in example_samples(2)])
    path = Path(artifact.location, around_file("000000"))
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(bytes(data))
    assert len(list(load_samples(Artifact.open(artifact.location)))) == 2
    with pytest.raises(UnusableInput, match="is not what was written"):
        list(load_samples(Artifact.open(artifact.location), around=True))


@pytest.mark.parametrize(
    "bad",
    [
        replace(KINDS_OF[0], road=(np.zeros((2, 2), np.float32),)),
        replace(KINDS_OF[0], road=(np.full((3, 2), np.nan, np.float32),)),
        replace(KINDS_OF[0], agents=replace(KINDS_OF[0].agents, sizes_m=-KINDS_OF[0].agents.sizes_m)),
        replace(KINDS_OF[0], agents=replace(KINDS_OF[0].agents, present=np.ones((3, 63), bool))),
        replace(KINDS_OF[0], agents=replace(KINDS_OF[0].agents, poses_rig=np.full((3, 64, 3), np.nan, np.float32))),
    ],
)
def test_surroundings_that_cannot_be_used_are_named(bad):
    with pytest.raises(UnusableInput, match=r"^sample s"):
        check_surroundings(bad, "sample s")


# --- truth that nobody sees ---------------------------------------------------------------------------------------


def test_poisoned_surroundings_change_no_prediction_and_no_supervised_loss():
    import torch

    from causeway.model import Policy

    policy = Policy.from_scale("tiny", seed=0)
    wall = Agents(agent_at(1.0, 0.0).astype(np.float32), np.float32([[90, 90]]), np.ones((1, 64), bool), ("wall",))
    plain = example_samples(1)
    poisoned = [replace(s, around=Surroundings(wall, (), Footprint(30.0, 9.0, 2.0))) for s in plain]

    def told(samples) -> list:
        said = policy.predict(samples, seed=1)
        losses = [
            STAGES[name].make_loss(policy, config, samples)(samples, torch.Generator().manual_seed(2))["loss"].item()
            for name, config in (("vlm", VlmConfig()), ("action", ActionConfig()), ("coc", CocConfig()))
        ]
        return [losses, said.reasoning, said.decision, said.trajectory_rig.tobytes(), said.controls.tobytes()]

    assert told(poisoned) == told(plain)
