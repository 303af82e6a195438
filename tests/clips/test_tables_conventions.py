"""One motion, written down in every convention a mapping knows, gives the same poses."""

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from causeway.clips.geometry import conjugate, multiply, quaternion_from_matrix, quaternion_from_yaw, rotate
from causeway.clips.readers.tables import reader as tables
from causeway.errors import UnusableInput

N = 21
T_S = np.arange(N) * 0.1
YAW = 0.4 + 0.05 * T_S  # counter-clockwise from east
XYZ = np.stack([3.0 + 8.0 * T_S, -2.0 + 1.5 * T_S, 0.2 * T_S], axis=-1)
PITCHED = multiply(quaternion_from_yaw(YAW), np.tile([math.cos(0.05), 0.0, math.sin(0.05), 0.0], (N, 1)))
ENU_TO_NED = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, -1]])
BASE = {
    "source": "own",
    "licence": "private",
    "vehicle": {"vehicle_id": "v", "length_m": 4.5, "width_m": 1.8, "wheelbase_m": 2.7, "rear_axle_to_centre_m": 1.3},
    "drives": [{"id": "d"}],
}


def quaternion(wxyz):
    return dict(zip(("qw", "qx", "qy", "qz"), wxyz.T, strict=True))


def place(xyz, names="xyz"):
    return {name: xyz[:, i] for i, name in enumerate(names)}


def opened(tmp_path, columns, suffix="parquet", top=None, **ego):
    table = pa.table({name: np.asarray(values) for name, values in columns.items()})
    path = tmp_path / f"ego.{suffix}"
    if suffix == "parquet":
        pq.write_table(table, path)
    elif suffix == "csv":
        pa.csv.write_csv(table, path)
    elif suffix == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in table.to_pylist()))
    else:
        path.write_text(json.dumps(table.to_pydict()))
    mapping = BASE | (top or {}) | {"ego": {"file": path.name, "columns": {n: n for n in columns if n != "who"}} | ego}
    (tmp_path / "rig.yaml").write_text(yaml.safe_dump(mapping))
    (recording,) = tables.recordings(tmp_path / "rig.yaml")
    return recording.open()


def off(drive, wxyz=None):
    """The largest difference from the drive that was written; 1 is what rounding may do (1 us, 1e-6 m, 1e-9)."""
    expected = quaternion_from_yaw(YAW) if wxyz is None else wxyz
    late_us = np.abs(drive.ego.t_us - drive.ego.t_us[0] - np.arange(N) * 100_000).max()
    turned = np.abs(np.abs(np.sum(drive.ego.wxyz * expected, axis=1)) - 1.0).max()
    return max(late_us, np.abs(drive.ego.xyz_m - XYZ).max() / 1e-6, turned / 1e-9)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "json", "jsonl"])
def test_each_kind_of_file(tmp_path, suffix):
    assert off(opened(tmp_path, {"t": T_S, **place(XYZ), "yaw": YAW}, suffix)) <= 1


@pytest.mark.parametrize(
    ("unit", "stamps"),
    [
        ("s", 1_700_000_000 + T_S),
        ("ms", (1_700_000_000_000 + T_S * 1e3).round().astype(np.int64)),
        ("us", (1_700_000_000_000_000 + T_S * 1e6).round().astype(np.int64)),
        ("ns", 1_700_000_000_000_000_123 + (T_S * 1e9).round().astype(np.int64)),
        ("s", (1_700_000_000_000 + T_S * 1e3).round().astype("datetime64[ms]")),
    ],
)
def test_each_clock(tmp_path, unit, stamps):
    drive = opened(tmp_path, {"t": stamps, **place(XYZ), "yaw": YAW}, units={"t": unit})
    assert off(drive) <= 1
    assert drive.ego.t_us[0] == 1_700_000_000_000_000


