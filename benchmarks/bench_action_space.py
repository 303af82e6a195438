"""Trajectories to controls: our batched inversion beside the printed method solved one trajectory at a time.

The other side is the method as it is published (arXiv 2511.00088 and method C 1.9: heading, speed, acceleration and
curvature one after the other, each a dense least-squares problem with a difference penalty and a ridge), in numpy and
scipy with the measured speed at t0, without bounds. Residuals are rates (metres, radians and metres a second, each a
second): the weights are printed without units, and so they give the errors that are published with them. Both sides
invert the same trajectories in one process:

- every window of 6.4 s, each 0.5 s, of every ego path under CAUSEWAY_TEST_DRIVES (left out when it is not set);
- made paths: curved launch, stop at 9.8 m/s², turn of 3.5 m, noise of 1 cm.

    CAUSEWAY_TEST_DRIVES=data .venv/bin/python benchmarks/bench_action_space.py

Prints trajectories a second, their ratio, and the round trip's error (ADE; FDE in metres) of both sides and of ours
through action tokens.
"""

import contextlib
import io
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from measure_folders import sources
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from causeway.artifacts import Artifact, run
from causeway.clips.access import each_drive
from causeway.clips.ingest import IngestConfig, ingest
from causeway.errors import CausewayError
from causeway.model import action_tokens
from causeway.model.action_space import controls_from_trajectory, trajectory_from_controls
from causeway.training.sample_parts import ego_windows

Floats = NDArray[np.float64]
Windows = tuple[Floats, Floats]  # trajectories [n, 64, 3], speeds [n]
STRIDE = 5
REPEATS = 3


def _solved(model: Floats, target: Floats, order: int, smoothing: float, ridge: float) -> Floats:
    """Least squares with a penalty on differences of an order, scaled to seconds, and a ridge."""
    bend = np.diff(np.eye(model.shape[1]), n=order, axis=0)
    normal = model.T @ model + smoothing / 0.1 ** (2 * order) * bend.T @ bend + ridge * np.eye(model.shape[1])
    return cho_solve(cho_factor(normal), model.T @ target)


def published(trajectory: Floats, speed_mps: float) -> Floats:
    """Controls [64, 2] of one trajectory by the printed chain of fits."""
    heading = np.concatenate([[0.0], _solved(np.eye(64), np.unwrap(trajectory[:, 2]), 3, 1e-6, 1e-8)])
    xy = np.concatenate([np.zeros((1, 2)), trajectory[:, :2]])
    ends = np.zeros((2, 64, 65))
    steps = np.arange(64)
    for axis, along in enumerate((np.cos(heading), np.sin(heading))):
        ends[axis, steps, steps], ends[axis, steps, steps + 1] = along[:-1] / 2, along[1:] / 2
    target = np.diff(xy, axis=0).T / 0.1 - ends[:, :, 0] * speed_mps
    speed = _solved(ends[:, :, 1:].reshape(128, 64), target.reshape(128), 3, 1e-6, 1e-4)
    speed = np.concatenate([[speed_mps], speed])
    acceleration = _solved(np.eye(64), np.diff(speed) / 0.1, 2, 1e-4, 1e-4)
    curvature = _solved(np.diag(speed[:-1] + acceleration * 0.05), np.diff(heading) / 0.1, 2, 1e-4, 1e-4)
    return np.stack([acceleration, curvature], axis=-1)


def published_all(trajectories: Floats, speeds: Floats) -> Floats:
    """One at a time."""
    return np.stack([published(*row) for row in zip(trajectories, speeds, strict=True)])


def ours_torch(trajectories: Floats, speeds: Floats) -> Floats:
    """All at once, in torch."""
    import torch

    return controls_from_trajectory(torch.from_numpy(trajectories), torch.from_numpy(speeds)).numpy()


