"""One question over REST, its tensors as binary data behind the JSON part.

Light: numpy and the standard library. Knows the REST form of the Open Inference Protocol v2 and HTTP's statuses. Does
not know what the tensors mean.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from causeway.errors import CausewayError, Refused, UnusableInput
from causeway.serving.wire import DTYPES, Answered, Input, Parameters, nobody_there, one_line, stranger

_LENGTH_HEADER = "Inference-Header-Content-Length"


def over_rest(
    url: str, model: str, inputs: Sequence[Input], parameters: Parameters, token: str, timeout_s: float
) -> Answered:
    """Outputs by name and parameters of one answer; errors as `causeway.serving.client.ask`."""
    sizes = [{"binary_data_size": len(i.data)} for i in inputs]
    described = [
        {"name": i.name, "datatype": i.datatype, "shape": list(i.shape), "parameters": size}
        for i, size in zip(inputs, sizes, strict=True)
    ]
    header = json.dumps({"parameters": dict(parameters), "inputs": described}).encode()
    request = urllib.request.Request(
        f"{url.rstrip('/')}/v2/models/{model}/infer",
        data=b"".join([header, *(i.data for i in inputs)]),
        headers={
            "Content-Type": "application/octet-stream",
            _LENGTH_HEADER: str(len(header)),
            **({"Authorization": f"Bearer {token}"} if token else {}),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise _error(url, error) from error
    except (OSError, http.client.HTTPException) as error:
        raise nobody_there(url, str(error)) from error
    return {o["name"]: _from_json(o) for o in answer["outputs"]}, answer.get("parameters", {})


def _error(url: str, error: urllib.error.HTTPError) -> CausewayError:
    body = error.read(4096).decode(errors="replace")
    try:
        message = one_line(str(json.loads(body)["error"]))
    except (ValueError, KeyError, TypeError):
        message = one_line(body) or error.reason
    if error.code == 401:
        return stranger(url, message)
    if error.code in (429, 503):
        return Refused(f"{url}: {message}")
    if 400 <= error.code < 500 and error.code != 404:
        return UnusableInput(f"{url} refuses the request: {message}")
    return CausewayError(f"{url}: HTTP {error.code}: {message}")


def _from_json(output: Mapping[str, Any]) -> Any:
    if output["datatype"] in DTYPES:
        return np.asarray(output["data"], dtype=DTYPES[output["datatype"]]).reshape(output["shape"])
    return [text.encode() for text in output["data"]]
