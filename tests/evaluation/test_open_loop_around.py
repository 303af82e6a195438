import numpy as np
import pytest

from causeway.evaluation.open_loop_around import around_metrics, expert_metrics
from causeway.model.surroundings import Agents, Footprint, Surroundings

CAR = Footprint()
WIDE = (np.array([[-10, -4], [100, -4], [100, 4], [-10, 4]], dtype=np.float32),)


def going(speed_mps, left_m=0.0):
    path = np.zeros((64, 3))
    path[:, 0], path[:, 1] = np.arange(1, 65) * 0.1 * speed_mps, left_m
    return path


def parked(*at, road=WIDE, footprint=CAR):
    """Cars of 4 × 2 m that stand at (x, y) throughout."""
    poses = np.zeros((len(at), 64, 3), dtype=np.float32)
    poses[..., :2] = np.array(at, dtype=np.float32).reshape(-1, 1, 2)
    sizes = np.tile(np.array([4.0, 2.0], dtype=np.float32), (len(at), 1))
    return Surroundings(
        Agents(poses, sizes, np.ones((len(at), 64), dtype=bool), ("car",) * len(at)), road, footprint
    )


def test_contacts_and_near_misses_by_hand():
    # own half width 0.95, theirs 1: contact below 1.95 m between the middles, close below 2.45 m
    around = [parked((30.0, left)) for left in (1.9, 2.0, 2.4, 2.5)]
    found = around_metrics(np.stack([going(10)] * 4), np.stack([going(1)] * 4), around)
    assert found["path_collision"].tolist() == [1, 0, 0, 0]
    assert found["path_close_encounter"].tolist() == [1, 1, 1, 0]


def test_what_the_record_touches_itself_does_not_count():
    paths = np.stack([going(10)] * 2)
    found = around_metrics(paths, paths, [parked((30.0, 0.0)), parked((30.0, 0.0), (50.0, 0.0))])
    assert found["path_collision"].tolist() == [0, 0]
    assert expert_metrics(paths, [parked((30.0, 0.0)), parked((30.0, 9.0))])["path_collision"].tolist() == [1, 0]


def test_the_road_and_where_the_map_ends():
    around = [parked()] * 3
    driven = np.stack([going(5, 3.0), going(5, 3.1), going(5, 3.1)])  # the left side is 0.95 m farther out
    recorded = np.stack([going(5), going(5), going(20)])  # 128 m: beyond the map
    found = around_metrics(driven, recorded, around)["path_off_road"]
    assert found[:2].tolist() == [0, 1]
    assert np.isnan(found[2])
    assert expert_metrics(recorded, around)["path_off_road"].tolist() == [0, 0, 1]


def test_vehicles_of_their_own_size_and_unknown_surroundings():
    narrow = Footprint(length_m=4.0, width_m=1.0, rear_axle_to_centre_m=1.0)
    around = [parked((30.0, 1.9)), parked((30.0, 1.9), footprint=narrow), None, parked((30.0, 1.9), road=None)]
    around.append(Surroundings(None, WIDE))
    driven = np.stack([going(10)] * 5)
    found = around_metrics(driven, np.stack([going(1)] * 5), around)
    assert found["path_collision"].tolist() == pytest.approx([1, 0, np.nan, 1, np.nan], nan_ok=True)
    assert found["path_off_road"].tolist() == pytest.approx([0, 0, np.nan, np.nan, 0], nan_ok=True)
    assert around_metrics(driven[:2], driven[:2], [None, None]) == {}


def test_a_failed_answer_is_not_measured_and_harms_no_other():
    driven = np.stack([going(10), np.full((64, 3), np.nan)])
    found = around_metrics(driven, np.stack([going(1)] * 2), [parked((30.0, 0.0))] * 2)
    assert sorted(found) == ["path_close_encounter", "path_collision", "path_off_road"]
    assert [values[0] for values in found.values()] == [1, 1, 0]
    assert all(np.isnan(values[1]) for values in found.values())
