"""From a key press to the next moment on the review page, in a real browser; and without fetching ahead.

A hundred moments of a made-up drive with pictures, lanes and twenty road users. The keys of a whole review are pressed
one after the other; the browser says how long each waited until what it asked for was there, stored answers included
(every answer is synced to the disk before the page goes on). "Next" is the key that stores a decision, "rest" the one
that stores the causes and shows what came after t0. Aim: under 100 ms. Needs Debian's Chromium.
Run: .venv/bin/python benchmarks/bench_review.py [moments]
"""

import io
import shutil
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from causeway.artifacts import Artifact, write_artifact
from causeway.platform.review.app import make_app
from causeway.platform.review.desk import Desk
from causeway.platform.review.guard import guarded
from causeway.platform.review.login import Door
from causeway.platform.review.serving import tasks_of
from causeway.platform.review.shelf import Shelf
from causeway.platform.review.window import open_source

AIM_MS = 100.0
TICKS, SPEED, OTHERS = 200, 10.0, 20
THINK_MS = 250  # nobody presses faster; the page fetches ahead meanwhile


def jpeg(rng: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (36, 64, 3), dtype=np.uint8)).resize((640, 360)).save(buffer, "JPEG")
    return buffer.getvalue()


def write_inputs(folder: Path, moments: int) -> tuple[Artifact, Artifact]:
    rng = np.random.default_rng(0)
    pictures = [jpeg(rng) for _ in range(20)]
    tables: dict[str, list[dict]] = {n: [] for n in ("clips", "ego", "tracks", "frames", "rigs", "lanes")}
    labels = []
    for number in range((moments + 4) // 5):
        clip_id = f"drive-{number:03d}"
        add_clip(tables, clip_id, pictures, rng)
        labels += [label(clip_id, t0) for t0 in range(3_000_000, 13_000_000, 2_000_000)]
    write_artifact("clips", tables, folder / "clips")
    write_artifact("labels", {"labels": labels[:moments]}, folder / "labels")
    return Artifact.open(folder / "clips"), Artifact.open(folder / "labels")


def add_clip(tables: dict[str, list[dict]], clip_id: str, pictures: list[bytes], rng: np.random.Generator) -> None:
    origin = {f"origin_{n}": 0.0 for n in ("x_m", "y_m", "z_m", "yaw_rad", "qx", "qy", "qz")} | {"origin_qw": 1.0}
    about = {"vehicle_id": "v", "source": "bench", "licence": "", "source_split": "", "place": "", "cameras": ["front"]}
    span = {"start_us": 0, "end_us": (TICKS - 1) * 100_000, "ticks": TICKS}
    has = {"has_tracks": True, "has_map": True, "has_signals": False}
    tables["clips"].append({"clip_id": clip_id, "drive_id": clip_id, **span, **about, **has, **origin})
    level = {"z_m": 0.0, "qw": 1.0, "qx": 0.0, "qy": 0.0, "qz": 0.0}
    still = {"accel_mps2": 0.0, "yaw_rate_radps": 0.0, "curvature_per_m": 0.0, "speed_source": "measured"}
    box = {"z_m": 0.8, "yaw_rad": 0.0, "length_m": 4.5, "width_m": 1.9, "height_m": 1.6, "vy_mps": 0.0, "type": "car"}
    starts = rng.uniform([0, -12], [220, 12], (OTHERS, 2))
    for tick in range(TICKS):
        at = {"clip_id": clip_id, "t_us": tick * 100_000}
        moved = {"x_m": SPEED * tick / 10, "y_m": 0.0, "speed_mps": SPEED, "observed_us": at["t_us"]}
        tables["ego"].append({**at, **moved, **level, **still})
        for i, (x, y) in enumerate(starts):
            place = {"track_id": f"t{i}", "x_m": x + tick * 0.5, "y_m": y, "vx_mps": 5.0, "observed_us": at["t_us"]}
            tables["tracks"].append({**at, **box, **place})
        tables["frames"].append({**at, "camera": "front", "image": pictures[tick % 20], "width": 640, "height": 360})
    lens = {"model": "pinhole", "fx": 300.0, "fy": 300.0, "cx": 320.0, "cy": 180.0, "distortion": []}
    size = {"vehicle_id": "v", "length_m": 4.6, "width_m": 1.8, "wheelbase_m": 2.8, "rear_axle_to_centre_m": 1.3}
    tables["rigs"].append({"clip_id": clip_id, "camera": "front", "rig_from_camera": [], **lens, **size})
    for lane in range(8):
        side = [[float(x), 3.5 * lane - 14.0] for x in range(0, 300, 2)]
        row = {"centre": side, "left": side, "right": side, "successors": [], "kind": "drive"}
        tables["lanes"].append({"clip_id": clip_id, "lane_id": f"l{lane}", **row})


def label(clip_id: str, t0_us: int) -> dict:
    made = {"trace": "Continue unchanged.", "teacher": "rules", "components": [], "reasons": ["bench"]}
    decided = {"longitudinal_decision": "none", "lateral_decision": "none", "status": "review", "consistent": "yes"}
    more = {"critic_score": 1.0, "scenario": "bench", "split": "train"}
    return {"moment_id": f"{clip_id}@{t0_us}", "clip_id": clip_id, "t0_us": t0_us, **made, **decided, **more}


def serve(folder: Path, clips: Artifact, labels: Artifact) -> str:
    """The page in a thread of this process; returns the address to open."""
    source = open_source(clips)
    corrections = folder / "corrections"
    corrections.mkdir(exist_ok=True)
    door = Door(corrections)
    app = make_app(Desk(tasks_of(labels, source), []), Shelf(source), door, "bench")
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(guarded(app, "127.0.0.1"), log_level="warning", access_log=False)
    threading.Thread(target=uvicorn.Server(config).run, kwargs={"sockets": [listening]}, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/login#{door.token}"


def review_all(page: Page, moments: int) -> None:
    """Press the keys of a whole review: name the first thing, store, decide, store."""
    for _ in range(moments):
        before = page.get_attribute("body", "data-key")
        page.wait_for_timeout(THINK_MS)
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        page.wait_for_selector("body[data-stage=decision]:not([aria-busy])")
        page.wait_for_timeout(THINK_MS)
        page.keyboard.press("8")
        page.keyboard.press("v")
        page.keyboard.press("Enter")
        page.wait_for_function("k => document.body.dataset.key !== k", arg=before)
        page.wait_for_selector("body:not([aria-busy])")


def waited(page: Page, what: str) -> np.ndarray:
    read = "what => performance.getEntriesByName('causeway:' + what).map(entry => entry.duration)"
    return np.array(page.evaluate(read, what))


def said(what: str, ms: np.ndarray) -> str:
    p50, p95, p99 = np.percentile(ms, [50, 95, 99])
    return f"{what}: p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms, worst {ms.max():.0f} ms, n = {len(ms)}"


def measured(chromium: Any, folder: Path, moments: int, ahead: bool) -> tuple[np.ndarray, np.ndarray]:
    clips, labels = (Artifact.open(folder / name) for name in ("clips", "labels"))
    page = chromium.new_context(viewport={"width": 1280, "height": 860}).new_page()
    if not ahead:
        page.route("**/static/main.js", lambda route: route.fulfill(
            response=(answer := route.fetch()), body=answer.text().replace("fetchAhead(upcoming);", "")))  # fmt: skip
    page.goto(serve(folder, clips, labels))
    page.keyboard.type("bench")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-stage=causes]:not([aria-busy])")
    review_all(page, moments)
    return waited(page, "next"), waited(page, "rest")


def main() -> None:
    moments = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no chromium here: install Debian's to run this benchmark")
        return
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder, start = Path(name), time.perf_counter()
        write_inputs(folder, moments)
        print(f"{moments} moments written in {time.perf_counter() - start:.1f} s")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-quic"])
        after, rest = measured(browser, folder, moments, ahead=True)
        alone, _ = measured(browser, folder, min(moments, 30), ahead=False)
        browser.close()
    print(said("next moment", after))
    print(said("what came after t0", rest))
    print(said("next moment, browser does not fetch ahead", alone))
    ratio = np.median(alone) / np.median(after)
    print(f"ratio {ratio:.1f}; within {AIM_MS:.0f} ms: {np.mean(after < AIM_MS):.0%} of the moments")


if __name__ == "__main__":
    main()
