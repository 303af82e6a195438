"""Labels and clips become training samples: everything decoded once, and read back in any order.

Knows which label feeds which sample and what a sample without reasoning is. Does not know how arrays are cut
(`sample_parts`) or stored (`sample_store`). Every input of a sample is from t0 or before (causal locality,
arXiv 2511.00088, section 3.2); only the trajectory and its controls are what was driven after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from causeway.artifacts import Artifact, Writer, step
from causeway.clips import EgoMotion, ego_by_drive
from causeway.errors import UnusableInput, UsageError
from causeway.model.observation import Observation, Sample, check_sample
from causeway.training.sample_parts import Pictures, chosen_cameras, ego_windows, rig_numbers
from causeway.training.sample_store import chosen_rows, index_row, read_samples, shard_file, write_shard

_MASKED = ("none", "none")


@dataclass(frozen=True)
class SamplesConfig:
    """What a sample holds. Pictures are the nearest earlier ones to t0 + offset, resized to height x width."""

    cameras: tuple[str, ...] = ("front_wide", "front_tele")
    frame_offsets_s: tuple[float, ...] = (-0.3, 0.0)  # oldest first, none after t0
    height: int = 128
    width: int = 192
    max_picture_age_s: float = 1.0  # an older picture than this is none: the camera is absent
    shard_samples: int = 256


@dataclass(frozen=True, eq=False)
class _Clips:
    """What samples need of a clips artifact, opened once."""

    drive_of: dict[str, str]
    source_of: dict[str, str]
    ego: dict[str, EgoMotion]
    rigs: dict[str, list[dict]]
    pictures: Pictures
    picture_size: dict[tuple[str, str], tuple[int, int]]


@step(kind="samples")
def build_samples(labels: Artifact, clips: Artifact, *, out: Writer, config: SamplesConfig) -> None:
    """Write a sample for each label that was not rejected; what has no whole window or no picture is quarantined.

    Accepted labels give their trace and decisions; labels in review give "" and (none, none): such samples
    train the action stages with the reasoning masked, and never `coc`.
    """
    if not config.frame_offsets_s or sorted(config.frame_offsets_s) != list(config.frame_offsets_s):
        raise UsageError(f"frame_offsets_s {config.frame_offsets_s}: give one or more, oldest first")
    if config.frame_offsets_s[-1] > 0 or not config.cameras:
        raise UsageError("frame_offsets_s must not be after t0, and cameras must name at least one")
    rows = labels.table("labels").sort_by([("clip_id", "ascending"), ("t0_us", "ascending")]).to_pylist()
    wanted = [row for row in rows if row["status"] != "rejected"]
    out.count(rejected=len(rows) - len(wanted))
    opened = _open(clips)
    for start in range(0, len(wanted), config.shard_samples):
        name = f"{start // config.shard_samples:06d}"
        with out.shard(name) as shard:
            if shard is None:
                continue
            samples: list[Sample] = []
            block = wanted[start : start + config.shard_samples]
            for row in block:
                try:
                    samples.append(_sample(row, opened, config))
                except UnusableInput as error:
                    shard.quarantine("label", row["moment_id"], "no_sample", str(error))
            if samples:
                write_shard(samples, config.cameras, out.path(shard_file(name)))
            sources = [opened.source_of[sample.clip_id] for sample in samples]
            index = [index_row(s, name, i, source) for i, (s, source) in enumerate(zip(samples, sources, strict=True))]
            shard.table("samples", index)
            shard.count(read=len(block), kept=len(samples), with_reasoning=sum(bool(s.reasoning) for s in samples))


def _open(clips: Artifact) -> _Clips:
    described = clips.table("clips", ["clip_id", "drive_id", "source"]).to_pylist()
    drive_of = {row["clip_id"]: row["drive_id"] for row in described}
    rigs: dict[str, list[dict]] = {}
    for row in clips.table("rigs").to_pylist():
        rigs.setdefault(row["clip_id"], []).append(row)
    sizes = clips.table("frames", ["clip_id", "camera", "width", "height"]).group_by(["clip_id", "camera"])
    picture_size = {
        (row["clip_id"], row["camera"]): (row["width_min"], row["height_min"])
        for row in sizes.aggregate([("width", "min"), ("height", "min")]).to_pylist()
    }
    return _Clips(
        drive_of=drive_of,
        source_of={row["clip_id"]: row["source"] for row in described},
        ego=ego_by_drive(clips),
        rigs=rigs,
        pictures=Pictures(clips, drive_of),
        picture_size=picture_size,
    )


def _sample(row: dict, clips: _Clips, config: SamplesConfig) -> Sample:
    """The sample of one label; UnusableInput says why there is none."""
    from causeway.model.action_space import controls_from_trajectory

    drive_id = clips.drive_of.get(row["clip_id"])
    if drive_id is None:
        raise UnusableInput(f"clip {row['clip_id']} is not among the clips; name those that the labels came from")
    history, speed_mps, future = ego_windows(clips.ego[drive_id], row["t0_us"])
    accepted = row["status"] == "accepted"
    sample = Sample(
        sample_id=row["moment_id"],
        clip_id=row["clip_id"],
        t0_us=row["t0_us"],
        split=row["split"],
        scenario=row["scenario"],
        observation=_observation(row["clip_id"], drive_id, row["t0_us"], history, speed_mps, clips, config),
        reasoning=row["trace"] if accepted else "",
        decision=(row["longitudinal_decision"], row["lateral_decision"]) if accepted else _MASKED,
        controls=controls_from_trajectory(future, speed_mps),
        trajectory_rig=future,
    )
    return check_sample(sample)


def _observation(
    clip_id: str,
    drive_id: str,
    t0_us: int,
    history: np.ndarray,
    speed_mps: float,
    clips: _Clips,
    config: SamplesConfig,
) -> Observation:
    names, images, times, rigs = [], [], [], []
    untils = [t0_us + round(offset * 1e6) for offset in config.frame_offsets_s]
    for name, rig in chosen_cameras(clips.rigs.get(clip_id, []), config.cameras).items():
        age_us = round(config.max_picture_age_s * 1e6)
        found = [clips.pictures.latest(drive_id, rig["camera"], until, age_us) for until in untils]
        there = [place for place in found if place is not None]
        size = clips.picture_size.get((clip_id, rig["camera"]))
        if len(there) < len(found) or size is None:
            continue
        names.append(name)
        images.append([clips.pictures.decoded(g, r, config.height, config.width) for _, g, r in there])
        times.append([t_us for t_us, _, _ in there])
        rigs.append(rig_numbers(rig, *size))
    if not names:
        raise UnusableInput(f"no camera has pictures within {config.max_picture_age_s} s before t0 {t0_us} us")
    return Observation(
        images=np.array(images, dtype=np.uint8),
        frame_t_us=np.array(times, dtype=np.int64),
        cameras=tuple(names),
        rig=np.array(rigs, dtype=np.float32),
        ego_history=history,
        speed_mps=speed_mps,
        t0_us=t0_us,
    )


def load_samples(
    samples: Artifact, split: str | None = None, limit: int | None = None, with_reasoning: bool | None = None
) -> list[Sample]:
    """Samples in memory, ordered by sample_id: of one split, at most `limit`, with (or without) reasoning."""
    return list(read_samples(samples, chosen_rows(samples, split, with_reasoning)[:limit]))


def iterate(
    samples: Artifact,
    seed: int,
    rank: int = 0,
    world: int = 1,
    split: str | None = None,
    with_reasoning: bool | None = None,
) -> Iterator[Sample]:
    """One pass over the samples in an order that `seed` alone decides, read as they are asked for.

    Ranks 0 … world - 1 get every `world`-th one: together all of them, none twice. UsageError for another
    rank.
    """
    if not 0 <= rank < world:
        raise UsageError(f"rank {rank} of {world}: ranks are numbered from 0")
    rows = chosen_rows(samples, split, with_reasoning)
    order = np.random.default_rng(seed).permutation(len(rows))
    yield from read_samples(samples, [rows[i] for i in order[rank::world]])
