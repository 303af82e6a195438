"""What the two ways of asking share: tensors to send, and which error of ours each refusal becomes.

Light: numpy only. Knows the forms of tensors and error texts. Does not know gRPC (`ask_grpc.py`), HTTP (`ask_rest.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from causeway.errors import UsageError

DTYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "INT64": np.dtype("<i8"), "UINT8": np.dtype("u1")}
Parameters = Mapping[str, str | int]
Answered = tuple[dict[str, Any], dict[str, Any]]  # outputs by name (arrays, or lists of bytes), parameters


class Input(NamedTuple):
    """One tensor of a request."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: bytes


class NobodyThere(UsageError):
    """No server answers at the address, or it went away before it answered."""


def nobody_there(url: str, reason: str) -> NobodyThere:
    """The error for an address without a server."""
    return NobodyThere(f"{url}: no server answers there; start one with causeway serve ({reason})")


def stranger(url: str, reason: str) -> UsageError:
    """The error for a token that is missing or not known."""
    return UsageError(f"{url}: {reason}; give the vehicle's token, or put it into CAUSEWAY_TOKEN")


def packed(elements: Sequence[bytes]) -> bytes:
    """Raw data of a BYTES tensor: each element with its length in four bytes before it."""
    return b"".join(part for element in elements for part in (struct.pack("<I", len(element)), element))


def unpacked(raw: bytes) -> list[bytes]:
    """The elements of raw BYTES data."""
    elements, at = [], 0
    while at < len(raw):
        (length,) = struct.unpack_from("<I", raw, at)
        elements.append(raw[at + 4 : at + 4 + length])
        at += 4 + length
    return elements


def one_line(text: str) -> str:
    """The text without line breaks, and not longer than a line should be."""
    return " ".join(text.split())[:500]
