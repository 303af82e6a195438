"""Facts about pictures: can they be decoded, are they black, does the camera stand still while the car moves.

Knows small grey copies of pictures. Does not know bounds. JPEGs are decoded at an eighth of their size, which is
enough for all of these and some ten times faster.
"""

import io

import numpy as np
import pyarrow as pa

from causeway.artifacts import Artifact
from causeway.clips.types import EgoMotion

_BLACK = 8.0  # brightest percentile (of 255) below which nothing can be seen
_SAME = 0.35  # mean grey difference of two pictures taken at different places; sensor noise alone gives more
_DRIVING_MPS = 1.0


def thumbnail(image: bytes) -> np.ndarray | None:
    """A small grey copy, float32 [height, width], or None when the bytes are no picture."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(image)) as picture:
            picture.draft("L", (picture.width // 8, picture.height // 8))
            return np.asarray(picture.convert("L"), dtype=np.float32)
    except (OSError, SyntaxError, ValueError):
        return None


def picture_shares(frames: pa.Table, ego: EgoMotion) -> dict:
    """Share of black pictures, and of pictures equal to the one before while the car drives; None without pictures."""
    if frames.num_rows == 0:
        return {"black_share": None, "frozen_share": None}
    ordered = frames.select(["camera", "t_us", "image"]).sort_by([("camera", "ascending"), ("t_us", "ascending")])
    black = pairs = frozen = 0
    last: tuple[str, np.ndarray] | None = None
    for camera, t_us, image in zip(*(ordered.column(n).to_pylist() for n in ordered.column_names), strict=True):
        small = thumbnail(image)
        if small is None:
            last = None
            continue
        black += int(np.percentile(small, 99) < _BLACK)
        if last is not None and last[0] == camera and _driving(ego, t_us):
            pairs += 1
            frozen += int(small.shape == last[1].shape and float(np.abs(small - last[1]).mean()) < _SAME)
        last = (camera, small)
    return {"black_share": black / frames.num_rows, "frozen_share": frozen / pairs if pairs else None}


def _driving(ego: EgoMotion, t_us: int) -> bool:
    return bool(abs(np.interp(t_us, ego.t_us, ego.speed_mps)) > _DRIVING_MPS)


def picture_facts(clips: Artifact) -> pa.Table:
    """One row a picture in order of the frames table: its key and whether its header can be read."""
    columns: dict[str, list] = {"clip_id": [], "key": [], "decodable": []}
    for batch in clips.batches("frames", columns=["clip_id", "camera", "t_us", "image"]):
        for row in batch.to_pylist():
            columns["clip_id"].append(row["clip_id"])
            columns["key"].append(f"{row['clip_id']} {row['camera']} {row['t_us']}")
            columns["decodable"].append(_has_header(row["image"]))
    types = {"clip_id": pa.string(), "key": pa.string(), "decodable": pa.bool_()}
    return pa.table({name: pa.array(values, types[name]) for name, values in columns.items()})


def _has_header(image: bytes) -> bool:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(image)) as picture:
            return picture.width > 0
    except (OSError, SyntaxError, ValueError):
        return False
