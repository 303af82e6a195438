"""One input tensor of a request as a numpy array or as byte strings, whatever form it arrived in.

Knows the four forms of the Open Inference Protocol v2 (gRPC raw bytes, gRPC contents, JSON lists, JSON with binary
data after it) and refuses what is not what it says it is. Does not know which inputs an endpoint takes. A tensor is
anything with `name`, `datatype`, `shape`, `data` and `_raw_data`, as the server's own class has.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DTYPES: dict[str, type[np.generic]] = {"FP32": np.float32, "INT64": np.int64, "UINT8": np.uint8}
_LENGTH = struct.Struct("<I")


class InvalidRequest(Exception):
    """A request that cannot be answered because of one field; the message names it and says what it should be."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


def expect(tensor: Any, datatype: str, shape: tuple[int | None, ...]) -> tuple[int, ...]:
    """The tensor's shape when datatype and shape are as said (None = one or more); InvalidRequest otherwise."""
    if tensor.datatype != datatype:
        raise InvalidRequest(tensor.name, f"datatype is {tensor.datatype}, expected {datatype}")
    found = tuple(tensor.shape)
    fits = len(found) == len(shape) and all(
        f == s if s is not None else f >= 1 for f, s in zip(found, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("n" if s is None else str(s) for s in shape)
        raise InvalidRequest(tensor.name, f"shape is {list(found)[:8]}, expected [{wanted}]")
    return found


def numbers(tensor: Any) -> NDArray[Any]:
    """The values of a FP32, INT64 or UINT8 tensor in its own shape; InvalidRequest for anything else."""
    dtype = np.dtype(_DTYPES[tensor.datatype])
    count = math.prod(tensor.shape)
    if tensor._raw_data is not None:
        if len(tensor._raw_data) != count * dtype.itemsize:
            found = f"{len(tensor._raw_data)} bytes of data"
            raise InvalidRequest(tensor.name, f"{found}, expected {count * dtype.itemsize} for {list(tensor.shape)}")
        values = np.frombuffer(tensor._raw_data, dtype=dtype)
    else:
        values = _from_list(tensor, dtype, count)
    return values.reshape(tensor.shape)


def _from_list(tensor: Any, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """A flat or nested list of numbers, refused where a cast would change a value."""
    try:
        values = np.asarray(tensor.data)
    except (ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(tensor.name, "data is ragged or nested too deeply") from error
    if values.size != count or (values.ndim != 1 and values.shape != tuple(tensor.shape)):
        raise InvalidRequest(tensor.name, f"{values.size} values of data, expected {count} for {list(tensor.shape)}")
    if values.dtype.kind not in ("iuf" if dtype.kind == "f" else "iu"):
        raise InvalidRequest(tensor.name, f"data holds values that are not {tensor.datatype}")
    if dtype.kind != "f" and (values.min() < np.iinfo(dtype).min or values.max() > np.iinfo(dtype).max):
        raise InvalidRequest(tensor.name, f"data holds values outside {tensor.datatype}")
    with np.errstate(over="ignore"):  # an overflow becomes infinity, which `finite` refuses
        return values.astype(dtype)


def finite(name: str, values: NDArray[Any], bound: float) -> NDArray[Any]:
    """The values unchanged when all are finite and within ±bound; InvalidRequest otherwise."""
    if not np.isfinite(values).all():
        raise InvalidRequest(name, "holds NaN or infinity")
    if np.abs(values).max() > bound:
        raise InvalidRequest(name, f"holds values beyond ±{bound:g}")
    return values


def byte_strings(tensor: Any) -> list[bytes]:
    """The elements of a BYTES tensor; text elements (JSON has no bytes) are base64."""
    elements = _split(tensor) if tensor._raw_data is not None else tensor.data or []
    count = math.prod(tensor.shape)
    if len(elements) != count:
        raise InvalidRequest(tensor.name, f"{len(elements)} elements of data, expected {count}")
    return [_as_bytes(tensor.name, i, element) for i, element in enumerate(elements)]


def _as_bytes(name: str, place: int, element: Any) -> bytes:
    if isinstance(element, bytes):
        return element
    if not isinstance(element, str):
        raise InvalidRequest(name, f"element {place} is no byte string; in JSON write base64")
    try:
        return base64.b64decode(element, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(name, f"element {place} is not base64") from error


def _split(tensor: Any) -> list[bytes]:
    """Elements of raw BYTES data: each has its length in four bytes before it."""
    data, at = memoryview(tensor._raw_data), 0
    elements: list[bytes] = []
    while at < len(data):
        if at + _LENGTH.size > len(data):
            raise InvalidRequest(tensor.name, f"raw data ends inside the length of element {len(elements)}")
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if at + length > len(data):
            raise InvalidRequest(tensor.name, f"raw data ends inside element {len(elements)}")
        elements.append(bytes(data[at : at + length]))
        at += length
    return elements
