"""How memory of ingest grows with the length of one drive, layout by layout.

    .venv/bin/python benchmarks/bench_readers_memory.py
    .venv/bin/python benchmarks/bench_readers_memory.py argoverse2 pandaset --agents 60

A made-up drive of one minute and one 16 times as long are written in every layout (`tests.clips.raw_drives`): poses at
10 to 20 Hz, agents beside us whose names last 20 s, small pictures where the layout has some. Each is ingested in a
process of its own. Prints both peaks and the growth; CommonRoad has the ego alone for most of the time, KITTI raw its
boxes in one XML file, and PhysicalAI-AV, comma2k19 and PandaSet never have a recording as long as the long one.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.clips.raw_drives import WRITERS
from tests.clips.raw_story import EGO_US, SPEED_MPS, Story, story

MINUTE_S, TIMES, NAME_S = 60, 16, 20
INGEST = """
import sys
import pandas  # pyarrow loads it sooner or later
from causeway.artifacts import run
from causeway.clips.ingest import IngestConfig, ingest
run(ingest, {"drives": sys.argv[1]}, out=sys.argv[2], config=IngestConfig(layout=sys.argv[3]))
# not ru_maxrss: that of a child begins with its parent's
print(max(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def long_story(seconds: int, agents: int) -> Story:
    """Straight on for so long, with agents that keep their distance."""
    t_us = np.arange(0, seconds * 10**6 + 1, EGO_US)
    zero = np.zeros(len(t_us))
    ego = {"t_us": t_us, "x": t_us * 1e-6 * SPEED_MPS, "y": zero, "yaw": zero, "speed": zero + SPEED_MPS}
    tick, agent = np.repeat(t_us[::2], agents), np.tile(np.arange(agents), len(t_us[::2]))
    names = [f"{turn:06d}-{who:04d}" for turn, who in zip(tick // (NAME_S * 10**6), agent, strict=True)]
    flat = np.zeros(len(tick))
    rows = {"t_us": tick, "track_id": names, "type": ["car"] * len(tick), "x": tick * 1e-6 * SPEED_MPS + agent * 2 - 40}
    rows |= {"y": 3.6 + agent % 3 * 3.6, "yaw": flat, "vx": flat + SPEED_MPS, "vy": flat}
    states = {"t_us": t_us[::2], "signal_id": ["light"] * len(t_us[::2]), "state": ["green"] * len(t_us[::2])}
    return replace(story(), ego=pa.table(ego), agents=pa.table(rows), signals=pa.table(states))


def peak_mb(layout: str, told: Story, folder: Path) -> float:
    """Of a process that ingests the story, written in a layout."""
    drives = WRITERS[layout](folder / "drives", {"0001": told})
    command = [sys.executable, "-c", INGEST, str(drives), str(folder / "clips"), layout]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("layouts", nargs="*", default=list(WRITERS), help="all where none is named")
    parser.add_argument("--agents", type=int, default=20)
    asked = parser.parse_args()
    stories = [long_story(MINUTE_S * times, asked.agents) for times in (1, TIMES)]
    for layout in asked.layouts:
        with tempfile.TemporaryDirectory() as scratch:
            short, long = (peak_mb(layout, told, Path(scratch) / str(i)) for i, told in enumerate(stories))
        print(f"{layout:14} {short:5.0f} MB, 16 times as long {long:5.0f} MB: + {long / short - 1:.0%}", flush=True)


if __name__ == "__main__":
    main()
