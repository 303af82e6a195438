"""Tiny synthetic samples whose words, pictures and paths belong together: brake for a red picture, drive on for a green."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from causeway.artifacts import Artifact, Writer, run, step
from causeway.model.action_space import trajectory_from_controls
from causeway.model.ahead import Ahead
from causeway.model.observation import ObservationSpec, Sample, example_observation
from causeway.model.surroundings import Surroundings
from causeway.training.sample_ahead_store import ahead_file, write_ahead
from causeway.training.sample_around_store import around_file, write_around
from causeway.training.sample_store import index_row, shard_file, write_shard

STOP, GO = "Stop for the red light ahead.", "Track the set speed for the green light ahead."
SPEC = ObservationSpec(cameras=("front_wide",), frame_offsets_s=(0.0,), height=64, width=96)


def example_samples(count: int, reasoning: bool = True, seed: int = 0) -> list[Sample]:
    """`count` samples, red and green in turn, at different speeds."""
    rng = np.random.default_rng(seed)
    return [_example(i, float(rng.uniform(6, 12)), reasoning, seed + i) for i in range(count)]


def _example(number: int, speed_mps: float, reasoning: bool, seed: int) -> Sample:
    red = number % 2 == 0
    observation = example_observation(seed, SPEC, speed_mps)
    images = observation.images // 4
    images[..., 0 if red else 1] += 180
    controls = np.zeros((64, 2), dtype=np.float32)
    controls[:, 0] = -1.5 if red else 0.0
    stopped = speed_mps + np.cumsum(controls[:, 0]) * 0.1 < 0.15
    controls[stopped, 0] = 0.0
    return Sample(
        sample_id=f"sample-{number:03d}",
        clip_id=f"clip-{number:03d}",
        t0_us=observation.t0_us,
        split="train",
        scenario="stop_for_control",
        observation=replace(observation, images=images),
        reasoning=(STOP if red else GO) if reasoning else "",
        decision=("stop_for_static_constraint" if red else "set_speed_tracking", "none")
        if reasoning
        else ("none", "none"),
        controls=controls,
        trajectory_rig=np.float32(trajectory_from_controls(controls[None], np.array([speed_mps]))[0]),
    )


RIGS = ("north", "south")
ROAD = np.float32([[-20, 2], [60, 2], [60, -2], [-20, -2]])  # one lane ahead


def equipped_samples(count: int) -> list[Sample]:
    """Samples that hold everything that any recipe asks for."""
    return [_equipped(sample, number) for number, sample in enumerate(with_ahead(example_samples(count)))]


def _equipped(sample: Sample, number: int) -> Sample:
    points = np.random.default_rng(number).uniform(-20, 20, (3 + number, 3)).astype(np.float32)
    observation = replace(sample.observation, rig_id=RIGS[number // 2 % 2], points=points)
    return replace(sample, observation=observation, around=Surroundings(None, (ROAD,)))


def with_ahead(samples: list[Sample], frames: int = 1) -> list[Sample]:
    """The samples with frames half a second after t0 and on: darker ones of the same colour."""
    return [replace(sample, ahead=_ahead(sample, frames)) for sample in samples]


def _ahead(sample: Sample, frames: int) -> Ahead:
    seen = sample.observation
    times = sample.t0_us + 500_000 * np.arange(1, frames + 1)
    images = np.repeat(seen.images[:, -1:] // 2, frames, axis=1)
    return Ahead(images, np.tile(times, (len(seen.cameras), 1)), seen.cameras, seen.rig)


def store_samples(folder: Path, samples: list[Sample]) -> Artifact:
    """The samples as an artifact of one shard."""

    @step(kind="samples")
    def given(*, out: Writer) -> None:
        write_shard(samples, samples[0].observation.cameras, out.path(shard_file("000000")))
        around = [sample.around for sample in samples if sample.around]
        if around:
            write_around(around, [sample.sample_id for sample in samples], out.path(around_file("000000")))
        write_ahead([s.ahead for s in samples], [s.sample_id for s in samples], out.path(ahead_file("000000")))
        out.table("samples", [index_row(s, "000000", i, "test drives") for i, s in enumerate(samples)])
        out.source("test drives", "CC0-1.0")

    return Artifact(run(given, {}, out=str(folder)))


TICKS_S = np.arange(1, 65) * 0.1


def straight(speed_mps: float, accel_mps2: float = 0.0, floor_mps: float = 0.0) -> np.ndarray:
    speeds = np.maximum(speed_mps + accel_mps2 * np.arange(64) * 0.1, floor_mps)
    return np.stack([np.cumsum(speeds) * 0.1, np.zeros(64), np.zeros(64)], axis=-1)


def circle(speed_mps: float, radius_m: float) -> np.ndarray:
    yaw = TICKS_S * speed_mps / radius_m
    return np.stack([radius_m * np.sin(yaw), radius_m * (1 - np.cos(yaw)), yaw], axis=-1)


def moved(path: np.ndarray, turn_rad: float, shift_m: tuple[float, float]) -> np.ndarray:
    cosine, sine = np.cos(turn_rad), np.sin(turn_rad)
    xy = path[..., :2] @ np.array([[cosine, sine], [-sine, cosine]]) + shift_m
    return np.concatenate([xy, path[..., 2:] + turn_rad], axis=-1)


def beside(path: np.ndarray, y_m: float, x_m: float = 0.0) -> np.ndarray:
    """Poses, or points, moved to the left and ahead."""
    return path + np.array([x_m, y_m, 0.0])[: path.shape[-1]]


def agent_at(x_m: float, y_m: float, yaw_rad: float = 0.0) -> np.ndarray:
    """One agent that stands there for 64 ticks."""
    return np.tile([x_m, y_m, yaw_rad], (1, 64, 1))
