"""Pictures of a request: JPEG bytes or raw arrays become uint8 arrays of the size the policy asks for.

Knows how large a picture may be before it is decoded. Does not know cameras or times. Sizes are read from the
headers of all pictures first, so that a bomb or an 8K picture is refused before anything is decoded. All requests
share one pool of decoders, a thread for each core: no more full-size pictures are in memory at once than that.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from causeway.serving.tensors import InvalidRequest

MAX_PICTURE_PIXELS = 4096 * 4096
MAX_REQUEST_PIXELS = 256 * 1024 * 1024  # 24 pictures of a 4K camera fit
FIELD = "images"
_DECODERS = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="decode")  # Pillow decodes without the GIL


def from_jpegs(pictures: Sequence[bytes], height: int, width: int) -> NDArray[np.uint8]:
    """JPEG files -> RGB uint8 [n, height, width, 3]; InvalidRequest names the first that cannot be used."""
    opened = [_open(i, picture) for i, picture in enumerate(pictures)]
    check_sizes([(image.height, image.width) for image in opened])
    decoded = np.empty((len(opened), height, width, 3), dtype=np.uint8)
    decoding = [_DECODERS.submit(_decode_into, decoded[i], i, image) for i, image in enumerate(opened)]
    faults = [fault for future in decoding if (fault := future.exception()) is not None]  # waits for all of them
    if faults:
        raise faults[0]
    return decoded


def from_raw(pictures: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """RGB uint8 [n, h, w, 3] of any size -> [n, height, width, 3]; unchanged when the size is right already."""
    check_sizes([pictures.shape[1:3]] * len(pictures))
    if pictures.shape[1:3] == (height, width):
        return pictures
    return np.stack([_resized(Image.fromarray(picture), height, width) for picture in pictures])


def check_sizes(sizes: Sequence[tuple[int, int]]) -> None:
    """InvalidRequest when one picture, or all together, hold too many pixels."""
    for place, (height, width) in enumerate(sizes):
        if height * width > MAX_PICTURE_PIXELS:
            problem = f"picture {place} is {width} × {height}, at most {MAX_PICTURE_PIXELS} pixels are taken"
            raise InvalidRequest(FIELD, problem)
    total = sum(height * width for height, width in sizes)
    if total > MAX_REQUEST_PIXELS:
        raise InvalidRequest(FIELD, f"{total} pixels in one request, at most {MAX_REQUEST_PIXELS} are taken")


def _open(place: int, picture: bytes) -> Image.Image:
    """Read a JPEG's header. Pillow raises many kinds of errors on hostile bytes: all of them mean the same here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `check_sizes` is stricter
            return Image.open(io.BytesIO(picture), formats=("JPEG",))
    except Exception as error:
        raise InvalidRequest(FIELD, f"picture {place} ({len(picture)} bytes) is no readable JPEG") from error


def _decode_into(target: NDArray[np.uint8], place: int, image: Image.Image) -> None:
    """Decode one picture; its full-size pixels are let go with `image`, which keeps only the file's bytes before."""
    try:
        with closing(image):
            target[:] = _resized(image.convert("RGB"), *target.shape[:2])
    except Exception as error:
        raise InvalidRequest(FIELD, f"picture {place} is truncated or damaged") from error


def _resized(image: Image.Image, height: int, width: int) -> NDArray[np.uint8]:
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image)
