"""The whole loop on this machine, on one command.

Knows the order: drives → the data, training and release pipelines → a model server in a process of its own → one
question → a page. Does not know how any of it is done; every step looks its own result up, so a second call finds
everything done and only serves, asks and writes the page again.
"""

import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from causeway.artifacts import Artifact, Manifest, lookup, store
from causeway.errors import UnusableInput, UsageError
from causeway.platform.costs import prices
from causeway.platform.demo_page import write_page
from causeway.platform.laptop import run_pipeline
from causeway.platform.question import answer_as_dict, describe
from causeway.platform.settings import registry_uri
from causeway.platform.steps import run_named

WORLD_SCENES = 24
CLOSED_LOOP_SCENES = 4
REASON = "demo"


@dataclass(frozen=True)
class Loop:
    """What one run of the loop made, by location."""

    samples: Manifest
    causes: Manifest
    policy: Manifest
    release: Manifest


def run_demo(out: Path, drives: str, layout: str) -> dict[str, Any]:
    """Run the loop on `drives` ("" = the built-in world) and return what happened; `text` is for people.

    Artifacts go to `out/artifacts`, logs to `out/logs`, the page to `out/report.html`.
    """
    if layout != "auto" and not drives:
        raise UsageError(f"--layout {layout} says how drives are laid out; name them with --drives")
    if store.is_s3(str(out)) or str(out).startswith("s3:/"):
        raise UsageError(f"--out {out}: the demo's page and server are on this machine; name a folder")
    prices()  # the page at the end needs them: what is no price is said now
    started = time.monotonic()
    root = out.absolute() / "artifacts"
    loop = run_loop(root, out / "logs", drives, layout, registry_uri(out))
    sample, answer = _serve_and_ask(loop, out / "logs" / "server.log")
    page = write_page(out / "report.html", root, loop.samples, loop.causes, loop.release, sample, answer, drives)
    took_s = time.monotonic() - started
    print(f"whole loop: {took_s:.0f} s", file=sys.stderr)
    return {"answer": answer, "report": str(page), "took_s": round(took_s, 1), "text": _text(answer, page)}


def run_loop(root: Path, logs: Path, drives: str, layout: str, registry: str) -> Loop:
    """The three pipelines. What drives without causes cannot feed is fed by the built-in world."""
    own = _data(root, logs, drives, layout) if drives else None  # first: what cannot be used is said at once
    if own:
        check_trainable(own, drives)
    world = run_named("make_world", {}, {"scenes": WORLD_SCENES}, root=str(root))
    causes = _data(root, logs, world.location, "physicalai-av")
    samples = own or causes
    policy = run_pipeline(
        "training", {"root": str(root), "data": samples.location, "causes": causes.location}, logs / "training.log"
    )
    release = run_pipeline(
        "release",
        {
            "root": str(root),
            "policy": policy.location,
            "data": samples.location,
            "causes": causes.location,
            "registry": registry,
            "scenes": CLOSED_LOOP_SCENES,
            "champion": _champion_report(registry, policy),
            "reason": REASON,
        },
        logs / "release.log",
    )
    return Loop(samples, causes, policy, release)


def check_trainable(samples: Manifest, drives: str) -> None:
    """UnusableInput before anything is trained when no sample of `drives` may be: how many there are, and why."""
    opened = Artifact(samples)
    splits = Counter(opened.table("samples", ["split"]).column("split").to_pylist())
    if splits["train"]:
        return
    found = ", ".join(f"{count} in {name}" for name, count in sorted(splits.items())) or "none at all"
    told = f"{drives}: no sample to train on ({found})"
    for reason, count in Counter(opened.table("quarantine").column("detail").to_pylist()).most_common(1):
        told += f"; {count} moments have none: {reason}"
    raise UnusableInput(f"{told}; give more drives, or longer ones with pictures")


def _data(root: Path, logs: Path, drives: str, layout: str) -> Manifest:
    arguments = {"root": str(root), "drives": lookup.absolute(drives), "layout": layout}
    return run_pipeline("data", arguments, logs / "data.log")


def _champion_report(registry: str, candidate: Manifest) -> str:
    """Where the champion's report is, or "" when there is no other champion to beat."""
    from causeway.platform.registry import champion

    found = champion(registry)
    return found.report if found and found.policy != candidate.content_hash else ""


def _serve_and_ask(loop: Loop, log: Path) -> tuple[Any, dict[str, Any]]:
    """Start the server, ask about one sample that was not trained on, stop the server."""
    from causeway.serving.client import ask
    from causeway.serving.process import ServerProcess
    from causeway.training.samples import load_samples

    samples = Artifact(loop.samples)
    found = (s for split in ("test", "val", "train") for s in load_samples(samples, split=split, limit=1))
    sample = next(found, None)
    if sample is None:
        raise UnusableInput(f"{samples.location}: holds no samples; drives need 8.4 s in one piece, and a camera")
    print("serve: starting a KServe model server in a process of its own", file=sys.stderr)
    with ServerProcess(loop.policy.location, log=log) as server:
        answer = answer_as_dict(ask(server.grpc_url, sample.observation, samples=1, seed=0))
    return sample, answer


def _text(answer: dict[str, Any], page: Path) -> str:
    return f"answer of the endpoint over gRPC:\n{describe(answer)}\nreport: {page}"
