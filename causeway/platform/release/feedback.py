"""What an endpoint remembers of its requests, where its owner says so: figures of all, pictures of those who consent.

Off by default: it is on where the endpoint's folder has a folder `feedback`. Figures (no picture, no place) of every
request go into `requests.jsonl`. A request is kept whole when its vehicle says so by gRPC metadata,
`causeway-consent: yes` and `causeway-vehicle: NAME`; of its time so many 20 s stretches out of a hundred are kept as
SHARE says. `drives.py` makes drives of them.
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from causeway.artifacts import store
from causeway.serving import inference_pb2 as pb

STRETCH_US = 20_000_000
SHARE = 10  # of a hundred stretches
MOST_BYTES = 10 * 2**30  # of the folder: a vehicle's kept stretches are gigabytes a day
_WAITING = 64  # requests that may wait for the disk; more are counted and let go
_VEHICLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # names a folder: neither hidden nor `..`
_DTYPES = {"FP32": "<f4", "INT64": "<i8", "UINT8": "u1"}


class Spool:
    """Keeps requests below `folder`, beside the answering: one thread writes, up to `most_bytes` in all.

    `let_go` counts those that were not remembered: the disk was slow or full, or the folder is, until it is cleared.
    """

    def __init__(self, folder: Path, share: int = SHARE, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._share = folder, share
        self._left = most_bytes - sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="feedback")
        self._waiting = self.let_go = 0

    def keep(self, request: bytes, answer: bytes, metadata: Sequence[tuple[str, Any]]) -> None:
        """Remember one answered request; returns at once."""
        if self._waiting >= _WAITING:
            self.let_go += 1
            return
        self._waiting += 1
        self._writer.submit(self._write, request, answer, dict(metadata)).add_done_callback(self._done)

    def close(self) -> None:
        """Write what waits."""
        self._writer.shutdown(wait=True)

    def _done(self, future: Any) -> None:
        self._waiting -= 1
        self.let_go += future.exception() is not None

    def _write(self, request: bytes, answer: bytes, metadata: dict[str, Any]) -> None:
        asked = tensors_of(request)
        line = json.dumps(figures_of(asked, answer)) + "\n"
        self._take(len(line))
        with (self._folder / "requests.jsonl").open("a", encoding="utf-8") as file:
            file.write(line)
        vehicle = str(metadata.get("causeway-vehicle", ""))
        if metadata.get("causeway-consent") == "yes" and _VEHICLE.fullmatch(vehicle):
            t0_us = int(asked["t0_us"])
            if chosen(vehicle, t0_us, self._share):
                self._take(len(request))
                store.write_bytes(str(self._folder / "kept" / vehicle / f"{t0_us}.pb"), request)

    def _take(self, size: int) -> None:
        """Room for so many bytes; OSError when there is none."""
        if size > self._left:
            raise OSError(errno.EDQUOT, f"{self._folder}: holds as much as it may")
        self._left -= size


def chosen(vehicle: str, t0_us: int, share: int) -> bool:
    """Whether this stretch of this vehicle is kept: by chance, and the same for all requests of the stretch."""
    digest = sha256(f"{vehicle} {t0_us // STRETCH_US}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < share


def tensors_of(request: bytes) -> dict[str, Any]:
    """A request's tensors by name (arrays, BYTES as raw bytes), its cameras and `t0_us`.

    KeyError or ValueError for a request that the endpoint would not have answered.
    """
    found = pb.ModelInferRequest.FromString(request)
    tensors: dict[str, Any] = {}
    for tensor, raw in zip(found.inputs, found.raw_input_contents, strict=True):
        kind = _DTYPES.get(tensor.datatype)
        tensors[tensor.name] = np.frombuffer(raw, kind).reshape(list(tensor.shape)) if kind else raw
    t0_us = found.parameters["t0_us"].int64_param if "t0_us" in found.parameters else 0
    cameras = found.parameters["cameras"].string_param.split(",")
    return tensors | {"cameras": cameras, "t0_us": t0_us or int(tensors["frame_t_us"].max())}


def figures_of(asked: dict[str, Any], answer: bytes) -> dict[str, Any]:
    """What is remembered of every request: how the vehicle moved, how bright it was, what was decided."""
    response = pb.ModelInferResponse.FromString(answer)
    raw = {o.name: data for o, data in zip(response.outputs, response.raw_output_contents, strict=True)}
    return moving(asked["ego_history"], float(asked["speed"][0])) | {
        "brightness": _brightness(asked["images"]),
        "decision": _words(raw["decision"])[:2],
        "degraded": response.parameters["degraded"].string_param,
        "policy": response.parameters["policy_version"].string_param,
    }


def moving(ego_history: Any, speed_mps: float) -> dict[str, float]:
    """Speed, and acceleration and yaw rate over the 1.5 s of a history [16, 3] in the rig frame at t0."""
    steps_m = np.linalg.norm(np.diff(ego_history[:, :2], axis=0), axis=1)
    accel_mps2 = (steps_m[-5:].mean() - steps_m[:5].mean()) / 0.1 / 1.0  # their middles are 1.0 s apart
    yaw_rate_radps = (ego_history[-1, 2] - ego_history[0, 2]) / 1.5
    return {
        "speed_mps": round(speed_mps, 3),
        "accel_mps2": round(float(accel_mps2), 3),
        "yaw_rate_radps": round(float(yaw_rate_radps), 4),
    }


def _brightness(images: Any) -> float | None:
    """0 to 255; JPEG pictures are not decoded for it."""
    return round(float(images[..., ::8, ::8, :].mean()), 1) if isinstance(images, np.ndarray) else None


def _words(raw: bytes) -> list[str]:
    from causeway.serving.wire import unpacked

    return [word.decode() for word in unpacked(raw)]
