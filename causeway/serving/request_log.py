"""One line of JSON for each request: what was asked, how it ended, how long it took. Never pictures, never tokens.

Knows the fields and where lines go. Does not know metrics or traces.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from causeway.errors import UsageError
from causeway.serving.answering import Answered
from causeway.serving.contract import TIMING

_LOG = logging.getLogger("causeway.requests")
_LOG.propagate = False


def log_to(place: str) -> None:
    """Begin to log: "-" = stderr, else a file that is appended to. UsageError when it cannot be written."""
    try:
        handler = logging.StreamHandler(sys.stderr) if place == "-" else logging.FileHandler(place, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"request log {place}: cannot be written ({error.strerror})") from error
    handler.setFormatter(logging.Formatter("%(message)s"))
    _LOG.handlers = [handler]
    _LOG.setLevel(logging.INFO)


def answered(about: dict[str, Any], answer: Answered) -> None:
    """Note an answered request."""
    if _LOG.isEnabledFor(logging.INFO) and _LOG.handlers:
        timing = {part: round(ms, 2) for part, ms in zip(TIMING, answer.timing_ms.tolist(), strict=True)}
        said = {"degraded": answer.degraded, "lacked": answer.lacked, "decision": answer.decision}
        _write({**about, "outcome": "answered", **said, "batch": answer.batch, "timing_ms": timing})


def refused(about: dict[str, Any], outcome: str, reason: str, took_s: float) -> None:
    """Note a request without an answer."""
    if _LOG.isEnabledFor(logging.INFO) and _LOG.handlers:
        _write({**about, "outcome": outcome, "reason": reason[:300], "took_ms": round(took_s * 1e3, 2)})


def _write(line: dict[str, Any]) -> None:
    _LOG.info(json.dumps(line, ensure_ascii=False))