def test_units_of_length_angle_and_speed(tmp_path):
    columns = {"t": T_S, **place(XYZ * 100), "yaw": np.degrees(YAW), "speed": np.full(N, 36.0)}
    drive = opened(tmp_path, columns, units={"length": "cm", "yaw": "deg", "speed": "kmh"})
    assert off(drive) <= 1
    np.testing.assert_allclose(drive.ego.speed_mps, 10.0)


def test_a_compass_heading(tmp_path):
    columns = {"t": T_S, **place(XYZ), "yaw": 90 - np.degrees(YAW)}
    assert off(opened(tmp_path, columns, heading="compass", units={"yaw": "deg"})) <= 1


def test_north_east_down_with_headings_from_north(tmp_path):
    columns = {"t": T_S, **place(XYZ @ ENU_TO_NED.T), "yaw": np.pi / 2 - YAW}
    assert off(opened(tmp_path, columns, top={"world_axes": "ned"})) <= 1


def test_north_west_up(tmp_path):
    north_west = np.stack([XYZ[:, 1], -XYZ[:, 0], XYZ[:, 2]], axis=-1)
    assert (
        off(opened(tmp_path, {"t": T_S, **place(north_west), "yaw": YAW - np.pi / 2}, top={"world_axes": "nwu"})) <= 1
    )


def test_roll_pitch_and_yaw(tmp_path):
    columns = {"t": T_S, **place(XYZ), "yaw": YAW, "pitch": np.full(N, 0.1), "roll": np.zeros(N)}
    assert off(opened(tmp_path, columns), PITCHED) <= 1


def test_aerospace_axes(tmp_path):
    world, body = quaternion_from_matrix(ENU_TO_NED), quaternion_from_matrix(np.diag([1.0, -1.0, -1.0]))
    ned = multiply(multiply(np.tile(world, (N, 1)), PITCHED), np.tile(body, (N, 1)))
    columns = {"t": T_S, **place(XYZ @ ENU_TO_NED.T), **quaternion(ned)}
    assert off(opened(tmp_path, columns, top={"world_axes": "ned"}, body_axes="frd"), PITCHED) <= 1


def test_poses_from_world_to_body(tmp_path):
    inverse = conjugate(PITCHED)
    columns = {"t": T_S, **place(-rotate(inverse, XYZ)), **quaternion(inverse * 3.0)}  # of any length
    assert off(opened(tmp_path, columns, poses="world_to_body"), PITCHED) <= 1


def test_a_camera_s_axes(tmp_path):
    # x right, y down, z forward: forward, left, up of the rig written in them
    body = quaternion_from_matrix(np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]]))
    columns = {"t": T_S, **place(XYZ), **quaternion(multiply(PITCHED, np.tile(conjugate(body), (N, 1))))}
    assert off(opened(tmp_path, columns, body_axes="rdf"), PITCHED) <= 1


def test_an_origin_that_is_not_the_rear_axle(tmp_path):
    arm = np.array([1.2, -0.3, 1.5])
    columns = {"t": T_S, **place(XYZ + rotate(PITCHED, np.tile(arm, (N, 1)))), **quaternion(PITCHED)}
    assert off(opened(tmp_path, columns, origin_in_rig_m=arm.tolist()), PITCHED) <= 1


def test_compass_headings_and_quaternions_do_not_go_together(tmp_path):
    with pytest.raises(UnusableInput, match="compass"):
        opened(tmp_path, {"t": T_S, **place(XYZ), **quaternion(PITCHED)}, heading="compass")


def test_rows_that_are_no_numbers_are_named_by_their_row_in_the_file(tmp_path):
    columns = {"t": T_S.copy(), **place(XYZ.copy()), "yaw": YAW, "who": ["a", "b", "b"] * 7}
    columns["t"][7], columns["x"][10] = np.nan, np.inf
    drive = opened(tmp_path, columns, rows={"who": "b"})
    assert [(where, why) for where, why, _ in drive.quarantined] == [
        ("ego row 7", "out_of_range"),
        ("ego row 10", "not_a_number"),
    ]
    assert drive.ego.row.tolist() == [1, 2, 4, 5, 8, 11, 13, 14, 16, 17, 19, 20]
