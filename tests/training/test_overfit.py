"""Eight samples of a real drive can be learned by heart through the expert: the whole path of gradients is there."""

from dataclasses import replace

import numpy as np
import pytest

from causeway.artifacts import Artifact, run
from causeway.clips.ingest import IngestConfig, ingest
from causeway.training import step
from causeway.training.config import ActionConfig, VlmConfig
from causeway.training.samples import SamplesConfig, load_samples
from causeway.training.stage_gate import ade_m

pytestmark = pytest.mark.slow

WITHIN_M = 0.15
VLM = VlmConfig(steps=2, limit=8, gate_samples=0, camera_dropout=0.0)
ACTION = ActionConfig(
    steps=1500, limit=8, lr=1e-3, expert_lr=2e-3, flow_draws=8, gate_samples=0, camera_dropout=0.0, final_lr=0.01
)


def samples_of_kitti(folder, drives) -> Artifact:
    """Samples of a drive of KITTI odometry, made as the data pipeline makes them."""
    from causeway.evidence.step import FeatureConfig, build_features
    from causeway.meta_actions.moments import MomentConfig, find_moments
    from causeway.meta_actions.step import extract_meta_actions
    from causeway.reasoning.label_config import LabelConfig
    from causeway.reasoning.step import label_moments
    from causeway.training.samples import build_samples

    at = {name: str(folder / name) for name in ("clips", "meta", "moments", "evidence", "labels", "samples")}
    run(ingest, {"drives": str(drives)}, out=at["clips"], config=IngestConfig(layout="kitti-odometry"))
    run(extract_meta_actions, {"clips": at["clips"]}, out=at["meta"])
    run(find_moments, {"meta": at["meta"], "clips": at["clips"]}, out=at["moments"], config=MomentConfig())
    run(build_features, {"moments": at["moments"], "clips": at["clips"]}, out=at["evidence"], config=FeatureConfig())
    run(label_moments, {"evidence": at["evidence"], "clips": at["clips"]}, out=at["labels"], config=LabelConfig())
    run(build_samples, {"labels": at["labels"], "clips": at["clips"]}, out=at["samples"], config=SamplesConfig())
    return Artifact.open(at["samples"])


def test_the_expert_learns_eight_real_samples_by_heart(tmp_path, test_drives):
    from causeway.model import Policy

    drives = test_drives / "kitti_odom_gray"
    if not drives.is_dir():
        pytest.skip("no KITTI odometry drive here")
    samples = samples_of_kitti(tmp_path, drives)
    first = run(step.train_vlm, {"samples": samples.location}, out=str(tmp_path / "vlm"), config=VLM)
    inputs = {"samples": samples.location, "policy": first.location}
    made = run(step.train_action, inputs, out=str(tmp_path / "action"), config=replace(ACTION))
    eight = list(load_samples(samples, "train", 8))
    assert len(eight) == 8
    driven = Policy.load(made.location).predict(eight, n=1, seed=0, use_reasoning=False, flow_steps=20)
    recorded = np.stack([sample.trajectory_rig for sample in eight])
    assert ade_m(driven.trajectory_rig[:, 0], recorded) < WITHIN_M
