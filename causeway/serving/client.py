"""Questions to an endpoint and their answers, over gRPC or REST. Light: numpy and grpc, no torch, no kserve.

Knows the inputs and parameters of the endpoint's contract, and when to ask again. Does not know how they travel
(`ask_grpc.py`, `ask_rest.py`) or what answers: any server of the protocol with the endpoint's contract will do.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.errors import CausewayError, Refused, UnusableInput
from causeway.model.observation import Observation, check_observation
from causeway.serving.contract import MODEL, TIMING
from causeway.serving.wire import DTYPES, Answered, Input, NobodyThere, Parameters, one_line, packed

TOKEN_VARIABLE = "CAUSEWAY_TOKEN"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
_BROKEN = (KeyError, ValueError, TypeError, AttributeError, struct.error)  # what reading a foreign answer raises


@dataclass(frozen=True, eq=False)
class Answer:
    """What an endpoint answered: n samples."""

    decision: list[tuple[str, str]]  # (longitudinal, lateral) of each sample
    reasoning: list[str]
    trajectory: NDArray[np.float32]  # [n, 64, 3] x, y, yaw in the rig frame at t0, at 0.1 … 6.4 s
    controls: NDArray[np.float32]  # [n, 64, 2] acceleration m/s², curvature 1/m
    timing_ms: dict[str, float]
    policy_version: str
    degraded: str  # what was cut to meet the deadline, "" = nothing
    lacked: str  # what is not there for another reason (`missing=front_tele`), "" = nothing


class Endpoint:
    """One model of one server, asked as often as one likes on one connection (REST makes a new one each time).

    url: `host:port` (gRPC), `grpcs://host:port` (gRPC with TLS), `http://host:port` or `https://host:port` (REST).
    token: this vehicle's, None = what CAUSEWAY_TOKEN holds, "" = none. authority: the host name of a gateway's route
    (gRPC), "" = the address's own.
    """

    def __init__(self, url: str, *, model: str = MODEL, token: str | None = None, authority: str = "") -> None:
        self._url, self._model, self._authority = url, model, authority
        self._token = os.environ.get(TOKEN_VARIABLE, "") if token is None else token
        self._resources = ExitStack()
        self._channel: Any = None

    def __enter__(self) -> Endpoint:
        """Be ready to ask; nothing is sent yet."""
        if not self._url.startswith(("http://", "https://")):
            from causeway.serving.ask_grpc import channel_to

            self._channel = self._resources.enter_context(channel_to(self._url, self._authority))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._resources.close()

    def ask(
        self,
        observation: Observation,
        samples: int = 1,
        seed: int = 0,
        *,
        jpegs: Sequence[bytes] | None = None,
        deadline_ms: int | None = None,
        reasoning: bool = True,
        temperature: float | None = None,
        retry_s: float = 0.0,
        timeout_s: float = 60.0,
    ) -> Answer:
        """One question; arguments and errors as `ask`. May be called from several threads at once."""
        check_observation(observation)
        parameters = _parameters(observation, samples, seed, deadline_ms, reasoning, temperature)
        inputs = _inputs(observation, jpegs)
        until, pause_s = time.monotonic() + retry_s, _FIRST_PAUSE_S
        while True:
            try:
                return self._once(inputs, parameters, timeout_s)
            except (NobodyThere, Refused):
                if time.monotonic() + pause_s > until:
                    raise
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _once(self, inputs: Sequence[Input], parameters: Parameters, timeout_s: float) -> Answer:
        try:
            return _answer(*self._sent(inputs, parameters, timeout_s))
        except _BROKEN as error:
            problem = f"{type(error).__name__}: {one_line(str(error))}"
            message = f"{self._url}: the answer does not keep the contract ({problem}); is it causeway?"
            raise CausewayError(message) from error

    def _sent(self, inputs: Sequence[Input], parameters: Parameters, timeout_s: float) -> Answered:
        if self._channel is None:
            from causeway.serving.ask_rest import over_rest

            return over_rest(self._url, self._model, inputs, parameters, self._token, timeout_s)
        from causeway.serving.ask_grpc import over_grpc

        return over_grpc(self._channel, self._url, self._model, inputs, parameters, self._token, timeout_s)


def ask(
    url: str,
    observation: Observation,
    samples: int = 1,
    seed: int = 0,
    *,
    jpegs: Sequence[bytes] | None = None,
    deadline_ms: int | None = None,
    reasoning: bool = True,
    temperature: float | None = None,
    model: str = MODEL,
    token: str | None = None,
    retry_s: float = 0.0,
    timeout_s: float = 60.0,
) -> Answer:
    """Ask `host:port` (gRPC) or `http://host:port` (REST) once; an `Endpoint` keeps its connection for more.

    Pictures travel raw, so nothing is lost on the way, or as `jpegs`, camera-major, instead of the observation's own.
    temperature None = the endpoint's own. token None = what CAUSEWAY_TOKEN holds. retry_s: for how long to ask again
    while the server is away, stopping or full (a question changes nothing, so asking twice does no harm).
    Raises UnusableInput when the observation or the request is refused as malformed, Refused when the server is full
    or stopping, UsageError when nobody answers at `url` or the token is not known there, and CausewayError for
    anything else the server says; each with the server's message in one line.
    """
    with Endpoint(url, model=model, token=token) as endpoint:
        return endpoint.ask(
            observation,
            samples,
            seed,
            jpegs=jpegs,
            deadline_ms=deadline_ms,
            reasoning=reasoning,
            temperature=temperature,
            retry_s=retry_s,
            timeout_s=timeout_s,
        )


def _parameters(
    observation: Observation,
    samples: int,
    seed: int,
    deadline_ms: int | None,
    reasoning: bool,
    temperature: float | None,
) -> dict[str, str | int]:
    parameters: dict[str, str | int] = {
        "samples": samples,
        "seed": seed,
        "reasoning": "on" if reasoning else "off",
        "cameras": ",".join(observation.cameras),
        "t0_us": observation.t0_us,
    }
    if observation.rig_id:
        parameters["rig_id"] = observation.rig_id
    if deadline_ms is not None:
        parameters["deadline_ms"] = deadline_ms
    if temperature is not None:
        parameters["temperature"] = repr(float(temperature))
    for name, value in parameters.items():
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise UnusableInput(f"{name}: {value} is more than 64 bits hold")
    return parameters


def _inputs(observation: Observation, jpegs: Sequence[bytes] | None) -> list[Input]:
    arrays: dict[str, tuple[str, NDArray[Any]]] = {
        "frame_t_us": ("INT64", observation.frame_t_us),
        "ego_history": ("FP32", observation.ego_history),
        "speed": ("FP32", np.array([observation.speed_mps])),
        "rig": ("FP32", observation.rig),
    }
    if observation.route is not None:
        arrays["route"] = ("FP32", observation.route)
    if observation.points is not None:
        arrays["points"] = ("FP32", observation.points)
    if jpegs is None:
        arrays["images"] = ("UINT8", observation.images)
    inputs = [
        Input(name, datatype, array.shape, np.ascontiguousarray(array, dtype=DTYPES[datatype]).tobytes())
        for name, (datatype, array) in arrays.items()
    ]
    return inputs if jpegs is None else [*inputs, Input("images", "BYTES", (len(jpegs),), packed(jpegs))]


def _answer(outputs: Mapping[str, Any], about: Mapping[str, Any]) -> Answer:
    """An `Answer` from outputs by name: arrays, or lists of bytes."""
    decision = [text.decode() for text in outputs["decision"]]
    return Answer(
        decision=list(zip(decision[::2], decision[1::2], strict=True)),
        reasoning=[text.decode() for text in outputs["reasoning"]],
        trajectory=outputs["trajectory"],
        controls=outputs["controls"],
        timing_ms=dict(zip(TIMING, (float(ms) for ms in outputs["timing_ms"]), strict=True)),
        policy_version=str(about["policy_version"]),
        degraded=str(about["degraded"]),
        lacked=str(about.get("lacked", "")),
    )
