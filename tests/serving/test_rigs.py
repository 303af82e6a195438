"""A vehicle's calibration becomes the endpoint's 16 numbers for each camera, in the order asked for."""

import numpy as np
import pytest
from grpc import StatusCode

from causeway.evidence import RigCalibration, UnknownVehicle
from causeway.model.observation import ObservationSpec
from causeway.serving import rigs
from causeway.serving.tensors import InvalidRequest
from tests.serving.questions import good
from tests.serving.stub_policy import StubPolicy

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
            raise UnknownVehicle("no such vehicle")
        return CAR

    monkeypatch.setattr("causeway.evidence.rig_of", rig_of)
    look_up = rigs.rigs_in("store")
    assert look_up("car-7", ("left",)).shape == (1, 16)
    for rig_id, cameras in (("car-8", ("left",)), ("car-7", ("left", "roof"))):
        with pytest.raises(InvalidRequest) as refused:
            look_up(rig_id, cameras)
        assert refused.value.field == "rig_id"


def test_a_store_that_is_away_is_no_fault_of_the_request(tmp_path, caplog):
    with pytest.raises(rigs.RigsAway, match="send the input rig or ask again later"):
        rigs.rigs_in(str(tmp_path))("car-7", ("left",))
    assert "no online store" in caplog.text


def test_the_endpoint_says_unavailable(tmp_path):
    import asyncio

    from causeway.serving.predictor import CausewayModel, Refusal, Served

    model = CausewayModel(Served(StubPolicy(), StubPolicy.spec, "0"), rigs.rigs_in(str(tmp_path)))
    try:
        with pytest.raises(Refusal) as refused:
            asyncio.run(model.predict(good().but("rig").plus(rig_id="car-7")))
    finally:
        model.stop()
    assert (refused.value.http_status, refused.value.status_code) == (503, StatusCode.UNAVAILABLE)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"rig_id": "west"}, "rig 'west' is not one that this policy has a head for (north, south); name one of these"),
        ({}, "it names no rig, and this policy has a head for (north, south); name one of these"),
    ],
)
def test_a_policy_with_a_head_by_rig_refuses_requests_of_others_by_name(named, says):
    import asyncio

    from causeway.model import Policy
    from causeway.serving.predictor import CausewayModel, Refusal, Served
    from causeway.training.recipes import recipe_named

    policy = Policy.from_scale("tiny", design=recipe_named("dexvla").design, rigs=("north", "south")).eval()
    scale = policy.config.scale
    model = CausewayModel(Served(policy, ObservationSpec(height=scale.image_height, width=scale.image_width), "0"))
    model.ready = True  # it needs no warming up to refuse
    try:
        with pytest.raises(Refusal) as refused:
            asyncio.run(model.predict(good().plus(**named)))
    finally:
        model.stop()
    assert (refused.value.http_status, refused.value.status_code) == (400, StatusCode.INVALID_ARGUMENT)
    assert refused.value.message == f"inputs: sample #0: {says}"
