"""What `causeway release …` does: look at an endpoint, and carry out a person's word.

Each function returns (JSON-able values, text for people).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from causeway.errors import Refused, UsageError
from causeway.platform.registry import crown
from causeway.platform.release.drive import finish, order
from causeway.platform.release.endpoint import CLUSTER, Endpoint, endpoint_at, refuse_name
from causeway.platform.release.record import ON_TRIAL, Record, Served, step_of, to_json
from causeway.platform.release.step import utc, who

Told = tuple[dict[str, Any], str]
_SHOWN_MOVES = 12


def status(name: str) -> Told:
    """Who serves, who is on trial, and the moves; Refused when nothing was ever released there."""
    endpoint = endpoint_at(name)
    record = endpoint.load()
    if not record.moves:
        raise Refused(f"{name}: nothing was released here; start with: causeway run release --set endpoint={name}")
    values = json.loads(to_json(record)) | {"traffic": _traffic(endpoint)}
    return values, "\n".join([*_lines(record), *_counted(values["traffic"])])


def decide(name: str, what: str, why: str) -> Told:
    """A person's `promote` or `rollback`, done before this returns."""
    if not why.strip():
        raise UsageError("--why is empty: a move is recorded with its reason")
    endpoint = endpoint_at(name)
    order(endpoint, what, who(""), why)
    return _finished(endpoint)


def resume(name: str) -> Told:
    """Serve again what the record says, and finish what was decided."""
    endpoint = endpoint_at(name)
    record = endpoint.load()
    if record.champion is None and record.candidate is None:
        raise Refused(f"{name}: nothing serves there; start with: causeway run release --set endpoint={name}")
    if record.phase in ON_TRIAL:
        endpoint.show(record.champion, record.candidate, record.percent, record.ready_s)
    elif record.champion is not None:
        endpoint.show(record.champion, None, 0, record.ready_s)
    return _finished(endpoint)


def stop(name: str) -> Told:
    """Stop an endpoint of this machine; UsageError for one on a cluster."""
    refuse_name(name)
    if name.startswith(CLUSTER):
        raise UsageError(f"{name}: on a cluster delete the InferenceService with kubectl")
    from causeway.platform.release.laptop import LaptopEndpoint

    stopped = LaptopEndpoint(Path(name)).stop()
    return {"endpoint": name, "stopped": stopped}, f"{name}: {'stopped' if stopped else 'did not run'}"


def _finished(endpoint: Endpoint) -> Told:
    registry = endpoint.load().registry

    def tell(served: Served) -> None:
        if registry:
            crown(registry, served.policy)

    record = finish(endpoint, who(""), tell)
    return json.loads(to_json(record)), "\n".join(_lines(record))


def _traffic(endpoint: Endpoint) -> dict[str, Any] | None:
    """What the front of this machine counts; None on a cluster, and where it does not run."""
    from causeway.platform.release.laptop import LaptopEndpoint

    try:
        return endpoint.figures() if isinstance(endpoint, LaptopEndpoint) else None
    except Refused:
        return None


def _lines(record: Record) -> list[str]:
    def named(served: Served | None) -> str:
        return f"{served.policy[:12]} (version {served.version})" if served else "none"

    moves = [f"  {utc(m.at_us)}  {m.step:<13} {m.policy[:12]}  {m.who}: {m.why}" for m in record.moves[-_SHOWN_MOVES:]]
    return [
        f"endpoint   {record.endpoint}: {step_of(record)}",
        f"champion   {named(record.champion)}",
        f"candidate  {named(record.candidate)}",
        *moves,
    ]


def _counted(traffic: Mapping[str, Any] | None) -> list[str]:
    if traffic is None:
        return []
    total = sum(slot["answered"] for slot in traffic["slots"].values()) or 1
    address = f"gRPC 127.0.0.1:{traffic['grpc_port']}, REST http://127.0.0.1:{traffic['http_port']}"
    return [
        f"asked at   {address}; {traffic['lost']} requests lost, {traffic['retried']} tried again",
        *(
            f"  {name}  set {slot['weight']} %, answered {slot['answered']} "
            f"({100 * slot['answered'] / total:.1f} % of all), failed {slot['failed']}, "
            f"shed {slot['shed']}, restarts {slot['restarts']}, median {slot['median_ms']} ms"
            for name, slot in traffic["slots"].items()
        ),
    ]
