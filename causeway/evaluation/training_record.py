"""What a policy's folder tells of its training: the gate at each stage's end and the losses, thinned for a page.

Knows `stage_gates.json` and `losses.jsonl` as training writes them; a policy without them tells nothing. Does not know
how a policy is trained.
"""

import json
from typing import Any

from causeway.artifacts import Artifact
from causeway.errors import UnusableInput

POINTS = 120  # of a curve: more than a small chart can show


def training_of(policy: Artifact) -> dict[str, Any] | None:
    """{"step", "scale", "gates": […], "curves": [{"stage", "name", "points"}, …]} of a policy, or None.

    UnusableInput names a file that is not as training writes it.
    """
    files = policy.manifest.files
    gates = _gates(policy) if "stage_gates.json" in files else []
    curves = _curves(policy) if "losses.jsonl" in files else []
    if not gates and not curves:
        return None
    scale = str(policy.manifest.config.get("scale", ""))
    return {"step": policy.manifest.step, "scale": scale, "gates": gates, "curves": curves}


def _gates(policy: Artifact) -> list[dict[str, Any]]:
    try:
        gates = json.loads(policy.path("stage_gates.json").read_text(encoding="utf-8"))
        return [dict(gate) for gate in gates]
    except (ValueError, TypeError) as error:
        raise UnusableInput(f"{policy.location}: stage_gates.json is not readable ({error}); train again") from error


def _curves(policy: Artifact) -> list[dict[str, Any]]:
    """In the order of training."""
    found: dict[tuple[str, str], list[list[float]]] = {}
    text = policy.path("losses.jsonl").read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            row = json.loads(line)
            stage, step = str(row["stage"]), int(row["step"])
            shown = {name: float(row[name]) for name in ("loss", "reward") if row.get(name) is not None}
        except (ValueError, KeyError, TypeError) as error:
            where = f"{policy.location}: losses.jsonl, line {number}"
            raise UnusableInput(f"{where} is no loss ({error}); train again") from error
        for name, value in shown.items():
            found.setdefault((stage, name), []).append([step, value])
    return [{"stage": stage, "name": name, "points": thinned(points)} for (stage, name), points in found.items()]


def thinned(points: list[list[float]], most: int = POINTS) -> list[list[float]]:
    """At most `most` points: means of neighbours, each at the step of its last one."""
    size = -(-len(points) // most)
    parts = [points[i : i + size] for i in range(0, len(points), size)]
    return [[part[-1][0], float(f"{sum(p[1] for p in part) / len(part):.6g}")] for part in parts]
