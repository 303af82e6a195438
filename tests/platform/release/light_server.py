"""A light server of the endpoint's protocol for tests of releases: no KServe, no policy, up in half a second.

`--policy` names a folder with `stub.json`: version, sleep_ms, off_m (how far its path is off), fail (every how many
inferences fail), start (false: it ends at once).
"""

import argparse
import array
import http.server
import json
import os
import signal
import sys
import threading
import time
from concurrent import futures
from pathlib import Path

import grpc

from causeway.serving import inference_pb2 as pb


def answer(stub: dict, number: int, context) -> bytes:
    time.sleep(stub.get("sleep_ms", 0) / 1e3)
    if stub.get("fail") and number % stub["fail"] == 0:
        context.abort(grpc.StatusCode.INTERNAL, "the policy raised")
    response = pb.ModelInferResponse(model_name="causeway")
    path = [0.0, stub.get("off_m", 0.0), 0.0] * 64
    outputs = [("trajectory", [1, 64, 3], path), ("controls", [1, 64, 2], [0.0] * 128), ("timing_ms", [7], [1.0] * 7)]
    for name, shape, values in outputs:
        response.outputs.add(name=name, datatype="FP32", shape=shape)
        response.raw_output_contents.append(array.array("f", values).tobytes())
    for name, words in {"reasoning": [b"because"], "decision": [b"yield", b"lane_keeping"]}.items():
        response.outputs.add(name=name, datatype="BYTES", shape=[len(words)])
        response.raw_output_contents.append(b"".join(len(w).to_bytes(4, "little") + w for w in words))
    response.parameters["policy_version"].string_param = stub["version"]
    response.parameters["degraded"].string_param = ""
    return response.SerializeToString()


class Every(grpc.GenericRpcHandler):
    def __init__(self, stub: dict) -> None:
        self.stub, self.number = stub, 0

    def service(self, details):
        def call(request: bytes, context) -> bytes:
            self.number += 1
            return answer(self.stub, self.number, context)

        return grpc.unary_unary_rpc_method_handler(call)


class Rest(http.server.BaseHTTPRequestHandler):
    version = ""

    def do_GET(self) -> None:
        self.reply(json.dumps({"ready": True}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.reply(json.dumps({"parameters": {"policy_version": self.version}}).encode())

    def reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words) -> None:
        pass


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--policy")
    parser.add_argument("--http-port", type=int)
    parser.add_argument("--grpc-port", type=int)
    parser.add_argument("--with-parent", action="store_true")
    options = parser.parse_args()
    stub = json.loads(Path(options.policy, "stub.json").read_text())
    if not stub.get("start", True):
        print("no weights here", file=sys.stderr)
        return 4
    Rest.version = stub["version"]
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((Every(stub),))
    server.add_insecure_port(f"127.0.0.1:{options.grpc_port}")
    server.start()
    web = http.server.ThreadingHTTPServer(("127.0.0.1", options.http_port), Rest)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=lambda: (sys.stdin.read(), os.kill(os.getpid(), signal.SIGTERM)), daemon=True).start()
    stop.wait()
    server.stop(5.0).wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
