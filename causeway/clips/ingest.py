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
import pyarrow as pa

from causeway.artifacts import Writer, progress, step
from causeway.clips.cleaning import clean_drive
from causeway.clips.cutting import Cut, check_map_reach, clip_tables, cut_drive, rig_rows
from causeway.clips.geometry import TICK_US
from causeway.clips.motion import MAX_GAP_US, TickMotion, resample, too_short
from causeway.clips.pictures import FrameQueue, frame_rows
from causeway.clips.readers.layouts import reader_of
from causeway.clips.types import Drive, RawEgo, Recording
from causeway.errors import UnusableInput, one_line

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
    cut, names = 0, set[str]()
    for recording in progress(recordings, len(recordings), "drives"):
        try:
            _check_name(recording.drive_id, names)
            cut += _ingest_drive(recording, out, config)
        except UnusableInput as error:
            problems.append(str(error))
            _quarantine_drive(recording, str(error), out)
    if cut == 0:
        raise UnusableInput(problems[0] if problems else f"{drives}: holds no drives that can be used")
    for problem in problems:
        print(f"ingest: a drive was left out: {problem}", file=sys.stderr, flush=True)


def _check_name(drive_id: str, names: set[str]) -> None:
    """Two drives of one name would be taken for one."""
    if drive_id in names:
        raise UnusableInput(f"{drive_id}: a second drive of this name; drive names must differ")
    names.add(drive_id)


def without_folders(text: str) -> str:
    """The text with file names in place of paths: the artifact's hash must not know this machine's folders."""
    return one_line(re.sub(r"(?:[^\s:]*/)+(?=[^/\s:])", "", text))


def _quarantine_drive(recording: Recording, reason: str, out: Writer) -> None:
    out.count(read=1)
    out.quarantine(recording.drive_id, recording.drive_id, "drive_unusable", without_folders(reason))


def _ingest_drive(recording: Recording, out: Writer, config: IngestConfig) -> int:
    """Write one drive's clips; returns how many."""
    drive = clean_drive(recording.open())
    pa.default_memory_pool().release_unused()  # else what reading took stays beside the pictures
    motion = resample(drive.ego)
    cuts = cut_drive(drive, motion, config.clip_s)
    if not cuts:
        raise UnusableInput(f"{drive.drive_id}: {_why_no_ticks(drive.ego)}")
    out.source(drive.source, drive.licence)
    for where, reason, detail in (*drive.quarantined, *_alone(drive.ego)):
        _quarantine(drive, where, reason, detail, out)
    queues = {c.name: FrameQueue(drive, c.name, config.max_frame_hz) for c in drive.rig.cameras}
    for cut in cuts:
        with out.shard(cut.clip.clip_id) as shard:
            frames = {name: queue.until(cut.clip.end_us + TICK_US) for name, queue in queues.items()}
            if shard is None:
                _skip(frames)
                continue
            _write_clip(shard, drive, motion, cut, frames, config)
    for queue in queues.values():
        _finish_camera(queue, drive, out)
    return len(cuts)


def _why_no_ticks(ego: RawEgo) -> str:
    longest_s = np.diff(ego.t_us).max() * 1e-6 if len(ego.t_us) > 1 else 0.0
    return (
        f"{len(ego.t_us)} poses in {(ego.t_us[-1] - ego.t_us[0]) * 1e-6:g} s, at most {longest_s:g} s apart: "
        f"no two ticks of 0.1 s without a gap of {MAX_GAP_US * 1e-6:g} s; check the unit of time"
    )


def _alone(ego: RawEgo) -> list[tuple[str, str, str]]:
    """Poses between two gaps that are too few for a tick and the one after it."""
    rows = np.arange(len(ego.t_us)) if ego.row is None else ego.row
    return [
        (f"ego rows {rows[low]} to {rows[high - 1]}", "between_gaps", f"{high - low} poses with a gap on both sides")
        for low, high in too_short(ego)
    ]


def _quarantine(drive: Drive, where: str, reason: str, detail: str, out: Writer) -> None:
    out.count(read=1)
    out.quarantine(drive.drive_id, without_folders(where), reason, without_folders(detail))


def _finish_camera(queue: FrameQueue, drive: Drive, out: Writer) -> None:
    """Pictures made after the last pose have no place in any clip; others could not be put in order."""
    for frame in queue.until(_NEVER_US):
        _quarantine(drive, frame.where, "after_last_pose", f"at {frame.t_us} us", out)
    for where, reason, detail in queue.left_out:
        _quarantine(drive, where, reason, detail, out)
    out.count(thinned=queue.thinned)


def _skip(frames: dict[str, Iterator]) -> None:
    for stream in frames.values():
        for _ in stream:
            pass


def _write_clip(shard, drive: Drive, motion: TickMotion, cut: Cut, frames: dict, config: IngestConfig) -> None:  # type: ignore[no-untyped-def]
    tables = clip_tables(drive, motion, cut, config.map_within_m)
    pictures = frame_rows(cut.clip.clip_id, cut.clip.start_us, frames, config.jpeg_quality, config.max_width)
    tables |= {"frames": pictures.rows, "rigs": rig_rows(drive, cut, pictures.sizes)}
    for name, rows in tables.items():
        if len(rows):  # most drives lack something; a file without rows takes as long to write as a full one
            shard.table(name, rows)
    shard.count(read=1 + pictures.read, kept=1 + len(pictures.rows))
    for where, reason, detail in pictures.unusable:
        print(f"ingest: a picture was left out: {where}: {detail}", file=sys.stderr, flush=True)
        shard.quarantine(drive.drive_id, without_folders(where), reason, without_folders(detail))
