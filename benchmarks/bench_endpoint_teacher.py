"""Whether an endpoint teacher keeps its requests in flight, beside asking one at a time.

A server of fixed latency in a process of its own; the step `label_moments` over moments with five pictures each,
through ledger, prompts, schemas and checks. Idle is the share of the N places that the server saw empty between the
first request and the last answer (aim: < 5 %). Prints both sides and their ratio. IN_FLIGHT and LATENCY_S may be set.
"""

import io
import multiprocessing
import os
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from causeway.artifacts import Artifact, run, write_artifact
from causeway.reasoning.names import MOTIONS, RELATIVE_POSES
from causeway.reasoning.step import LabelConfig, label_moments
from tests.evidence.scenes import rig_row
from tests.reasoning.fake_endpoint import Reply, Request, fake_endpoint, named, said
from tests.reasoning.small_drives import T0_US, evidence_row, speeds, write_drives

IN_FLIGHT = int(os.environ.get("IN_FLIGHT", "16"))
LATENCY_S = float(os.environ.get("LATENCY_S", "0.5"))
MANY, FEW = 25 * IN_FLIGHT, 8
KINDS = ("car", "truck", "bus", "cyclist", "pedestrian", "animal", "motorcycle", "static", "unknown")


def answer(request: Request) -> Reply:
    """Other words for each moment, so that no two second questions are the same."""
    if request.call == "decision":
        reply = said({"longitudinal_decision": "lead_following", "lateral_decision": "none"})
    else:
        n = int(request.text.split('"distance_m": ')[1].split(".")[0])
        kind, n = KINDS[n % len(KINDS)], n // len(KINDS)
        fields = {"relative_pose": RELATIVE_POSES[n % len(RELATIVE_POSES)]}
        reply = said({"components": [named("lead", kind, MOTIONS[n // len(RELATIVE_POSES) % len(MOTIONS)], **fields)]})
    return Reply(reply.body, wait_s=LATENCY_S)


def serve(pipe: Connection) -> None:
    with fake_endpoint(answer) as fake:
        pipe.send(fake.url)
        while pipe.recv() == "spans":
            pipe.send(list(fake.spans))
            fake.spans.clear()


def inputs(folder: Path, moments: int) -> dict[str, str]:
    row = evidence_row("lead")
    rows = [row | {"moment_id": f"{n:05d}@{T0_US}", "lead_distance_m": float(n)} for n in range(moments)]
    write_artifact("evidence", {"evidence": rows}, folder / "evidence")
    write_drives(folder / "plain", {"lead": speeds("lead")})
    out, noise = io.BytesIO(), np.random.default_rng(0).integers(0, 255, (36, 64, 3), np.uint8)
    Image.fromarray(noise).resize((640, 360)).save(out, "JPEG")
    frame = {"clip_id": "lead-000", "camera": "front", "image": out.getvalue(), "width": 640, "height": 360}
    plain = Artifact.open(folder / "plain")
    frames = [frame | {"t_us": t_us} for t_us in range(0, T0_US + 1, 100_000)]
    tables = {name: plain.table(name) for name in ("clips", "ego")} | {"frames": frames, "rigs": [rig_row("lead-000")]}
    write_artifact("clips", tables, folder / "clips")
    return {"evidence": str(folder / "evidence"), "clips": str(folder / "clips")}


def measured(folder: Path, pipe: Connection, url: str, moments: int, in_flight: int) -> tuple[float, float]:
    """(moments per second, idle share of the places)."""
    folder.mkdir()
    given = inputs(folder, moments)
    config = LabelConfig(teacher=f"m@{url}", in_flight=in_flight, ledger=str(folder / "ledger"))
    begun = time.monotonic()
    run(label_moments, given, out=str(folder / "labels"), config=config)
    took_s = time.monotonic() - begun
    pipe.send("spans")
    spans = pipe.recv()
    whole_s = max(end for _, end in spans) - min(start for start, _ in spans)
    idle = 1 - sum(end - start for start, end in spans) / (whole_s * in_flight)
    return moments / took_s, idle


def main() -> None:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there,))
    server.start()
    url = here.recv()
    with tempfile.TemporaryDirectory() as scratch:
        measured(Path(scratch, "warm"), here, url, 2, 2)
        one, one_idle = measured(Path(scratch, "one"), here, url, FEW, 1)
        many, many_idle = measured(Path(scratch, "many"), here, url, MANY, IN_FLIGHT)
    here.send("stop")
    server.join()
    print(f"latency {LATENCY_S:g} s, two calls a moment, five pictures; load {os.getloadavg()[0]:.1f}")
    print(f"one at a time: {one:.2f} moments/s, idle {one_idle:.1%}")
    print(f"{IN_FLIGHT} in flight: {many:.2f} moments/s, idle {many_idle:.1%} (aim < 5 %)")
    print(f"ratio {many / one:.1f} ×")


if __name__ == "__main__":
    main()
