"""What a policy's folder tells of its training: the gate at each stage's end and the losses, thinned for a page.

Knows `stage_gates.json` and `losses.jsonl` as training writes them; a policy without them tells nothing. Does not know
how a policy is trained.
"""

import json
from typing import Any

from causeway.artifacts import Artifact
from causeway.errors import UnusableInput

_GATE = ("stage", "metric", "value", "baseline", "baseline_name", "beats", "n", "split")
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


def fits(training: Any) -> bool:
    """Whether this has the shape of `training_of`, None included: what a page can draw."""
    if training is None:
        return True
    if not isinstance(training, dict):
        return False
    gates: Any = training.get("gates")
    curves: Any = training.get("curves")
    if not _rows(gates) or not _rows(curves) or not all(_is_text(training.get(name)) for name in ("step", "scale")):
        return False
    return all(_tellable(gate) for gate in gates) and all(_drawable(curve) for curve in curves)


def _is_text(part: Any) -> bool:
    return part is None or isinstance(part, str)


def _tellable(gate: dict[str, Any]) -> bool:
    numbers = (gate.get(name) for name in ("value", "baseline"))
    return set(_GATE) <= set(gate) and all(x is None or isinstance(x, int | float) for x in numbers)


def _rows(part: Any) -> bool:
    return isinstance(part, list) and all(isinstance(one, dict) for one in part)


def _drawable(curve: dict[str, Any]) -> bool:
    points = curve.get("points")
    if not isinstance(points, list) or not points or not {"stage", "name"} <= set(curve):
        return False
    return all(
        isinstance(point, list) and len(point) == 2 and all(isinstance(x, int | float) for x in point)
        for point in points
    )


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
