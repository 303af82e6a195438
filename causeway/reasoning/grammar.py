"""The one grammar between a Chain-of-Causation record and its sentence.

A sentence is ACTION [CONNECTIVE COMPONENT [, COMPONENT] [and COMPONENT]] "." with
ACTION = longitudinal [and lateral] and COMPONENT = the [motion] kind [pose]:
"Stop for the red light ahead.", "Keep distance to the slowing car ahead.".
Knows every word a trace may hold. Does not know ids and times, which are not in a sentence, or whether a
record is true. The paper asks for a compact verb set aligned with the decisions (arXiv 2511.00088, table 1)
and prints none: the words are ours.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import product
from typing import Any

from causeway.errors import UnusableInput
from causeway.reasoning.names import (
    COMPONENT_KINDS,
    LATERAL_DECISIONS,
    LONGITUDINAL_DECISIONS,
    MOTIONS,
    NONE,
    RELATIVE_POSES,
)
from causeway.reasoning.records import CocRecord, Component

MAX_COMPONENTS = 3

# decision: (action words, connective to the components that follow it)
_LONGITUDINAL = {
    "set_speed_tracking": ("track the set speed", "for"),
    "lead_following": ("keep distance", "to"),
    "speed_adaptation": ("adapt speed", "for"),
    "gap_searching": ("find a gap", "for"),
    "passing_acceleration": ("accelerate to pass", ""),
    "yield": ("yield", "to"),
    "stop_for_static_constraint": ("stop", "for"),
}
_LATERAL = {
    "lane_keeping": ("keep the lane", "for"),
    "merge": ("merge", "for"),
    "split": ("take the split", "for"),
    "nudge_out_of_lane_left": ("nudge left out of lane", "for"),
    "nudge_out_of_lane_right": ("nudge right out of lane", "for"),
    "nudge_in_lane_left": ("nudge left in lane", "for"),
    "nudge_in_lane_right": ("nudge right in lane", "for"),
    "lane_change_left": ("change lane left", "for"),
    "lane_change_right": ("change lane right", "for"),
    "pull_over": ("pull over", "for"),
    "turn_left": ("turn left", "for"),
    "turn_right": ("turn right", "for"),
    "lateral_abort": ("abort the manoeuvre", "for"),
}
_NO_DECISION = ("continue unchanged", "for")

# kinds whose words are not their name with spaces
_KIND_WORDS = {
    "static": "object",
    "unknown": "road user",
    "off_light": "dark light",
    "uphill": "uphill grade",
    "downhill": "downhill grade",
    "route_left": "left route",
    "route_right": "right route",
    "route_straight": "straight route",
    "route_merge": "merge route",
    "route_split": "split route",
    "construction": "construction zone",
}
_POSE_WORDS = {
    "in_path": "ahead",
    "left": "on the left",
    "right": "on the right",
    "oncoming": "in oncoming traffic",
    "crosswalk": "on the crosswalk",
    NONE: "",
}
_MOTION_WORDS = {motion: motion for motion in MOTIONS} | {"cutting_in": "encroaching", NONE: ""}


class TraceError(UnusableInput, ValueError):
    """A trace that the grammar cannot have made, or a record that it cannot say; names the word."""


def _action(longitudinal: str, lateral: str) -> tuple[str, str]:
    """The action words of a pair of decisions and the connective to what caused them."""
    tables = ((_LONGITUDINAL, longitudinal), (_LATERAL, lateral))
    said = [table[name] for table, name in tables if name != NONE]
    if not said:
        return _NO_DECISION
    return " and ".join(words for words, _ in said), said[-1][1]


def _noun(kind: str) -> str:
    return _KIND_WORDS.get(kind, kind.replace("_", " "))


_ACTIONS = {pair: _action(*pair) for pair in product(LONGITUDINAL_DECISIONS, LATERAL_DECISIONS)}
_COMPONENTS = {
    (category, kind, pose, motion): f"the {_MOTION_WORDS[motion]} {_noun(kind)} {_POSE_WORDS[pose]}"
    for category, kinds in COMPONENT_KINDS.items()
    for kind, pose, motion in product(kinds, RELATIVE_POSES, MOTIONS)
}

Tree = dict[str, Any]
END = ""  # no word is empty, so it can mark where a phrase may end


def _tree(phrases: Mapping[Any, str]) -> Tree:
    """Phrases as nested dictionaries, word by word, so that the first word that fits nowhere can be named."""
    root: Tree = {}
    for value, phrase in phrases.items():
        node = root
        for word in phrase.split():
            node = node.setdefault(word, {})
        if END in node:
            raise TraceError(f"{value} and {node[END]} are both said {phrase!r}; change their words")
        node[END] = value
    return root


ACTION_TREE = _tree({pair: words for pair, (words, _) in _ACTIONS.items()})
COMPONENT_TREE = _tree(_COMPONENTS)


def node_of(tree: Tree, words: tuple[str, ...]) -> Tree:
    """The node of a tree behind these words; KeyError when they lead nowhere."""
    for word in words:
        tree = tree[word]
    return tree


def connective_of(pair: tuple[str, str]) -> str:
    """The words between a pair of decisions and what caused them; "" where none are said."""
    return _ACTIONS[pair][1]


def _all_words() -> tuple[str, ...]:
    words = {"and", ",", "."}
    for action, connective in _ACTIONS.values():
        first, *rest = action.split()
        words.update([first.capitalize(), first, *rest, *connective.split()])
    for phrase in _COMPONENTS.values():
        words.update(phrase.split())
    return tuple(sorted(words))


GRAMMAR_WORDS: tuple[str, ...] = _all_words()
"""Every word and mark that `render` can emit, sorted; what can begin a sentence also with a capital."""


def render(record: CocRecord) -> str:
    """The record's one sentence. TraceError for a name outside the closed sets or over three components."""
    pair = (record.longitudinal_decision, record.lateral_decision)
    if pair not in _ACTIONS:
        raise TraceError(f"decisions {pair} are not in the closed sets; see causeway.reasoning.names")
    if len(record.components) > MAX_COMPONENTS:
        raise TraceError(f"{len(record.components)} components; keep the {MAX_COMPONENTS} most important")
    action, connective = _ACTIONS[pair]
    said = [_say(component) for component in sorted(record.components, key=lambda c: c.rank)]
    causes = " and ".join(filter(None, [", ".join(said[:-1]), *said[-1:]]))
    words = f"{action} {connective} {causes}".split() if said else action.split()
    sentence = " ".join(words)
    return sentence[0].upper() + sentence[1:] + "."


