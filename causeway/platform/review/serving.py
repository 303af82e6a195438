"""The review page on this machine: the queue of a labels artifact, its clips and a folder of corrections, served.

Knows how the parts come together and what is printed. Does not know what any of them does.
"""

import socket
import sys
from pathlib import Path

from causeway.artifacts import Artifact
from causeway.artifacts.store import is_s3
from causeway.errors import UsageError
from causeway.platform.review.desk import Desk, Task, task_of
from causeway.platform.review.login import Door
from causeway.platform.review.window import Source, open_source
from causeway.reasoning.answers import read_answers
from causeway.reasoning.review import ReviewConfig, queue_of

LOOPBACK = "127.0.0.1"


def tasks_of(labels: Artifact, source: Source) -> list[Task]:
    """The queued moments whose clips are there; UsageError when there are none."""
    rows = {row["moment_id"]: row for row in labels.table("labels").to_pylist()}
    queued = labels.table("review_queue").to_pylist() or queue_of(list(rows.values()), ReviewConfig())
    usable = [q for q in queued if q["moment_id"] in rows and _shows(source, q)]
    if not usable:
        where = f"{labels.location}: {len(queued)} of {len(rows)} labels are queued"
        raise UsageError(f"{where}, none with its clip in {source.clips.location}; give the clips they were made from")
    if len(usable) < len(queued):
        _say(f"{len(queued) - len(usable)} of {len(queued)} queued moments are not in these clips: left out")
    return [task_of(q, rows[q["moment_id"]]) for q in usable]


def _shows(source: Source, queued: dict) -> bool:
    clips = source.drives.get(source.drive_of.get(queued["clip_id"], ""), ())
    return any(c.clip_id == queued["clip_id"] and c.start_us <= queued["t0_us"] <= c.end_us for c in clips)


def corrections_folder(labels: str, wanted: str) -> Path:
    """Where corrections go: the folder named, else one beside the labels; made when it is not there."""
    if not wanted and is_s3(labels):
        raise UsageError(f"{labels}: name a folder on this machine with --corrections")
    given = Path(labels)
    beside = given.parent if given.name == "manifest.json" else given
    folder = Path(wanted) if wanted else beside.with_name(f"{beside.resolve().name}-corrections")
    if is_s3(wanted):
        raise UsageError(f"--corrections {wanted}: name a folder on this machine; copy it where the pipeline runs")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made ({error.strerror}); name another with --corrections") from error
    return folder


def review(labels: str, clips: str, corrections: str, host: str, port: int) -> None:
    """Serve the page until Ctrl-C; prints its address once. UsageError for a port in use or labels of other clips."""
    import uvicorn

    from causeway.platform.review.app import make_app
    from causeway.platform.review.guard import guarded
    from causeway.platform.review.shelf import Shelf

    folder = corrections_folder(labels, corrections)
    source = open_source(Artifact.open(clips))
    tasks = tasks_of(Artifact.open(labels), source)
    answers, problems = read_answers(str(folder))
    for where, _, detail in problems:
        _say(f"{folder}/{where}: left alone, not a correction ({detail})")
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    door = Door(folder)
    app = make_app(Desk(tasks, answers), Shelf(source), door, f"causeway_review_{port}")
    shown = f"[{host}]" if ":" in host else host
    _say(f"{len(tasks)} moments to review; corrections go to {folder}")
    _say(f"open http://{shown}:{port}/login#{door.token}")
    if host not in (LOOPBACK, "localhost", "::1"):
        _say("anyone who can reach this address can try to log in; put TLS before it")
    config = uvicorn.Config(guarded(app, host), log_level="warning", access_log=False, server_header=False)  # type: ignore[arg-type]
    uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
        return listening
    except (OSError, OverflowError) as error:
        raise UsageError(f"{host}:{port}: cannot listen there ({error}); choose another with --port") from error


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
