"""The worst closed-loop drives, to be looked at: a film of each, the picture at which it ended, and what went wrong.

Knows which drives are worst and how they are shown. Does not know scores' formulas or pages. Pictures are those of the
world's rasteriser, from the ego's front camera; a red frame marks the ticks at which something was wrong.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.evaluation.driving.closed_loop import Rollout
from causeway.evaluation.page.pictures import jpeg
from causeway.simulation.pictures.cameras import camera_of
from causeway.simulation.video import mp4_bytes

WORST = 2
HEIGHT_PX, WIDTH_PX, HZ = 288, 480, 10
HELD = 10  # the last picture stands for a second
FRAME_PX, RED = 6, (214, 40, 40)
WRONG = ("collision", "off_road", "wrong_way", "red_light_run", "stop_sign_run")

Picture = NDArray[np.uint8]


def worst_drives(
    suite: str, rollouts: Sequence[Rollout], scores: ArrayLike
) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Cards for the report, and films by file name, of the two worst drives [of n, scores n] that score below 1."""
    each: list[float] = np.asarray(scores, dtype=np.float64).tolist()
    order = sorted(range(len(rollouts)), key=lambda i: (each[i], str(rollouts[i].scene)))
    chosen = [i for i in order if each[i] < 1.0][:WORST]
    files = {f"videos/{suite}-{place + 1}.mp4": mp4_bytes(pictures(rollouts[i]), HZ) for place, i in enumerate(chosen)}
    cards = [_card(rollouts[i], each[i], file) for i, file in zip(chosen, files, strict=True)]
    return cards, files


def worst_of(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is said of a suite's worst drives, from what its parts say; {} where they say nothing of any."""
    cards = [card for part in parts for card in part.get("worst", ())]
    return {"worst": sorted(cards, key=lambda card: (card["score"], card["scene"]))[:WORST]} if cards else {}


def pictures(rollout: Rollout) -> Iterator[Picture]:
    """Every tick of a drive as the front camera saw it [288, 480, 3], the last for a second."""
    picture = None
    for tick in range(len(rollout.history["t_us"])):
        picture = _seen(rollout, tick)
        yield picture
    if picture is not None:
        yield from [picture] * HELD


def _seen(rollout: Rollout, tick: int) -> Picture:
    assert rollout.film is not None
    picture = rollout.film(camera_of("front_wide", HEIGHT_PX, WIDTH_PX), tick).copy()
    if rollout.history["by_policy"][tick] and any(bool(rollout.history[name][tick]) for name in WRONG):
        for edge in (np.s_[:FRAME_PX], np.s_[-FRAME_PX:], np.s_[:, :FRAME_PX], np.s_[:, -FRAME_PX:]):
            picture[edge] = RED
    return picture


def _card(rollout: Rollout, score: float, file: str) -> dict[str, Any]:
    """What the report says of a drive; JSON."""
    return {
        "scene": str(rollout.scene),
        "score": round(score, 3),
        "says": what_went_wrong(rollout),
        "video": file,
        "picture": b64encode(jpeg(_seen(rollout, len(rollout.history["t_us"]) - 1))).decode(),
    }


def what_went_wrong(rollout: Rollout) -> str:
    """When and how a drive went wrong, each kind of event the first time, in order; of a drive without any, how far."""
    history, mine = rollout.history, rollout.history["by_policy"]
    found = []
    for name in WRONG:
        ticks = np.flatnonzero(history[name].astype(bool) & mine)
        if len(ticks):
            words = name.replace("_", " ")
            if name == "collision":
                words = f"touches {history[name][ticks[0]]} with its {history['collision_where'][ticks[0]]}"
            found.append((int(ticks[0]), f"{words} at {history['t_us'][ticks[0]] / 1e6:.1f} s"))
    said = [words for _, words in sorted(found, key=lambda event: event[0])]
    said += [rollout.failure] if rollout.failure else []
    return "; ".join(said) or f"made {history['progress_m'][-1]:.0f} m in {history['t_us'][-1] / 1e6:.1f} s"
