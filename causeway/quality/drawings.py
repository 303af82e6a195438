"""Small drawings as inline SVG: lines over time, paths from above, and when a camera took its pictures.

Knows numbers and pixels. Colours come from the page's style sheet by class, so light, dark and print are one drawing.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.artifacts.markup import Markup, el, number

_WIDTH, _HEIGHT = 340, 150
_APART = 0.1  # of the height
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 332, 20, 130


def _svg(height: float, label: str, *content: Any) -> Markup:
    return el("svg", content, viewBox=f"0 0 {_WIDTH} {height:.0f}", role="img", aria_label=label, class_="chart")


def _points(x: NDArray, y: NDArray) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True) if isfinite(a) and isfinite(b))


def _level(y: float, class_: str) -> Markup:
    return el("line", x1=_LEFT, x2=_RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", class_=class_)


def _ends(length_s: float, left: float, y: float) -> list[Markup]:
    """The labels of a time axis."""
    right = el("text", f"{length_s:.1f} s", x=_RIGHT, y=f"{y:.1f}", text_anchor="end")
    return [el("text", "0 s", x=left, y=f"{y:.1f}"), right]


def over_time(
    title: str, unit: str, t_s: ArrayLike, lines: Mapping[str, ArrayLike], bounds: Sequence[float] = ()
) -> Markup:
    """Lines over seconds, each named by the class it is drawn with; bounds within the drawing are dashed."""
    times = np.asarray(t_s, dtype=float)
    curves = {name: np.asarray(values, dtype=float) for name, values in lines.items()}
    known = np.concatenate([c[np.isfinite(c)] for c in curves.values()])
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    low, high = min(low, 0.0), max(high, low + 1e-3, 0.0)
    start, length = float(times[0]), max(float(times[-1] - times[0]), 1e-3)

    def across(t: ArrayLike) -> NDArray:
        return _LEFT + (_RIGHT - _LEFT) * (np.asarray(t) - start) / length

    def up(v: ArrayLike) -> NDArray:
        return _BOTTOM - (_BOTTOM - _TOP) * (np.asarray(v) - low) / (high - low)

    drawn: list[Any] = [el("text", f"{title}, {unit}", x=_LEFT, y=13, class_="title")]
    # an end so near to zero that their labels would lie on each other has none
    for value in (0.0, *(end for end in (low, high) if abs(end) > _APART * (high - low))):
        y = float(up(value))
        drawn.append(_level(y, "axis"))
        drawn.append(el("text", number(float(f"{value:.3g}")), x=_LEFT - 4, y=f"{y + 4:.1f}", text_anchor="end"))
    drawn += [_level(float(up(bound)), "bound") for bound in bounds if low < bound < high]
    drawn += [el("polyline", points=_points(across(times), up(c)), class_=name) for name, c in curves.items()]
    drawn += _ends(length, _LEFT, _BOTTOM + 15)
    named = [el("tspan", f" {name}", class_=name) for name in curves] if len(curves) > 1 else []
    legend = el("text", named, x=_RIGHT, y=13, text_anchor="end") if named else None
    return _svg(_HEIGHT, title, drawn, legend)


def from_above(title: str, paths: Mapping[str, Sequence[ArrayLike]], boxes: Sequence[ArrayLike] = ()) -> Markup:
    """Paths [n, 2] in metres seen from above, x to the right, in one scale; each group is drawn with its class.

    `boxes` are outlines [4, 2]. A bar says how long ten (or a hundred, or one) metres are.
    """
    shown = [np.asarray(p, dtype=float).reshape(-1, 2) for group in paths.values() for p in group]
    everything = np.concatenate([*shown, *(np.asarray(b, dtype=float).reshape(-1, 2) for b in boxes)])
    everything = everything[np.isfinite(everything).all(axis=1)]
    low, high = (everything.min(axis=0), everything.max(axis=0)) if len(everything) else (np.zeros(2), np.ones(2))
    reach = np.maximum(high - low, 1.0)
    scale = min(300 / reach[0], 150 / reach[1])
    height = 46 + max(scale * reach[1], 30)
    middle = (low + high) / 2

    def place(points: ArrayLike) -> tuple[NDArray, NDArray]:
        xy = np.asarray(points, dtype=float).reshape(-1, 2)
        return 170 + scale * (xy[:, 0] - middle[0]), (height + 10) / 2 - 4 - scale * (xy[:, 1] - middle[1])

    drawn: list[Any] = [el("text", title, x=8, y=13, class_="title")]
    lines = [(name, path) for name, group in paths.items() for path in group]
    lines += [("box", np.concatenate([np.asarray(box), np.asarray(box)[:1]])) for box in boxes]
    drawn += [el("polyline", points=_points(*place(line)), class_=name) for name, line in lines]
    starts = [place(np.asarray(group[0], dtype=float).reshape(-1, 2)[:1]) for group in paths.values() if len(group)]
    for x, y in starts[:1]:
        if len(x) and isfinite(x[0]) and isfinite(y[0]):
            drawn.append(el("circle", cx=f"{x[0]:.1f}", cy=f"{y[0]:.1f}", r=3.5, class_="start"))
    return _svg(height, title, drawn, _scale_bar(scale, height))


def _scale_bar(scale: float, height: float) -> list[Markup]:
    length = next((m for m in (1000, 100, 10, 1) if m * scale <= 120), 1)
    y = height - 8
    bar = el("line", x1=8, x2=f"{8 + length * scale:.1f}", y1=f"{y:.1f}", y2=f"{y:.1f}", class_="scale")
    return [bar, el("text", f"{length} m", x=8, y=f"{y - 5:.1f}")]


def pictures_in_time(title: str, length_s: float, cameras: Mapping[str, ArrayLike], gap_s: float) -> Markup:
    """One row a camera with a tick for each picture; stretches longer than `gap_s` are marked."""
    drawn: list[Any] = [el("text", title, x=8, y=13, class_="title")]
    length, y = max(length_s, 1e-3), 34.0

    def across(t: float) -> float:
        return 8 + (_RIGHT - 8) * min(max(t / length, 0.0), 1.0)

    for name, times in cameras.items():
        taken = np.sort(np.asarray(times, dtype=float))
        drawn.append(el("text", name, x=8, y=f"{y - 2:.1f}"))
        at = np.concatenate([[0.0], taken, [length]])
        for a, b in pairwise(at):
            if b - a > gap_s:
                x = across(float(a))
                drawn.append(el("rect", x=f"{x:.1f}", y=f"{y + 2:.1f}", width=f"{across(float(b)) - x:.1f}", height=10,
                                class_="gap"))  # fmt: skip
        path = "".join(f"M{across(float(t)):.1f} {y + 2:.1f}v10" for t in taken)
        drawn.append(el("path", d=path, class_="taken"))
        y += 30
    return _svg(y + 4, title, drawn, _ends(length, 8, y - 2))
