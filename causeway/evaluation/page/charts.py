"""Small charts as inline SVG: an interval beside its baselines, a difference, a loss curve, bars by group.

Knows numbers and pixels. Colours come from the page's style sheet by class, so light, dark and print are one drawing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from causeway.artifacts.markup import NOTHING, Markup, el, number, quantity

Points = Sequence[Sequence[float]]


def _svg(width: int, height: int, label: str, *content: Any) -> Markup:
    return el("svg", content, viewBox=f"0 0 {width} {height}", role="img", aria_label=label, class_="chart")


def _line(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    return el("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), class_=class_)


def whisker(metric: Mapping[str, Any], beside: Sequence[Mapping[str, Any]] = ()) -> Markup | None:
    """A value and its interval with baseline values, on an axis from 0 (shares: to 1); None when all is about 0."""
    known = [m[part] for m in (metric, *beside) for part in ("value", "low", "high") if m[part] is not None]
    if metric["value"] is None or metric["unit"] in ("count", "ms") or max(map(abs, known)) < NOTHING:
        return None
    low, high = min(0.0, *known), 1.0 if metric["unit"] == "share" else max(0.0, *known)

    def at(value: float) -> float:
        return 6 + 148 * (value - low) / (high - low)

    drawn = [el("line", x1=6, x2=154, y1=11, y2=11, class_="axis")]
    if metric["low"] is not None and metric["high"] is not None:
        drawn.append(
            el("line", x1=f"{at(metric['low']):.1f}", x2=f"{at(metric['high']):.1f}", y1=11, y2=11, class_="span")
        )
    for other in beside:
        if other["value"] is not None:
            x = f"{at(other['value']):.1f}"
            drawn.append(el("line", x1=x, x2=x, y1=4, y2=18, class_="tick"))
    drawn.append(el("circle", cx=f"{at(metric['value']):.1f}", cy=11, r=4.5, class_="dot"))
    return _svg(160, 22, f"{number(metric['value'])} between {number(low)} and {number(high)}", drawn)


def curve(points: Points, title: str, what: str = "loss") -> Markup:
    """A number over steps: every step faint, a running mean strong, first and last mean in words."""
    steps, losses = [p[0] for p in points], [p[1] for p in points]
    smooth = running_mean(losses, max(1, len(losses) // 12))
    low, high = min(losses), max(losses)
    reach, length = (high - low) or 1.0, (steps[-1] - steps[0]) or 1.0

    def at(values: Sequence[float]) -> list[tuple[float, float]]:
        return [
            (44 + 190 * (s - steps[0]) / length, 108 - 84 * (v - low) / reach)
            for s, v in zip(steps, values, strict=True)
        ]

    marks = [
        el("line", x1=44, x2=234, y1=108, y2=108, class_="axis"),
        el("text", title, x=44, y=13, class_="title"),
        el("text", f"{number(smooth[0])} → {number(smooth[-1])}", x=234, y=13, text_anchor="end"),
        el("text", number(high), x=40, y=28, text_anchor="end"),
        el("text", number(low), x=40, y=111, text_anchor="end"),
        el("text", f"step {number(steps[0])}", x=44, y=123),
        el("text", number(steps[-1]), x=234, y=123, text_anchor="end"),
    ]
    return _svg(240, 128, f"{what} of {title}", marks, _line(at(losses), "faint"), _line(at(smooth), "strong"))


def running_mean(values: Sequence[float], window: int) -> list[float]:
    """The mean of the last `window` values at each place; fewer at the start."""
    return [sum(values[max(0, i - window + 1) : i + 1]) / min(i + 1, window) for i in range(len(values))]


def change(metric: Mapping[str, Any], class_: str) -> Markup | None:
    """A difference and its interval on an axis with 0 in the middle; None where there is no number."""
    known = [metric[part] for part in ("value", "low", "high") if metric[part] is not None]
    reach = max(map(abs, known), default=0.0)
    if metric["value"] is None or reach < NOTHING:
        return None

    def at(value: float) -> str:
        return f"{80 + 74 * value / reach:.1f}"

    axis = el("line", x1=6, x2=154, y1=11, y2=11, class_="axis")
    drawn = [axis, el("line", x1=80, x2=80, y1=3, y2=19, class_="tick")]
    if metric["low"] is not None and metric["high"] is not None:
        drawn.append(el("line", x1=at(metric["low"]), x2=at(metric["high"]), y1=11, y2=11, class_=f"span {class_}"))
    drawn.append(el("circle", cx=at(metric["value"]), cy=11, r=4.5, class_=f"dot {class_}"))
    return _svg(160, 22, f"difference {number(metric['value'])}, 0 in the middle", drawn)


def bars(groups: Mapping[str, Sequence[Mapping[str, Any]]], title: str) -> Markup:
    """For each group one bar for each metric in its row (the first is the policy's), with its interval.

    Bars start at 0, which is at the left unless something lies below it.
    """
    metrics = [metric for row in groups.values() for metric in row]
    known = [m[part] for m in metrics for part in ("value", "low", "high") if m[part] is not None]
    share = metrics[0]["unit"] in ("share", "score")
    low, high = min([0.0, *known]), 1.0 if share else max([1e-9, *known])

    def at(value: float) -> float:
        return _LEFT + _LONG * (value - low) / (high - low)

    drawn, y = [], 4
    for group, row in groups.items():
        middle = y + _BAR * len(row) / 2 + 4
        drawn.append(el("text", group.replace("_", " "), x=_LEFT - 6, y=middle, text_anchor="end"))
        for place, metric in enumerate(row):
            drawn += _bar(metric, y, at, "policy" if place == 0 else "baseline")
            y += _BAR
        y += _GAP
    if low < 0:
        drawn.append(el("line", x1=f"{at(0):.1f}", x2=f"{at(0):.1f}", y1=2, y2=y - _GAP + 2, class_="axis"))
    return _svg(340, y, f"{title}, group by group", drawn)


_BAR, _GAP, _LEFT, _LONG = 13, 10, 150, 130


def _bar(metric: Mapping[str, Any], y: float, at: Callable[[float], float], class_: str) -> list[Markup]:
    value, middle = metric["value"] or 0.0, y + _BAR / 2
    start, end = sorted((at(0.0), at(value)))
    drawn = [el("rect", x=f"{start:.1f}", y=y + 1, width=f"{end - start:.1f}", height=_BAR - 2, class_=class_)]
    if metric["low"] is not None and metric["high"] is not None:
        x1, x2 = at(metric["low"]), at(metric["high"])
        drawn.append(el("line", x1=f"{x1:.1f}", x2=f"{x2:.1f}", y1=middle, y2=middle, class_="error"))
        end = max(end, x2)
    says = quantity(metric["value"], "share" if metric["unit"] == "share" else "")
    return [*drawn, el("text", says, x=f"{end + 4:.1f}", y=middle + 4)]
