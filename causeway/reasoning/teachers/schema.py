"""What an endpoint may answer: JSON schemas for its guided output, and the same rules as a reader of answers.

Knows the closed sets, the handles of one moment and bounds. An answer is read strictly: what the schema does not
allow is a `BadAnswer`, whoever guided it. Does not know prompts, requests or retries.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from causeway.errors import UnusableInput, one_line
from causeway.reasoning.grammar import MAX_COMPONENTS
from causeway.reasoning.names import (
    COMPONENT_KINDS,
    LATERAL_DECISIONS,
    LONGITUDINAL_DECISIONS,
    MOTIONS,
    NONE,
    RELATIVE_POSES,
)
from causeway.reasoning.records import Component
from causeway.reasoning.teachers.facts import Fact
from causeway.reasoning.teachers.seen import Seen

MOST_NAMED = 2 * MAX_COMPONENTS  # a decision needs few of them; which ones is known after the second call
_LONGEST_REASON = 200
_SAID = 40  # characters of an answer that a reason may quote
CATEGORY_OF = {kind: category for category, kinds in COMPONENT_KINDS.items() for kind in kinds}


class BadAnswer(UnusableInput):
    """An answer that cannot be used; says what is wrong with it."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


_Name = Annotated[str, StringConstraints(max_length=64)]


class _Named(_Strict):
    kind: _Name
    id: _Name
    relative_pose: _Name
    motion: _Name
    first_picture: int
    last_picture: int


class _Components(_Strict):
    components: Annotated[list[_Named], Field(max_length=MOST_NAMED)]


class _Decision(_Strict):
    longitudinal_decision: _Name
    lateral_decision: _Name


class Verdict(_Strict):
    """What a model critic says of a label."""

    decision_fits: bool
    causes_cover: bool
    causes_true: bool
    nearest_cause: bool
    reason: Annotated[str, StringConstraints(max_length=2000)]


def components_schema(facts: Sequence[Fact], pictures: int) -> dict[str, Any]:
    """The schema of the first call: things with an id, or with the pictures (1 … n) that show them."""
    ids = [fact.handle for fact in facts] + ([NONE] if pictures or not facts else [])
    shown = {"type": "integer", "enum": list(range(pictures + 1))}
    item = {
        "kind": _one_of(CATEGORY_OF),
        "id": _one_of(ids),
        "relative_pose": _one_of(RELATIVE_POSES),
        "motion": _one_of(MOTIONS),
        "first_picture": shown,
        "last_picture": shown,
    }
    return _object({"components": {"type": "array", "items": _object(item), "maxItems": MOST_NAMED}})


def decision_schema() -> dict[str, Any]:
    """The schema of the second call."""
    return _object(
        {
            "longitudinal_decision": _one_of(LONGITUDINAL_DECISIONS),
            "lateral_decision": _one_of(LATERAL_DECISIONS),
        }
    )


def verdict_schema() -> dict[str, Any]:
    """The schema of a model critic's answer."""
    flags = ("decision_fits", "causes_cover", "causes_true", "nearest_cause")
    return _object({**{name: {"type": "boolean"} for name in flags}, "reason": {"type": "string"}})


def _one_of(names: Any) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def read_components(text: str, seen: Seen, facts: Sequence[Fact]) -> tuple[Component, ...]:
    """The components of an answer, most important first, with the ids of the data and when each was observed.

    A thing without a handle was observed from its first to its last picture. BadAnswer for any other answer.
    """
    answer = _read(_Components, text)
    known = {fact.handle: fact for fact in facts}
    return tuple(_component(named, rank, seen, known) for rank, named in enumerate(answer.components, start=1))


def _component(named: _Named, rank: int, seen: Seen, known: dict[str, Fact]) -> Component:
    _in(named.kind, CATEGORY_OF, "kind")
    _in(named.relative_pose, RELATIVE_POSES, "relative_pose")
    _in(named.motion, MOTIONS, "motion")
    _in(named.id, (*known, NONE), "id")
    fact = known.get(named.id)
    start_us, end_us = _observed_as(fact, seen) if fact else _shown(named, seen)
    return Component(
        category=CATEGORY_OF[named.kind],
        kind=named.kind,
        track_id=fact.track_id if fact else None,
        relative_pose=named.relative_pose,
        motion=named.motion,
        observed_from_us=start_us,
        observed_to_us=end_us,
        rank=rank,
    )


def _observed_as(fact: Fact, seen: Seen) -> tuple[int, int]:
    end_us = seen.evidence.event_us
    return (end_us if fact.since_us is None else min(fact.since_us, end_us)), end_us


def _shown(named: _Named, seen: Seen) -> tuple[int, int]:
    first, last, count = named.first_picture, named.last_picture, len(seen.pictures)
    if not 1 <= first <= last <= count:
        raise BadAnswer(f"{named.kind} has no id and no picture of 1 … {count} that shows it: {first} … {last}")
    return seen.pictures[first - 1].t_us, seen.pictures[last - 1].t_us


def read_decision(text: str) -> tuple[str, str]:
    """The longitudinal and lateral decision of an answer; BadAnswer for any other answer."""
    answer = _read(_Decision, text)
    _in(answer.longitudinal_decision, LONGITUDINAL_DECISIONS, "longitudinal_decision")
    _in(answer.lateral_decision, LATERAL_DECISIONS, "lateral_decision")
    return answer.longitudinal_decision, answer.lateral_decision


def read_verdict(text: str) -> Verdict:
    """A model critic's verdict, its reason in one line and cut to length; BadAnswer for any other answer."""
    answer = _read(Verdict, text)
    return answer.model_copy(update={"reason": one_line(answer.reason)[:_LONGEST_REASON]})


_Read = TypeVar("_Read", bound=_Strict)


def _read(shape: type[_Read], text: str) -> _Read:
    try:
        return shape.model_validate(json.loads(text, object_pairs_hook=_once, parse_constant=_no_number))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])[:_SAID]
        raise BadAnswer(f"{place or 'the answer'}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"not JSON: {str(error)[: 2 * _SAID]}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _in(name: str, names: Any, field: str) -> None:
    if name not in names:
        raise BadAnswer(f"{field} {name[:_SAID]!r} is not one of those offered")
