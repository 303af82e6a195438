"""The front of a laptop's endpoint: one gRPC and one REST address before several model servers.

Knows how a request is passed on, tried again elsewhere when its server dies, held while none is ready, and copied to
a server in the dark. Reads no request. Does not start servers (`front_process.py`) and does not know how REST comes in
(`front_rest.py`). An inference changes nothing, so a second try is safe. Imports grpc and httpx: import this module
inside functions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import httpx

from causeway.platform.release.compare import difference
from causeway.platform.release.slots import Shadow, Slot, next_slot
from causeway.serving.contract import MAX_MESSAGE_BYTES

INFER = "/inference.GRPCInferenceService/ModelInfer"
_SERVICE = "/inference.GRPCInferenceService/"
_HOLD_S = 30.0  # how long a request waits for a server at most
_HELD = 64  # and how many requests wait at once
_COPIES = 2  # at once
_CHANNEL = [
    *((f"grpc.max_{way}_message_length", MAX_MESSAGE_BYTES) for way in ("send", "receive")),
    ("grpc.enable_http_proxy", 0),  # servers are on loopback
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
]
_OWN = ("te", "user-agent", "content-type")  # metadata of the connection, not of the request; so are those that begin:
_OWN_PREFIXES = ("grpc-", ":")
_HOP = ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
_REWRITTEN = (*_HOP, "host", "content-length", "expect")  # RFC 9110, 7.6.1, and what httpx writes for itself
_SHED = grpc.StatusCode.RESOURCE_EXHAUSTED
_ASKERS = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)
Kept = Callable[[bytes, bytes, Sequence[tuple[str, Any]]], None]


class Front:
    """Passes requests on to `slots`. `lost` counts requests that nobody answered; their callers were told."""

    def __init__(self, kept: Kept | None = None) -> None:
        self.slots: dict[str, Slot] = {}
        self.shadow_name, self.shadow = "", Shadow()
        self.lost = self.retried = self.held = 0
        self._kept = kept
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._copies: set[asyncio.Task[None]] = set()
        limits = httpx.Limits(max_connections=256)
        self._http = httpx.AsyncClient(timeout=60.0, limits=limits, trust_env=False)  # loopback: past any proxy

    def figures(self) -> dict[str, Any]:
        """What became of requests since the front started."""
        slots = {name: slot.figures() for name, slot in self.slots.items()}
        counts = {"lost": self.lost, "retried": self.retried, "held": self.held}
        return counts | {"slots": slots, "shadow": self.shadow.figures() if self.shadow_name else None}

    def watch(self, name: str) -> None:
        """Copy requests to this server ("" = to none) and compare; counting begins anew with another."""
        if name != self.shadow_name:
            self.shadow_name, self.shadow = name, Shadow()

    async def turn(self, tried: Sequence[str], until_s: float) -> Slot | None:
        """The next server; while none is ready the request waits. None when time is up or too many wait."""
        waits = False
        try:
            while (slot := next_slot(self.slots.values(), tried)) is None:
                tried = ()  # a server that was tried and died may be back
                if time.monotonic() > until_s or (not waits and self.held >= _HELD):
                    return None
                self.held += not waits
                waits = True
                await asyncio.sleep(0.02)
            return slot
        finally:
            self.held -= waits

    async def close(self) -> None:
        """Let go of connections."""
        for task in self._copies:
            task.cancel()
        await self._http.aclose()
        for channel in self._channels.values():
            await channel.close()

    # --- gRPC ---

    async def call(self, method: str, request: bytes, context: Any) -> bytes:
        """One gRPC call, passed on as bytes."""
        metadata = [(key, value) for key, value in context.invocation_metadata() or () if _travels(key)]
        left_s = context.time_remaining()
        until_s = time.monotonic() + min(_HOLD_S, left_s if left_s is not None else _HOLD_S)
        tried: list[str] = []
        while (slot := await self.turn(tried, until_s)) is not None:
            try:
                answer = await self._ask(slot, method, request, metadata, context.time_remaining())
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    await context.abort(error.code(), error.details() or "")
                self.retried += 1
                tried.append(slot.name)
                await asyncio.sleep(0.005 * len(tried))  # a server that just died is still taken for ready
                continue
            if method == INFER:
                self._after(slot, request, answer, metadata)
            return answer
        self.lost += 1
        await context.abort(grpc.StatusCode.UNAVAILABLE, "no server of this endpoint answers now; ask again")
        raise AssertionError("abort raises")

    async def _ask(self, slot: Slot, method: str, request: bytes, metadata: Any, left_s: float | None) -> bytes:
        call: Any = self._channel(slot).unary_unary(method)
        slot.inside += 1
        started = time.perf_counter()
        try:
            answer = await call(request, metadata=metadata, timeout=left_s)
        except grpc.aio.AioRpcError as error:
            self._count(slot, error.code())
            raise
        finally:
            slot.inside -= 1
        if method == INFER:
            slot.answered += 1
            slot.ms.append((time.perf_counter() - started) * 1e3)
        return bytes(answer)

    def _count(self, slot: Slot, code: grpc.StatusCode) -> None:
        if code == _SHED:
            slot.shed += 1
        elif code in _ASKERS:
            slot.refused += 1
        else:
            slot.failed += 1

    def _channel(self, slot: Slot) -> grpc.aio.Channel:
        if slot.grpc not in self._channels:
            self._channels[slot.grpc] = grpc.aio.insecure_channel(slot.grpc, options=_CHANNEL)
        return self._channels[slot.grpc]

    # --- what happens beside an answer ---

    def _after(self, slot: Slot, request: bytes, answer: bytes, metadata: Sequence[tuple[str, Any]]) -> None:
        if self._kept is not None:
            self._kept(request, answer, metadata)
        shadow = self.slots.get(self.shadow_name)
        if shadow is None or shadow is slot or not shadow.ready:
            return
        if len(self._copies) >= _COPIES:
            self.shadow.skipped += 1
            return
        task = asyncio.create_task(self._compare(shadow, request, answer, metadata))
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)

    async def _compare(self, shadow: Slot, request: bytes, answer: bytes, metadata: Any) -> None:
        counts = self.shadow
        try:
            call: Any = self._channel(shadow).unary_unary(INFER)
            other = await call(request, metadata=metadata, timeout=60.0)
            path_m, changed = difference(answer, bytes(other))
        except grpc.aio.AioRpcError as error:
            if error.code() == _SHED:  # a copy is one request too many for a busy machine, no fault of the policy
                counts.skipped += 1
            else:
                counts.failed += 1
            return
        except (ValueError, KeyError):
            counts.failed += 1
            return
        counts.compared += 1
        counts.decisions_changed += changed
        counts.path_m.append(path_m)

    # --- REST ---

    async def pass_on(self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes) -> httpx.Response:
        """One REST call, passed on; 503 when no server is ready."""
        kept = [(k, v) for k, v in headers if k.lower() not in _REWRITTEN]
        until_s, tried = time.monotonic() + _HOLD_S, []  # type: float, list[str]
        while (slot := await self.turn(tried, until_s)) is not None:
            answer = await self._rest(slot, method, path, kept, body)
            if answer is not None and answer.status_code != 503:
                return answer
            self.retried += 1
            tried.append(slot.name)
            await asyncio.sleep(0.005 * len(tried))
        self.lost += 1
        return httpx.Response(503, json={"error": "no server of this endpoint answers now; ask again"})

    async def _rest(self, slot: Slot, method: str, path: str, headers: Any, body: bytes) -> httpx.Response | None:
        slot.inside += 1
        started = time.perf_counter()
        try:
            answer = await self._http.request(method, slot.http + path, headers=headers, content=body)
        except httpx.TransportError:
            slot.failed += 1
            return None
        finally:
            slot.inside -= 1
        code = answer.status_code
        if code == 429:
            slot.shed += 1
        elif code >= 500:
            slot.failed += 1
        elif code >= 400:
            slot.refused += 1
        elif path.endswith("/infer"):
            slot.answered += 1
            slot.ms.append((time.perf_counter() - started) * 1e3)
        return answer


def _travels(key: str) -> bool:
    """Whether metadata of a call belongs to the request, and goes on with it."""
    return key not in _OWN and not key.startswith(_OWN_PREFIXES)


class Passing(grpc.GenericRpcHandler):
    """Every unary call of the inference service goes to the front as bytes; streams are not offered."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def service(self, handler_call_details: Any) -> Any:
        """A handler for one call, None for what is not offered."""
        method = handler_call_details.method
        if not method.startswith(_SERVICE) or "Stream" in method:
            return None

        async def call(request: bytes, context: Any) -> bytes:
            return await self._front.call(method, request, context)

        return grpc.unary_unary_rpc_method_handler(call)
