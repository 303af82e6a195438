"""Every field of a request is read exactly, or refused by its name."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from causeway.model.observation import ObservationSpec
from causeway.serving.request import Settings, read_question
from causeway.serving.tensors import InvalidRequest, byte_strings, numbers
from tests.serving.questions import OBSERVATION, Output, Request, Tensor, good, jpeg, with_jpegs

SPEC = ObservationSpec(height=16, width=24)


def floats(*values: float) -> bytes:
    return np.float32(values).tobytes()


def history(last: float = 0.0, first: float = -1.0) -> bytes:
    poses = np.zeros((16, 3), np.float32)
    poses[0], poses[-1] = first, last
    return poses.tobytes()


def times(*values: int) -> bytes:
    return np.int64(values).tobytes()


def test_a_raw_request_becomes_the_observation_it_was_made_of():
    question = read_question(good().plus(samples=4, seed=7, temperature="0.25", reasoning="off", deadline_ms=90), SPEC)
    seen = question.observation
    for name in ("images", "frame_t_us", "rig", "ego_history"):
        np.testing.assert_array_equal(getattr(seen, name), getattr(OBSERVATION, name))
    assert (seen.cameras, seen.speed_mps, seen.t0_us) == (OBSERVATION.cameras, 8.0, 10_000_000)
    assert seen.route is None
    assert question.settings == Settings(4, 7, 0.25, False)
    assert question.deadline_ms == 90


def test_defaults_and_the_policys_own_camera_names():
    request = good()
    request.parameters = {}
    question = read_question(request, SPEC)
    assert question.settings == Settings(1, 0, 0.6, True)
    assert question.deadline_ms is None
    assert question.observation.cameras == SPEC.cameras


def test_json_lists_flat_or_nested_give_the_same_as_raw_bytes():
    flat = [float(v) for v in OBSERVATION.ego_history.ravel()]
    for data in (flat, OBSERVATION.ego_history.tolist()):
        question = read_question(good().but("ego_history", data=data, _raw_data=None), SPEC)
        assert np.array_equal(question.observation.ego_history, OBSERVATION.ego_history)


def test_t0_after_the_newest_frame_keeps_the_pictures_age():
    assert read_question(good().plus(t0_us=10_050_000), SPEC).observation.t0_us == 10_050_000


def test_jpegs_are_decoded_in_order_and_brought_to_size():
    dark, light = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (240, 160), (10, 20, 30)).save(dark, "JPEG")
    Image.new("L", (24, 16), 200).save(light, "JPEG")
    files = [dark.getvalue(), light.getvalue(), light.getvalue(), dark.getvalue()]
    images = read_question(with_jpegs(files), SPEC).observation.images
    assert images.shape == (2, 2, 16, 24, 3)
    assert np.abs(images[0, 0].astype(int) - (10, 20, 30)).max() <= 3
    assert np.abs(images[0, 1].astype(int) - 200).max() <= 1
    np.testing.assert_array_equal(images[1, 1], images[0, 0])


def test_raw_pictures_of_another_size_are_brought_to_size():
    raw = np.full((2, 2, 32, 48, 3), 77, np.uint8)
    images = read_question(
        good().but("images", shape=list(raw.shape), _raw_data=raw.tobytes()), SPEC
    ).observation.images
    assert images.shape == (2, 2, 16, 24, 3)
    assert (images == 77).all()


def test_route_and_rig_id():
    route = Tensor("route", "FP32", [3, 2], None, floats(0, 0, 5, 0, 10, 1))
    request = good().but("rig").plus(rig_id="car-7")
    request.inputs.append(route)
    seen = read_question(request, SPEC, lambda rig_id, cameras: OBSERVATION.rig).observation
    assert seen.route.tolist() == [[0, 0], [5, 0], [10, 1]]
    assert np.array_equal(seen.rig, OBSERVATION.rig)
    assert seen.rig_id == "car-7"
    both = read_question(good().plus(rig_id="blue sedan"), SPEC).observation  # a calibration, and whose it is
    assert (both.rig_id, np.array_equal(both.rig, OBSERVATION.rig)) == ("blue sedan", True)


def test_points():
    request = good()
    request.inputs.append(Tensor("points", "FP32", [2, 3], None, floats(5, 0, 1, 10, 1, 0)))
    assert read_question(request, SPEC).observation.points.tolist() == [[5, 0, 1], [10, 1, 0]]
    assert read_question(good(), SPEC).observation.points is None
    request.inputs[-1] = Tensor("points", "FP32", [70_000, 3], None, bytes(4 * 3 * 70_000))
    with pytest.raises(InvalidRequest, match="points"):
        read_question(request, SPEC)


def huge_header() -> bytes:
    """A JPEG that says it is 60000 × 60000."""
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = (60000).to_bytes(2, "big") * 2
    return bytes(data)


BAD: list[tuple[str, str, Request]] = [
    ("frames missing", "images", good().but("images")),
    ("history missing", "ego_history", good().but("ego_history")),
    ("speed missing", "speed", good().but("speed")),
    ("times missing", "frame_t_us", good().but("frame_t_us")),
    ("no rig", "rig", good().but("rig")),
    ("rig_id no name", "rig_id", good().plus(rig_id="car\n")),
    ("rig_id too long", "rig_id", good().plus(rig_id="x" * 257)),
    ("unknown rig_id", "rig_id", good().but("rig").plus(rig_id="car")),
    ("unknown input", "wheel", good().but("speed", name="wheel")),
    ("input twice", "speed", good().but("rig", name="speed", shape=[1])),
    ("unknown output", "answer", Request(good().inputs, {}, [Output("answer")])),
    ("unknown parameter", "colour", good().plus(colour="red")),
    ("empty parameter", "samples", good().plus(samples=None)),
    ("float images", "images", good().but("images", datatype="FP32")),
    ("one picture too few", "images", with_jpegs([jpeg()] * 3)),
    ("wrong JPEG shape", "images", with_jpegs([jpeg()] * 4).but("images", shape=[2, 2])),
    ("raw of a wrong shape", "images", good().but("images", shape=[2, 2, 16, 24])),
    ("raw with too few bytes", "images", good().but("images", _raw_data=b"1234")),
    ("no colour channels", "images", good().but("images", shape=[2, 2, 48, 24, 1])),
    ("empty picture", "images", with_jpegs([jpeg(), b"", jpeg(), jpeg()])),
    ("truncated JPEG", "images", with_jpegs([jpeg(), jpeg(200, 300)[:900], jpeg(), jpeg()])),
    ("PNG, not JPEG", "images", with_jpegs([jpeg(), b"\x89PNG\r\n\x1a\n" + b"0" * 50, jpeg(), jpeg()])),
    ("decompression bomb", "images", with_jpegs([jpeg(), jpeg(), huge_header(), jpeg()])),
    ("8K picture", "images", with_jpegs([jpeg(), jpeg(), jpeg(4320, 7680, "L"), jpeg()])),
    ("raw bytes end early", "images", with_jpegs([jpeg()] * 4).but("images", _raw_data=b"\xff\xff\xff\x7fabc")),
    ("raw bytes end in a length", "images", with_jpegs([jpeg()] * 4).but("images", _raw_data=b"\x01\x00")),
    ("bad base64", "images", with_jpegs([jpeg()] * 4).but("images", data=["é"] * 4, _raw_data=None)),
    ("not a string", "images", with_jpegs([jpeg()] * 4).but("images", data=[[1]] * 4, _raw_data=None)),
    ("times as floats", "frame_t_us", good().but("frame_t_us", datatype="FP32")),
    ("times of float values", "frame_t_us", good().but("frame_t_us", data=[1.5] * 4, _raw_data=None)),
    ("times beyond int64", "frame_t_us", good().but("frame_t_us", data=[2**63] * 4, _raw_data=None)),
    ("times beyond everything", "frame_t_us", good().but("frame_t_us", data=[2**70] * 4, _raw_data=None)),
    ("times negative", "frame_t_us", good().but("frame_t_us", _raw_data=times(-5, 0, -5, 0))),
    ("newest first", "frame_t_us", good().but("frame_t_us", _raw_data=times(200, 100, 100, 200))),
    ("a frame of last week", "frame_t_us", good().but("frame_t_us", _raw_data=times(0, 9**12, 0, 9**12))),
    ("no frames", "frame_t_us", good().but("frame_t_us", shape=[2, 0], _raw_data=b"")),
    ("negative shape", "frame_t_us", good().but("frame_t_us", shape=[-2, -2])),
    ("17 cameras", "frame_t_us", good().but("frame_t_us", shape=[17, 1], _raw_data=times(*[5] * 17))),
    ("a frame after t0", "t0_us", good().plus(t0_us=5)),
    ("history of 15 poses", "ego_history", good().but("ego_history", shape=[15, 3])),
    ("history in double", "ego_history", good().but("ego_history", datatype="FP64")),
    ("NaN in history", "ego_history", good().but("ego_history", _raw_data=history(first=np.nan))),
    ("history too far", "ego_history", good().but("ego_history", _raw_data=history(first=1e9))),
    ("history does not end at t0", "ego_history", good().but("ego_history", _raw_data=history(last=1.0))),
    ("ragged history", "ego_history", good().but("ego_history", data=[[1.0], [1.0, 2.0]], _raw_data=None)),
    ("text in history", "ego_history", good().but("ego_history", data=["1"] * 48, _raw_data=None)),
    ("null in history", "ego_history", good().but("ego_history", data=[None] * 48, _raw_data=None)),
    ("NaN speed", "speed", good().but("speed", _raw_data=floats(np.nan))),
    ("infinite speed", "speed", good().but("speed", _raw_data=floats(np.inf))),
    ("speed beyond float", "speed", good().but("speed", data=[1e300], _raw_data=None)),
    ("speed of light", "speed", good().but("speed", _raw_data=floats(3e8))),
    ("two speeds", "speed", good().but("speed", shape=[2], _raw_data=floats(1, 2))),
    ("speed as a scalar", "speed", good().but("speed", shape=[], _raw_data=floats(1))),
    ("rig of 15 numbers", "rig", good().but("rig", shape=[2, 15])),
    ("rig of three cameras", "rig", good().but("rig", shape=[3, 16])),
    ("NaN in rig", "rig", good().but("rig", _raw_data=floats(*[np.nan] * 32))),
    ("one camera named", "cameras", good().plus(cameras="front")),
    ("cameras named alike", "cameras", good().plus(cameras="front,front")),
    ("camera named oddly", "cameras", good().plus(cameras="front,../../etc")),
    ("cameras named as a folder", "cameras", good().plus(cameras="front,..")),
    ("cameras as a number", "cameras", good().plus(cameras=2)),
    ("no samples", "samples", good().plus(samples=0)),
    ("too many samples", "samples", good().plus(samples=10**6)),
    ("samples as text", "samples", good().plus(samples="3")),
    ("samples as truth", "samples", good().plus(samples=True)),
    ("seed negative", "seed", good().plus(seed=-1)),
    ("seed too large", "seed", good().plus(seed=2**63 - 1)),
    ("deadline of nothing", "deadline_ms", good().plus(deadline_ms=0)),
    ("reasoning maybe", "reasoning", good().plus(reasoning="maybe")),
    ("reasoning as truth", "reasoning", good().plus(reasoning=True)),
    ("temperature as words", "temperature", good().plus(temperature="warm")),
    ("temperature NaN", "temperature", good().plus(temperature="nan")),
    ("temperature negative", "temperature", good().plus(temperature="-0.1")),
    ("temperature as truth", "temperature", good().plus(temperature=True)),
]


@pytest.mark.parametrize(("field", "request_"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_field_is_refused_by_name(field: str, request_: Request):
    with pytest.raises(InvalidRequest) as refused:
        read_question(request_, SPEC)
    assert refused.value.field == field
    assert "\n" not in str(refused.value)


def test_a_long_route_and_one_of_three_columns_are_refused():
    for shape in ([1001, 2], [4, 3]):
        request = good()
        request.inputs.append(Tensor("route", "FP32", shape, None, bytes(4 * shape[0] * shape[1])))
        with pytest.raises(InvalidRequest, match="route"):
            read_question(request, SPEC)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 4))
def test_any_raw_bytes_are_read_or_refused(raw: bytes, count: int):
    tensor = Tensor("images", "BYTES", [count], None, raw)
    try:
        elements = byte_strings(tensor)
    except InvalidRequest:
        return
    assert b"".join(len(e).to_bytes(4, "little") + e for e in elements) == raw


@settings(max_examples=60, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3), st.lists))
def test_any_json_value_is_read_or_refused(value):
    try:
        numbers(Tensor("speed", "FP32", [2], value if isinstance(value, list) else [value]))
    except InvalidRequest as error:
        assert error.field == "speed"  # noqa: PT017


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255), st.booleans())
def test_a_damaged_jpeg_is_read_or_refused(place: int, value: int, cut: bool):
    picture = bytearray(jpeg())
    picture[place % len(picture)] = value
    picture = picture[: place % len(picture)] if cut else picture
    try:
        seen = read_question(with_jpegs([jpeg(), bytes(picture), jpeg(), jpeg()]), SPEC).observation
    except InvalidRequest as error:
        assert error.field == "images"  # noqa: PT017
    else:
        assert seen.images.shape == (2, 2, 16, 24, 3)


def test_base64_of_a_jpeg_is_the_jpeg():
    picture = jpeg()
    tensor = Tensor("images", "BYTES", [2], [base64.b64encode(picture).decode(), picture])
    assert byte_strings(tensor) == [picture, picture]