def recorded() -> Iterator[tuple[str, Windows]]:
    """The windows of every source of real drives that is long enough."""
    folder = os.environ.get("CAUSEWAY_TEST_DRIVES")
    scratch = Path(tempfile.mkdtemp(prefix="causeway-action-space-"))
    try:
        for source in sources(Path(folder)) if folder else ():
            with contextlib.suppress(CausewayError), contextlib.redirect_stderr(io.StringIO()):
                made = run(ingest, {"drives": str(source)}, out=str(scratch / source.stem), config=IngestConfig())
                windows = _windows(Artifact(made))
                if len(windows[1]):
                    yield source.name, windows
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _windows(clips: Artifact) -> Windows:
    trajectories, speeds = [], []
    for _, ego in each_drive(clips):
        for t0_us in ego.t_us[15:-64:STRIDE].tolist():
            with contextlib.suppress(CausewayError):
                _, speed, future = ego_windows(ego, t0_us)
                trajectories.append(future.astype(np.float64))
                speeds.append(speed)
    return np.array(trajectories).reshape(-1, 64, 3), np.array(speeds)


def made() -> Iterator[tuple[str, Windows]]:
    """Paths driven with known controls, a hundred times finer than the unicycle."""
    cases = {
        "curved launch": (lambda t: 2.0, lambda t: 0.15, 0.0, 0.0),
        "stop at 9.8 m/s²": (lambda t: -9.8 if t < 2.0 else 0.0, lambda t: 0.0, 19.6, 0.0),
        "turn of 3.5 m": (lambda t: 0.0, lambda t: 1 / 3.5, 4.0, 0.0),
        "cruise, noise of 1 cm": (lambda t: 0.0, lambda t: 0.0, 15.0, 0.01),
    }
    for name, (acceleration, curvature, speed, noise) in cases.items():
        path = _driven(acceleration, curvature, speed)
        rows = np.repeat(path[None], 20, axis=0)
        rows[..., :2] += np.random.default_rng(0).normal(size=rows[..., :2].shape) * noise
        yield name, (rows, np.full(20, speed))


def _driven(acceleration: Callable[[float], float], curvature: Callable[[float], float], speed: float) -> Floats:
    dt, x, y, yaw, path = 0.001, 0.0, 0.0, 0.0, []
    for tick in range(6400):
        t = (tick + 0.5) * dt
        middle = speed + acceleration(t) * dt / 2
        half = curvature(t) * middle * dt / 2
        x, y, yaw = x + middle * np.cos(yaw + half) * dt, y + middle * np.sin(yaw + half) * dt, yaw + 2 * half
        speed += acceleration(t) * dt
        if tick % 100 == 99:
            path.append((x, y, yaw))
    return np.array(path)


def error(controls: Floats, windows: Windows) -> str:
    """ADE and FDE of the way back, mean over trajectories, and the worst trajectory's ADE."""
    distance = np.linalg.norm((trajectory_from_controls(controls, windows[1]) - windows[0])[..., :2], axis=-1)
    return f"{distance.mean():.4f} {distance[:, -1].mean():.4f} ({distance.mean(axis=1).max():.3f})"


def main() -> None:
    """Print one row a source, then the rates."""
    print("| paths | trajectories | ours | ours through tokens | published |\n|---|---|---|---|---|", flush=True)
    every: list[Windows] = []
    for name, windows in (*recorded(), *made()):
        every.append(windows)
        controls = controls_from_trajectory(*windows)
        tokens = action_tokens.decode(action_tokens.encode(controls))
        cells = [error(controls, windows), error(tokens, windows), error(published_all(*windows), windows)]
        print(f"| {name} | {len(windows[1])} | {' | '.join(cells)} |", flush=True)
    print("ADE FDE (worst ADE) in metres")
    trajectories, speeds = (np.concatenate(parts) for parts in zip(*every, strict=True))
    trajectories, speeds = trajectories[:2048], speeds[:2048]
    rates: dict[str, float] = {}
    for name, invert in (("numpy", controls_from_trajectory), ("torch", ours_torch), ("published", published_all)):
        took = []
        for _ in range(REPEATS):
            began = time.process_time()
            invert(trajectories, speeds)
            took.append(time.process_time() - began)
        rates[name] = len(speeds) / min(took)
    for name, rate in rates.items():
        print(f"{name}: {rate:,.0f} trajectories/s, {rate / rates['published']:.1f} × the published chain one by one")


if __name__ == "__main__":
    main()
