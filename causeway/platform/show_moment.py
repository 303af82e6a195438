"""One decision moment on a page: the picture at t0, the scene from above, and what the ego did around it.

Knows the page. Does not know lenses or map shapes (`show_camera`, `show_map`).
"""

import textwrap
from typing import Any

import numpy as np

from causeway.artifacts import Artifact
from causeway.clips.geometry import FUTURE_US, HISTORY_US, to_frame
from causeway.errors import UnusableInput
from causeway.platform.show_above import figure_of, legend, png
from causeway.platform.show_camera import drawn
from causeway.platform.show_clip import ClipView, pictures
from causeway.platform.show_map import draw_ego, draw_map, draw_path, draw_tracks, frame_axes

_PLOTS = (  # what, its name, whose meta actions are behind it, the smallest range that is worth a whole plot
    ("speed_mps", "speed in m/s", "longitudinal", 2.0),
    ("accel_mps2", "acceleration in m/s²", "longitudinal", 1.0),
    ("curvature_per_m", "curvature in 1/m, + left", "lateral", 0.004),
)
_BANDS = ("#e9f1fb", "#fdeee0", "#e8f6ec", "#f6e9f4", "#fbf6d9", "#e6eef0", "#f2e5e0", "#eeeeee", "#e0e7ff")


def moment_page(clips: Artifact, view: ClipView, moment: dict) -> bytes:
    """PNG 1280 pixels wide. `moment` is a row of moments, evidence or labels: moment_id, t0_us and what it says."""
    if moment["t0_us"] is None or not view.start_us <= moment["t0_us"] <= view.end_us:
        where = f"{clips.location}: moment {moment['moment_id']} at {moment['t0_us']} us"
        raise UnusableInput(f"{where} is not in its clip {view.clip_id}; name the clips it was found in")
    t0_us = int(moment["t0_us"])
    figure, axes = figure_of(12.8, 10.4)
    axes.remove()
    top, bottom = figure.subfigures(2, 1, height_ratios=(5.4, 5.0))
    picture = _picture(clips, view, t0_us)
    scene = top.subplots(1, 2, width_ratios=(1.45, 1.0)) if picture else [top.subplots()]
    if picture:
        scene[0].set_axis_off()
        scene[0].imshow(picture[0])
        scene[0].set_title(picture[1], fontsize=9)
    _above(scene[-1], view, t0_us, 1.1 if picture else 0.4)
    _plots(bottom, view, t0_us)
    figure.suptitle("\n".join(textwrap.wrap(_words(moment, view), 165)[:3]), fontsize=10)
    return png(figure)


def _words(moment: dict, view: ClipView) -> str:
    said = [f"{moment['moment_id']}", f"t0 = {(moment['t0_us'] - view.start_us) / 1e6:.1f} s of {view.clip_id}"]
    if moment.get("before") or moment.get("after"):
        said.append(f"{moment.get('channel')}: {moment.get('before')} → {moment.get('after')}")
    said += [f"{name}: {moment[name]}" for name in ("scenario", "split", "status", "trace") if moment.get(name)]
    return "   ·   ".join(said)


def _picture(clips: Artifact, view: ClipView, t0_us: int) -> tuple[np.ndarray, str] | None:
    """The picture nearest to t0 of the camera that looks ahead, and what it is; None without pictures."""
    for camera, row in view.cameras.items():
        for t_us, image in pictures(clips, view.clip_id, camera, np.array([t0_us])):
            words = f"{camera}, {(t_us - t0_us) / 1e6:+.2f} s from t0; green: the next 6.4 s"
            return np.asarray(drawn(image, row, view.motion, t_us, view.width_m, 900)), words
    return None


def _above(axes: Any, view: ClipView, t0_us: int, shape: float) -> None:
    """The scene in the rig frame at t0, forward is up, height = `shape` x width."""
    frame = view.motion.xy_yaw(np.array([t0_us]))[0]
    up = frame - [0.0, 0.0, np.pi / 2]  # turned so that forward is up
    times = view.motion.t_us[_around(view, t0_us)]
    draw_map(axes, view, up)
    draw_tracks(axes, view, up, t0_us)
    draw_path(axes, view, up, times)
    draw_ego(axes, view, up, t0_us)
    frame_axes(axes, to_frame(view.motion.xy_yaw(times), up)[:, :2], 12.0, shape=shape, least_m=40.0)
    axes.set_title("rig frame at t0, forward is up, in m", fontsize=9)
    axes.tick_params(labelsize=8)
    legend(axes, view)


def _around(view: ClipView, t0_us: int) -> np.ndarray:
    t = view.motion.t_us
    return (t >= t0_us - HISTORY_US) & (t <= t0_us + FUTURE_US)


def _plots(figure: Any, view: ClipView, t0_us: int) -> None:
    """Values from t0 - 2 s to t0 + 6.4 s over bands of the meta actions; the lane's have a row where they are known."""
    lane = bool(np.any(view.meta["lane"][_around(view, t0_us)] != ""))
    rows = figure.subplots(3 + lane, 1, sharex=True, height_ratios=[1.0, 1.0, 1.0] + [0.22] * lane)
    for axes, (name, label, channel, least) in zip(rows, _PLOTS, strict=False):
        _bands(axes, view, t0_us, channel)
        values = view.motion.values[name][_around(view, t0_us)]
        axes.plot((view.motion.t_us[_around(view, t0_us)] - t0_us) / 1e6, values, color="#1d2733", linewidth=1.6)
        low, high = _range(values, least)
        axes.set_ylim(low - 0.1 * (high - low), high + 0.25 * (high - low))  # above is room for the names of the bands
        axes.set_ylabel(label, fontsize=8.5)
    if lane:
        _bands(rows[-1], view, t0_us, "lane")
        rows[-1].set_yticks([])
        rows[-1].set_ylabel("lane", fontsize=8.5)
    for axes in rows:
        axes.axvline(0.0, color="#e8590c", linewidth=1.4)
        axes.tick_params(labelsize=8)
    rows[-1].set_xlim(-HISTORY_US / 1e6, FUTURE_US / 1e6)
    rows[-1].set_xlabel("seconds from t0", fontsize=9)


def _range(values: np.ndarray, least: float) -> tuple[float, float]:
    """The lowest and highest value, `least` apart at least."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    spare = max(least - (high - low), 0.0) / 2
    return low - spare, high + spare


def _bands(axes: Any, view: ClipView, t0_us: int, channel: str) -> None:
    """A band for each meta action of a channel, with its name where there is room."""
    inside = _around(view, t0_us)
    seconds, names = (view.motion.t_us[inside] - t0_us) / 1e6, view.meta[channel][inside]
    colours = {n: _BANDS[i % len(_BANDS)] for i, n in enumerate(sorted(set(view.meta[channel].tolist()) - {""}))}
    starts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]]))
    for start, stop in zip(starts, [*starts[1:], len(names) - 1], strict=True):
        name = str(names[start])
        axes.axvspan(seconds[start], seconds[stop], color=colours.get(name, "white"), linewidth=0)
        if seconds[stop] - seconds[start] > 0.35:
            place = (seconds[start] + 0.03, 0.96)
            axes.text(*place, name, transform=axes.get_xaxis_transform(), fontsize=7.5, va="top")
