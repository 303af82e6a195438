import numpy as np
import pytest

from causeway.errors import UsageError
from causeway.evaluation.answers import AskConfig
from causeway.evaluation.baselines import BaselinePolicy
from causeway.evaluation.driving.closed_loop import (
    BLIND,
    Rollout,
    SceneId,
    expert_rollouts,
    roll_out,
    rollout_rows,
    scene_ids,
)
from causeway.evaluation.driving.rollout_scores import closed_loop, km_between, scores
from causeway.evaluation.measured import metrics_of
from causeway.simulation.scenarios import SCENARIOS

SCENE = SceneId("slow_for_lead", 900_000)


def history(progress_m, **events):
    """Three warm-up ticks and then the policy's, along x; events hold at the last tick only."""
    n = len(progress_m)
    last = np.arange(n) == n - 1
    return {
        "t_us": np.arange(n) * 100_000,
        "x_m": np.array(progress_m, dtype=float),
        "y_m": np.linspace(0.0, events.get("aside_m", 0.0), n),
        "yaw_rad": np.zeros(n),
        "progress_m": np.array(progress_m, dtype=float),
        "by_policy": np.arange(n) > 2,
        "min_distance_m": np.full(n, events.get("distance", 60.0)),
        "time_to_collision_s": np.full(n, events.get("soonest_s", 10.0)),
        "collision": np.array(["car1" if events.get("collision") and x else "" for x in last]),
        "collision_where": np.array([events.get("collision", "") if x else "" for x in last]),
        **{
            name: np.array([bool(events.get(name)) and bool(x) for x in last])
            for name in (
                "collision_at_fault",
                "off_road",
                "wrong_way",
                "red_light_run",
                "stop_sign_run",
                "lane_departure",
            )
        },
    }


EXPERT = Rollout(SCENE, "expert", history([0, 5, 10, 60, 110]))


@pytest.mark.parametrize(
    ("way", "events", "failure", "score", "progress"),
    [
        ([0, 5, 10, 60, 110], {}, "", 1.0, 1.0),
        ([0, 5, 10, 30, 50], {}, "", 0.5, 0.4),
        ([0, 5, 10, 60, 95], {}, "", 1.0, 0.85),
        ([0, 5, 10, 60, 110], {"collision": "front", "collision_at_fault": True}, "", 0.0, 1.0),
        ([0, 5, 10, 60, 110], {"collision": "rear"}, "", 1.0, 1.0),
        ([0, 5, 10, 60, 110], {"off_road": True}, "", 0.0, 1.0),
        ([0, 5, 10, 60, 110], {"red_light_run": True}, "", 1.0, 1.0),
        ([0, 5, 10, 60, 110], {}, "NaN", 0.0, 1.0),
        ([0, 5, 10, 8, 2], {}, "", 0.0, 0.0),
    ],
)
def test_scene_score_by_hand(way, events, failure, score, progress):
    found = scores(Rollout(SCENE, "policy", history(way, **events), failure), EXPERT)
    assert (found["scene_score"], found["progress"]) == pytest.approx((score, progress))
    assert found["collision_any"] == float("collision" in events)
    assert found["red_light_run"] == float("red_light_run" in events)
    parts = [found[f"collision_{part}"] for part in ("front", "side", "rear")]
    assert parts == [float(events.get("collision") == part) for part in ("front", "side", "rear")]


@pytest.mark.parametrize("event", ["wrong_way", "stop_sign_run", "lane_departure"])
def test_an_event_is_counted_and_costs_no_score(event):
    found = scores(Rollout(SCENE, "policy", history([0, 5, 10, 60, 110], **{event: True})), EXPERT)
    assert (found[event], found["scene_score"]) == (1.0, 1.0)
    assert sum(found[name] for name in ("wrong_way", "stop_sign_run", "lane_departure")) == 1.0


def test_the_least_time_to_a_collision_is_that_of_the_policy():
    drive = history([0, 5, 10, 60, 110])
    drive["time_to_collision_s"] = np.array([0.1, 0.1, 0.1, 2.5, 4.0])
    assert scores(Rollout(SCENE, "policy", drive), EXPERT)["min_time_to_collision_s"] == 2.5


