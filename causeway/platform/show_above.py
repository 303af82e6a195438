"""The top-down picture of a whole clip, with its moments marked.

Knows the page. Does not know how things are drawn (`show_map`).
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from causeway.platform.show_clip import ClipView
from causeway.platform.show_map import TYPE_COLOURS, draw_ego, draw_map, draw_path, draw_tracks, frame_axes

_DPI = 100
_MARGIN_M = 18.0
_MOMENTS_LISTED = 20


def above(view: ClipView, moments: Sequence[dict] = ()) -> bytes:
    """PNG 1280 pixels wide of a clip in its clip frame; `moments` are rows with t0_us, before and after."""
    figure, axes = figure_of(12.8, 9.0)
    origin = np.zeros(3)
    ticks = view.ticks
    middle = int(ticks[len(ticks) // 2])
    draw_map(axes, view, origin)
    draw_tracks(axes, view, origin, middle)
    line = draw_path(axes, view, origin, ticks)
    draw_ego(axes, view, origin, middle)
    _mark(axes, view, moments)
    frame_axes(axes, view.motion.xy_yaw(ticks)[:, :2], _MARGIN_M, shape=0.76)
    figure.colorbar(line, ax=axes, label="speed of the ego in m/s", fraction=0.03, pad=0.01)
    axes.set_xlabel("x in m (clip frame, forward at the first tick)")
    axes.set_ylabel("y in m (left)")
    axes.set_title(f"{view.clip_id}: {_about(view)}; boxes at {(middle - view.start_us) / 1e6:.1f} s", fontsize=11)
    legend(axes, view)
    return png(figure)


def figure_of(width_in: float, height_in: float) -> tuple[Any, Any]:
    """A figure with one axes, without any window or global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def png(figure: Any) -> bytes:
    """The figure as PNG bytes, the same for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def legend(axes: Any, view: ClipView) -> None:
    """A patch for each type of track that the clip has."""
    from matplotlib.patches import Patch

    types = sorted({str(t) for t in view.tracks.column("type").unique().to_pylist()})
    patches = [Patch(color=TYPE_COLOURS[t], label=t) for t in types if t in TYPE_COLOURS]
    if patches:
        axes.legend(handles=patches, loc="upper right", fontsize=9, framealpha=0.85)


def _mark(axes: Any, view: ClipView, moments: Sequence[dict]) -> None:
    """A numbered star at each moment, and a list of what the numbers mean: moments may lie on top of each other."""
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 3.0}
    lines = []
    known = sorted((m for m in moments if m["t0_us"] is not None), key=lambda m: int(m["t0_us"]))
    for number, moment in enumerate(known, start=1):
        x, y, _ = view.motion.xy_yaw(np.array([moment["t0_us"]]))[0]
        axes.plot(x, y, marker="*", markersize=17, color="#e8590c", markeredgecolor="white", zorder=7)
        aside = (0, 10) if number % 2 else (0, -19)  # of two that are near each other, one above and one below
        axes.annotate(str(number), (x, y), fontsize=9, fontweight="bold", xytext=aside, zorder=8,
                      textcoords="offset points", ha="center", bbox={**paper, "pad": 0.8})  # fmt: skip
        change = f"{moment['before']} → {moment['after']}" if moment.get("before") else moment.get("scenario") or ""
        lines.append(f"{number}: {(moment['t0_us'] - view.start_us) / 1e6:.1f} s  {change}")
    if len(lines) > _MOMENTS_LISTED:
        lines[_MOMENTS_LISTED:] = [f"and {len(lines) - _MOMENTS_LISTED} more"]
    if lines:
        text = "\n".join(lines)
        axes.text(0.01, 0.99, text, transform=axes.transAxes, fontsize=9, va="top", zorder=9, bbox=paper)


def _about(view: ClipView) -> str:
    lanes = f"{len(view.lanes)} lanes" if view.lanes else "no map"
    return f"{len(view.tracks.column('track_id').unique())} tracks, {lanes}"
