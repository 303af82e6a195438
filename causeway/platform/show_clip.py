"""One clip as it is looked at: ego motion with what its drive has before and after it, tracks, map, cameras.

Knows the clips tables, of which it reads the clip's own rows. Everything is in the clip frame; poses keep their
height, roll and pitch, so that a path can be drawn into a picture of a hilly road. Does not know drawing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causeway.artifacts import Artifact
from causeway.clips.geometry import Array, interpolate_se3, multiply, relative_se3, rotate, yaw_from_quaternion
from causeway.errors import UnusableInput, UsageError
from causeway.meta_actions.step import meta_actions_of
from causeway.platform.show_sections import no_number

CHANNELS = ("longitudinal", "lateral", "lane")
_GAP_US = 250_000  # clips of a drive that follow each other without a hole
_VALUES = ("speed_mps", "accel_mps2", "curvature_per_m")
_POSE = ("x_m", "y_m", "z_m", "qw", "qx", "qy", "qz")
_SOME_WIDTH_M, _SOME_LENGTH_M, _SOME_REAR_M = 1.9, 4.7, 1.4  # a middle-sized car, where the rig does not say


@dataclass(frozen=True, eq=False)
class Motion:
    """Ego motion on n ticks in the clip frame; values {name: [n]} of speed, acceleration and curvature."""

    t_us: np.ndarray
    xyz_m: Array
    wxyz: Array
    values: Mapping[str, np.ndarray]

    def poses(self, t_us: np.ndarray) -> tuple[Array, Array]:
        """Positions [m, 3] and quaternions [m, 4] at any times."""
        return interpolate_se3(t_us, self.t_us, self.xyz_m, self.wxyz)

    def xy_yaw(self, t_us: np.ndarray) -> Array:
        """x, y, yaw [m, 3] at any times."""
        xyz, wxyz = self.poses(t_us)
        return np.column_stack([xyz[:, :2], yaw_from_quaternion(wxyz)])


@dataclass(frozen=True, eq=False)
class ClipView:
    """A clip: `motion` reaches into the clips before and after it; `meta` {channel: [n]} names its ticks, "" none."""

    clip_id: str
    start_us: int
    end_us: int
    motion: Motion
    meta: Mapping[str, np.ndarray]
    tracks: pa.Table
    lanes: list[dict]
    elements: list[dict]
    cameras: Mapping[str, dict]  # rows of rigs, the one that looks ahead first, those not calibrated last
    width_m: float
    length_m: float
    rear_axle_to_centre_m: float

    @property
    def ticks(self) -> np.ndarray:
        """Times of the clip's own ticks."""
        t = self.motion.t_us
        return t[(t >= self.start_us) & (t <= self.end_us)]

    @property
    def top_mps(self) -> float:
        """The fastest that the vehicle goes in either direction; 0 when no speed is known."""
        speeds = np.abs(self.motion.values["speed_mps"])
        return float(speeds[np.isfinite(speeds)].max(initial=0.0))

    def names_at(self, t_us: int) -> list[str]:
        """The meta actions of the tick at or before a time."""
        tick = max(int(np.searchsorted(self.motion.t_us, t_us, side="right")) - 1, 0)
        return [str(names[tick]) for names in self.meta.values() if names[tick]]

    def value_at(self, name: str, t_us: int) -> float:
        """Speed, acceleration or curvature at a time, between ticks linearly."""
        return float(np.interp(t_us, self.motion.t_us, self.motion.values[name]))


def chosen(clips: Artifact, wanted: Collection[str], first: int) -> list[str]:
    """The clips that were asked for, or the first ones; UsageError names some for one that is not there, or none."""
    there = [name for rows in clips.look("clips", ["clip_id"]) for name in rows.column("clip_id").to_pylist()]
    for clip_id in sorted(set(wanted) - set(there)):
        some = ", ".join(there[:5]) + (f" and {len(there) - 5} more" if len(there) > 5 else "")
        raise UsageError(f"{clip_id}: no such clip in {clips.location}; it holds {some}")
    if not there:
        raise UsageError(f"{clips.location}: holds no clips")
    return list(wanted) or there[:first]