def test_an_expert_that_stands_gives_full_progress():
    standing = Rollout(SCENE, "expert", history([0, 5, 10, 11, 12]))
    assert scores(Rollout(SCENE, "policy", history([0, 5, 10, 10, 10])), standing)["scene_score"] == 1.0


def test_close_encounters_and_distance():
    found = scores(Rollout(SCENE, "policy", history([0, 5, 10, 60, 110], distance=0.3)), EXPERT)
    assert (found["close_encounter"], found["min_distance_m"]) == (1.0, 0.3)
    assert found["driven_km"] == pytest.approx(0.1)


def test_kilometres_between_incidents():
    none = km_between(6.0, 0, 10)
    assert (none.value, none.low, none.high) == (None, 2.0, None)
    some = km_between(10.0, 5, 10)
    assert some.value == 2.0
    assert (10 / some.high, 10 / some.low) == pytest.approx((1.62, 11.67), abs=0.02), "the exact Poisson interval of 5"


def test_constant_velocity_hits_the_braking_lead_and_the_expert_does_not():
    held = roll_out(BaselinePolicy(), [SCENE], AskConfig(), "constant_velocity", BLIND)
    expert = expert_rollouts([SCENE])
    found = metrics_of(closed_loop(expert, expert, held), 0)
    assert (found["scene_score"]["value"], found["collision_at_fault"]["value"]) == (1.0, 0.0)
    assert found["constant_velocity/collision_at_fault"]["value"] == 1.0
    assert found["constant_velocity/scene_score"]["value"] == 0.0
    rows = rollout_rows([*held, *expert])
    assert {row["driver"] for row in rows} == {"constant_velocity", "expert"}
    assert rows[0]["scene"] == "slow_for_lead"


def test_failed_rollouts_stay_in(known):
    scenes = [SceneId("slow_for_lead", 900_000), SceneId("curve", 900_000)]
    policy = known(break_on=lambda seen: "nan" if seen.t0_us > 3_000_000 else "", listens=False)
    rollouts = roll_out(policy, scenes, AskConfig(), spec=BLIND)
    assert policy.asked[0] == 2, "both worlds are asked about at once"
    assert ["NaN" in r.failure for r in rollouts] == [True, True]
    found = closed_loop(rollouts, expert_rollouts(scenes))
    assert found.counts["failed_rollouts"] == (2, 2)
    assert found.values["scene_score"].tolist() == [0.0, 0.0]
    assert (found.values["driven_km"] > 0).all(), "what was driven before the failure counts"


def test_a_jump_is_a_failed_rollout(known):
    class Jumping:
        def predict(self, samples, n=1, seed=0, **options):
            answer = known(listens=False).predict(samples, n)
            answer.trajectory_rig[..., 0] += 50.0
            return answer

    (rollout,) = roll_out(Jumping(), [SCENE], AskConfig(), spec=BLIND)
    assert rollout.failure.startswith("no vehicle can follow")


def test_scenes_take_the_scenarios_in_turn():
    scenes = scene_ids(len(SCENARIOS) + 1, seed=1)
    assert {scene.scenario for scene in scenes[:-1]} == set(SCENARIOS)
    assert scenes[-1].scenario == scenes[0].scenario
    assert scenes[-1].seed == scenes[0].seed + 1
    assert scene_ids(2, 1, ["curve+nudge"]) == [SceneId("curve+nudge", 901_000), SceneId("curve+nudge", 901_001)]


@pytest.mark.parametrize(
    ("count", "seed", "names", "said"),
    [
        (0, 0, (), "at least one"),
        (2, 0, ["snowstorm"], "'snowstorm' is not one of"),
        (2, 0, ["curve+cut_in"], "it can only be the first leg"),
        (2, -1, (), "seed is -1"),
    ],
)
def test_scenes_that_cannot_be_are_refused(count, seed, names, said):
    with pytest.raises(UsageError, match=said):
        scene_ids(count, seed, names)
