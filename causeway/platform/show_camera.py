"""A driven path drawn into a camera picture as a band on the road, by the rig's calibration.

Knows what the band is: where the vehicle's wheels go, by the future poses of the rig frame, whose origin is on the
ground, with their height. Does not know lenses (`clips.lenses`), nor which picture or why.
"""

import io
from typing import Any

import numpy as np

from causeway.clips.geometry import FUTURE_US, Array, relative_se3, rotate
from causeway.clips.lenses import project
from causeway.errors import UnusableInput
from causeway.evaluation.page.pictures import ribbon
from causeway.platform.show_clip import Motion, calibrated

_STEP_US = 20_000  # fine enough that a piece of the band is under a metre long on a motorway
_STILL_M = 1e-3  # a piece of the band shorter than this is no movement
_BAND = (46, 204, 113)
_BAR = (255, 255, 255)


def band(motion: Motion, t_us: int, width_m: float) -> tuple[Array, Array]:
    """Left and right edge [m, 3] of where the vehicle drives in the next 6.4 s, in the rig frame at `t_us`.

    A row each 0.02 s; what the drive does not know is not there.
    """
    end_us = min(t_us + FUTURE_US, int(motion.t_us[-1]))
    times = np.arange(t_us, max(end_us, t_us) + 1, _STEP_US)
    xyz, wxyz = motion.poses(times)
    xyz, wxyz = relative_se3(xyz, wxyz, xyz[0], wxyz[0])
    aside = rotate(wxyz, np.broadcast_to([0.0, width_m / 2, 0.0], xyz.shape))
    return xyz + aside, xyz - aside


def drawn(image: bytes, camera: dict, motion: Motion, t_us: int, width_m: float, width_px: int) -> Any:
    """The picture as a Pillow image `width_px` wide with the band drawn in and a bar across it each second.

    Of a camera that is not calibrated it is the picture alone.
    """
    from PIL import Image, ImageDraw

    picture = opened(image).convert("RGB")
    factor = width_px / picture.width
    small = picture.resize((width_px, max(round(picture.height * factor), 1)), Image.Resampling.LANCZOS)
    if not calibrated(camera):
        return small
    edges = band(motion, t_us, width_m)
    (left, left_seen), (right, right_seen) = (project(camera, edge) for edge in edges)
    reach = 4 * max(picture.size)
    seen = left_seen & right_seen & (np.abs(left).max(axis=1) < reach) & (np.abs(right).max(axis=1) < reach)
    left, right = left * factor, right * factor
    moved = np.append(np.linalg.norm(np.diff(edges[0], axis=0), axis=1) > _STILL_M, True)
    whole = ribbon(small, left, right, seen & moved, _BAND, (150, 80))
    pen, second = ImageDraw.Draw(whole), 1_000_000 // _STEP_US
    for i in range(second, len(seen), second):
        if seen[i]:
            pen.line([tuple(left[i]), tuple(right[i])], fill=_BAR, width=2)
    return whole


def opened(image: bytes | None) -> Any:
    """A Pillow image of a stored picture; UnusableInput when it is none."""
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(image or b""))
        picture.load()
        return picture
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = str(error).splitlines()[0]
        raise UnusableInput(f"a stored picture cannot be decoded ({reason}); ingest the drives again") from error
