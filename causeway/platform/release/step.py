"""The steps of a release: deploy a registered policy in the dark, probe it, promote it or roll it back.

Each is the part of `drive.py` between two moves, and hands `release.json` on. What they do is at the endpoint, so
they are run each time, and find done what is done.
"""

import getpass
import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from causeway.artifacts import Artifact, Writer, step
from causeway.errors import UnusableInput
from causeway.platform.registry import crown, read_object
from causeway.platform.release.drive import deploy, finish, trial
from causeway.platform.release.endpoint import endpoint_at
from causeway.platform.release.probe import questions_of
from causeway.platform.release.record import Move, Record, Served
from causeway.platform.release.rules import CanaryRules, parse_rules, rules_text

_NOT_HERE = ("registered", "refused")  # where a release ends that never came to an endpoint


@dataclass(frozen=True)
class ReleaseConfig:
    """Which endpoint ("" = none: the policy is registered alone), by which canary rules (a file, "" = the shipped
    ones), who asks for it ("" = this user on this machine), and the registry that is told."""

    endpoint: str = ""
    canary: str = ""
    who: str = ""
    registry_uri: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "canary", rules_text(self.canary))
        parse_rules(self.canary)


@step(kind="release", outside=True)
def deploy_policy(
    policy: Artifact, decision: Artifact, release: Artifact, *, out: Writer, config: ReleaseConfig
) -> None:
    """Bring a registered policy to the endpoint at 0 %, where the gate promoted it and an endpoint is named."""
    registered = read_object(release, "release.json")
    verdict = read_object(decision, "decision.json")
    if not config.endpoint:
        return _hand_on(registered, out)
    if verdict["decision"] != "promote":
        return _hand_on(registered | {"step": "refused", "endpoint": config.endpoint}, out)
    served = Served(policy.manifest.content_hash, policy.location, int(registered["version"]))
    endpoint, why = endpoint_at(config.endpoint), str(registered["why"])
    record = deploy(endpoint, served, _rules(config), who(config.who), why, config.registry_uri)
    _write(record, served, out)


@step(kind="release", outside=True)
def probe_policy(release: Artifact, samples: Artifact, *, out: Writer, config: ReleaseConfig) -> None:
    """Ask the candidate recorded moments in the dark and at every share, until it is decided whether it stays."""
    deployed = read_object(release, "release.json")
    if deployed["step"] in _NOT_HERE:
        return _hand_on(deployed, out)
    rules = _rules(config)
    record = trial(endpoint_at(config.endpoint), questions_of(samples, rules.questions), rules, who(config.who))
    _write(record, _about(deployed), out)


@step(kind="release", outside=True)
def promote_policy(release: Artifact, *, out: Writer, config: ReleaseConfig) -> None:
    """Do what the probe decided; the registry learns who is champion."""
    probed = read_object(release, "release.json")
    if probed["step"] in _NOT_HERE:
        return _hand_on(probed, out)
    endpoint = endpoint_at(config.endpoint)
    registry = endpoint.load().registry
    record = finish(endpoint, who(config.who), lambda served: _crown(registry, served))
    _write(record, _about(probed), out)


def _crown(registry: str, served: Served) -> None:
    if registry:
        crown(registry, served.policy)


def who(name: str) -> str:
    """Who acts: the name given, or this user on this machine."""
    try:
        return name or f"{getpass.getuser()}@{platform.node()}"
    except (KeyError, OSError):  # a container's user may have no name
        return platform.node()


def _rules(config: ReleaseConfig) -> CanaryRules:
    return parse_rules(config.canary)


def _about(release: dict[str, Any]) -> Served:
    return Served(release["policy"], "", int(release["version"]))


def _write(record: Record, served: Served, out: Writer) -> None:
    """`release.json`: the last move about this policy first, then every move about it."""
    moves = [move for move in record.moves if move.policy == served.policy]
    if not moves:
        raise UnusableInput(f"{record.endpoint}: its record says nothing of {served.policy[:12]}; release it again")
    begun = max((at for at, move in enumerate(moves) if move.step == "dark"), default=0)
    last = moves[-1]
    decided = next((m for m in reversed(moves) if m.step in ("rolling back", "promoting")), last)
    release = {
        "policy": served.policy,
        "version": served.version,
        "alias": "champion" if record.champion and record.champion.policy == served.policy else "candidate",
        "endpoint": record.endpoint,
        "step": last.step,
        "why": decided.why,
        "ready": decided.figures.get("ready", True),  # whether its server ran when that was decided
        "who": last.who,
        "when": utc(last.at_us),
        "moves": [_told(move) for move in moves[begun:]],
    }
    _hand_on(release, out)


def _told(move: Move) -> dict[str, Any]:
    figures = dict(move.figures)
    return {"when": utc(move.at_us), "who": move.who, "step": move.step, "why": move.why, "figures": figures}


def utc(at_us: int) -> str:
    """A time stamp as text."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds")


def _hand_on(release: dict[str, Any], out: Writer) -> None:
    out.path("release.json").write_text(json.dumps(release, indent=1, sort_keys=True) + "\n")
    out.count(**{release["step"].replace(" ", "_").replace("%", "percent"): 1})
