"""Moments at scale: key frames of ticks that are in memory, and splits of a million moments.

Run: .venv/bin/python benchmarks/bench_moments.py
Both sides of the splits run here: the tree that is used against a grid of 50 m cells looked through in Python, on the
same moments; their answers must be equal.
"""

import time
from collections import defaultdict

import numpy as np

from causeway.clips.splits import (
    _SLACK_M,
    APART_M,
    TEST,
    TRAIN,
    VAL,
    Whereabouts,
    _too_near,
    assert_apart,
    kept_apart,
    splits_of,
)
from causeway.meta_actions import detect_codes
from causeway.meta_actions.keyframes import key_frames
from causeway.meta_actions.keyframes_around import unknown
from causeway.meta_actions.keyframes_types import Behaviour

MOMENTS, DRIVES, TICKS = 1_000_000, 10_000, 1_000_000
NEAR_M = APART_M + _SLACK_M


def town(count: int, drives: int, rng: np.random.Generator) -> Whereabouts:
    """Moments of drives on the streets of a city of 20 x 20 km, 200 m apart, half of them in frames of their own."""
    drive = np.repeat(np.arange(drives), count // drives)
    step = np.tile(np.arange(count // drives), drives)
    names = np.array([f"drive-{i:06d}" for i in range(drives)], dtype=object)
    start, heading = rng.integers(0, 100, (2, drives)) * 200.0, rng.integers(0, 4, drives) * np.pi / 2
    x = start[0][drive] + np.cos(heading)[drive] * step * 40.0
    y = start[1][drive] + np.sin(heading)[drive] * step * 40.0
    world = np.where(np.arange(drives) % 2, "city", "").astype(object)[drive]
    empty, zeros = np.full(count, "", dtype=object), np.zeros(count, dtype=np.int64)
    end = np.full(count, (count // drives) * 4_000_000 + 10_000_000)
    return Whereabouts(names[drive], empty, empty, world, 2_000_000 + step * 4_000_000, x, y, zeros, end)


def by_hand(m: Whereabouts, frame: np.ndarray, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which rows are within 50 m of others, cell by cell."""
    cells = defaultdict(list)
    for i in others:
        cells[frame[i], int(m.x_m[i] // 50), int(m.y_m[i] // 50)].append(i)
    near = np.zeros(len(rows), dtype=bool)
    for k, i in enumerate(rows):
        a, b = int(m.x_m[i] // 50), int(m.y_m[i] // 50)
        beside = (j for da in (-1, 0, 1) for db in (-1, 0, 1) for j in cells.get((frame[i], a + da, b + db), ()))
        near[k] = any((m.x_m[i] - m.x_m[j]) ** 2 + (m.y_m[i] - m.y_m[j]) ** 2 <= NEAR_M**2 for j in beside)
    return near


def bench_splits() -> None:
    moments = town(MOMENTS, DRIVES, np.random.default_rng(0))
    begin = time.perf_counter()
    split = splits_of(moments)
    decided = time.perf_counter()
    apart = kept_apart(moments, split)
    cleared = time.perf_counter()
    kept = np.flatnonzero(apart != "buffer")
    assert_apart(moments.some(kept), apart[kept])
    done = time.perf_counter()
    print(f"splits of {MOMENTS:,} moments: decide {decided - begin:.2f} s, keep apart {cleared - decided:.2f} s,")
    print(f"  assert {done - cleared:.2f} s; {1 - len(kept) / MOMENTS:.1%} in buffers")
    places = moments.located()
    rows, others = np.flatnonzero(split == TRAIN)[:100_000], np.flatnonzero((split == TEST) | (split == VAL))
    begin = time.perf_counter()
    tree = _too_near(places, rows, others)
    middle = time.perf_counter()
    grid = by_hand(moments, places[0], rows, others)
    end = time.perf_counter()
    assert (tree == grid).all(), "the tree and the grid disagree"
    ours, other = middle - begin, end - middle
    print(f"  100,000 against {len(others):,}: tree {ours:.2f} s, grid {other:.2f} s, ratio {other / ours:.1f}")


def bench_key_frames() -> None:
    rng = np.random.default_rng(1)
    t_us = np.arange(TICKS, dtype=np.int64) * 100_000
    speed = np.clip(8 + np.cumsum(np.repeat(rng.normal(0, 0.12, TICKS // 50), 50)) % 16 - 8, 0, None)
    yaw = np.cumsum(np.repeat(rng.normal(0, 0.01, TICKS // 50), 50))
    zero = np.zeros(TICKS)
    begin = time.perf_counter()
    lon, lat = detect_codes(t_us, zero, zero, yaw, speed)
    named = time.perf_counter()
    behaviour = Behaviour(t_us, speed, yaw, lon.astype(np.int64), lat.astype(np.int64), np.full(TICKS, -1))
    found = key_frames(behaviour, *unknown(t_us))
    end = time.perf_counter()
    transitions = found.counts["transitions"]
    print(f"key frames: {transitions:,} transitions, {len(found.frames):,} key frames of {TICKS:,} ticks")
    rate = transitions / (end - named)
    print(f"  detectors {named - begin:.2f} s, key frames {end - named:.2f} s ({rate:,.0f} transitions/s)")


if __name__ == "__main__":
    bench_splits()
    bench_key_frames()