def load_clip(clips: Artifact, clip_id: str) -> ClipView:
    """Everything about a clip but its pictures; UnusableInput when its tables are damaged."""
    row, around = _neighbours(clips, clip_id)
    motion = _motion(clips, row, around)
    rigs = rows_of(clips, "rigs", clip_id).to_pylist()
    if not rigs:
        raise UnusableInput(f"{clips.location}: clip {clip_id} has no row in rigs; make the artifact again")
    placed = pc.is_finite(pc.field("x_m")) & pc.is_finite(pc.field("y_m")) & ~pc.is_null(pc.field("t_us"))
    return ClipView(
        clip_id=clip_id,
        start_us=row["start_us"],
        end_us=row["end_us"],
        motion=motion,
        meta=_meta(clips, row["drive_id"], motion.t_us),
        tracks=rows_of(clips, "tracks", clip_id).filter(placed),
        lanes=rows_of(clips, "lanes", clip_id).to_pylist(),
        elements=rows_of(clips, "road_elements", clip_id).to_pylist(),
        cameras={r["camera"]: r for r in sorted(rigs, key=_ahead) if r["camera"]},
        width_m=_or(rigs[0]["width_m"], _SOME_WIDTH_M),
        length_m=_or(rigs[0]["length_m"], _SOME_LENGTH_M),
        rear_axle_to_centre_m=_or(rigs[0]["rear_axle_to_centre_m"], _SOME_REAR_M),
    )


def rows_of(clips: Artifact, table: str, *clip_ids: str) -> pa.Table:
    """The rows of some clips in a table, in their order."""
    return pa.concat_tables(clips.look(table, clip_id=clip_ids))


def calibrated(rig: dict) -> bool:
    """True for a row of rigs by which points can be drawn into pictures."""
    lens = [rig[name] for name in ("fx", "fy", "cx", "cy")] + (rig["rig_from_camera"] or []) + (rig["distortion"] or [])
    known = all(isinstance(value, float) and np.isfinite(value) for value in lens)
    return known and len(rig["rig_from_camera"] or ()) == 16 and rig["fx"] != 0 and rig["cx"] != 0


def pictures(clips: Artifact, clip_id: str, camera: str, t_us: np.ndarray | None = None) -> list[tuple[int, bytes]]:
    """(time, JPEG or PNG bytes) of a camera in order of time; with `t_us` those nearest to the given times."""
    at = {"clip_id": [clip_id], "camera": [camera]}
    times = np.sort([t for rows in clips.look("frames", ["t_us"], **at) for t in rows.column("t_us").to_pylist()])
    if t_us is not None and len(times):
        times = np.unique(times[[int(np.argmin(np.abs(times - t))) for t in t_us]])
    found = clips.look("frames", ["t_us", "image"], **at, t_us=times.tolist())
    return sorted((row["t_us"], row["image"] or b"") for rows in found for row in rows.to_pylist())


def _neighbours(clips: Artifact, clip_id: str) -> tuple[dict, list[dict]]:
    """The clip's row, and with it those of its drive that join it without a hole, in time."""
    names = ["clip_id", "drive_id", "start_us", "end_us", *(f"origin_{name}" for name in _POSE)]
    rows = [row for rows in clips.look("clips", names) for row in rows.to_pylist()]
    row = next(row for row in rows if row["clip_id"] == clip_id)
    if not _known(row):
        raise UnusableInput(f"{clips.location}: clip {clip_id} does not say when and where it is; make it again")
    drive = sorted((r for r in rows if r["drive_id"] == row["drive_id"] and _known(r)), key=_start)
    at = drive.index(row)
    before = [r for r in drive[max(at - 1, 0) : at] if row["start_us"] - r["end_us"] <= _GAP_US]
    after = [r for r in drive[at + 1 : at + 2] if r["start_us"] - row["end_us"] <= _GAP_US]
    return row, [*before, row, *after]


