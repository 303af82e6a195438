"""What is offered as a cause with one key, from pasts made by hand: x forward, y left, in metres."""

from typing import Any

import numpy as np
import pytest

from causeway.platform.review.candidates import candidates
from causeway.reasoning.grammar import render
from causeway.reasoning.names import COMPONENT_KINDS, NONE
from causeway.reasoning.records import CocRecord, Component


def box(at: list[float], v: list[float | None], gain: float | None = 0.0, **fields: Any) -> dict[str, Any]:
    """A road user that looks along its way."""
    yaw = float(np.arctan2(v[1] or 0.0, v[0] or 0.0))
    speed = None if v[0] is None else float(np.hypot(v[0], v[1] or 0.0))
    return {"id": "1", "type": "car", "pose": [*at, yaw], "v": v, "along": [speed, gain]} | fields


def past(*boxes: dict[str, Any], steer: float | None = 0.0, **fields: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"lights": [{}], "lanes": [], "light_lanes": {}, "elements": []}
    return nothing | {"boxes": [[], list(boxes)], "steer": [None, steer], "size": {"wheelbase_m": 2.8}} | fields


def one(*boxes: dict[str, Any], **fields: Any) -> tuple[str, str, str]:
    (found,) = candidates(past(*boxes, **fields))
    assert found["at"] is not None
    return found["kind"], found["relative_pose"], found["motion"]


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (box([20, 0.5], [8, 0], -1.0), ("car", "in_path", "slowing")),
        (box([20, 0.5], [8, 0], 1.0), ("car", "in_path", "accelerating")),
        (box([20, 0.5], [8, 0]), ("car", "in_path", "moving")),
        (box([20, 0.5], [0, 0]), ("car", "in_path", "stopped")),
        (box([20, 0.5], [None, None], None), ("car", "in_path", "none")),
        (box([20, 3.5], [8, 0]), ("car", "left", "moving")),
        (box([20, -3.5], [8, 0]), ("car", "right", "moving")),
        (box([-20, 0.5], [8, 0]), ("car", "left", "moving")),
        (box([20, 3.5], [-8, 0]), ("car", "oncoming", "moving")),
        (box([20, 3.5], [0, 0], pose=[20, 3.5, np.pi]), ("car", "left", "stopped")),  # parked, it comes from nowhere
        (box([20, 5.0], [0, -1.5], type="pedestrian"), ("pedestrian", "left", "crossing")),
        (box([20, 5.0], [0, 1.5], type="pedestrian"), ("pedestrian", "left", "moving")),  # walks away
        (box([20, 0.5], [8, 0], type="spaceship"), ("unknown", "in_path", "moving")),
    ],
)
def test_where_a_road_user_is_and_how_it_moves(thing: dict[str, Any], said: tuple[str, str, str]) -> None:
    assert one(thing) == said


def test_the_path_bends_with_the_wheels() -> None:
    ahead = box([20, 4.0], [8, 0])  # 2.8 m / tan 3.2° = 50 m: an arc that is 4 m to the left at 20 m
    assert one(ahead, steer=float(np.degrees(np.arctan(2.8 / 50))))[1] == "in_path"
    assert one(ahead, steer=0.0)[1] == "left"
    assert one(ahead, steer=None)[1] == "left"


def test_a_light_is_offered_by_its_state_where_its_lane_ends() -> None:
    lanes = [{"id": "a", "centre": [[0, 0], [30, 1]]}, {"id": "b", "centre": []}]
    known = {"lanes": lanes, "light_lanes": {"l": ["a"], "m": ["b"]}}
    for state in ("red", "green", "yellow"):
        (light,) = candidates(past(lights=[{}, {"l": state, "m": state}], **known))
        assert (light["kind"], light["track_id"], light["at"]) == (f"{state}_light", "l", [30, 1])
    assert candidates(past(lights=[{"l": "purple"}], **known)) == []
    assert candidates(past(lights=[{"l": "red"}, {}], **known)) == []  # the last tick counts


def test_near_the_path_comes_first_and_the_rest_of_a_crowd_is_left_out() -> None:
    crowd = [box([2.0 * i, 6.0], [0, 0], id=f"far{i}") for i in range(50)]
    found = candidates(past(*crowd, box([25, 0], [8, 0], id="lead"), box([-5, 0], [8, 0], id="behind")))
    assert len(found) == 40
    ids = [c["track_id"] for c in found]
    assert ids[0] == "far0"
    assert ids.index("lead") < ids.index("far10") < ids.index("behind")


def test_everything_offered_can_be_named() -> None:
    elements = [
        {"id": k, "kind": k, "shape": [[9, 2]]} for k in ("stop_line", "crosswalk", "bump", "cone", "parking_meter")
    ]
    users = [box([9, 0], [1, 0], id=kind, type=kind) for kind in COMPONENT_KINDS["critical_object"]]
    found = candidates(past(*users, elements=elements))
    assert len(found) == len(users) + 4
    for candidate in found:
        named = {name: value for name, value in candidate.items() if name != "at"}
        render(CocRecord(NONE, NONE, (Component(**named),)))
