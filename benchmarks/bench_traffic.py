"""How fast 30 agents move: the compiled loops against the same loops as plain Python.

Run: `.venv/bin/python benchmarks/bench_traffic.py`. The plain side runs in a process of its own, without numba.
"""

import os
import subprocess
import sys
import time

import numpy as np

from causeway.simulation.roads.layout import CrossSection, Junction, road_with_junction
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.traffic.agents import Agent, advance_agents, traffic_of

AGENTS, TICKS = 30, 190
LANES = ("left1", "left2", "right1", "left3", "cross_left")


def seconds_a_tick(ticks: int) -> float:
    """Mean time of a tick with 30 agents on five routes, one in two of which may change lanes."""
    path = path_from_curvature([(200.0, 0.0), (60.0, 0.01), (400.0, 0.0)])
    section = CrossSection(3.5, ("same", "same", "oncoming"), 1)
    layout = road_with_junction(path, section, Junction(300.0, {"ego": ((0, "red"),)}, ((0, "red"),)))
    agents = tuple(
        Agent(f"a{i}", "car", LANES[i % 5], 10.0 + 15.0 * (i // 5), 8.0, 8.0 + i % 7, changes_lanes=i % 2 == 0)
        for i in range(AGENTS)
    )
    traffic = traffic_of(agents, layout.routes, layout.stops)
    now, ego = traffic.start(), np.array([120.0, 0.0, 0.0, 4.7, 1.9])
    now = advance_agents(traffic, layout.road, now, ego, 10.0, 0)  # compiled here
    start = time.process_time()
    for i in range(1, ticks + 1):
        now = advance_agents(traffic, layout.road, now, ego, 10.0, i * 100_000)
    return (time.process_time() - start) / ticks


def main() -> None:
    """Print both sides and their ratio."""
    if len(sys.argv) > 1:
        print(seconds_a_tick(int(sys.argv[1])))
        return
    ours = min(seconds_a_tick(TICKS) for _ in range(5))
    command = [sys.executable, __file__, "5"]
    plain = subprocess.run(command, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, check=True)
    theirs = float(plain.stdout)
    print(f"{AGENTS} agents: compiled {ours * 1e6:.0f} µs a tick = {0.1 / ours:.0f} × real time")
    print(f"the same loops in plain Python {theirs * 1e6:.0f} µs a tick: {theirs / ours:.0f} × slower")


if __name__ == "__main__":
    main()
