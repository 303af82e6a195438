"""AlpaSim's formulas on drives along x that are worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from causeway.evaluation.driving.alpasim_scores import along, alpasim_scores, counted
from causeway.evaluation.driving.closed_loop import Rollout, SceneId
from causeway.evaluation.driving.rollout_scores import closed_loop

SCENE = SceneId("curve", 900_000)
TICKS = 11
NOTHING = {"collision": "", "collision_where": "", "collision_at_fault": False, "off_road": False, "wrong_way": False}
ALWAYS = {"red_light_run": False, "stop_sign_run": False, "lane_departure": False}


def drive(step_m=10.0, aside_m=(), failure="", **at):
    """10 m a tick along x, the first two ticks not the policy's; `at` {event: (tick, value)}; `aside_m` [n] to the left."""
    columns = {name: np.full(TICKS, value, dtype=object) for name, value in (NOTHING | ALWAYS).items()}
    for name, (tick, value) in at.items():
        columns[name][tick] = value
    side = np.zeros(TICKS)
    side[: len(aside_m)] = aside_m
    kinds = {name: str if isinstance(value, str) else bool for name, value in (NOTHING | ALWAYS).items()}
    history = {
        "t_us": 100_000 * np.arange(TICKS),
        "x_m": step_m * np.arange(TICKS),
        "y_m": side,
        "yaw_rad": np.zeros(TICKS),
        "by_policy": np.arange(TICKS) >= 2,
        "progress_m": step_m * np.arange(TICKS),
        "min_distance_m": np.full(TICKS, 60.0),
        "time_to_collision_s": np.full(TICKS, 10.0),
        **{name: column.astype(kinds[name]) for name, column in columns.items()},
    }
    return Rollout(SCENE, "policy", history, failure)


RECORDED = drive()


def test_the_record_scores_one():
    found = alpasim_scores(drive(), RECORDED)
    assert (found["alpasim_progress"], found["alpasim_scene_score"], found["alpasim_off_path_m"]) == (1.0, 1.0, 0.0)
    assert found["alpasim_driven_km"] == pytest.approx(0.09), "the way before the policy took over is not its own"


def test_progress_counts_the_whole_recorded_path():
    found = alpasim_scores(drive(step_m=6.0), RECORDED)
    assert found["alpasim_progress"] == pytest.approx(0.6)
    assert found["alpasim_scene_score"] == pytest.approx(0.75)


@pytest.mark.parametrize(("where", "at_fault", "score"), [("front", 1.0, 0.0), ("side", 1.0, 0.0), ("rear", 0.0, 0.75)])
def test_a_hit_from_behind_is_not_at_fault(where, at_fault, score):
    hit = drive(collision=(6, "car1"), collision_where=(6, where))
    found = alpasim_scores(hit, RECORDED)
    assert (found["alpasim_collision_any"], found["alpasim_collision_at_fault"]) == (1.0, at_fault)
    assert found["alpasim_scene_score"] == pytest.approx(score), "what comes after the event does not count"
    assert counted(hit, RECORDED).ticks.tolist() == [2, 3, 4, 5, 6]


def test_a_front_hit_while_standing_is_excused_by_us_alone():
    hit = drive(collision=(6, "car1"), collision_where=(6, "front"))
    whole = closed_loop([hit], [RECORDED])
    assert whole.values["collision_at_fault"].tolist() == [0.0]
    assert whole.values["alpasim_collision_at_fault"].tolist() == [1.0]


FOUR_OFF = [0, 0, 0, 1, 2, 3, 4.0, 5, 6, 7, 8]


def test_an_incident_after_four_metres_is_excluded_and_said():
    late = drive(aside_m=FOUR_OFF, off_road=(8, True))
    found = alpasim_scores(late, RECORDED)
    assert counted(late, RECORDED).ticks.tolist() == [2, 3, 4, 5, 6]
    assert (found["alpasim_off_road"], found["alpasim_cut_short"]) == (0.0, 1.0)
    assert found["alpasim_scene_score"] == pytest.approx(0.75)
    whole = closed_loop([late], [RECORDED])
    assert whole.counts["alpasim_excluded_incidents"] == (1, 1)
    assert whole.values["scene_score"].tolist() == [0.0], "ours excludes nothing"
    assert whole.estimates["alpasim_km_between_incidents"][0].value is None
    assert whole.estimates["km_between_incidents"][0].value == pytest.approx(whole.values["driven_km"].sum())


