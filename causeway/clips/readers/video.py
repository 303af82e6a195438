"""Pictures out of MP4 files, one at a time, and JPEG bytes out of pictures.

Knows video containers and picture files. Does not know time stamps: those come with the layout. Memory holds one
decoded picture whatever the length of the video.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from causeway.clips.types import Picture
from causeway.errors import UnusableInput

# what Pillow raises for bytes that are no picture, break off or claim to be larger than memory
_PICTURE_FAULTS = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, MemoryError, OverflowError),
    *(IndexError, TypeError, Image.DecompressionBombError, Image.DecompressionBombWarning),
)


def check_video(source: Path | IO[bytes], name: str, expected: int | None) -> int:
    """Count a video's pictures without decoding them; UnusableInput when it is cut short or not a video.

    `expected` is how many time stamps there are for it (None = not known).
    """
    container = _open(source, name)
    with container:
        stream = container.streams.video[0]
        announced = stream.frames
        try:
            found = sum(1 for packet in container.demux(stream) if packet.size and not packet.is_corrupt)
        except Exception as error:
            raise UnusableInput(f"{name}: the video ends early ({error}); copy the file again") from error
    wanted = max(announced, expected or 0)
    if found < wanted:
        raise UnusableInput(f"{name}: the video ends early, {found} of {wanted} pictures; copy the file again")
    return found


def _open(source: Path | IO[bytes], name: str) -> Any:
    import av

    if isinstance(source, Path) and (not source.is_file() or source.stat().st_size == 0):
        raise UnusableInput(f"{name}: missing or empty; a video was expected here")
    if not isinstance(source, Path):
        source.seek(0)
    try:
        container = av.open(str(source) if isinstance(source, Path) else source)
    except Exception as error:  # PyAV raises many kinds, all of which mean the same here
        raise UnusableInput(f"{name}: not a readable video ({_brief(error)}); it may be cut short") from error
    if not container.streams.video:
        container.close()
        raise UnusableInput(f"{name}: holds no video stream")
    return container


def video_size(source: Path | IO[bytes], name: str) -> tuple[int, int]:
    """(width, height) of a video's pictures; UnusableInput when it says none."""
    with _open(source, name) as container:
        width, height = container.streams.video[0].width, container.streams.video[0].height
    if not width or not height:
        raise UnusableInput(f"{name}: the video does not say how large its pictures are")
    return width, height


def video_pictures(source: Path | IO[bytes], name: str) -> Iterator[Any]:
    """The decoded pictures in order, as PyAV frames (`to_ndarray` makes an array of one)."""
    with _open(source, name) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        try:
            yield from container.decode(stream)
        except Exception as error:
            raise UnusableInput(f"{name}: a picture cannot be decoded ({_brief(error)})") from error


def picture_array(frame: Any) -> np.ndarray:
    """uint8 [height, width, 3] of a PyAV frame, the same on every processor: FFmpeg's usual colours are not."""
    from av.video.reformatter import Interpolation

    exactly = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
    return frame.to_ndarray(format="rgb24", interpolation=exactly)


def read_picture(path: Path) -> bytes:
    """The bytes of a picture file; ValueError saying why when there are none."""
    if not path.is_file():
        raise ValueError("not there, or not a file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from error
    if not data:
        raise ValueError("the file has zero bytes")
    return data


def picture_size(path: Path) -> tuple[int, int] | None:
    """(width, height) from a picture file's header, None when it has none that can be read."""
    if not path.is_file():
        return None
    try:
        with _opened(path) as image:
            return image.size
    except _PICTURE_FAULTS:
        return None


def as_jpeg(picture: Picture, quality: int, max_width: int) -> tuple[bytes, int, int]:
    """JPEG bytes, width and height. JPEG bytes that are narrow enough are kept as they are.

    Raises ValueError with the reason when the picture cannot be decoded to its last row.
    """
    try:
        image = _opened(io.BytesIO(picture)) if isinstance(picture, bytes) else Image.fromarray(picture)
        kept = isinstance(picture, bytes) and image.format == "JPEG" and image.width <= max_width
        image.load()
    except _PICTURE_FAULTS as error:
        raise ValueError(f"cannot be decoded ({_brief(error)})") from error
    if kept and isinstance(picture, bytes):
        return picture, image.width, image.height
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    if image.width > max_width:
        image = image.resize((max_width, round(image.height * max_width / image.width)), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue(), image.width, image.height


def _opened(source: Path | IO[bytes]) -> Image.Image:
    """A picture's header read; one that says it is larger than 89 megapixels is refused, where Pillow only warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(source)


def _brief(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # whose words name a place in memory, another one in every run
        return "not a picture of a known format"
    return str(error).split("\n", maxsplit=1)[0].strip()[:120]
