"""A strip of a clip's pictures with the path of the next 6.4 s drawn in, speed and meta action below each.

Knows how pictures and captions are laid out. Does not know lenses (`show_camera`).
"""

import io
from typing import Any

import numpy as np

from causeway.artifacts import Artifact
from causeway.clips.geometry import FUTURE_US
from causeway.platform.show_camera import drawn
from causeway.platform.show_clip import ClipView, pictures

_WIDTH_PX, _MARGIN_PX, _CAPTION_PX = 1280, 8, 26
_TIMES, _ACROSS, _OTHERS_ACROSS = 6, 2, 3
_PAPER, _INK = (255, 255, 255), (29, 39, 51)


def strip(clips: Artifact, view: ClipView) -> bytes | None:
    """PNG 1280 pixels wide: the camera that looks ahead six times, every other once; None without pictures."""
    if not view.cameras:
        return None
    ahead, *others = view.cameras
    last_us = max(view.end_us - FUTURE_US, view.start_us + 0.7 * (view.end_us - view.start_us))
    times = np.linspace(view.start_us, last_us, _TIMES)
    first = _tiles(clips, view, ahead, times, _ACROSS)
    middle = times[_TIMES // 2 : _TIMES // 2 + 1]
    rest = [tile for name in others for tile in _tiles(clips, view, name, middle, _OTHERS_ACROSS)]
    if not first and not rest:
        return None
    head = f"{view.clip_id}   green: the path of the next 6.4 s, {view.width_m:.2f} m wide, a bar each second"
    return _png(_stacked(head, first, rest))


def caption(view: ClipView, camera: str, t_us: int) -> str:
    """Time in the clip, speed, meta actions, camera."""
    speed = view.value_at("speed_mps", t_us)
    return f"{(t_us - view.start_us) / 1e6:.1f} s   {speed:.1f} m/s   {', '.join(view.names_at(t_us))}   {camera}"


def _tiles(clips: Artifact, view: ClipView, camera: str, times: np.ndarray, across: int) -> list[tuple[Any, str]]:
    width = (_WIDTH_PX - _MARGIN_PX * (across + 1)) // across
    found = pictures(clips, view.clip_id, camera, times)
    return [
        (drawn(image, view.cameras[camera], view.motion, t_us, view.width_m, width), caption(view, camera, t_us))
        for t_us, image in found
    ]


def _stacked(head: str, first: list[tuple[Any, str]], others: list[tuple[Any, str]]) -> Any:
    """One picture of both groups of tiles, row under row."""
    from PIL import Image, ImageDraw, ImageFont

    rows = [first[i : i + _ACROSS] for i in range(0, len(first), _ACROSS)]
    rows += [others[i : i + _OTHERS_ACROSS] for i in range(0, len(others), _OTHERS_ACROSS)]
    heights = [max(tile.height for tile, _ in row) + _CAPTION_PX + _MARGIN_PX for row in rows]
    page = Image.new("RGB", (_WIDTH_PX, sum(heights) + _CAPTION_PX + 2 * _MARGIN_PX), _PAPER)
    pen, font, small = ImageDraw.Draw(page), ImageFont.load_default(15), ImageFont.load_default(13)
    pen.text((_MARGIN_PX, _MARGIN_PX), head, fill=_INK, font=font)
    top = _CAPTION_PX + _MARGIN_PX
    for row, height in zip(rows, heights, strict=True):
        left = _MARGIN_PX
        for tile, words in row:
            page.paste(tile, (left, top))
            pen.text((left + 2, top + tile.height + 4), words, fill=_INK, font=small)
            left += tile.width + _MARGIN_PX
        top += height
    return page


def _png(page: Any) -> bytes:
    buffer = io.BytesIO()
    page.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
