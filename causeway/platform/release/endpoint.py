"""What a release needs of an endpoint, whichever it is, and which one a name means.

`kserve://NAMESPACE/NAME` is an InferenceService on the cluster at KUBECONFIG; anything else is a folder of this
machine, where a front and its model servers run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from causeway.errors import Refused, UsageError
from causeway.platform.release.record import Record, Served

CLUSTER = "kserve://"
_DNS = re.compile(r"[a-z]([a-z0-9-]{0,40}[a-z0-9])?")


class Moved(Refused):
    """Somebody else wrote the record meanwhile: read it again."""


class NotReady(Refused):
    """A server did not come up; the message says why."""


@dataclass(frozen=True)
class Addresses:
    """Where to ask, gRPC `host:port`; `authority` is the endpoint's host name where a gateway needs it, `token` what
    its servers ask of callers ("" = what the environment holds, if anything)."""

    endpoint: str
    champion: str = ""
    candidate: str = ""
    authority: str = ""
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Traffic:
    """What the endpoint itself counted since it started; a cluster's gateway counts nothing for us."""

    lost: int = 0
    restarts: Mapping[str, int] = field(default_factory=dict)  # by the server's name
    shadow_path_m: tuple[float, ...] = ()  # of requests copied to the candidate
    shadow_failed: int = 0


class Endpoint(Protocol):
    """One endpoint. Every call may be repeated: it makes things so, or finds them so."""

    def load(self) -> Record:
        """The record; an empty one where nothing was released yet."""

    def save(self, record: Record) -> Record:
        """Write the record and return it with its new revision; Moved when `record` is not what is there."""

    def show(self, champion: Served | None, candidate: Served | None, percent: int, ready_s: float) -> None:
        """Serve these two, `percent` of the requests to the candidate, and nobody else, losing no request.

        Returns when it is so. NotReady when a server does not come up.
        """

    def addresses(self, champion: Served | None, candidate: Served | None) -> Addresses:
        """Where the endpoint and its servers answer."""

    def traffic(self) -> Traffic:
        """What the endpoint counted."""


def refuse_name(name: str) -> None:
    """UsageError for what is no name of an endpoint."""
    if not name:
        raise UsageError(f"no endpoint is named; name a folder, or {CLUSTER}NAMESPACE/NAME")
    if name.startswith(CLUSTER):
        parts = name.removeprefix(CLUSTER).split("/")
        if len(parts) != 2 or not all(_DNS.fullmatch(part) for part in parts):
            raise UsageError(f"{name}: write {CLUSTER}NAMESPACE/NAME, as Kubernetes spells names")
    elif "://" in name:
        raise UsageError(f"{name}: an endpoint is a folder of this machine, or {CLUSTER}NAMESPACE/NAME")


def endpoint_at(name: str) -> Endpoint:
    """The endpoint of a name; UsageError for one that is none."""
    refuse_name(name)
    if name.startswith(CLUSTER):
        from causeway.platform.release.cluster import ClusterEndpoint

        return ClusterEndpoint(*name.removeprefix(CLUSTER).split("/"))
    from causeway.platform.release.laptop import LaptopEndpoint

    return LaptopEndpoint(Path(name))
