"""The part of a page that shows three samples: pictures of every camera, paths from above, words beside the label.

Knows an example as `open_loop_suite` keeps it. Does not know how it was chosen.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from causeway.artifacts.markup import Markup, el, picture, quantity, section
from causeway.evaluation.page.chart_above import from_above
from causeway.evaluation.page.suite_parts import key_line

_KEY = (("policy", "policy"), ("recorded", "recorded, and the label"), ("agent", "others, and where they went"))
_ORDER = ("worst", "median", "best")


def examples_section(examples: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Worst, median and best, in this order."""
    if not examples:
        return None
    lead = "Worst, median and best sample by minADE; nothing else was chosen. Paths are drawn on the ground plane."
    ordered = sorted(examples, key=lambda e: _ORDER.index(e["which"]))
    return section(
        "Three samples to look at",
        key_line(_KEY),
        el("div", [_example(e) for e in ordered], class_="examples"),
        lead=lead,
    )


def _example(example: Mapping[str, Any]) -> Markup:
    said = example["reasoning"] or "(no words)"
    label = example["label"] or "(no label: this sample trains no reasoning)"
    caption = f"{example['sample_id']}, {example['scenario'] or 'no scenario'}, {example['speed_mps']:.1f} m/s"
    others = [_figure(other) for other in example.get("others", ())]
    return el(
        "article",
        el("h3", f"{example['which'].capitalize()}: {quantity(example['score_m'], 'm')}"),
        _figure(example),
        el("div", others, class_="cameras") if others else None,
        el("p", caption, class_="note"),
        el("div", el("blockquote", said), el("blockquote", label, class_="label")),
        from_above(example["recorded"], example["predicted"], example.get("around")),
        class_="example",
    )


def _figure(shown: Mapping[str, Any]) -> Markup:
    alt = f"{shown['camera']} with the recorded and the predicted path"
    return el("figure", picture(shown["picture"], alt), el("figcaption", shown["camera"].replace("_", " ")))
