"""AlpaSim's plan metrics on drives along x that are worked out by hand."""

import numpy as np
import pytest

from causeway.evaluation.driving.closed_loop import Plan, Rollout, SceneId
from causeway.evaluation.driving.plan_scores import deviation_m, min_ade, plan_scores, touches
from causeway.simulation.vehicle import VehicleShape

TICKS = 31
SHAPE = VehicleShape(length_m=4.0, width_m=2.0, rear_axle_to_centre_m=1.0)


def ahead(tick, metres_a_tick=1.0, aside_m=0.0):
    """A plan made at (tick, 0) that goes along x."""
    path = np.zeros((64, 3))
    path[:, 0] = tick + metres_a_tick * np.arange(1, 65)
    path[:, 1] = aside_m
    return path


def rollout(plans, others=None, metres_a_tick=1.0):
    history = {"x_m": metres_a_tick * np.arange(TICKS), "y_m": np.zeros(TICKS), "yaw_rad": np.zeros(TICKS)}
    boxes = others if others is not None else [np.empty((0, 5))] * TICKS
    return Rollout(SceneId("curve", 1), "policy", history, "", SHAPE, plans, boxes)


def plan(tick, *paths):
    return Plan(tick, np.stack(paths))


WAY = np.column_stack([np.arange(TICKS), np.zeros(TICKS)]).astype(float)


def test_a_plan_that_is_kept_is_at_no_distance_of_itself():
    kept = [plan(tick, ahead(tick)) for tick in (5, 10, 15)]
    found = plan_scores(rollout(kept), rollout([], metres_a_tick=2.0), 30)
    assert found["alpasim_min_ade_self@1s"] == 0.0
    assert found["alpasim_plan_deviation_m"] == 0.0
    assert found["alpasim_min_ade_gt@0.5s"] == pytest.approx(np.mean([t + np.mean([1, 2, 3, 4, 5]) for t in (5, 10, 15)]))


def test_the_least_of_several_samples_counts_for_each_time():
    sampled = plan(5, ahead(5, aside_m=2.0), ahead(5, metres_a_tick=1.1))
    assert min_ade(sampled, WAY, 5) == pytest.approx(0.1 * 3)
    assert min_ade(sampled, WAY, 25) == pytest.approx(min(2.0, 0.1 * 13))
    assert min_ade(plan(5, ahead(5, aside_m=2.0)), WAY, 25) == pytest.approx(2.0)


def test_a_plan_past_the_end_has_no_distance_there():
    assert np.isnan(min_ade(plan(10, ahead(10)), WAY, 25))
    found = plan_scores(rollout([plan(10, ahead(10))]), rollout([]), 30)
    assert found["alpasim_min_ade_self@1s"] == 0.0
    assert np.isnan(found["alpasim_min_ade_self@5s"])


def test_the_deviation_weighs_the_near_future_most():
    swerves = plan(10, ahead(10, aside_m=1.0))
    weight = np.exp(-0.1 * np.arange(60))
    by_hand = weight[1:].sum() / weight.sum()  # 0 m at its start, where both are, and 1 m from then on
    assert deviation_m(plan(5, ahead(5)), swerves, WAY) == pytest.approx(by_hand)
    assert deviation_m(plan(5, ahead(5)), plan(10, ahead(10)), WAY) == 0.0


@pytest.mark.parametrize(
    ("at_m", "touched"),
    [(36.0, 1.0), (40.1, 0.0), (39.9, 1.0)],  # at 3 s the axle is at 35 m, the bumper at 38; the other's rear at x − 2
)
def test_a_plan_through_a_standing_car_touches_it_within_three_seconds(at_m, touched):
    standing = [np.array([[at_m, 0.0, 0.0, 4.0, 2.0]])] * 60
    assert touches(plan(5, ahead(5)), standing, SHAPE) == touched


def test_others_are_where_they_were_at_that_time():
    crossing = [np.array([[20.0, 10.0 if tick != 15 else 0.0, 0.0, 4.0, 2.0]]) for tick in range(60)]
    late = [np.array([[20.0, 10.0 if tick != 35 else 0.0, 0.0, 4.0, 2.0]]) for tick in range(60)]
    assert touches(plan(5, ahead(5)), crossing, SHAPE) == 1.0, "at tick 15 its nose is at 18 m"
    assert touches(plan(5, ahead(5)), late, SHAPE) == 0.0, "at tick 35 it has long passed"


def test_plans_after_the_cut_do_not_count():
    plans = [plan(5, ahead(5)), plan(10, ahead(10, aside_m=3.0))]
    assert plan_scores(rollout(plans), rollout([]), 9)["alpasim_min_ade_self@0.5s"] == 0.0
    assert plan_scores(rollout(plans), rollout([]), 30)["alpasim_min_ade_self@0.5s"] == pytest.approx(1.5)
    assert np.isnan(plan_scores(rollout(plans), rollout([]), -1)["alpasim_open_loop_collision"])
