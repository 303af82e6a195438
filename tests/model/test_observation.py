import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from causeway.errors import UnusableInput
from causeway.model import check_observation, check_sample, example_observation
from causeway.model.observation import ObservationSpec, frame_age_s
from tests.model.model_samples import make_sample

GOOD = example_observation()


def test_default_observation_has_two_cameras_of_two_frames():
    assert GOOD.images.shape == (2, 2, 128, 192, 3)
    assert GOOD.cameras == ("front_wide", "front_tele")
    assert check_observation(GOOD) is GOOD
    np.testing.assert_allclose(frame_age_s(GOOD), [[0.3, 0.0], [0.3, 0.0]])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": GOOD.images[:1]}, "images has shape [1, 2, 128, 192, 3], expected [2, any, any, any, 3]"),
        ({"images": GOOD.images.astype(np.float32)}, "images are float32, expected uint8"),
        ({"images": GOOD.images[:, :, :0]}, "images are empty"),
        ({"cameras": ("front_wide", "front_wide")}, "must be one or more different names"),
        ({"rig": GOOD.rig[:, :12]}, "rig has shape [2, 12], expected [2, 16]"),
        ({"ego_history": GOOD.ego_history * np.nan}, "ego_history holds NaN or infinity"),
        ({"speed_mps": float("inf")}, "speed_mps holds NaN or infinity"),
        ({"route": np.zeros((3, 3), np.float32)}, "route has shape [3, 3], expected [any, 2]"),
        ({"frame_t_us": GOOD.frame_t_us + 1}, "a policy sees no future"),
        ({"rig": GOOD.rig * np.float32([0] + [1] * 15)}, "camera front_wide has focal lengths [0.0, 1.5]"),
    ],
)
def test_an_observation_that_cannot_be_used_names_its_field(change, said):
    with pytest.raises(UnusableInput) as error:
        check_observation(replace(GOOD, **change), "sample s7")
    assert said in str(error.value)
    assert str(error.value).startswith("sample s7: ")
    assert "\n" not in str(error.value)


def test_a_sample_with_nan_controls_is_named():
    sample = make_sample(3)
    broken = replace(sample, controls=np.full((64, 2), np.nan, np.float32))
    with pytest.raises(UnusableInput, match="sample s3: controls holds NaN"):
        check_sample(broken)
    with pytest.raises(UnusableInput, match=r"trajectory_rig has shape \[60, 3\]"):
        check_sample(replace(sample, trajectory_rig=sample.trajectory_rig[:60]))


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (0, -9.9, "sample s3: acceleration -9.9 m/s² at step 7 is beyond ±9.8"),
        (0, 40.0, "sample s3: acceleration 40 m/s² at step 7 is beyond ±9.8"),
        (1, 0.34, "sample s3: curvature 0.34 1/m at step 7 is beyond ±0.33"),
    ],
)
def test_labels_out_of_range_are_named(kind, value, said):
    sample = make_sample(3)
    controls = sample.controls.copy()
    controls[7, kind] = value
    with pytest.raises(UnusableInput) as error:
        check_sample(replace(sample, controls=controls))
    assert str(error.value).startswith(said)
    controls[7] = np.float32([9.8, 0.33])  # the bounds themselves, in single precision
    assert check_sample(replace(sample, controls=controls)).controls is controls


def test_one_camera_is_enough():
    one = example_observation(spec=ObservationSpec(cameras=("front_wide",), frame_offsets_s=(0.0,)))
    assert check_observation(one).images.shape[:2] == (1, 1)


def test_the_room_is_imported_without_torch():
    code = (
        "import sys, causeway.model, causeway.model.action_space, causeway.model.action_tokens, "
        "causeway.model.prediction, causeway.model.scales; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
