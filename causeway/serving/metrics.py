"""What a server tells Prometheus about itself: times, refusals, cuts, decisions, and what the inputs look like.

Knows names, labels and buckets; `/metrics` is KServe's page, on which these appear. Does not know who scrapes it. No
label is taken from a request: model, part, outcome, cut and decision are closed sets. Import inside functions only.
"""

from __future__ import annotations

import numpy as np
from prometheus_client import Counter, Gauge, Histogram

from causeway.model.observation import Observation, frame_age_s
from causeway.serving.answering import Answered
from causeway.serving.contract import TIMING

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_REFUSED_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)
OUTCOMES = ("answered", "invalid", "full", "late", "stopping", "rigs_away", "failed", "cancelled")

PART = Histogram("causeway_part_seconds", "Time of an answer by part", ["model", "part"], buckets=_SECONDS)
SERVER = Histogram(
    "causeway_server_seconds",
    "The server's own work on an answered request: no decoding, no waiting, no model",
    ["model"],
    buckets=_REFUSED_SECONDS,
)
REQUESTS = Counter("causeway_requests", "Requests by how they ended", ["model", "outcome"])
REFUSED = Histogram(
    "causeway_refusal_seconds",
    "From the arrival of a request that was shed to its refusal",
    ["model"],
    buckets=_REFUSED_SECONDS,
)
INSIDE = Gauge("causeway_inside", "Requests inside: arriving, waiting or being answered", ["model"])
WAITING = Gauge("causeway_queue_length", "Requests that wait for their turn", ["model"])
BATCH = Histogram("causeway_batch_size", "Questions answered together", ["model"], buckets=(1, 2, 3, 4, 5, 6, 7, 8))
DEGRADED = Counter("causeway_degraded", "Answers by what was cut for their deadline", ["model", "cut"])
LACKED = Counter("causeway_lacked", "Answers that lacked something else", ["model", "what"])
DECISIONS = Counter("causeway_decisions", "Decisions of answers", ["model", "axis", "decision"])

SPEED = Histogram("causeway_input_speed_mps", "Measured speeds", ["model"], buckets=(0, 1, 3, 6, 10, 15, 20, 30, 40))
BRIGHTNESS = Histogram(
    "causeway_input_brightness", "Mean of a picture, 0 to 255", ["model"], buckets=(16, 32, 64, 96, 128, 160, 192, 224)
)
CONTRAST = Histogram(
    "causeway_input_contrast", "Standard deviation of a picture", ["model"], buckets=(4, 8, 16, 32, 48, 64, 80)
)
FRAME_AGE = Histogram(
    "causeway_input_frame_age_seconds", "Age of each newest picture", ["model"], buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1)
)
YAW = Histogram(
    "causeway_input_history_yaw_rad",
    "Yaw of the first pose of the history: how far the vehicle turned in 1.5 s",
    ["model"],
    buckets=(-0.8, -0.4, -0.2, -0.1, -0.03, 0.03, 0.1, 0.2, 0.4, 0.8),
)
CAMERAS = Counter("causeway_input_cameras", "Requests by number of cameras", ["model", "cameras"])
_EVERY_PIXEL = 8  # of a side that is looked at: statistics of a picture do not need all


def answered(model: str, answer: Answered, server_s: float) -> None:
    """Note an answer: its parts, cut and decisions."""
    REQUESTS.labels(model, "answered").inc()
    for part, milliseconds in zip(TIMING, answer.timing_ms.tolist(), strict=True):
        PART.labels(model, part).observe(milliseconds / 1e3)
    SERVER.labels(model).observe(server_s)
    BATCH.labels(model).observe(answer.batch)
    if answer.degraded:
        DEGRADED.labels(model, answer.degraded).inc()
    for what in {item.partition("=")[0] for item in answer.lacked.split(",") if item}:
        LACKED.labels(model, what).inc()
    for longitudinal, lateral in answer.decision:
        DECISIONS.labels(model, "longitudinal", longitudinal).inc()
        DECISIONS.labels(model, "lateral", lateral).inc()


def refused(model: str, outcome: str, took_s: float) -> None:
    """Note a request without an answer; the time counts where it was shed."""
    REQUESTS.labels(model, outcome).inc()
    if outcome in ("full", "late"):
        REFUSED.labels(model).observe(took_s)


def crowd(model: str, inside: int, waiting: int) -> None:
    """Note how many are inside and how many of them wait."""
    INSIDE.labels(model).set(inside)
    WAITING.labels(model).set(waiting)


def seen(model: str, observation: Observation) -> None:
    """Note what an input looks like, so that a drift from what the policy learnt on is visible from outside."""
    SPEED.labels(model).observe(observation.speed_mps)
    YAW.labels(model).observe(float(observation.ego_history[0, 2]))
    CAMERAS.labels(model, str(len(observation.cameras))).inc()
    for age_s in frame_age_s(observation)[:, -1].tolist():
        FRAME_AGE.labels(model).observe(age_s)
    newest = observation.images[:, -1, ::_EVERY_PIXEL, ::_EVERY_PIXEL].astype(np.float32)
    for picture in newest:
        BRIGHTNESS.labels(model).observe(float(picture.mean()))
        CONTRAST.labels(model).observe(float(picture.std()))
