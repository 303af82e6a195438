"""What stood around one sample as rewards: who judges a path, and who judges nobody."""

import numpy as np
import pytest

from causeway.model.surroundings import Agents, Surroundings
from causeway.training.safety_rewards import NAMES, safety_rewards
from tests.training.examples import agent_at, beside, straight

PATH = straight(5.0)


def around(*offsets_m: float) -> Surroundings:
    """Parked cars 20 m ahead, so far to the left of the recorded path's side."""
    poses = np.concatenate([agent_at(20, 1.95 + offset) for offset in offsets_m]).astype(np.float32)
    sizes = np.tile(np.float32([4.0, 2.0]), (len(poses), 1))
    return Surroundings(Agents(poses, sizes, np.ones(poses.shape[:2], bool), ("automobile",) * len(poses)), None)


def test_clearance_is_asked_of_those_alone_whom_the_record_passed_with_room():
    nearer = beside(PATH, 0.3)
    roomy = safety_rewards(around(0.6), PATH, nearer, ["clearance", "collision"])
    assert (roomy["clearance"], roomy["collision"]) == (pytest.approx(0.3 / 0.5 - 1.0), 0.0)
    narrow = safety_rewards(around(0.4), PATH, nearer, ["clearance", "collision"])
    assert (narrow["clearance"], narrow["collision"]) == (0.0, 0.0)  # the record came as near: no lesson
    touching = safety_rewards(around(0.4), PATH, beside(PATH, 0.5), ["clearance", "collision"])
    assert (touching["clearance"], touching["collision"]) == (0.0, -1.0)


def test_the_recorded_path_never_loses():
    for offset in (-1.0, 0.0, 0.2, 0.4, 0.6, 5.0):
        found = safety_rewards(around(offset), PATH, PATH, ["clearance", "collision"])
        assert (found["clearance"], found["collision"]) == (0.0, 0.0)


def test_what_is_not_known_is_no_reward():
    assert safety_rewards(None, PATH, PATH) == {}
    assert set(safety_rewards(around(5.0), PATH, PATH)) == set(NAMES) - {"off_road"}
