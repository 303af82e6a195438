"""Exported drives opened by the public data set's own reader, `physical_ai_av` (PyPI), from a cache and without network.

The package is not in the lock: install it by hand to run this file (`pip install --no-deps physical_ai_av`).
"""

import numpy as np
import pytest

from causeway.artifacts import Artifact, run
from causeway.clips.readers.physicalai import layout
from causeway.simulation.export import WorldConfig, make_world
from causeway.simulation.pictures.cameras import camera_of
from tests.simulation.driving import expert_drive

public = pytest.importorskip("physical_ai_av", reason="the public reader physical_ai_av is not installed")
REVISION = "0" * 40
CLIP = "curve-000005"


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """The reader's view of an export that lies where it keeps downloads."""
    import huggingface_hub

    place = tmp_path_factory.mktemp("public")
    config = WorldConfig(scenes=1, scenarios=("curve",), seed=5, camera_hz=2)
    drives = run(make_world, {}, out=str(place / "drives"), config=config)
    snapshots = place / "cache" / "datasets--built-in--world" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / REVISION).symlink_to(Artifact.open(drives.location).folder())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        yield public.PhysicalAIAVDatasetInterface(REVISION, repo_id="built-in/world", cache_dir=place / "cache")


def test_index_and_features(opened):
    assert list(opened.clip_index.index) == [CLIP]
    assert opened.get_clip_chunk(CLIP) == 0
    assert {"lanes", "signals", "road_elements", "egomotion"} <= opened.features.LABELS.ALL
    assert opened.chunk_feature_presence.loc[0].all()


def test_motion(opened):
    then = opened.get_clip_feature(CLIP, "egomotion")(np.array([5_000_000]))
    ego = expert_drive("curve", 5).ticks[50].ego
    assert then.pose.translation[0, :2].tolist() == pytest.approx([ego.x_m, ego.y_m], abs=1e-6)
    assert then.pose.rotation.as_euler("xyz")[0].tolist() == pytest.approx([0.0, 0.0, ego.yaw_rad], abs=1e-6)
    assert np.hypot(*then.velocity[0, :2]) == pytest.approx(ego.speed_mps, abs=1e-6)


def test_pictures(opened):
    reader = opened.get_clip_feature(CLIP, "camera_front_wide_120fov")
    pictures, times = reader.decode_images_from_timestamps(np.array([0, 5_100_000, 19_500_000]))
    assert times.tolist() == [0, 5_000_000, 19_500_000]
    drawn = expert_drive("curve", 5).picture(camera_of("front_wide", 192, 320), 50)
    assert np.abs(pictures[1].astype(int) - drawn).mean() < 4.0


def test_vehicle_and_mounts(opened):
    camera = camera_of("front_tele", 192, 320)
    assert opened.get_clip_feature(CLIP, "vehicle_dimensions").length > 4.0
    placed = opened.get_clip_feature(CLIP, "sensor_extrinsics").sensor_poses["camera_front_tele_30fov"]
    np.testing.assert_allclose(placed.translation, camera.rig_from_camera[:3, 3])
    np.testing.assert_allclose(placed.rotation.as_matrix(), camera.rig_from_camera[:3, :3], atol=1e-12)


@pytest.mark.parametrize("name", ["front_wide", "front_tele"])
def test_its_lenses_come_near_to_ours(opened, name):
    camera = camera_of(name, 192, 320)
    lens = opened.get_clip_feature(CLIP, "camera_intrinsics").camera_models[layout.feature_of_camera(name)]
    assert (lens.width, lens.height) == (320, 192)
    pixels = np.array([[2.0, 3.0], [40.0, 150.0], [159.0, 90.0], [250.0, 20.0], [318.0, 190.0]])
    rays = np.concatenate([(pixels - [camera.cx, camera.cy]) / camera.fx, np.ones((5, 1))], axis=1)
    np.testing.assert_allclose(lens.ray2pixel(rays), pixels, atol=1.0)
    unit = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    np.testing.assert_allclose(lens.pixel2ray(pixels), unit, atol=0.01)


def test_own_labels_come_as_tables(opened):
    lanes = opened.get_clip_feature(CLIP, "lanes")["lanes"]
    assert len(lanes) == len(expert_drive("curve", 5).scene.layout.road.lanes)
    boxes = opened.get_clip_feature(CLIP, "obstacle.offline")["obstacle.offline"]
    assert set(boxes.reference_frame) <= {"rig"}
