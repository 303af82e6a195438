"""A vehicle's calibration becomes the endpoint's 16 numbers for each camera, in the order asked for."""

import numpy as np
import pytest

from causeway.errors import UnusableInput
from causeway.evidence import RigCalibration
from causeway.serving import rigs
from causeway.serving.tensors import InvalidRequest

NAN = float("nan")
CAR = RigCalibration(
    vehicle_id="car-7",
    cameras=("left", "right"),
    size_px=np.array([[200.0, 100.0], [400.0, 300.0]]),
    intrinsics=np.array([[100.0, 50.0, 120.0, 60.0], [200.0, 150.0, 100.0, 30.0]]),
    rig_from_camera=np.stack([np.arange(16.0).reshape(4, 4), np.arange(16.0).reshape(4, 4) + 100]),
    length_m=NAN,
    width_m=NAN,
    wheelbase_m=NAN,
    rear_axle_to_centre_m=NAN,
)


def test_intrinsics_are_relative_and_poses_are_three_rows():
    numbers = rigs.rig_numbers(CAR, ("right", "left"))
    assert numbers.dtype == np.float32
    np.testing.assert_allclose(numbers[0], [0.5, 0.5, 0.25, 0.1, *range(100, 112)], rtol=1e-6)
    np.testing.assert_allclose(numbers[1], [0.5, 0.5, 0.6, 0.6, *range(12)], rtol=1e-6)


def test_what_the_store_does_not_hold_is_refused_by_field(monkeypatch):
    def rig_of(vehicle_id, folder):
        if vehicle_id != "car-7":
            raise UnusableInput("no such vehicle")
        return CAR

    monkeypatch.setattr("causeway.evidence.rig_of", rig_of)
    look_up = rigs.rigs_in("store")
    assert look_up("car-7", ("left",)).shape == (1, 16)
    for rig_id, cameras in (("car-8", ("left",)), ("car-7", ("left", "roof"))):
        with pytest.raises(InvalidRequest) as refused:
            look_up(rig_id, cameras)
        assert refused.value.field == "rig_id"
