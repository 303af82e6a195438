"""How far two answers of the endpoint lie apart, from their bytes.

Knows the answer's form on gRPC. Does not know who gave them or what a difference means (`judge.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from causeway.serving import inference_pb2 as pb


def difference(one: bytes, other: bytes) -> tuple[float, bool]:
    """Mean distance of two answers' first paths (m) and whether their decisions differ.

    ValueError or KeyError for bytes that are no answer of the endpoint, and for values that are not finite.
    """
    (path, decision), (other_path, other_decision) = _read(one), _read(other)
    distance_m = float(np.linalg.norm(path[0, :, :2] - other_path[0, :, :2], axis=-1).mean())
    if not np.isfinite(distance_m):
        raise ValueError("an answer is not finite")
    return distance_m, decision != other_decision


def _read(answer: bytes) -> tuple[Any, bytes]:
    try:
        response = pb.ModelInferResponse.FromString(answer)
    except Exception as error:  # protobuf's own error has no public name
        raise ValueError("no answer of the protocol") from error
    raw = {o.name: (list(o.shape), r) for o, r in zip(response.outputs, response.raw_output_contents, strict=True)}
    shape, data = raw["trajectory"]
    return np.frombuffer(data, "<f4").reshape(shape), raw["decision"][1]
