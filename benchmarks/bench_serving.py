"""What the server itself costs: python benchmarks/bench_serving.py [--policy POLICY] [--seconds S] [--parts P,P].

Parts, each in one run with both sides: `work` (six JPEG cameras of 576 × 320, four frames, gRPC beside REST: server
work without decoding and model, read from the server's own metrics), `overload` (a stub policy of known speed at 80 %
and at 300 % of its measured peak; refusals timed on the server's clock, the generator's CPU beside), `batch` (eight
questions at once beside one) and `start` (seconds to ready). Without a policy an untrained one of scale `tiny` is made.
"""

import argparse
import io
import json
import resource
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from causeway.model.observation import Observation, ObservationSpec, example_observation
from causeway.serving.client import Endpoint
from causeway.serving.process import ServerProcess
from causeway.serving.stream import Asked, stream, summary

CAMERAS = ("cross_left", "front_wide", "cross_right", "rear_left", "rear", "rear_right")
SPEC = ObservationSpec(CAMERAS, (-0.3, -0.2, -0.1, 0.0), 320, 576)
STUB = (sys.executable, str(Path(__file__).parents[1] / "tests" / "serving" / "stub_policy.py"))
STUB_MS = 20  # of one call of the stub, whatever its batch


def jpegs() -> list[bytes]:
    rng, files = np.random.default_rng(0), []
    for _ in range(len(CAMERAS) * 4):
        coarse = rng.integers(0, 256, (20, 36, 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(coarse).resize((576, 320), Image.Resampling.BILINEAR).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


def question() -> Observation:
    """Without pictures of its own: those travel as JPEG."""
    observation = example_observation(spec=replace(SPEC, height=1, width=1))
    return replace(observation, images=np.broadcast_to(np.uint8(0), (6, 4, 320, 576, 3)))


def metrics(server: ServerProcess) -> dict[str, list[tuple[float, float]]]:
    """Cumulative buckets (bound, count) of each histogram by name and part."""
    with urllib.request.urlopen(server.http_url + "/metrics") as page:
        families = list(text_string_to_metric_families(page.read().decode()))
    found: dict[str, list[tuple[float, float]]] = {}
    for family in families:
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                key = f"{family.name}:{sample.labels.get('part', '')}"
                found.setdefault(key, []).append((float(sample.labels["le"]), sample.value))
    return found


def quantile_ms(before: dict, after: dict, name: str, q: float) -> float:
    """Milliseconds of a quantile of what was observed between two readings, interpolated within its bucket."""
    old = dict(before.get(name, []))
    buckets = [(bound, count - old.get(bound, 0.0)) for bound, count in after[name]]
    wanted, low, under = q * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted and count > under:
            return (low + (min(bound, 10.0) - low) * (wanted - under) / (count - under)) * 1e3
        low, under = bound, count
    return float("nan")


def work(seconds: float) -> None:
    """The stub answers at once, so that what is left is the server."""
    pictures, asked = jpegs(), question()
    print(f"work: {len(pictures)} JPEGs, {sum(map(len, pictures)) / 1e3:.0f} kB a request, stub policy")
    with ServerProcess("0", program=STUB) as server:
        for name, url in (("gRPC", server.grpc_url), ("REST", server.http_url)):
            stream(url, [asked], 1.0, hz=5, jpegs=pictures)
            before = metrics(server)
            done = stream(url, [asked], seconds, hz=5, jpegs=pictures)
            after = metrics(server)
            parts = {
                what: [quantile_ms(before, after, key, q) for q in (0.5, 0.99)]
                for what, key in (
                    ("server work", "causeway_server_seconds:"),
                    ("decoding", "causeway_part_seconds:decode"),
                    ("waiting", "causeway_part_seconds:queue"),
                )
            }
            figures = ", ".join(f"{what} {p50:.2f} / {p99:.2f}" for what, (p50, p99) in parts.items())
            print(f"  {name}: p50 / p99 ms: {figures}; whole answer {_round_trip(done)}")


def _round_trip(done: list[Asked]) -> str:
    about = summary(done)
    return f"{about['p50_ms']:.1f} / {about['p99_ms']:.1f}, outcomes {about['outcomes']}"


def overload(seconds: float) -> None:
    observation = example_observation(spec=ObservationSpec(height=16, width=24))
    with ServerProcess(str(STUB_MS), program=STUB) as server:
        peak = _peak(server, observation, seconds)
        print(f"overload: stub of {STUB_MS} ms a call, peak {peak:.0f} answers/s with 24 callers who wait")
        for share in (0.8, 3.0):
            before, cpu_s = metrics(server), _cpu_s()
            vehicles = max(round(share * peak / 10), 1)
            done = stream(server.grpc_url, [observation], seconds, vehicles=vehicles, hz=share * peak / vehicles)
            after, about = metrics(server), summary(done)
            whole_s = max(one.due_s + one.took_s for one in done)
            goodput, p50, p99 = about["outcomes"].get("answered", 0) / whole_s, about["p50_ms"], about["p99_ms"]
            print(
                f"  {share:.0%}: {about['outcomes']}, goodput {goodput / peak:.2f} of peak, p50 {p50:.0f} ms, "
                f"p99 {p99:.0f} ms (ratio {p99 / p50:.2f}), generator "
                f"{(_cpu_s() - cpu_s) / whole_s:.2f} cores, sent late p99 {about['sent_late_p99_ms']:.0f} ms"
            )
            if "refused" in about["outcomes"]:
                shed = [quantile_ms(before, after, "causeway_refusal_seconds:", q) for q in (0.5, 0.99)]
                print(f"    refused after p50 {shed[0]:.2f} ms, p99 {shed[1]:.2f} ms on the server's clock")


def _peak(server: ServerProcess, observation: Observation, seconds: float) -> float:
    until, done = time.perf_counter() + seconds, []

    def caller(_: int) -> None:
        with Endpoint(server.grpc_url) as endpoint:
            while time.perf_counter() < until:
                endpoint.ask(observation)
                done.append(time.perf_counter())

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(caller, range(24)))
    return sum(at < until for at in done) / seconds


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def batch(policy_folder: str, calls: int = 5) -> None:
    from causeway.model import Policy

    policy = Policy.load(policy_folder) if policy_folder else Policy.from_scale("tiny").eval()
    scale = policy.config.scale
    spec = ObservationSpec(policy.config.cameras, height=scale.image_height, width=scale.image_width)
    seen = [example_observation(seed, spec) for seed in range(8)]
    best = {1: float("inf"), 8: float("inf")}
    for _ in range(calls):
        for size, least in list(best.items()):
            started = time.perf_counter()
            policy.predict(seen[:size])
            best[size] = min(least, time.perf_counter() - started)
    ratio = 8 * best[1] / best[8]
    print(f"batch: one {best[1] * 1e3:.0f} ms, eight {best[8] * 1e3:.0f} ms: throughput × {ratio:.2f} (aim 3)")


def start(policy_location: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        location = policy_location or _made(Path(folder) / "policy")
        started = time.perf_counter()
        with ServerProcess(location):
            print(f"start: ready after {time.perf_counter() - started:.1f} s (aim 20)")


def _made(folder: Path) -> str:
    from causeway.artifacts import Writer, run, step

    @step(kind="policy")
    def save_policy(*, out: Writer) -> None:
        from causeway.model import Policy

        Policy.from_scale("tiny").save(out.path("config.json").parent)

    return run(save_policy, {}, out=str(folder)).location


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--policy", default="")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--parts", default="work,overload,batch,start")
    options = parser.parse_args()
    with open("/proc/loadavg") as file:
        print(json.dumps({"load before": file.read().split()[:3]}))
    parts = options.parts.split(",")
    if "work" in parts:
        work(options.seconds)
    if "overload" in parts:
        overload(options.seconds)
    if "batch" in parts:
        batch(options.policy)
    if "start" in parts:
        start(options.policy)


if __name__ == "__main__":
    main()
