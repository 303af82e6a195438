"""Decision moments: t0 is 0.5 s before a meta action changes (arXiv 2511.00088, section 3.2 and table 3).

Knows transitions, how simultaneous ones become one moment, which window a moment needs and what scenario it is
called. Does not know causes: those are named later, from evidence up to t0 only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causeway.artifacts import Artifact, Writer, step
from causeway.clips.splits import split_of
from causeway.meta_actions.names import CHANNELS, strength
from causeway.meta_actions.step import runs

# What a moment is called, from its transition alone; causes are not known here.
SCENARIOS = (
    "slow",
    "speed_up",
    "cruise",
    "stop",
    "start",
    "reverse",
    "steer_left",
    "steer_right",
    "turn_left",
    "turn_right",
    "straighten",
    "change_lane_left",
    "change_lane_right",
    "shift_left",
    "shift_right",
    "curve_left",
    "curve_right",
    "keep_lane",
)
_BY_ACTION = {
    "gentle_accelerate": "speed_up",
    "strong_accelerate": "speed_up",
    "gentle_decelerate": "slow",
    "strong_decelerate": "slow",
    "maintain_speed": "cruise",
    "stop": "stop",
    "reverse": "reverse",
    "go_straight": "straighten",
    "lane_keep": "keep_lane",
}
_BY_PREFIX = {
    "steer": "steer",
    "sharp_steer": "turn",
    "reverse": "turn",
    "turn": "turn",
    "lane_change": "change_lane",
    "slight_shift": "shift",
    "follow_curve": "curve",
}


@dataclass(frozen=True)
class MomentConfig:
    """When t0 is and which window a moment needs; times in µs."""

    before_change_us: int = 500_000
    history_us: int = 2_000_000
    future_us: int = 6_400_000
    merge_us: int = 1_000_000  # transitions of different channels this close are one decision


@dataclass(frozen=True)
class Transition:
    """A meta action gives way to another at `change_us`, the first tick of the new one."""

    change_us: int
    channel: str
    before: str
    after: str


@dataclass(frozen=True)
class _Drive:
    """What moments need to know of a drive."""

    drive_id: str
    source: str
    place: str
    start_us: int
    end_us: int


@step(kind="moments")
def find_moments(meta: Artifact, clips: Artifact, *, out: Writer, config: MomentConfig) -> None:
    """Write a row for each moment with its split; those without a whole window or in a buffer are quarantined."""
    drives, drive_of = _drives(clips)
    ticks = meta.table("meta_actions")
    drive_ids = pa.array([drive_of[c] for c in ticks.column("clip_id").to_pylist()], pa.string())
    for drive in sorted(drives.values(), key=lambda d: d.drive_id):
        with out.shard(drive.drive_id) as shard:
            if shard is None:
                continue
            rows = ticks.filter(pc.equal(drive_ids, drive.drive_id)).sort_by("t_us")
            kept, dropped, transitions_seen = _moments_of(rows, drive, len(drives), config)
            shard.table("moments", kept)
            for moment_id, reason, detail in dropped:
                shard.quarantine(drive.source, moment_id, reason, detail)
            found = len(kept) + len(dropped)
            shard.count(read=found, kept=len(kept), transitions=transitions_seen)
            shard.count(merged=transitions_seen - found)


def transitions(t_us: np.ndarray, channels: Mapping[str, Sequence[str | None]]) -> list[Transition]:
    """All changes of the given channels, by time, then channel; a channel without names (null) has none."""
    found = []
    for channel, names in channels.items():
        for before, after, change_us in zip(names, names[1:], t_us[1:], strict=False):
            if before is not None and after is not None and before != after:
                found.append(Transition(int(change_us), channel, before, after))
    order = list(CHANNELS)
    return sorted(found, key=lambda t: (t.change_us, order.index(t.channel)))


def merge(found: Sequence[Transition], merge_us: int) -> list[Transition]:
    """One transition for those of different channels within `merge_us` of the first of them.

    The time is the earliest one (evidence must be older than all of them). Channel, before and after are those of
    the stronger: the new action counts first, then the old one, then longitudinal before lateral before lane.
    """
    groups: list[list[Transition]] = []
    for item in found:
        group = groups[-1] if groups else []
        near = bool(group) and item.change_us - group[0].change_us <= merge_us
        if near and item.channel not in {t.channel for t in group}:
            group.append(item)
        else:
            groups.append([item])
    return [_strongest(group) for group in groups]


def _strongest(group: Sequence[Transition]) -> Transition:
    order = list(CHANNELS)
    best = max(group, key=lambda t: (strength(t.after), strength(t.before), -order.index(t.channel)))
    return Transition(group[0].change_us, best.channel, best.before, best.after)


def scenario_of(transition: Transition) -> str:
    """The name, one of `SCENARIOS`, of what the car begins to do."""
    after = transition.after
    if transition.before == "stop" and after != "reverse" and transition.channel == "longitudinal":
        return "start"
    if after in _BY_ACTION:
        return _BY_ACTION[after]
    prefix, side = after.rsplit("_", 1)
    return f"{_BY_PREFIX[prefix]}_{side}"


def _drives(clips: Artifact) -> tuple[dict[str, _Drive], dict[str, str]]:
    """Every drive by id, and the drive of every clip."""
    drives: dict[str, _Drive] = {}
    drive_of = {}
    columns = ["clip_id", "drive_id", "source", "place", "start_us", "end_us"]
    for row in clips.table("clips", columns).to_pylist():
        drive_id, start_us, end_us = row["drive_id"], row["start_us"], row["end_us"]
        known = drives.get(drive_id)
        if known:
            start_us, end_us = min(start_us, known.start_us), max(end_us, known.end_us)
        drives[drive_id] = _Drive(drive_id, row["source"], row["place"], start_us, end_us)
        drive_of[row["clip_id"]] = drive_id
    return drives, drive_of


def _moments_of(
    rows: pa.Table, drive: _Drive, drives_total: int, config: MomentConfig
) -> tuple[list[dict], list[tuple[str, str, str]], int]:
    """(moments, dropped (moment_id, reason, detail), number of transitions) of one drive's ticks in time order."""
    t_us = rows.column("t_us").to_numpy()
    clip_ids = rows.column("clip_id").to_pylist()
    names = {channel: rows.column(channel).to_pylist() for channel in CHANNELS}
    kept, dropped, seen = [], [], 0
    for part in runs(t_us):
        times = t_us[part]
        found = transitions(times, {channel: values[part] for channel, values in names.items()})
        seen += len(found)
        for transition in merge(found, config.merge_us):
            tick = int(np.searchsorted(times, transition.change_us - config.before_change_us, side="right")) - 1
            t0_us = int(times[max(tick, 0)])
            moment_id = f"{drive.drive_id}@{t0_us}"
            reason, detail = _window_lack(t0_us, int(times[0]), int(times[-1]), config)
            split = split_of(drive.drive_id, drive.place, t0_us, drive.start_us, drive.end_us, drives_total)
            if not reason and split == "buffer":
                reason, detail = "split_buffer", "too close to a moment of another split"
            if reason:
                dropped.append((f"{moment_id}:{transition.channel}", reason, detail))
                continue
            row = {"moment_id": moment_id, "clip_id": clip_ids[part][tick], "t0_us": t0_us, "split": split}
            row |= {"channel": transition.channel, "before": transition.before, "after": transition.after}
            kept.append(row | {"scenario": scenario_of(transition)})
    return kept, dropped, seen


def _window_lack(t0_us: int, first_us: int, last_us: int, config: MomentConfig) -> tuple[str, str]:
    """Why the window around t0 is not whole (reason, detail), or two empty strings."""
    before_s, after_s = (t0_us - first_us) / 1e6, (last_us - t0_us) / 1e6
    if t0_us - first_us < config.history_us:
        return "history_too_short", f"{before_s:.1f} s before t0, {config.history_us / 1e6:.1f} s needed"
    if last_us - t0_us < config.future_us:
        return "future_too_short", f"{after_s:.1f} s after t0, {config.future_us / 1e6:.1f} s needed"
    return "", ""
