"""A Rerun recording of a clip: cameras, ego, boxes, lanes, numbers and meta actions on one timeline.

Knows the Rerun SDK's file sink: no viewer is started and nothing leaves the machine. Entities: `world` is the clip
frame, `world/ego` the rig frame. A lens that is no pinhole is recorded as the pinhole it is near its axis, which a
note says; the pictures are the stored bytes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from causeway.artifacts import Artifact
from causeway.platform.show_camera import opened
from causeway.platform.show_clip import ClipView, calibrated, load_clip, pictures
from causeway.platform.show_map import OTHER_COLOUR, TYPE_COLOURS, moved

TIMELINE = "time"
_EPOCH_US = 10**15  # times from 2001 on are clock times; smaller ones count from the drive's beginning
_NUMBERS = ("speed_mps", "accel_mps2", "curvature_per_m")


def record_clip(clips: Artifact, clip_id: str, path: Path) -> None:
    """Write `path`, whole or not at all."""
    view = load_clip(clips, clip_id)
    with Recording(path, f"{clips.manifest.content_hash[:12]} {clip_id}") as recording:
        _record_ego(recording, view)
        _record_map(recording, view)
        _record_tracks(recording, view)
        for camera, row in view.cameras.items():
            _record_camera(recording, clips, view, camera, row)


class Recording:
    """An open .rrd file under a temporary name; it gets its own when everything is in it."""

    def __init__(self, path: Path, name: str) -> None:
        import rerun

        self.rr, self._path = rerun, path
        self._part = path.with_name(f".{path.name}.{uuid4().hex}")
        self._stream = rerun.RecordingStream("causeway", recording_id=name)

    def __enter__(self) -> "Recording":
        self._stream.save(self._part)
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        self._stream.flush()
        self._stream.disconnect()
        if kind is None:
            self._part.replace(self._path)
        self._part.unlink(missing_ok=True)

    def log(self, entity: str, what: Any, t_us: int | None = None) -> None:
        """Record something at a time, or for all times."""
        if t_us is not None and t_us < _EPOCH_US:
            self._stream.set_time(TIMELINE, duration=np.timedelta64(t_us, "us"))
        elif t_us is not None:
            self._stream.set_time(TIMELINE, timestamp=np.datetime64(t_us, "us"))
        self._stream.log(entity, what, static=t_us is None)

    def numbers(self, entity: str, t_us: np.ndarray, values: np.ndarray) -> None:
        """Record a number over time."""
        if t_us[0] < _EPOCH_US:
            column = self.rr.TimeColumn(TIMELINE, duration=t_us.astype("timedelta64[us]"))
        else:
            column = self.rr.TimeColumn(TIMELINE, timestamp=t_us.astype("datetime64[us]"))
        self._stream.send_columns(entity, indexes=[column], columns=self.rr.Scalars.columns(scalars=values))


def lines(recording: Recording, shapes: Sequence[np.ndarray], colour: Any, radius_m: float = 0.05) -> Any:
    """Lines [n, 2] on the ground."""
    flat = [np.column_stack([s, np.zeros(len(s))]) for s in shapes]
    return recording.rr.LineStrips3D(flat, colors=[colour] * len(flat), radii=radius_m)


def _record_ego(recording: Recording, view: ClipView) -> None:
    rr, ticks = recording.rr, view.ticks
    xyz, wxyz = view.motion.poses(ticks)
    size = [view.length_m / 2, view.width_m / 2, 0.75]
    body = rr.Boxes3D(centers=[[view.rear_axle_to_centre_m, 0.0, 0.75]], half_sizes=[size], labels=["ego"])
    recording.log("world", rr.ViewCoordinates.FLU)
    recording.log("world/path", rr.LineStrips3D([xyz], colors=[(46, 204, 113)], radii=0.12))
    recording.log("world/ego/body", body)
    for t_us, position, turn in zip(ticks.tolist(), xyz, wxyz, strict=True):
        pose = rr.Transform3D(translation=position, quaternion=rr.Quaternion(xyzw=[*turn[1:], turn[0]]))
        recording.log("world/ego", pose, t_us)
    inside = np.isin(view.motion.t_us, ticks)
    for name in _NUMBERS:
        recording.numbers(f"numbers/{name}", ticks, view.motion.values[name][inside].astype(np.float64))
    for channel, names in view.meta.items():
        own = names[inside]
        if not np.any(own != ""):
            continue
        for tick in np.flatnonzero(np.concatenate([[True], own[1:] != own[:-1]])).tolist():
            recording.log(f"meta_actions/{channel}", rr.TextLog(str(own[tick]) or "none"), int(ticks[tick]))


def _record_map(recording: Recording, view: ClipView) -> None:
    origin = np.zeros(3)
    shapes: dict[str, list[np.ndarray]] = {name: [] for name in _MAP_COLOURS}
    for lane in view.lanes:
        shapes["centres"].append(moved(lane["centre"], origin))
        shapes["borders"] += [moved(lane["left"], origin), moved(lane["right"], origin)]
    for element in view.elements:
        name = {"stop_line": "stop_lines", "crosswalk": "crosswalks"}.get(element["kind"], "others")
        shapes[name].append(moved(element["shape"], origin))
    for name, colour in _MAP_COLOURS.items():
        drawn = [shape for shape in shapes[name] if len(shape) > 1]
        if drawn:
            recording.log(f"world/map/{name}", lines(recording, drawn, colour))


_MAP_COLOURS = {
    "borders": (154, 165, 177),
    "centres": (90, 100, 112),
    "stop_lines": (214, 39, 40),
    "crosswalks": (201, 162, 39),
    "others": (141, 110, 99),
}


def _record_tracks(recording: Recording, view: ClipView) -> None:
    """All boxes of a tick at once; a tick without any clears them."""
    rr = recording.rr
    rows: dict[int, list[dict]] = {t: [] for t in view.ticks.tolist()} if view.tracks.num_rows else {}
    for row in view.tracks.to_pylist():
        rows.setdefault(row["t_us"], []).append(row)
    for t_us, boxes in sorted(rows.items()):
        sizes = np.array([[b["length_m"] or 0.6, b["width_m"] or 0.6, b["height_m"] or 1.5] for b in boxes])
        centres = np.array([[b["x_m"], b["y_m"], b["z_m"] or 0.0] for b in boxes])
        half = np.array([(b["yaw_rad"] or 0.0) / 2 for b in boxes])
        turns = [rr.Quaternion(xyzw=[0.0, 0.0, np.sin(h), np.cos(h)]) for h in half]
        colours = [_rgb(TYPE_COLOURS.get(b["type"], OTHER_COLOUR)) for b in boxes]
        labels = [f"{b['type']} {b['track_id']}" for b in boxes]
        shape: dict[str, Any] = {"centers": centres.reshape(-1, 3), "half_sizes": sizes.reshape(-1, 3) / 2}
        shape |= {"quaternions": turns, "colors": colours, "labels": labels, "show_labels": False}
        recording.log("world/tracks", rr.Boxes3D(**shape), t_us)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _record_camera(recording: Recording, clips: Artifact, view: ClipView, camera: str, row: dict) -> None:
    rr, entity = recording.rr, f"world/ego/{camera}"
    found = pictures(clips, view.clip_id, camera)
    if found and calibrated(row):
        pose = np.asarray(row["rig_from_camera"], dtype=np.float64).reshape(4, 4)
        lens = [[row["fx"], 0.0, row["cx"]], [0.0, row["fy"], row["cy"]], [0.0, 0.0, 1.0]]
        size = opened(found[0][1]).size
        recording.log(entity, rr.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3]))
        recording.log(entity, rr.Pinhole(image_from_camera=lens, resolution=size, image_plane_distance=2.0))
        if row["model"] != "pinhole":
            note = f"{camera}: {row['model']} lens, recorded as the pinhole that it is near its axis"
            recording.log(f"notes/{camera}", rr.TextDocument(note))
    for t_us, image in found:
        kind = "image/png" if image[:4] == b"\x89PNG" else "image/jpeg"
        recording.log(f"{entity}/image", rr.EncodedImage(contents=image, media_type=kind), t_us)
