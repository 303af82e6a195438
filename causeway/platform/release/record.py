"""What is known of one endpoint: who serves, who is on trial, how far the trial is, and every move with who and why.

Pure values and the changes they may undergo; where a record is kept is the back ends' business. The record is
written before the endpoint is touched, so that whoever finds it after a crash knows what was meant.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from causeway.errors import Refused, UnusableInput

Phase = Literal["empty", "dark", "canary", "promoting", "rolling_back", "promoted", "rolled_back"]
ON_TRIAL = frozenset({"dark", "canary"})  # a candidate is there, and nothing is decided yet
DECIDED = frozenset({"promoting", "rolling_back"})  # decided, and not yet done: there is no way back
KEPT_MOVES = 500
NOT_READY: Mapping[str, Any] = {"ready": False}  # figures of a move for want of a server: nothing was measured


@dataclass(frozen=True)
class Served:
    """A policy as an endpoint serves it."""

    policy: str  # content hash
    location: str
    version: int  # in the registry

    @property
    def name(self) -> str:
        """A name for its server: letters and digits, the same each time."""
        return f"p{self.policy[:10]}"


@dataclass(frozen=True)
class Move:
    """One move: when, who, where to, which policy it was about, and why, with the figures it was decided by."""

    at_us: int
    who: str
    step: str  # the phase, with the share while there is one: "canary 10 %"
    policy: str
    why: str
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """An endpoint. `before` is the champion that the present one replaced; `revision` counts the writes; `registry` is
    told who is champion; `ready_s` is how long the last release gave a server until its first answer."""

    endpoint: str
    registry: str = ""
    phase: Phase = "empty"
    percent: int = 0
    champion: Served | None = None
    candidate: Served | None = None
    before: Served | None = None
    moves: tuple[Move, ...] = ()
    revision: int = 0
    ready_s: float = 300.0


def begun(
    record: Record, candidate: Served, registry: str, ready_s: float, who: str, why: str, at_us: int
) -> Record:
    """A candidate comes in, dark. The same record when it is on trial or being promoted already, or is the champion.

    Refused while another candidate is on trial.
    """
    if record.candidate is not None and record.candidate.policy != candidate.policy:
        raise Refused(
            f"{record.endpoint}: policy {record.candidate.policy[:12]} is on trial ({step_of(record)}); "
            f"wait for its end, or end it with: causeway release rollback --endpoint {record.endpoint}"
        )
    if record.candidate is not None or (record.champion and record.champion.policy == candidate.policy):
        return record
    record = replace(record, candidate=candidate, registry=registry, ready_s=ready_s)
    return _moved(record, "dark", 0, who, why, at_us, {})


def stepped(
    record: Record, phase: Phase, percent: int, who: str, why: str, at_us: int, figures: Mapping[str, Any]
) -> Record:
    """The trial goes on, or is decided. Refused when nothing is on trial."""
    if record.phase not in ON_TRIAL or record.candidate is None:
        raise Refused(f"{record.endpoint}: no policy is on trial ({step_of(record)}); causeway run release starts one")
    return _moved(record, phase, percent, who, why, at_us, figures)


def returned(record: Record, who: str, why: str, at_us: int) -> Record:
    """The champion before comes back: it is promoted without a trial. Refused when there was none."""
    if record.before is None or record.candidate is not None:
        raise Refused(f"{record.endpoint}: there is no champion before to go back to")
    return _moved(replace(record, candidate=record.before), "promoting", 100, who, why, at_us, {})


def comes_back(record: Record) -> bool:
    """Whether the promotion that is decided is a champion's return: no move of a trial stands before it."""
    before = record.moves[-2].step if len(record.moves) > 1 else ""
    return record.phase == "promoting" and before in ("promoted", "rolled back")


def failed(record: Record, who: str, why: str, at_us: int) -> Record:
    """A promotion that cannot be done is rolled back. The same record when none was decided."""
    return _moved(record, "rolling_back", 0, who, why, at_us, NOT_READY) if record.phase == "promoting" else record


def ended(record: Record, who: str, at_us: int) -> Record:
    """What was decided is done. The same record when nothing was decided."""
    if record.phase == "promoting":
        done = replace(record, champion=record.candidate, before=record.champion, candidate=None)
        return _moved(done, "promoted", 100, who, "all requests go to it", at_us, {}, record.candidate)
    if record.phase == "rolling_back":
        done = replace(record, candidate=None)
        return _moved(done, "rolled_back", 0, who, "no request goes to it", at_us, {}, record.candidate)
    return record


def step_of(record: Record) -> str:
    """The phase in words, with the share while there is one."""
    return f"canary {record.percent} %" if record.phase == "canary" else record.phase.replace("_", " ")


def _moved(
    record: Record,
    phase: Phase,
    percent: int,
    who: str,
    why: str,
    at_us: int,
    figures: Mapping[str, Any],
    about: Served | None = None,
) -> Record:
    record = replace(record, phase=phase, percent=percent)
    about = about or record.candidate
    move = Move(at_us, who, step_of(record), about.policy if about else "", why, dict(figures))
    return replace(record, moves=(*record.moves, move)[-KEPT_MOVES:])


def to_json(record: Record) -> str:
    """`release.json` of an endpoint; policy, step, why and when of the last move stand first."""
    last = record.moves[-1] if record.moves else None
    head = {
        "policy": last.policy if last else "",
        "endpoint": record.endpoint,
        "step": step_of(record),
        "why": last.why if last else "",
        "when_us": last.at_us if last else 0,
        "who": last.who if last else "",
    }
    return json.dumps(head | asdict(record), indent=1) + "\n"


def from_json(text: str, where: str) -> Record:
    """A record from `to_json`; UnusableInput for anything else."""
    try:
        found = json.loads(text)
        if found["phase"] not in get_args(Phase):
            raise ValueError(f"no such phase: {found['phase']}")
        served = {name: Served(**found[name]) if found[name] else None for name in ("champion", "candidate", "before")}
        return Record(
            endpoint=found["endpoint"],
            registry=found["registry"],
            phase=found["phase"],
            percent=int(found["percent"]),
            moves=tuple(Move(**move) for move in found["moves"]),
            revision=int(found["revision"]),
            ready_s=float(found.get("ready_s", Record.ready_s)),
            **served,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableInput(f"{where}: is no record of releases ({error}); move it away to begin anew") from error