def _say(component: Component) -> str:
    key = (component.category, component.kind, component.relative_pose, component.motion)
    if key not in _COMPONENTS:
        raise TraceError(f"component {key} is not in the closed sets; see causeway.reasoning.names")
    return " ".join(_COMPONENTS[key].split())


@lru_cache(maxsize=4096)  # few sentences are said again and again; a record never changes
def parse(trace: str) -> CocRecord:
    """The record a sentence says: ids None, times 0, ranks by order. TraceError names the word that is wrong.

    Case and spacing do not matter; any other deviation does, so a parsed trace renders back to itself.
    """
    words = _words(trace)
    pair, place = _walk(ACTION_TREE, words, 0)
    components: list[Component] = []
    if words[place] != ".":
        connective = _ACTIONS[pair][1].split()
        if words[place : place + len(connective)] != connective:
            raise TraceError(_unexpected(words, place))
        components, place = _components(words, place + len(connective))
    record = CocRecord(pair[0], pair[1], tuple(components))
    canonical = _words(render(record))
    if words != canonical:
        agreed = [ours == theirs for ours, theirs in zip(words, canonical, strict=False)]
        raise TraceError(_unexpected(words, agreed.index(False) if False in agreed else len(canonical)))
    return record


def _words(trace: str) -> list[str]:
    words = re.findall(r"\w+|[^\w\s]", trace.lower())
    if not words or words[-1] != ".":
        raise TraceError(f"trace {trace[:80]!r} does not end with a full stop")
    return words


def _components(words: list[str], place: int) -> tuple[list[Component], int]:
    """Components from `place` on, whatever separates them: `parse` compares with the canonical sentence."""
    components: list[Component] = []
    while not components or words[place] in (",", "and"):
        place += bool(components)
        (category, kind, pose, motion), place = _walk(COMPONENT_TREE, words, place)
        components.append(Component(category, kind, None, pose, motion, rank=len(components) + 1))
    return components, place


def _walk(tree: Tree, words: list[str], start: int) -> tuple[Any, int]:
    """The longest phrase of `tree` at `start`: its value and the place after it."""
    node, place, found = tree, start, None
    while True:
        if END in node:
            found = (node[END], place)
        if place >= len(words) or words[place] not in node:
            break
        node, place = node[words[place]], place + 1
    if found is None:
        raise TraceError(_unexpected(words, place))
    return found


def _unexpected(words: list[str], place: int) -> str:
    word = repr(words[place][:40]) if place < len(words) else "missing"
    return f"word {place + 1} of the trace, {word}, fits nowhere in the grammar"
