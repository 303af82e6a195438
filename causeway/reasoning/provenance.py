"""Hashes that say what a label was made from.

Knows how evidence turns into a stable hash. Does not know labels.
"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from causeway.artifacts.hashing import text_hash

if TYPE_CHECKING:
    from causeway.evidence import Evidence


def evidence_hash(evidence: "Evidence") -> str:
    """SHA-256 over the names and values of one moment's evidence, floats rounded to 1e-6; same on any machine."""
    return text_hash(json.dumps({k: _stable(v) for k, v in asdict(evidence).items()}, sort_keys=True))


def _stable(value: Any) -> Any:
    return round(value, 6) + 0.0 if isinstance(value, float) else value  # + 0.0 turns -0.0 into 0.0
