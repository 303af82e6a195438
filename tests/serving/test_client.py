"""The client is light, its messages are those of the protocol, and it says in one line what went wrong."""

import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from causeway.errors import CausewayError, UnusableInput, UsageError
from causeway.serving.client import ask
from causeway.serving.process import free_ports
from tests.serving.questions import OBSERVATION

SERVING = Path(__file__).parents[2] / "causeway" / "serving"


def test_the_client_needs_neither_torch_nor_kserve():
    heavy = ("torch", "kserve", "pandas", "fastapi", "transformers")
    code = f"import sys, causeway.serving.client, causeway.serving.stream, causeway.serving.ask_grpc, causeway.serving.process; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["inference_pb2.py", "inference_pb2.pyi"])
def test_the_generated_messages_are_those_of_the_proto(tmp_path, name):
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed: it generates the messages")
    from importlib.metadata import version

    if version("grpcio-tools") != "1.81.1":
        pytest.skip("the messages were generated with grpcio-tools 1.81.1")
    root = SERVING.parents[1]
    out = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{root}", *out, "causeway/serving/inference.proto"]
    subprocess.run(command, check=True, cwd=root)
    generated = (tmp_path / "causeway" / "serving" / name).read_text()
    assert (SERVING / name).read_text() == "# ruff: noqa\n# fmt: off\n" + generated


@pytest.mark.parametrize("url", ["127.0.0.1:{port}", "http://127.0.0.1:{port}"])
def test_nobody_there_is_one_line(url):
    (port,) = free_ports(1)
    with pytest.raises(UsageError, match="no server answers there") as error:
        ask(url.format(port=port), OBSERVATION, timeout_s=10)
    assert "\n" not in str(error.value)


def test_something_else_there_is_one_line():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(UsageError, match="no server answers there"):
            ask(url, OBSERVATION, timeout_s=0.2)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"outputs": [7]}', b'{"outputs": [], "parameters": {}}'])
def test_another_program_there_is_one_line(body):
    class Other(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        thread = threading.Thread(target=other.handle_request, daemon=True)
        thread.start()
        with pytest.raises(CausewayError, match="does not keep the contract") as error:
            ask(f"http://127.0.0.1:{other.server_port}", OBSERVATION, timeout_s=10)
        thread.join(10)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("url", ["127.0.0.1:1", "http://127.0.0.1:1"])
def test_a_seed_beyond_64_bits_is_refused_before_anything_is_sent(url):
    with pytest.raises(UnusableInput, match="seed"):
        ask(url, OBSERVATION, seed=2**63)
