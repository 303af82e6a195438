"""Pictures of the two seconds before a moment, at 2 Hz, out of the clips.

Knows the tables `frames` and `rigs`, which camera looks ahead, and how a picture is made small. Does not know who is
shown them. One clip's pictures are in memory at a time, however long its drive.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causeway.artifacts import Artifact
from causeway.clips import Clip
from causeway.clips.row_groups import clip_rows
from causeway.errors import UsageError
from causeway.reasoning.teachers.seen import WINDOW_US, Picture

EVERY_US = 500_000  # 2 Hz, arXiv 2511.00088, section 3.2
_LARGEST_PIXELS = 50_000_000
_QUALITY = 85


@dataclass(frozen=True)
class RawPicture:
    """A picture as the clips store it."""

    camera: str
    t_us: int
    image: bytes


Reader = Callable[[Sequence[Clip], int], tuple[RawPicture, ...]]


def picture_reader(clips: Artifact, camera: str = "") -> Reader:
    """A function (clips of a drive, t0_us) -> the pictures of 2 s, 1.5 s, 1 s, 0.5 s and 0 s before t0.

    Each is the latest one taken by its time and not before the window; what was not recorded is left out. `camera` ""
    is the one that looks most nearly ahead, of several the widest. UsageError for a camera that none of the clips has.
    """
    _refuse_unknown(clips, camera)
    frames = clip_rows(clips.path("frames.parquet"), ["camera", "t_us", "image"])
    rigs = clip_rows(clips.path("rigs.parquet"), ["camera", "fx", "rig_from_camera"])

    def read(parts: Sequence[Clip], t0_us: int) -> tuple[RawPicture, ...]:
        near = [c.clip_id for c in parts if c.start_us <= t0_us and c.end_us + EVERY_US >= t0_us - WINDOW_US]
        name = camera or _ahead(rigs(near))
        rows = frames(near)
        return _at_2_hz(rows.filter(pc.equal(rows.column("camera"), name)), t0_us)

    return read


def _refuse_unknown(clips: Artifact, camera: str) -> None:
    if camera:
        known = set(pc.unique(clips.table("rigs", ["camera"]).column("camera")).to_pylist())
        if camera not in known:
            names = ", ".join(sorted(filter(None, known))) or "none"
            raise UsageError(f"camera {camera}: none of these clips has it; they have {names}")


def _ahead(rigs: pa.Table) -> str:
    """The camera whose axis lies nearest to the rig's x axis (to a tenth), of several the one of least focal length."""
    best = min(rigs.to_pylist(), key=_turned_away, default=None)
    return best["camera"] or "" if best else ""


def _turned_away(rig: dict) -> tuple[float, float, str]:
    pose = rig["rig_from_camera"] or []
    along = float(pose[2]) if len(pose) == 16 and np.isfinite(pose[2]) else -1.0  # x of the camera's z axis
    return -round(along, 1), rig["fx"] or 0.0, rig["camera"] or ""


def _at_2_hz(rows: pa.Table, t0_us: int) -> tuple[RawPicture, ...]:
    times = rows.column("t_us").to_numpy()
    order = np.argsort(times, kind="stable")
    found: dict[int, RawPicture] = {}
    for wanted_us in range(t0_us - WINDOW_US, t0_us + 1, EVERY_US):
        place = int(np.searchsorted(times[order], wanted_us, "right")) - 1
        if place >= 0 and times[order[place]] >= max(wanted_us - EVERY_US, t0_us - WINDOW_US):
            row = rows.slice(int(order[place]), 1).to_pylist()[0]
            found[row["t_us"]] = RawPicture(row["camera"], row["t_us"], row["image"] or b"")
    return tuple(found[t_us] for t_us in sorted(found))


def small_jpegs(raw: Sequence[RawPicture], width_px: int) -> tuple[tuple[Picture, ...], list[str]]:
    """The pictures decoded and encoded anew, at most `width_px` wide, and why some could not be.

    Encoded anew so that nothing but pixels leaves this machine: no notes, names or places that a file may carry.
    """
    pictures, problems = [], []
    for picture in raw:
        try:
            pictures.append(Picture(picture.camera, picture.t_us, _small(picture.image, width_px)))
        except Exception as error:  # decoders raise anything on bytes that are no picture
            problems.append(f"pictures: the one at {picture.t_us} us is unreadable ({type(error).__name__})")
    return tuple(pictures), problems


def _small(image: bytes, width_px: int) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(image)) as opened:
        if opened.width * opened.height > _LARGEST_PIXELS:
            raise ValueError("too large")
        opened.draft("RGB", (width_px, width_px))
        plain = opened.convert("RGB")
    if plain.width > width_px:
        plain = plain.resize((width_px, max(1, plain.height * width_px // plain.width)), Image.Resampling.BILINEAR)
    plain.info.clear()  # a comment would be written again
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
