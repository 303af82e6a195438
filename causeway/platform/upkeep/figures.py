"""What only the artifacts know, as a page for Prometheus: label yield, how old the newest of each kind is, backups.

Reads manifests and no tables. A store that does not answer is a figure too (`causeway_store_answers 0`), not an end.
"""

import http.server
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

from causeway.artifacts import lookup, read_manifest, store
from causeway.artifacts.manifest import FILE_NAME, Manifest
from causeway.errors import CausewayError
from causeway.platform.upkeep.backup import backups
from causeway.platform.upkeep.listing import File, files

_STATUSES = ("accepted", "review", "rejected")
_FRESH_S = 120.0  # a page is made anew at most this often


def page(root: str, backups_at: str, now_s: float) -> str:
    """The figures as text; see the alerts of the Helm chart for what they are held against."""
    lines = ["# TYPE causeway_store_answers gauge"]
    try:
        manifests = [file for file in files(root) if _is_manifest(file)]
        figures = _artifacts(root, manifests, now_s) + (_backup(backups_at, now_s) if backups_at else [])
    except CausewayError:
        return "\n".join([*lines, "causeway_store_answers 0", ""])
    return "\n".join([*lines, "causeway_store_answers 1", *figures, ""])


def _is_manifest(file: File) -> bool:
    parts = file.name.split("/")
    return len(parts) == 3 and parts[2] == FILE_NAME


def _artifacts(root: str, manifests: list[File], now_s: float) -> list[str]:
    count = Counter(file.name.split("/")[0] for file in manifests)
    newest = {kind: max(f.modified_us for f in manifests if f.name.startswith(f"{kind}/")) for kind in count}
    lines = [f'causeway_artifacts{{kind="{kind}"}} {n}' for kind, n in sorted(count.items())]
    lines += [f'causeway_newest_age_seconds{{kind="{k}"}} {now_s - us / 1e6:.0f}' for k, us in sorted(newest.items())]
    labels = [file for file in manifests if file.name.startswith("labels/")]
    if labels:
        last = max(labels, key=lambda file: file.modified_us)
        lines += _labels(read_manifest(store.join(root, *last.name.split("/")[:2])), root)
    return lines


def _labels(labels: Manifest, root: str) -> list[str]:
    """How many labels have which status, and the share of the moments that became accepted ones."""
    counts: Mapping[str, int] = labels.counts
    lines = [f'causeway_labels{{status="{status}"}} {counts.get(status, 0)}' for status in _STATUSES]
    moments = sum(counts.get(status, 0) for status in _STATUSES)
    evidence = lookup.whole(store.join(root, "evidence", str(labels.inputs.get("evidence"))))
    if evidence is not None:
        moments = max(moments, evidence.counts.get("moments", evidence.counts.get("rows", 0)))
    return lines + ([f"causeway_label_yield {counts.get('accepted', 0) / moments:.6f}"] if moments else [])


def _backup(backups_at: str, now_s: float) -> list[str]:
    from calendar import timegm

    names = backups(backups_at)
    taken_s = timegm(time.strptime(names[-1], "%Y%m%dT%H%M%SZ")) if names else 0
    return [f"causeway_backup_age_seconds {now_s - taken_s:.0f}"]


def serve(root: str, backups_at: str, host: str, port: int, started: Callable[[int], None] = lambda _: None) -> None:
    """Answer GET /metrics until the process ends; `started` is told the port."""
    lock, text, taken_s = threading.Lock(), "", 0.0

    def kept() -> str:
        nonlocal text, taken_s
        with lock:  # one reading of the store at a time
            if not text or time.monotonic() - taken_s > _FRESH_S:
                text, taken_s = page(root, backups_at, time.time()), time.monotonic()
            return text

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            body = kept().encode()
            self.send_response(200 if self.path == "/metrics" else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body if self.path == "/metrics" else b"see /metrics\n")

        def log_message(self, format: str, *args: object) -> None:
            """Prometheus asks twice a minute: that is no news."""

    with http.server.ThreadingHTTPServer((host, port), Handler) as server:
        started(server.server_port)
        server.serve_forever()
