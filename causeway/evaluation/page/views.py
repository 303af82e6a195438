"""What a page shows of one sample: every camera's latest picture with the paths drawn in, and what stood around it.

Knows pixels, JPEG and how little of the surroundings a small drawing needs. Does not know why a sample was chosen.
"""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.page.pictures import PREDICTED, RECORDED, draw_path, enlarged, jpeg
from causeway.model.observation import Sample
from causeway.model.surroundings import Agents

OTHERS_PX = 320  # the first camera is drawn larger
MOST_AGENTS, MOST_POINTS = 24, 1500
NEAR_M = 90.0  # nothing farther from t0 is drawn
_EVERY = 8  # ticks between the places of an agent that are drawn


def views(sample: Sample, predicted: NDArray[np.float64]) -> dict[str, Any]:
    """`picture` and `camera` of the first camera, `others` [{camera, picture}], `around` or None; JPEG in base64."""
    seen = sample.observation
    others = [
        {"camera": name, "picture": _drawn(sample, predicted, number, OTHERS_PX)}
        for number, name in enumerate(seen.cameras)
        if number
    ]
    return {
        "picture": _drawn(sample, predicted, 0),
        "camera": seen.cameras[0],
        "others": others,
        "around": surroundings(sample),
    }


def _drawn(sample: Sample, predicted: NDArray[np.float64], camera: int, width_px: int | None = None) -> str:
    seen = sample.observation
    image = enlarged(seen.images[camera, -1], width_px) if width_px else enlarged(seen.images[camera, -1])
    image = draw_path(image, predicted, seen.rig[camera], PREDICTED)
    image = draw_path(image, sample.trajectory_rig, seen.rig[camera], RECORDED, width_m=0.25)  # on top, both are seen
    return base64.b64encode(jpeg(image)).decode()


def surroundings(sample: Sample) -> dict[str, Any] | None:
    """Agents (box at the first tick and places until the last) and road of a sample, cm; None where not asked for."""
    around = sample.around
    if around is None:
        return None
    return {
        "agents": _agents(around.agents) if around.agents is not None else [],
        "road": _road(around.road or ()),
        "car": [around.footprint.length_m, around.footprint.width_m, around.footprint.rear_axle_to_centre_m],
    }


def _agents(agents: Agents) -> list[dict[str, Any]]:
    first = agents.present.argmax(axis=1)
    there = np.flatnonzero(agents.present.any(axis=1))
    at = agents.poses_rig[there, first[there]]
    near = there[np.hypot(at[:, 0], at[:, 1]) < NEAR_M]
    order = near[np.argsort(np.hypot(*agents.poses_rig[near, first[near], :2].T), kind="stable")][:MOST_AGENTS]
    return [
        {
            "kind": agents.kinds[i],
            "pose": _cm(agents.poses_rig[i, first[i]]),
            "size": _cm(agents.sizes_m[i]),
            "way": _cm(agents.poses_rig[i, agents.present[i], :2][::_EVERY]),
        }
        for i in order.tolist()
    ]


def _road(rings: tuple[NDArray[np.float32], ...]) -> list[Any]:
    """The rings nearest to the car, as many as a small drawing takes."""
    distance = [float(np.hypot(*ring.T).min()) for ring in rings]
    found, points = [], 0
    for number in np.argsort(distance, kind="stable").tolist():
        points += len(rings[number])
        if distance[number] > NEAR_M or points > MOST_POINTS:
            break
        found.append(_cm(rings[number]))
    return found


def _cm(values: Any) -> Any:
    return np.round(np.asarray(values, dtype=np.float64), 2).tolist()
