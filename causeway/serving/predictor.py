"""A policy as a `kserve.Model`: the endpoint of the contract on REST and gRPC.

Knows KServe's request and response classes and which status each refusal has on both protocols. Does not know how a
question is read (`request.py`), batched (`batching.py`) or answered (`answering.py`). This module imports kserve:
import it inside functions only.

KServe hands REST exceptions to the handlers of its web application and maps gRPC ones in an interceptor, which passes
a `GrpcException` through with its own status: `Refusal` is one, and carries the HTTP status for the other side.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
from grpc import StatusCode
from grpc_interceptor.exceptions import GrpcException
from kserve import InferOutput, InferRequest, InferResponse, Model
from numpy.typing import NDArray

from causeway.model.observation import HISTORY_POSES, HORIZON_STEPS, RIG_NUMBERS, ObservationSpec
from causeway.serving import metrics, request_log, tracing
from causeway.serving.answering import Answered, Answerer, Asked, Late, PolicyFailed, Predicts
from causeway.serving.arrival import VEHICLE, arrived_s
from causeway.serving.batching import PLACES, Batcher, Closed, Full
from causeway.serving.contract import MODEL, TIMING
from causeway.serving.request import Question, read_question
from causeway.serving.rigs import RigOf, RigsAway
from causeway.serving.tensors import InvalidRequest

LONGEST_ID = 200


class Refusal(GrpcException):
    """A request that is not answered: one line, an HTTP status, a gRPC status, and its name among the outcomes."""

    def __init__(self, message: str, http_status: int, status_code: StatusCode, outcome: str = "invalid") -> None:
        super().__init__(message, status_code)
        self.http_status, self.message, self.outcome = http_status, message, outcome


def invalid(message: str) -> Refusal:
    """The request itself is at fault."""
    return Refusal(message, 400, StatusCode.INVALID_ARGUMENT)


_REFUSALS: dict[type[Exception], tuple[int, StatusCode, str]] = {
    InvalidRequest: (400, StatusCode.INVALID_ARGUMENT, "invalid"),
    Full: (429, StatusCode.RESOURCE_EXHAUSTED, "full"),
    Late: (429, StatusCode.RESOURCE_EXHAUSTED, "late"),
    Closed: (503, StatusCode.UNAVAILABLE, "stopping"),
    RigsAway: (503, StatusCode.UNAVAILABLE, "rigs_away"),
    PolicyFailed: (500, StatusCode.INTERNAL, "failed"),
}
_SAID: dict[type[Exception], str] = {  # of errors that carry no words of their own
    Full: f"the server is full: {PLACES} requests are inside; ask again later or elsewhere",
    Closed: "the server is stopping; ask another",
}


def refusal_of(error: Exception) -> Refusal:
    """What a caller hears of an error on the way to an answer; an error that is none of ours is raised again."""
    if isinstance(error, Refusal):
        return error
    kind = type(error)
    if kind not in _REFUSALS:
        raise error
    return Refusal(_SAID.get(kind, str(error)), *_REFUSALS[kind])


@dataclass(frozen=True)
class Served:
    """A policy, the pictures it asks for, its version (content hash) and the model name it answers to."""

    policy: Predicts
    spec: ObservationSpec
    version: str
    name: str = MODEL


class CausewayModel(Model):
    """Serves one policy under one name, with a waiting room and a worker of its own."""

    def __init__(self, served: Served, rig_of: RigOf | None = None) -> None:
        super().__init__(served.name)
        self.ready: bool = False
        self._spec, self._version, self._rig_of = served.spec, served.version, rig_of
        self._answerer = Answerer(served.policy)
        self._batcher: Batcher[Asked, Answered] = Batcher(self._answerer.answer, self._answerer.key)

    def load(self) -> bool:
        """Ready only after an answer. KServe calls this again for any request that finds the model not ready."""
        if not self.ready and not self._batcher.closed:
            self._answerer.warm_up(self._spec)
            self.ready = True
        return self.ready

    def refuse_when_full(self, request_id: str) -> None:
        """Refusal when no place is free: said before a request is unpacked, a crowd costs those inside little."""
        if self._batcher.full:
            raise self._refused(Full(), arrived_s(), {"model": self.name, "id": request_id, "vehicle": VEHICLE.get()})

    def start(self) -> None:
        """Nothing to start: KServe's own would declare the model ready unseen."""

    def stop(self) -> None:
        """Refuse newcomers and let those inside be answered."""
        self.ready = False
        self._batcher.close()

    async def preprocess(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        """Refuse what is no v2 request."""
        if not isinstance(payload, InferRequest):
            raise invalid("request: this endpoint speaks the Open Inference Protocol v2")
        if payload.id and (len(payload.id) > LONGEST_ID or not payload.id.isprintable()):
            raise invalid(f"id: expected at most {LONGEST_ID} printable characters")  # it is repeated and logged
        return payload

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> InferResponse:
        """Answer one request; Refusal says why not. Either way it is counted and may be logged."""
        arrived = arrived_s()
        about = {"model": self.name, "id": payload.id, "vehicle": VEHICLE.get()}
        try:
            answer, reading_s = await self._answer(payload, arrived)
        except asyncio.CancelledError:
            metrics.refused(self.name, "cancelled", time.perf_counter() - arrived)
            raise
        except Exception as error:
            raise self._refused(error, arrived, about) from error
        finally:
            metrics.crowd(self.name, self._batcher.inside, self._batcher.waiting)
        response = self._response(payload, answer)
        metrics.answered(self.name, answer, reading_s + time.perf_counter() - answer.ended_s)
        request_log.answered(about, answer)
        tracing.answered(about, answer, arrived, headers)
        return response

    def _refused(self, error: Exception, arrived: float, about: dict[str, Any]) -> Refusal:
        """What the caller hears, counted and perhaps logged."""
        refusal, took_s = refusal_of(error), time.perf_counter() - arrived
        metrics.refused(self.name, refusal.outcome, took_s)
        request_log.refused(about, refusal.outcome, refusal.message, took_s)
        return refusal

    async def _answer(self, payload: InferRequest, arrived: float) -> tuple[Answered, float]:
        """The answer, and the seconds that reading the request took beside decoding its pictures."""
        self._batcher.enter()
        try:
            question = await asyncio.to_thread(self._read, payload)
            reading_s = time.perf_counter() - arrived - question.decode_ms / 1e3
            asked = Asked(question, arrived)
            if self._answerer.hopeless(asked, self._batcher.waiting):
                raise Late(f"deadline_ms {question.deadline_ms} cannot be kept: {self._batcher.waiting} wait already")
            return await asyncio.wrap_future(self._batcher.put(asked)), reading_s
        finally:
            self._batcher.leave()

    def _read(self, payload: InferRequest) -> Question:
        question = read_question(payload, self._spec, self._rig_of)
        metrics.seen(self.name, question.observation)
        return question

    def _response(self, request: InferRequest, answered: Answered) -> InferResponse:
        values: dict[str, tuple[str, NDArray[Any]]] = {
            "trajectory": ("FP32", answered.trajectory_rig.astype(np.float32)),
            "controls": ("FP32", answered.controls.astype(np.float32)),
            "reasoning": ("BYTES", np.array(answered.reasoning, dtype=np.object_)),
            "decision": ("BYTES", np.array(answered.decision, dtype=np.object_)),
            "timing_ms": ("FP32", answered.timing_ms),
        }
        asked_for = {output.name for output in request.request_outputs or ()} or set(values)
        return InferResponse(
            response_id=request.id or str(uuid.uuid4()),
            model_name=self.name,
            infer_outputs=[_output(n, *value) for n, value in values.items() if n in asked_for],
            parameters=self._parameters(answered),
            use_binary_outputs=request.use_binary_outputs,
            requested_outputs=request.request_outputs,
        )

    def _parameters(self, answered: Answered) -> dict[str, Any]:
        """`lacked` is there only where something lacks: clients that know the contract alone never meet it."""
        always = {"policy_version": self._version, "degraded": answered.degraded}
        return {**always, "lacked": answered.lacked} if answered.lacked else always

    def get_input_types(self) -> list[dict[str, Any]]:
        """For the model's metadata; -1 = any length."""
        return [
            _described("images", "BYTES", [-1]),
            _described("frame_t_us", "INT64", [-1, -1]),
            _described("ego_history", "FP32", [HISTORY_POSES, 3]),
            _described("speed", "FP32", [1]),
            _described("rig", "FP32", [-1, RIG_NUMBERS]),
            _described("route", "FP32", [-1, 2]),
            _described("points", "FP32", [-1, 3]),
        ]

    def get_output_types(self) -> list[dict[str, Any]]:
        """For the model's metadata; -1 = the number of samples."""
        return [
            _described("trajectory", "FP32", [-1, HORIZON_STEPS, 3]),
            _described("controls", "FP32", [-1, HORIZON_STEPS, 2]),
            _described("reasoning", "BYTES", [-1]),
            _described("decision", "BYTES", [-1, 2]),
            _described("timing_ms", "FP32", [len(TIMING)]),
        ]


def _output(name: str, datatype: str, array: NDArray[Any]) -> InferOutput:
    """One output; as bytes from the start, because KServe fails on arrays when a request came as raw bytes."""
    output = InferOutput(name, list(array.shape), datatype)
    output.set_data_from_numpy(array, binary_data=True)
    return output


def _described(name: str, datatype: str, shape: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape}