def _known(row: dict) -> bool:
    return all(value is not None and not no_number(value) for value in row.values())


def _start(row: dict) -> int:
    return int(row["start_us"])


def _motion(clips: Artifact, row: dict, around: list[dict]) -> Motion:
    parts = []
    whole = rows_of(clips, "ego", *(r["clip_id"] for r in around))
    for other in around:
        ego = whole.filter(pc.field("clip_id") == other["clip_id"]).sort_by("t_us")
        pose = _columns(ego, _POSE)
        usable = len(pose) > 0 and bool(np.isfinite(pose).all())
        if other is row and not usable:
            text = f"{clips.location}: clip {row['clip_id']} has no ego poses, or some that are no numbers"
            raise UnusableInput(f"{text}; `causeway validate` says where")
        if usable:
            xyz, wxyz = _in_frame_of(row, other, pose[:, :3], pose[:, 3:])
            values = {n: _columns(ego, (n,))[:, 0] for n in _VALUES}
            parts.append(Motion(ego.column("t_us").to_numpy(), xyz, wxyz, values))
    joined = {n: np.concatenate([p.values[n] for p in parts]) for n in _VALUES}
    t_us, xyz, wxyz = (np.concatenate([getattr(p, name) for p in parts]) for name in ("t_us", "xyz_m", "wxyz"))
    return Motion(t_us, xyz, wxyz, joined)


def _columns(table: pa.Table, names: Collection[str]) -> Array:
    """Columns [n, k] as numbers, null as NaN."""
    return np.column_stack([table.column(n).to_numpy(zero_copy_only=False).astype(np.float64) for n in names])


def _in_frame_of(row: dict, other: dict, xyz: Array, wxyz: Array) -> tuple[Array, Array]:
    """Poses of a clip of the drive, seen from this clip's frame; both origins are poses in the drive frame."""
    if other is row:
        return xyz, wxyz
    (here_xyz, here_q), (there_xyz, there_q) = (_origin(r) for r in (row, other))
    turn = np.broadcast_to(there_q, wxyz.shape)
    return relative_se3(there_xyz + rotate(turn, xyz), multiply(turn, wxyz), here_xyz, here_q)


def _origin(row: dict) -> tuple[Array, Array]:
    pose = np.array([row[f"origin_{name}"] for name in _POSE], dtype=np.float64)
    return pose[:3], pose[3:]


def _meta(clips: Artifact, drive_id: str, t_us: np.ndarray) -> dict[str, np.ndarray]:
    """{channel: names [n]} of the ticks of a drive, "" where there is none; as the step `meta-actions` writes them."""
    rows = _behaviour(clips.location, drive_id)
    known = rows.column("t_us").to_numpy()
    at = np.searchsorted(known, t_us)
    found = {channel: np.full(len(t_us), "", dtype=object) for channel in CHANNELS}
    if len(known):
        there = known[np.minimum(at, len(known) - 1)] == t_us
        for channel in CHANNELS:
            names = rows.column(channel).fill_null("").to_numpy(zero_copy_only=False)
            found[channel][there] = names[at[there]]
    return found


@lru_cache(maxsize=1)
def _behaviour(location: str, drive_id: str) -> pa.Table:
    try:
        return meta_actions_of(Artifact.open(location), [drive_id]).sort_by("t_us")
    except TypeError as error:  # a null among numbers
        text = f"{location}: ego motion of drive {drive_id} has holes; `causeway validate` says where"
        raise UnusableInput(text) from error


def _ahead(rig: dict) -> tuple[float, float, str]:
    """Sorts cameras by the angle between where they look and straight ahead, the wider lens first."""
    if not calibrated(rig):
        return np.inf, 0.0, rig["camera"] or ""
    return -round(float(rig["rig_from_camera"][2]), 1), rig["fx"] / rig["cx"], rig["camera"]


def _or(value: float | None, otherwise: float) -> float:
    return float(value) if value is not None and np.isfinite(value) and value != 0 else otherwise
