"""Is a clip there twice? By what was driven and by what was seen.

Knows signatures of motion and pictures; remembers a few hundred bytes a clip. Does not know tables.
"""

from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

_MOVED_M = 1.0  # a clip that stands has no motion to be known by
_ALIKE = 6.0  # mean grey difference of pictures that show the same, encoded anew
_NO = "no"


@dataclass(eq=False)
class SeenClips:
    """What was seen so far; ask in order of clip ids, so that the first of two is the one that stays."""

    _motions: dict[str, list[tuple[str, NDArray[np.uint8]]]] = field(default_factory=dict)
    _pictures: dict[str, str] = field(default_factory=dict)
    _last: str = ""

    def is_new(self, clip_id: str) -> bool:
        """False for the id of the clip that was asked for before: ids come in order, so equal ones are neighbours."""
        self._last, last = clip_id, self._last
        return clip_id != last

    def same_motion_as(self, clip_id: str, xy_m: ArrayLike, tracks: pa.Table, tiny: list[NDArray]) -> str:
        """The clip that drove the same to the centimetre and showed the same, or `no`.

        `xy_m` [n, 2] in the clip frame. Where there are pictures they must look alike (`tiny` copies); without any,
        the tracks must be the same. A clip that moved less than 1 m is told by its pictures alone.
        """
        path = np.asarray(xy_m, dtype=np.float64).reshape(-1, 2)
        if len(path) < 2 or not np.isfinite(path).all() or np.hypot(*(path - path[0]).T).max() < _MOVED_M:
            return _NO
        look = np.stack(tiny).round().astype(np.uint8) if tiny else np.zeros((0, 0, 0), np.uint8)
        parts = [np.round(path, 2) + 0.0]  # + 0.0: no negative zeros
        if not tiny:
            parts += [np.round(tracks.column(n).to_numpy().astype(float), 1) + 0.0 for n in ("x_m", "y_m")]
        key = sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
        known = self._motions.setdefault(key, [])
        for other, theirs in known:
            if theirs.shape == look.shape and (not look.size or np.abs(look - theirs.astype(float)).mean() < _ALIKE):
                return other
        known.append((clip_id, look))
        return _NO

    def same_pictures_as(self, clip_id: str, frames: pa.Table) -> str:
        """The clip whose pictures have the very same bytes in the same order, or `no`; also for clips that stand."""
        if frames.num_rows == 0:
            return _NO
        whole = sha256()
        for batch in frames.select(["camera", "image"]).to_batches():
            for camera, image in zip(batch.column(0), batch.column(1), strict=True):
                whole.update(str(camera.as_py()).encode() + sha256(image.as_py() or b"").digest())
        first = self._pictures.setdefault(whole.hexdigest(), clip_id)
        return _NO if first == clip_id else first
