"""Evidence as a model is told it: numbers and names of closed sets under handles of our own.

Knows the fields of `Evidence` by their prefix. Ids and texts of the data never reach a prompt: a thing is called `lead`
or `signal`, and the handle is turned back into its id when the answer is read. Does not know prompts or answers.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from causeway.artifacts.closed_sets import SIGNAL_STATES, TRACK_TYPES
from causeway.clips.surroundings.route_ahead import ROUTE_ACTIONS

if TYPE_CHECKING:
    from causeway.evidence import Evidence

_THINGS = {
    "lead": "the road user that we follow",
    "left": "the nearest vehicle on the lane to our left",
    "right": "the nearest vehicle on the lane to our right",
    "cut_in": "a vehicle that moves over into our way",
    "oncoming": "the nearest vehicle that comes towards us",
    "obstacle": "what stands beside or in our way",
    "crossing": "who crosses our way",
    "signal": "the traffic light that governs us",
    "stop_line": "a stop line on our way",
    "curve": "a bend of our way",
    "lane": "our lane",
    "route": "what the route asks for next",
    "split": "where more than one lane follows",
    "merge": "where another lane joins ours",
    "crosswalk": "a crosswalk on our way",
    "bump": "a speed bump on our way",
    "sign": "a traffic sign on our way",
    "cone": "a cone on our way",
}
_NAMES = {"type": frozenset(TRACK_TYPES), "state": frozenset(SIGNAL_STATES), "action": frozenset(ROUTE_ACTIONS)}
_US = 1e-6


@dataclass(frozen=True)
class Fact:
    """One thing of the evidence: its handle, what is told of it, its id and since when it is so (None: unknown)."""

    handle: str
    told: dict[str, Any]
    track_id: str | None
    since_us: int | None


def facts_of(evidence: "Evidence") -> tuple[Fact, ...]:
    """Everything the evidence names, in a fixed order."""
    values = asdict(evidence)
    found = (_fact(handle, _fields(values, handle), evidence) for handle in _THINGS)
    return tuple(fact for fact in found if fact is not None)


def ego_of(evidence: "Evidence") -> dict[str, float | None]:
    """The ego's motion at t0 and what the recording knows of."""
    known = {name: getattr(evidence, name) for name in ("has_tracks", "has_map", "has_signals", "on_ramp")}
    return {name: _told(value) for name, value in _fields(asdict(evidence), "ego").items()} | known


def _fields(values: dict[str, Any], handle: str) -> dict[str, Any]:
    """{rest of the name: value} of what is known with this prefix."""
    prefix = f"{handle}_"
    return {n.removeprefix(prefix): v for n, v in values.items() if n.startswith(prefix) and v is not None}


def _fact(handle: str, fields: dict[str, Any], evidence: "Evidence") -> Fact | None:
    if not fields:
        return None
    track_id = fields.pop("track_id", None) or fields.pop("id", None)
    since_us = fields.pop("since_us", None)
    told = {"id": handle, "what": _THINGS[handle]}
    told |= {name: _told(value, _NAMES.get(name)) for name, value in fields.items()}
    if since_us is not None:
        told["since_s"] = round(min(since_us - evidence.t0_us, 0) * _US, 1)
    return Fact(handle, told, track_id, since_us)


def _told(value: Any, names: frozenset[str] | None = None) -> Any:
    """A number rounded; a text only where it is of a closed set."""
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 2)
    return value if names is not None and value in names else "unknown"
