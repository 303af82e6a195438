"""What the demo costs: wall seconds, the largest memory of all its processes together, and disk.

Runs `causeway demo` twice into a new folder (first everything is made, then everything is found) and prints one line
each. Extra arguments go to the demo: `measure_demo.py --drives PATH --layout kitti-odometry`.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

SAMPLE_EVERY_S = 0.5


def _memory_mib(process: psutil.Process) -> float:
    """Resident memory of a process and all its descendants; shared pages count in each, so this is an upper bound."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def measure(command: list[str]) -> tuple[float, float, int]:
    """(seconds, peak MiB, exit code) of a command."""
    started, peak = time.monotonic(), 0.0
    with subprocess.Popen(command) as child:
        process = psutil.Process(child.pid)
        while child.poll() is None:
            peak = max(peak, _memory_mib(process))
            time.sleep(SAMPLE_EVERY_S)
    return time.monotonic() - started, peak, child.returncode


def main() -> None:
    out = Path(tempfile.mkdtemp(prefix="causeway-demo-"))
    causeway = str(Path(sys.executable).with_name("causeway"))
    try:
        for name in ("first", "again"):
            took_s, peak_mib, code = measure([causeway, "demo", "--out", str(out), *sys.argv[1:]])
            disk = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 2**20
            line = f"{name}: exit {code}, {took_s:.0f} s, at most {peak_mib:.0f} MiB of memory, {disk:.0f} MiB on disk"
            print(line, flush=True)
    finally:
        shutil.rmtree(out, ignore_errors=True)


if __name__ == "__main__":
    main()
