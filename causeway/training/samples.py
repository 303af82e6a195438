"""Labels and clips become training samples: everything decoded once, and read back in any order.

Knows which label feeds which sample, what a sample without reasoning is, and how the work is cut. Does not know how
arrays are cut (`sample_parts`), found (`sample_drive`, `sample_pictures`) or stored (`sample_store`). Every input of a
sample is from t0 or before (causal locality, arXiv 2511.00088, section 3.2); only the trajectory and its controls are
what was driven after it. Memory holds one drive's motion and one shard's samples.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from causeway.artifacts import Artifact, Writer, progress, step
from causeway.clips import Clip
from causeway.clips.access import drives_of
from causeway.errors import UnusableInput, UsageError
from causeway.model.ahead import Ahead
from causeway.model.observation import Observation, Sample, check_sample
from causeway.model.surroundings import Surroundings
from causeway.training.sample_ahead_store import ahead_file, write_ahead
from causeway.training.sample_around import surroundings
from causeway.training.sample_around_store import around_file, write_around
from causeway.training.sample_drive import OneDrive, drive_reader, points_of, route_of
from causeway.training.sample_parts import chosen_cameras, ego_windows, rig_numbers, route_ahead
from causeway.training.sample_pictures import DamagedPictures, Pictures, decoded
from causeway.training.sample_store import StoredSamples, chosen_index, index_row, shard_file, write_shard
from causeway.training.sample_stream import Place, Share, one_epoch, read_ahead

_MASKED = ("none", "none")
_SHARD_BYTES = 2**28  # of pictures; larger pictures make shards of fewer samples, so that memory stays bounded
_OF_A_LABEL = ("moment_id", "clip_id", "t0_us", "status", "split", "scenario", "trace")
_NEVER_NULL = ("moment_id", "clip_id", "t0_us", "status", "split")
_DECISIONS = ("longitudinal_decision", "lateral_decision")


@dataclass(frozen=True)
class SamplesConfig:
    """What a sample holds. Pictures are the nearest earlier ones to t0 + offset, resized to height x width."""

    cameras: tuple[str, ...] = ("front_wide", "front_tele")
    frame_offsets_s: tuple[float, ...] = (-0.3, 0.0)  # oldest first, none after t0
    height: int = 128
    width: int = 192
    max_picture_age_s: float = 1.0  # an older picture than this is none: the camera is absent
    route_points: int = 0  # at most so many of the way ahead, one each 4 m; 0 = a sample has no route
    points: int = 0  # at most so many of a depth sensor's last scan, as old as a picture may be; 0 = none
    future_offsets_s: tuple[float, ...] = ()  # frames after t0 as training targets, nearest first; () = none
    shard_samples: int = 256

    def __post_init__(self) -> None:
        offsets = self.frame_offsets_s
        if not offsets or sorted(offsets) != list(offsets) or not np.isfinite(offsets).all() or offsets[-1] > 0:
            raise UsageError(f"frame_offsets_s {offsets}: give one or more, oldest first, none after t0")
        later = self.future_offsets_s
        if sorted(set(later)) != list(later) or not np.isfinite(later).all() or (later and later[0] <= 0):
            raise UsageError(f"future_offsets_s {later}: give seconds after t0, nearest first, or none")
        named = [c for c in self.cameras if c.strip() and "," not in c]
        if not named or len(set(named)) < len(self.cameras):
            raise UsageError(f"cameras {self.cameras}: name one or more, each once, without commas")
        if min(self.height, self.width, self.shard_samples) < 1 or min(self.route_points, self.points) < 0:
            raise UsageError("height, width and shard_samples must be at least 1, route_points and points 0 or more")
        if not 0 <= self.max_picture_age_s < np.inf:
            raise UsageError(f"max_picture_age_s {self.max_picture_age_s}: give seconds, 0 or more")


@dataclass(frozen=True, eq=False)
class _View:
    """What one camera saw: its pictures as they are stored, when they were taken, its calibration."""

    camera: str
    encoded: list[bytes]
    times_us: list[int]
    rig: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Cut:
    """A sample whose pictures are not decoded yet: [camera][frame] bytes as they are stored."""

    row: dict
    source: str
    observation: Observation  # without pixels
    encoded: list[list[bytes]]
    trajectory_rig: NDArray[np.float32]
    around: Surroundings
    unusable_tracks: int  # rows in reach without a pose or a size
    ahead: list[_View]  # what cameras saw after t0, where samples hold it


_Cutting = Callable[[dict], _Cut | UnusableInput]


@step(kind="samples")
def build_samples(labels: Artifact, clips: Artifact, *, out: Writer, config: SamplesConfig) -> None:
    """Write a sample for each label that was not rejected; what has no whole window or no picture is quarantined.

    Accepted labels give their trace and decisions; labels in review give "" and (none, none): such samples
    train the action stages with the reasoning masked, and never `coc`. UsageError for a config that cannot be;
    UnusableInput for a table that cannot be read or a moment that has two labels.
    """
    drives = drives_of(clips)
    wanted, rejected = _wanted(labels, drives)
    out.count(rejected=rejected)
    pictures = Pictures(clips.path("frames.parquet"), kept=2 * len(config.cameras))
    read = drive_reader(clips, drives, pictures)
    known = clips.table("clips", ["clip_id", "source", "vehicle_id"]).to_pylist()
    of_clip = {row["clip_id"]: (row["source"], row["vehicle_id"] or "") for row in known}

    def cut(row: dict) -> _Cut | UnusableInput:
        drive = None if row["drive_id"] is None else read(row["drive_id"])  # a damaged table ends the build
        try:
            return _cut(row, *of_clip.get(row["clip_id"], ("", "")), drive, pictures, config)
        except DamagedPictures:
            raise
        except UnusableInput as error:  # this label's own fault
            return error

    size = per_shard(config)
    starts = range(0, wanted.num_rows, size)
    for number, start in enumerate(progress(starts, len(starts), "shards")):
        name = f"{number:06d}"
        with out.shard(name) as shard:
            if shard is not None:
                _write(wanted.slice(start, size).to_pylist(), cut, config, name, shard, out)


def per_shard(config: SamplesConfig) -> int:
    """Samples of a shard: `shard_samples`, or as many as keep its pictures below 256 MiB."""
    sample = len(config.cameras) * len(config.frame_offsets_s) * config.height * config.width * 3
    return min(config.shard_samples, max(1, _SHARD_BYTES // sample))


def _wanted(labels: Artifact, drives: Mapping[str, Sequence[Clip]]) -> tuple[pa.Table, int]:
    """Labels that were not rejected, by drive (null: not among the clips) and time, and how many were."""
    table = labels.table("labels", [*_OF_A_LABEL, *_DECISIONS])
    twice = table.group_by("moment_id").aggregate([([], "count_all")]).filter(pc.field("count_all") > 1)
    if twice.num_rows:
        moment_id = twice.column("moment_id")[0].as_py()
        raise UnusableInput(f"{labels.location}: moment {moment_id} has two labels; validate the labels first")
    empty = next((name for name in _NEVER_NULL if table.column(name).null_count), None)
    if empty is not None:
        raise UnusableInput(f"{labels.location}: a label without {empty}; validate the labels first")
    drive_of = {part.clip_id: drive_id for drive_id, parts in drives.items() for part in parts}
    wanted = table.filter(pc.field("status") != "rejected")
    drive_ids = [drive_of.get(clip_id) for clip_id in wanted.column("clip_id").to_pylist()]
    wanted = wanted.append_column("drive_id", pa.array(drive_ids, pa.string()))
    by_drive = [(name, "ascending") for name in ("drive_id", "t0_us", "moment_id")]
    return wanted.sort_by(by_drive), table.num_rows - wanted.num_rows


def _write(block: list[dict], cut: _Cutting, config: SamplesConfig, name: str, shard, out: Writer) -> None:  # type: ignore[no-untyped-def]
    """One shard: its file, its rows of the index, and what could not be a sample."""

    def finish(item: _Cut | UnusableInput) -> tuple[Sample, str, int] | UnusableInput:
        try:
            if isinstance(item, UnusableInput):
                return item
            return _finished(item, config), item.source, item.unusable_tracks
        except UnusableInput as error:
            return error

    made: list[tuple[Sample, str, int]] = []
    answers = read_ahead(finish, map(cut, block), len(os.sched_getaffinity(0)))
    for row, answer in zip(block, answers, strict=True):
        if isinstance(answer, UnusableInput):
            shard.quarantine("label", row["moment_id"], "no_sample", str(answer))
        else:
            made.append(answer)
    if made:
        samples = [sample for sample, _, _ in made]
        write_shard(samples, config.cameras, out.path(shard_file(name)))
        around = [sample.around for sample in samples if sample.around]
        ids = [sample.sample_id for sample in samples]
        write_around(around, ids, out.path(around_file(name)))
        write_ahead([sample.ahead for sample in samples], ids, out.path(ahead_file(name)))
    shard.table("samples", [index_row(sample, name, i, source) for i, (sample, source, _) in enumerate(made)])
    shard.count(read=len(block), kept=len(made), **_counts(made))


def _counts(made: list[tuple[Sample, str, int]]) -> dict[str, int]:
    known = [sample.around for sample, _, _ in made if sample.around]
    return {
        "with_reasoning": sum(bool(sample.reasoning) for sample, _, _ in made),
        "with_agents": sum(around.agents is not None for around in known),
        "with_road": sum(around.road is not None for around in known),
        "unusable_track_rows": sum(unusable for _, _, unusable in made),
    }


def _cut(
    row: dict, source: str, rig_id: str, drive: OneDrive | None, pictures: Pictures, config: SamplesConfig
) -> _Cut:
    """What one label needs of its drive; UnusableInput says why it cannot be had."""
    clip_id, t0_us = row["clip_id"], row["t0_us"]
    if drive is None:
        raise UnusableInput(f"clip {clip_id} is not among the clips; name those that the labels came from")
    history, speed_mps, future = ego_windows(drive.ego, t0_us)
    views = list(_views(clip_id, t0_us, config.frame_offsets_s, drive, pictures, config))
    ahead = list(_views(clip_id, t0_us, config.future_offsets_s, drive, pictures, config))
    if not views:
        raise UnusableInput(f"no camera has pictures within {config.max_picture_age_s} s before t0 {t0_us} us")
    observation = Observation(
        images=np.zeros((len(views), len(config.frame_offsets_s), 0, 0, 3), dtype=np.uint8),
        frame_t_us=np.array([view.times_us for view in views], dtype=np.int64),
        cameras=tuple(view.camera for view in views),
        rig=np.array([view.rig for view in views], dtype=np.float32),
        ego_history=history,
        speed_mps=speed_mps,
        t0_us=t0_us,
        route=route_ahead(drive.ego, t0_us, route_of(drive, clip_id), config.route_points),
        rig_id=rig_id,
        points=points_of(drive, t0_us, round(config.max_picture_age_s * 1e6), config.points),
    )
    around, unusable = surroundings(drive.around, drive.ego, t0_us, clip_id)
    return _Cut(row, source, observation, [view.encoded for view in views], future, around, unusable, ahead)


def _views(
    clip_id: str,
    t0_us: int,
    offsets_s: Sequence[float],
    drive: OneDrive,
    pictures: Pictures,
    config: SamplesConfig,
) -> Iterator[_View]:
    """Of the wanted cameras those that have a recent picture for every offset; for one after t0 a picture after t0."""
    untils = [t0_us + round(offset * 1e6) for offset in offsets_s]
    age_us = round(config.max_picture_age_s * 1e6)
    for name, rig in chosen_cameras(drive.rigs.get(clip_id, []), config.cameras).items():
        ages_us = [min(age_us, until - t0_us - 1) if until > t0_us else age_us for until in untils]
        found = [drive.pictures.latest(rig["camera"], *pair) for pair in zip(untils, ages_us, strict=True)]
        there = [place for place in found if place is not None]
        size = drive.pictures.sizes.get((clip_id, rig["camera"]))
        if found and len(there) == len(found) and size is not None:
            encoded = [pictures.encoded(group, number) for _, group, number in there]
            yield _View(name, encoded, [t_us for t_us, _, _ in there], rig_numbers(rig, *size))


def _finished(cut: _Cut, config: SamplesConfig) -> Sample:
    """The sample with its pictures decoded and its controls found; UnusableInput when one of them cannot be."""
    from causeway.model.action_space import controls_from_trajectory

    row, seen = cut.row, cut.observation
    accepted = row["status"] == "accepted"
    if accepted and not (row["trace"] and all(row[name] for name in _DECISIONS)):
        raise UnusableInput("its label is accepted and has no trace or no decision; validate the labels first")
    sample = Sample(
        sample_id=row["moment_id"],
        clip_id=row["clip_id"],
        t0_us=row["t0_us"],
        split=row["split"],
        scenario=row["scenario"],
        observation=replace(seen, images=_images(seen.cameras, cut.encoded, seen.frame_t_us.tolist(), config)),
        reasoning=row["trace"] if accepted else "",
        decision=(row[_DECISIONS[0]], row[_DECISIONS[1]]) if accepted else _MASKED,
        controls=controls_from_trajectory(cut.trajectory_rig, seen.speed_mps),
        trajectory_rig=cut.trajectory_rig,
        around=cut.around,
        ahead=_ahead(cut.ahead, config),
    )
    return check_sample(sample)


def _ahead(views: Sequence[_View], config: SamplesConfig) -> Ahead | None:
    """What cameras saw after t0, decoded; None where no camera saw all of it."""
    if not views:
        return None
    cameras = tuple(view.camera for view in views)
    times = [view.times_us for view in views]
    images = _images(cameras, [view.encoded for view in views], times, config)
    return Ahead(images, np.array(times, dtype=np.int64), cameras, np.array([view.rig for view in views]))


def _images(
    cameras: Sequence[str], encoded: Sequence[Sequence[bytes]], times_us: Sequence[Sequence[int]], config: SamplesConfig
) -> NDArray[np.uint8]:
    """[cameras, frames, height, width, 3]; UnusableInput names the picture that cannot be decoded."""
    images = []
    for camera, frames, times in zip(cameras, encoded, times_us, strict=True):
        for picture, t_us in zip(frames, times, strict=True):
            try:
                images.append(decoded(picture, config.height, config.width))
            except UnusableInput as error:
                raise UnusableInput(f"picture of camera {camera} at {t_us} us: {error}") from error
    return np.stack(images).reshape(len(encoded), -1, config.height, config.width, 3)


def load_samples(
    samples: Artifact,
    split: str | None = None,
    limit: int | None = None,
    with_reasoning: bool | None = None,
    around: bool = False,
    ahead: bool = False,
) -> StoredSamples:
    """Samples ordered by sample_id, read as they are asked for: of one split, at most `limit`, with (or without)
    reasoning; with what stood `around` each (`Sample.around`) only for rewards, evaluation and a stage that is told
    where the road is; with the frames `ahead` only for a stage that foresees them.
    """
    return StoredSamples(samples, chosen_index(samples, split, with_reasoning), around, ahead)[:limit]


def iterate(
    samples: Artifact,
    seed: int,
    share: Share | None = None,
    start: Place | None = None,
    split: str | None = None,
    with_reasoning: bool | None = None,
) -> Iterator[Sample]:
    """Our share of one epoch (of what is left of it from `start` on), in an order that (seed, epoch) alone decides.

    All shares together are all samples, none twice. For epoch after epoch see `sample_stream.stream`.
    """
    yield from one_epoch(load_samples(samples, split, with_reasoning=with_reasoning), seed, start, share)
