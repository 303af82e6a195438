"""The step `ingest`: drives in any layout become clips of up to 20 s at 10 Hz.

Knows how a drive is cut into clips and which rows each clip gets. Does not know layouts (readers do) nor how values
are derived (`motion`, `cutting`). One shard is one clip: pictures are decoded, encoded and written clip by clip, so
memory does not grow with a drive's length, and a killed run goes on at the clip it was in.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from causeway.artifacts import Writer, progress, step
from causeway.clips.cutting import Cut, check_map_reach, clip_tables, cut_drive, rig_rows
from causeway.clips.geometry import TICK_US
from causeway.clips.motion import TickMotion, resample
from causeway.clips.pictures import FrameQueue, frame_rows
from causeway.clips.readers.layouts import reader_of
from causeway.clips.types import Drive, Recording
from causeway.errors import UnusableInput

_NEVER_US = 2**62


@dataclass(frozen=True)
class IngestConfig:
    """How drives become clips."""

    layout: str = "auto"  # a name of `readers.layouts.LAYOUTS`, or auto
    clip_s: float = 20.0  # longest clip; contracts.md allows up to 20 s
    jpeg_quality: int = 90  # for pictures that are not JPEG already or are too wide
    max_width: int = 1280  # wider pictures are made smaller, and their rig with them
    max_frame_hz: float = 10.0  # pictures that come faster are thinned
    map_within_m: float = 150.0  # what of a map is farther from the clip's path is left out; at least 150


def ingest_paths(drives: str, config: IngestConfig) -> list[Path]:
    """Files and folders whose bytes make up the input, for its fingerprint. Raises as `reader_of` does."""
    reader, root = reader_of(drives, config.layout)
    return reader.paths(root)


@step(kind="clips", raw={"drives": ingest_paths})
def ingest(drives: str, *, out: Writer, config: IngestConfig) -> None:
    """Read every drive at a location and write its clips; unusable drives and pictures go to quarantine.

    `drives` is a folder or a tables mapping file, local or s3://. Raises UnusableInput when nothing is left and
    UsageError when the map would not reach as far as evidence looks.
    """
    check_map_reach(config.map_within_m)
    reader, root = reader_of(drives, config.layout)
    recordings: list[Recording] = reader.recordings(root)
    problems: list[str] = []
    cut = 0
    for recording in progress(recordings, len(recordings), "drives"):
        try:
            cut += _ingest_drive(recording, out, config)
        except UnusableInput as error:
            problems.append(str(error))
            _quarantine_drive(recording, str(error), out)
    if cut == 0:
        raise UnusableInput(problems[0] if problems else f"{drives}: holds no drives that can be used")
    for problem in problems:
        print(f"ingest: a drive was left out: {problem}", file=sys.stderr, flush=True)


def without_folders(text: str) -> str:
    """The text with file names in place of paths: the artifact's hash must not know this machine's folders."""
    return re.sub(r"(?:[^\s:]*/)+(?=[^/\s:])", "", text)


def _quarantine_drive(recording: Recording, reason: str, out: Writer) -> None:
    out.count(read=1)
    out.quarantine(recording.drive_id, recording.drive_id, "drive_unusable", without_folders(reason))


def _ingest_drive(recording: Recording, out: Writer, config: IngestConfig) -> int:
    """Write one drive's clips; returns how many."""
    drive = recording.open()
    _check_ego(drive)
    motion = resample(drive.ego)
    cuts = cut_drive(drive, motion, config.clip_s)
    if not cuts:
        raise UnusableInput(f"{drive.drive_id}: {len(motion.t_us)} ticks of 0.1 s, a clip needs at least 2")
    out.source(drive.source, drive.licence)
    for where, reason, detail in drive.quarantined:
        out.count(read=1)
        out.quarantine(drive.drive_id, without_folders(where), reason, without_folders(detail))
    queues = {c.name: FrameQueue(drive, c.name, config.max_frame_hz) for c in drive.rig.cameras}
    for cut in cuts:
        with out.shard(cut.clip.clip_id) as shard:
            frames = {name: queue.until(cut.clip.end_us + TICK_US) for name, queue in queues.items()}
            if shard is None:
                _skip(frames)
                continue
            _write_clip(shard, drive, motion, cut, frames, config)
    for queue in queues.values():
        _quarantine_rest(queue, drive, out)
    return len(cuts)


def _quarantine_rest(queue: FrameQueue, drive: Drive, out: Writer) -> None:
    """Pictures made after the last pose have no place in any clip."""
    for frame in queue.until(_NEVER_US):
        out.count(read=1)
        out.quarantine(drive.drive_id, without_folders(frame.where), "after_last_pose", f"at {frame.t_us} us")


def _skip(frames: dict[str, Iterator]) -> None:
    for stream in frames.values():
        for _ in stream:
            pass


def _write_clip(shard, drive: Drive, motion: TickMotion, cut: Cut, frames: dict, config: IngestConfig) -> None:  # type: ignore[no-untyped-def]
    for name, rows in clip_tables(drive, motion, cut, config.map_within_m).items():
        shard.table(name, rows)
    pictures = frame_rows(cut.clip.clip_id, cut.clip.start_us, frames, config.jpeg_quality, config.max_width)
    shard.table("frames", pictures.rows)
    shard.table("rigs", rig_rows(drive, cut, pictures.sizes))
    shard.count(read=1 + pictures.read, kept=1 + len(pictures.rows))
    for where, reason, detail in pictures.unusable:
        print(f"ingest: a picture was left out: {where}: {detail}", file=sys.stderr, flush=True)
        shard.quarantine(drive.drive_id, without_folders(where), reason, without_folders(detail))


def _check_ego(drive: Drive) -> None:
    """Refuse poses that would give silent nonsense: none, not finite, or time that does not increase."""
    ego = drive.ego
    if len(ego.t_us) == 0:
        raise UnusableInput(f"{drive.drive_id}: no ego poses")
    steps = np.diff(ego.t_us)
    if np.any(steps <= 0):
        row = int(np.argmax(steps <= 0)) + 1
        raise UnusableInput(f"{drive.drive_id}: ego row {row}: time does not increase; sort or clean the table")
    columns = [ego.xyz_m, ego.wxyz, *([] if ego.speed_mps is None else [ego.speed_mps[:, None]])]
    bad = ~np.isfinite(np.concatenate(columns, axis=1)).all(axis=1)
    if bad.any():
        raise UnusableInput(f"{drive.drive_id}: ego row {int(np.argmax(bad))}: a pose or speed is not a number")
