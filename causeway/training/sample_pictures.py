"""The pictures of a clips artifact: found by drive, camera and time, decoded once, resized once.

Knows `frames.parquet` and its row groups. Does not know which cameras or times a sample wants. Of pictures no more than
a few row groups (some 8 MiB each) are in memory, however long a drive is.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from causeway.clips.row_groups import spans_of
from causeway.errors import UnusableInput

_NAMES = ("clip_id", "camera", "t_us", "width", "height")


class DamagedPictures(UnusableInput):
    """The table of pictures itself cannot be read: no matter of one picture."""


@dataclass(frozen=True, eq=False)
class PicturesOfDrive:
    """Where a drive's pictures are, by camera: rows of (time, row group, row) by time; and how large they are."""

    places: dict[str, NDArray[np.int64]]
    sizes: dict[tuple[str, str], tuple[int, int]]  # by clip and camera: smallest width and height

    def latest(self, camera: str, until_us: int, max_age_us: int) -> tuple[int, int, int] | None:
        """(time, row group, row) of the last picture at or before `until_us`; None when it is older than allowed."""
        places = self.places.get(camera)
        index = -1 if places is None else int(np.searchsorted(places[:, 0], until_us, "right")) - 1
        if places is None or index < 0 or until_us - places[index, 0] > max_age_us:
            return None
        t_us, group, row = places[index].tolist()
        return t_us, group, row


class Pictures:
    """A table of pictures, opened; `kept` row groups of it are in memory at most."""

    def __init__(self, path: Path, kept: int) -> None:
        """DamagedPictures when the table cannot be read; so do the others."""
        self._path, self._kept = path, kept
        self._bytes: OrderedDict[int, pa.ChunkedArray] = OrderedDict()
        with _readable(path):
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
            self._spans = list(spans_of(self._file))

    def of_clips(self, clip_ids: Collection[str]) -> PicturesOfDrive:
        """Where the pictures of a drive's clips are."""
        found: dict[str, list[NDArray[np.int64]]] = {}
        sizes: dict[tuple[str, str], tuple[int, int]] = {}
        first, last = min(clip_ids), max(clip_ids)
        for group, low, high in self._spans:
            if low <= last and first <= high:
                rows = self._rows(group)
                for (clip_id, camera), at in _runs(rows):
                    if clip_id in clip_ids:
                        size = tuple(int(rows[name][at].min()) for name in ("width", "height"))
                        known = sizes.get((clip_id, camera), size)
                        sizes[clip_id, camera] = (min(known[0], size[0]), min(known[1], size[1]))
                        times = rows["t_us"][at]
                        found.setdefault(camera, []).append(np.stack([times, np.full_like(times, group), at], axis=1))
        places = {camera: np.concatenate(parts) for camera, parts in found.items()}
        return PicturesOfDrive({camera: rows[np.lexsort(rows.T[::-1])] for camera, rows in places.items()}, sizes)

    def _rows(self, group: int) -> dict[str, NDArray]:
        with _readable(self._path):
            table = self._file.read_row_group(group, columns=list(_NAMES))
        empty = next((name for name in _NAMES if table.column(name).null_count), None)
        if empty is not None:
            raise DamagedPictures(f"{self._path}: a picture without {empty}; validate the clips first")
        return {name: table.column(name).to_numpy() for name in _NAMES}

    def encoded(self, group: int, row: int) -> bytes:
        """The bytes of a picture as they are stored."""
        if group not in self._bytes:
            with _readable(self._path):
                self._bytes[group] = self._file.read_row_group(group, columns=["image"]).column("image")
            if len(self._bytes) > self._kept:
                self._bytes.popitem(last=False)
        self._bytes.move_to_end(group)
        return self._bytes[group][row].as_py() or b""


def decoded(picture: bytes, height: int, width: int) -> NDArray[np.uint8]:
    """A picture as RGB [height, width, 3], resized with an area-true filter. UnusableInput when it is broken."""
    from PIL import Image

    try:
        with Image.open(BytesIO(picture)) as image:
            image.draft("RGB", (width, height))
            resized = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(resized, dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = "not a picture of a known format" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise UnusableInput(f"cannot be decoded ({reason})") from error


def _runs(rows: dict[str, NDArray]) -> Iterator[tuple[tuple[str, str], NDArray[np.int64]]]:
    """((clip, camera), numbers of its rows) of rows that are sorted by both."""
    clip, camera = rows["clip_id"], rows["camera"]
    if len(clip):
        edges = np.flatnonzero((clip[1:] != clip[:-1]) | (camera[1:] != camera[:-1])) + 1
        for at in np.split(np.arange(len(clip), dtype=np.int64), edges):
            yield (clip[at[0]], camera[at[0]]), at


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        message = f"{path}: not a readable table of pictures ({reason}); remove the artifact and make it again"
        raise DamagedPictures(message) from error
