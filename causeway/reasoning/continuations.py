"""Which words may follow which in a sentence of the grammar: what a generator is held to, so that its trace parses.

Knows the order of a sentence as `render` makes it. Does not know tokens or probabilities.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from causeway.reasoning import grammar
from causeway.reasoning.grammar import MAX_COMPONENTS


@dataclass(frozen=True)
class Place:
    """A place in a sentence: the phrase being said and what is left to say."""

    part: str = "action"  # then "connective", "component", and "end" when the sentence is over
    phrase: tuple[str, ...] = ()  # words of the action or component so far
    owed: tuple[str, ...] = ()  # words of the connective still to come
    components: int = 0  # begun so far
    joined: str = ""  # what stood before the component that is being said: "", "," or "and"


START = Place()


@lru_cache(maxsize=65536)
def following(place: Place) -> dict[str, Place]:
    """Each word or mark that may come next, in lower case, and the place behind it. Empty = the sentence is over."""
    if place.part == "end":
        return {}
    if place.part == "connective":
        return _after_connective(place.owed)
    tree = grammar.ACTION_TREE if place.part == "action" else grammar.COMPONENT_TREE
    node = grammar.node_of(tree, place.phrase)
    words = {word: replace(place, phrase=(*place.phrase, word)) for word in node if word != grammar.END}
    if grammar.END in node:
        ends = _after_action(node[grammar.END]) if place.part == "action" else _after_component(place)
        both = words.keys() & ends.keys()
        if both:
            raise grammar.TraceError(f"{sorted(both)[0]!r} both ends and continues {' '.join(place.phrase)!r}")
        words |= ends
    return words


def _after_action(pair: tuple[str, str]) -> dict[str, Place]:
    return {".": Place("end"), **_after_connective(tuple(grammar.connective_of(pair).split()))}


def _after_connective(owed: tuple[str, ...]) -> dict[str, Place]:
    if owed:
        return {owed[0]: Place("connective", owed=owed[1:])} if owed[1:] else {owed[0]: _component(0, "")}
    return following(_component(0, ""))


def _after_component(place: Place) -> dict[str, Place]:
    """A full stop or another component: all but the last are joined by commas, the last one by "and"."""
    said, more = place.components, {}
    if place.joined != "and" and said < MAX_COMPONENTS:
        more["and"] = _component(said, "and")
    if place.joined != "and" and said + 1 < MAX_COMPONENTS:
        more[","] = _component(said, ",")
    if place.joined != ",":
        more["."] = Place("end")
    return more


def _component(said: int, joined: str) -> Place:
    return Place("component", components=said + 1, joined=joined)
