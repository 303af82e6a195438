"""The worst drives are found, filmed and told in words."""

import io

import av
import numpy as np

from causeway.artifacts.markup import Markup
from causeway.evaluation.answers import AskConfig
from causeway.evaluation.baselines import BaselinePolicy
from causeway.evaluation.driving.closed_loop import BLIND, Rollout, SceneId, roll_out
from causeway.evaluation.driving.films import (
    HEIGHT_PX,
    HELD,
    RED,
    WIDTH_PX,
    pictures,
    what_went_wrong,
    worst_drives,
    worst_of,
)
from causeway.evaluation.page.suite_parts import worst_drives as cards_section


def drive(seed, **wrong):
    """Four ticks, the first not the policy's; what is wrong is so at the last."""
    events = {"collision": "", "collision_where": "", "off_road": False, "wrong_way": False, "red_light_run": False}
    events["stop_sign_run"] = False
    columns = {name: np.array([nothing] * 3 + [wrong.get(name, nothing)]) for name, nothing in events.items()}
    history = columns | {
        "t_us": np.arange(4) * 100_000,
        "by_policy": np.arange(4) > 0,
        "progress_m": np.arange(4) * 5.0,
    }
    grey = np.full((HEIGHT_PX, WIDTH_PX, 3), 90, dtype=np.uint8)
    return Rollout(SceneId("curve", seed), "policy", history, film=lambda camera, tick: grey)


def frames_of(film):
    with av.open(io.BytesIO(film)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_the_two_worst_are_filmed_and_faultless_ones_are_not():
    drives = [drive(1), drive(2, off_road=True), drive(3), drive(4, off_road=True)]
    cards, files = worst_drives("closed-loop", drives, [0.9, 0.0, 1.0, 0.4])
    assert [card["scene"] for card in cards] == ["curve-2", "curve-4"]
    assert list(files) == ["videos/closed-loop-1.mp4", "videos/closed-loop-2.mp4"] == [card["video"] for card in cards]
    assert [frames_of(film) for film in files.values()] == [4 + HELD] * 2
    assert worst_drives("closed-loop", drives[2:3], [1.0]) == ([], {})


def test_of_parts_the_two_worst_are_told():
    card = {"scene": "a", "score": 0.5, "says": "", "video": "v", "picture": ""}
    parts = [{"worst": [card, card | {"scene": "b", "score": 0.7}]}, {"worst": [card | {"scene": "c", "score": 0.0}]}, {}]
    assert [one["scene"] for one in worst_of(parts)["worst"]] == ["c", "a"]
    assert worst_of([{}, {"name": "log"}]) == {}


def test_a_red_frame_marks_what_was_wrong():
    seen = list(pictures(drive(1, red_light_run=True)))
    assert [picture[0, 0].tolist() == list(RED) for picture in seen] == [False] * 3 + [True] * (1 + HELD)
    assert (seen[-1][HEIGHT_PX // 2, WIDTH_PX // 2] == 90).all()


def test_what_went_wrong_in_words():
    assert (
        what_went_wrong(drive(1, collision="car1", collision_where="front")) == "touches car1 with its front at 0.3 s"
    )
    assert what_went_wrong(drive(1, off_road=True, wrong_way=True)) == "off road at 0.3 s; wrong way at 0.3 s"
    assert what_went_wrong(drive(1)) == "made 15 m in 0.3 s"


def test_a_real_drive_has_pictures():
    (held,) = roll_out(BaselinePolicy(), [SceneId("slow_for_lead", 900_000)], AskConfig(), "constant_velocity", BLIND)
    last = next(picture for tick, picture in enumerate(pictures(held)) if tick == len(held.history["t_us"]) - 1)
    assert last[0, 0].tolist() == list(RED), "it ends in a collision"
    assert len(np.unique(last.reshape(-1, 3), axis=0)) > 50


def test_the_report_shows_the_cards():
    cards, _ = worst_drives("replay", [drive(2, off_road=True)], [0.0])
    section = cards_section(cards)
    assert isinstance(section, Markup)
    for said in ("curve-2: score 0", "off road at 0.3 s", "videos/replay-1.mp4", "data:image/jpeg;base64,"):
        assert said in section
    assert cards_section([]) is None