def test_an_incident_on_the_row_of_the_cut_counts():
    found = alpasim_scores(drive(aside_m=FOUR_OFF, off_road=(6, True)), RECORDED)
    assert (found["alpasim_off_road"], found["alpasim_scene_score"]) == (1.0, 0.0)


def test_the_middle_of_the_car_counts_not_its_axle():
    turned = drive()
    turned.history["yaw_rad"][:] = np.pi / 2
    assert alpasim_scores(turned, RECORDED)["alpasim_off_path_m"] == pytest.approx(1.4)


def test_a_failed_answer_scores_nothing():
    assert alpasim_scores(drive(failure="NaN"), RECORDED)["alpasim_scene_score"] == 0.0


def test_a_record_that_stands_gives_full_progress():
    assert alpasim_scores(drive(step_m=0.0), drive(step_m=0.0))["alpasim_scene_score"] == 1.0


@pytest.mark.parametrize(("ahead_m", "rounded"), [(4.6, 1.0), (4.65, 0.0)])
def test_a_graze_of_whole_boxes_is_no_contact_of_smaller_ones(ahead_m, rounded):
    hit = drive(collision=(6, "car1"), collision_where=(6, "front"))
    long = hit.shape.length_m
    middle = 60.0 + hit.shape.rear_axle_to_centre_m
    car = np.array([[middle + ahead_m * long / 4.7, 0.0, 0.0, long, hit.shape.width_m]])
    found = alpasim_scores(replace(hit, others=[car] * TICKS), RECORDED)
    assert (found["alpasim_collision_any"], found["alpasim_collision_rounded"]) == (1.0, rounded)
    assert np.isnan(alpasim_scores(hit, RECORDED)["alpasim_collision_rounded"]), "nobody knows who was where"


def test_where_it_was_hit_is_counted_by_part():
    found = alpasim_scores(drive(collision=(6, "car1"), collision_where=(6, "side")), RECORDED)
    parts = [found[f"alpasim_collision_{part}"] for part in ("front", "lateral", "rear")]
    assert parts == [0.0, 1.0, 0.0]


def test_place_and_time_beside_the_record():
    found = alpasim_scores(drive(step_m=6.0), RECORDED)
    assert found["alpasim_off_place_m"] == pytest.approx(40.0), "at the last tick the record is at 100 m, it at 60"
    assert found["alpasim_progress_rel"] == pytest.approx(0.6)
    assert found["alpasim_duration_frac_20s"] == pytest.approx(1.0 / 20)
    assert found["alpasim_min_distance_m"] == 60.0


def test_whoever_drives_past_the_end_of_the_record_does_not_leave_its_corridor():
    farther = alpasim_scores(drive(step_m=16.0), RECORDED)
    assert farther["alpasim_left_corridor"] == 0.0
    assert farther["alpasim_off_path_m"] > 4.0, "the path's own distance counts what lies past its end"
    assert alpasim_scores(drive(aside_m=FOUR_OFF), RECORDED)["alpasim_left_corridor"] == 1.0


def test_a_rollout_that_never_began_has_no_values():
    never = drive(failure="crashed")
    never = Rollout(SCENE, "policy", {name: column[:2] for name, column in never.history.items()}, "crashed")
    found = alpasim_scores(never, RECORDED)
    assert (found["alpasim_scene_score"], found["alpasim_driven_km"], found["alpasim_collision_any"]) == (0.0, 0.0, 0.0)
    assert np.isnan([found["alpasim_off_place_m"], found["alpasim_progress_rel"], found["alpasim_plan_deviation_m"]]).all()


def test_along_a_bent_path():
    bent = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 0.0], [10.0, 10.0]])
    station, distance = along(bent, np.array([[4.0, 3.0], [12.0, 5.0], [-3.0, 4.0], [10.0, 30.0]]))
    assert station.tolist() == [4.0, 15.0, 0.0, 20.0]
    assert distance.tolist() == [3.0, 2.0, 5.0, 20.0]
