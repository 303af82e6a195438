"""HTML without a template language: elements whose text is escaped unless it is markup already.

Knows escaping and nothing else, so that no page can forget it: plain strings are text, `Markup` is markup.
"""

import base64
from html import escape
from typing import Any

NOTHING = 5e-4  # below it three decimals show zeros alone
_HUGE = 1e15  # beyond it digits are noise
_EMPTY = frozenset({"img", "meta", "br", "line", "circle", "rect", "polyline", "path"})


class Markup(str):
    """A string that is markup already."""

    __slots__ = ()


def markup(content: Any) -> str:
    """Text escaped, markup as it is, None as nothing, a list or tuple joined."""
    if isinstance(content, Markup):
        return content
    if content is None:
        return ""
    if isinstance(content, list | tuple):
        return "".join(markup(item) for item in content)
    return escape(str(content))


def el(tag: str, *content: Any, **attributes: Any) -> Markup:
    """One element. Of attributes a last underscore is dropped (`class_`), others are dashes; None leaves it out."""
    said = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _EMPTY:
        return Markup(f"<{tag}{said}/>")
    return Markup(f"<{tag}{said}>{markup(content)}</{tag}>")


def table(head: list[Any], rows: list[list[Any]], class_: str | None = None, numbers: tuple[int, ...] = ()) -> Markup:
    """A table; columns in `numbers` are right-aligned figures. It scrolls sideways where it does not fit."""

    def cells(tag: str, row: list[Any]) -> list[Markup]:
        return [el(tag, cell, class_="num" if i in numbers else None) for i, cell in enumerate(row)]

    body = [el("tr", cells("td", row)) for row in rows]
    whole = el("table", el("thead", el("tr", cells("th", head))), el("tbody", body), class_=class_)
    return el("div", whole, class_="scroll")


def section(title: str, *content: Any, lead: Any = None, class_: str | None = None) -> Markup:
    """A titled part of the page."""
    return el("section", el("h2", title), el("p", lead, class_="lead") if lead else None, content, class_=class_)


def picture(jpeg: bytes | str, alt: str) -> Markup:
    """An inlined JPEG, given as bytes or as base64."""
    data = base64.b64encode(jpeg).decode() if isinstance(jpeg, bytes) else jpeg
    return el("img", src=f"data:image/jpeg;base64,{data}", alt=alt)


def number(value: Any) -> str:
    """Three significant digits, thousands grouped; "≈0" for what rounds to it, an en dash for what is not there.

    From 1e15 on it is said as a power of ten.
    """
    if value is None:
        return "–"
    if abs(value) >= _HUGE:
        return f"{value:.3g}"
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))
    size = abs(value)
    if size < NOTHING:
        return "≈0"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}"


def quantity(value: Any, unit: str) -> str:
    """A value with its unit; shares as per cent."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{100 * value:.3g}\u00a0%"
    return number(value) if unit in ("", "count", "score", "grade", "words") else f"{number(value)}\u00a0{unit}"
