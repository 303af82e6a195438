"""Numbers, points and shapes in CommonRoad's XML.

Knows exact and interval values, of which the middle is taken, and rectangles, circles and polygons. Does not know what
they belong to. Source: commonroad.in.tum.de, XML format 2020a.
"""

from xml.etree.ElementTree import Element

import numpy as np

from causeway.clips.geometry import Array


class Unusable(ValueError):
    """A part of the file that cannot be used; the message says why."""


def value(element: Element | None, name: str) -> float:
    """An exact value, or the middle of an interval."""
    if element is None:
        raise Unusable(f"it has no {name}")
    exact = element.find("exact")
    if exact is not None:
        return number(exact.text, name)
    low, high = element.find("intervalStart"), element.find("intervalEnd")
    if low is None or high is None:
        raise Unusable(f"{name} is neither exact nor an interval")
    return (number(low.text, name) + number(high.text, name)) / 2


def position(element: Element | None) -> tuple[float, float]:
    """A point, or the centre of the shape in which the position lies."""
    if element is None:
        raise Unusable("it has no position")
    found = element.find("point")
    if found is not None:
        return point(found)
    corners = np.concatenate([_corners(shape) for shape in element] or [np.zeros((0, 2))])
    if len(corners) == 0:
        raise Unusable("its position is neither a point nor a shape")
    x, y = (corners.min(axis=0) + corners.max(axis=0)) / 2
    return float(x), float(y)


def box(shape: Element | None) -> tuple[float, float, Array]:
    """Length, width and middle [2] of the smallest box along the body's axes around all parts of a shape."""
    corners = np.concatenate([_corners(part) for part in (shape if shape is not None else ())] or [np.zeros((0, 2))])
    if len(corners) == 0:
        raise Unusable("it has no shape")
    low, high = corners.min(axis=0), corners.max(axis=0)
    length_m, width_m = high - low
    if not (np.isfinite(corners).all() and 0 < length_m < 1000 and 0 < width_m < 1000):
        raise Unusable(f"its shape is {length_m:g} m x {width_m:g} m")
    return float(length_m), float(width_m), (low + high) / 2


def _corners(part: Element) -> Array:
    """Extreme points [n, 2] of a rectangle, circle or polygon; none of anything else."""
    if part.tag == "rectangle":
        half = np.array([_size(part, "length"), _size(part, "width")]) / 2
        turn = number(text(part, "orientation") or "0", "orientation")
        signs = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * half
        cos, sin = np.cos(turn), np.sin(turn)
        return signs @ np.array([[cos, sin], [-sin, cos]]) + _middle(part)
    if part.tag == "circle":
        return np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]) * _size(part, "radius") + _middle(part)
    if part.tag == "polygon":
        return np.array([point(p) for p in part.findall("point")]).reshape(-1, 2)
    return np.zeros((0, 2))


def _size(part: Element, name: str) -> float:
    size = number(text(part, name), name)
    if not 0 < size < 1000:
        raise Unusable(f"its shape has {name} {size:g}")
    return size


def _middle(part: Element) -> Array:
    centre = part.find("center")
    return np.zeros(2) if centre is None else np.array(point(centre))


def point(element: Element) -> tuple[float, float]:
    """x and y of a point element."""
    return number(text(element, "x"), "x"), number(text(element, "y"), "y")


def number(words: str | None, name: str) -> float:
    """A number from text; `Unusable` when it is none."""
    try:
        return float(words or "")
    except ValueError as error:
        raise Unusable(f"{name} {(words or '')[:30]!r} is not a number") from error


def text(element: Element, name: str) -> str:
    """The text of a part of an element, "" when there is none."""
    return (element.findtext(name) or "").strip()
