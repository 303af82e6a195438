"""How fast the world steps: with 30 agents and no pictures, and with two cameras of 320 x 192, against real time.

The other side of each ratio is real time (the world moves 0.1 s a step), and the same loops run as plain Python and
NumPy (numba switched off, in a process of its own). Then whole drives of all scenarios (scene, 20 s by the expert,
truth), and the memory of 16 worlds in two processes. Times are processor time: a busy machine matters less. One core:
`OMP_NUM_THREADS=1 .venv/bin/python benchmarks/bench_world.py`.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from multiprocessing import get_context

import numpy as np

from causeway.model.observation import ObservationSpec
from causeway.simulation.compose import scene_of
from causeway.simulation.scenarios import SCENARIOS
from causeway.simulation.scene import Scene
from causeway.simulation.stage import stage_of
from causeway.simulation.traffic.agents import Agent
from causeway.simulation.truth.truth import truth_of
from causeway.simulation.world import World, expert_trajectory

BLIND = ObservationSpec(cameras=(), frame_offsets_s=())
SEEING = ObservationSpec(frame_offsets_s=(0.0,), height=192, width=320)
AGENTS, WORLDS, PROCESSES = 30, 16, 2
SCENARIO, SEED = "slow_for_lead", 3
STEP_S = 0.1


def busy_scene(scenario: str = SCENARIO, seed: int = SEED) -> Scene:
    """A scene of the world with cars added on all its routes, until 30 road users are there."""
    scene = scene_of(scenario, seed)
    routes = scene.layout.routes
    others = [name for name in routes if name != "ego"] or ["ego"]
    agents = list(scene.agents)
    while len(agents) < AGENTS:
        i = len(agents)
        route = others[i % len(others)]
        station = 10.0 + (i * 37.0) % max(routes[route].length_m - 20.0, 20.0)
        agents.append(Agent(f"more{i}", "car", route, station, 9.0, 11.0))
    return replace(scene, agents=tuple(agents[:AGENTS]))


def drive(spec: ObservationSpec, by_expert: bool, steps: int) -> float:
    """Seconds for a step, the middle one of a drive; `by_expert`: with the time that the expert takes to plan."""
    world = World.on(stage_of(busy_scene()), spec)
    world.reset()
    took = []
    for _ in range(steps):
        began = time.process_time()
        plan = expert_trajectory(world)
        planned = time.process_time()
        world.step(plan)
        took.append(time.process_time() - (began if by_expert else planned))
    return float(np.median(took))


def best(spec: ObservationSpec, by_expert: bool, steps: int, rounds: int) -> float:
    """The best of some rounds: other processes only ever add to a time."""
    return min(drive(spec, by_expert, steps) for _ in range(rounds))


CASES = {
    "step, no pictures": (BLIND, False),
    "step and expert, no pictures": (BLIND, True),
    "step, two cameras 320 x 192": (SEEING, False),
}


def whole_drives() -> tuple[float, float]:
    """Seconds for a drive of 20 s as it is exported but for pictures: median and slowest of all scenarios."""
    took = []
    for name in SCENARIOS:
        rounds = []
        for seed in (SEED, SEED, SEED + 1):
            began = time.process_time()
            world = World(name, seed, BLIND)
            world.reset()
            while not world.now.events.done:
                world.step(expert_trajectory(world))
            truth_of(world)
            rounds.append(time.process_time() - began)
        took.append(min(rounds[1:]))
    return float(np.median(took)), max(took)


def plain_seconds(case: str, steps: int) -> float:
    """Seconds for a step of the same code without compilation."""
    env = os.environ | {"NUMBA_DISABLE_JIT": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--one", case, "--steps", str(steps)]
    return float(json.loads(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout))


def hold_worlds(count: int) -> tuple[int, bool]:
    """Steps `count` worlds with pictures side by side; (the process's largest memory in bytes, nothing was empty)."""
    import resource

    worlds = [World(SCENARIO, seed, SEEING) for seed in range(count)]
    seen = [world.reset() for world in worlds]
    for _ in range(20):
        seen = [world.step(expert_trajectory(world)) for world in worlds]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, all(np.any(s.images) for s in seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", help="measure one case alone and print its seconds")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--no-plain", action="store_true", help="leave the uncompiled side out (it takes minutes)")
    given = parser.parse_args()
    if given.one:
        print(best(*CASES[given.one], given.steps, 1))
        return
    print(f"{AGENTS} agents, one core; the world moves {STEP_S} s a step")
    for case, (spec, by_expert) in CASES.items():
        seconds = best(spec, by_expert, given.steps, 5)
        line = f"{case}: {seconds * 1e3:.3f} ms, {STEP_S / seconds:.0f} x real time"
        if not given.no_plain:
            plain = plain_seconds(case, 3 if spec is SEEING else 10)
            line += f"; plain Python and NumPy {plain * 1e3:.1f} ms, {plain / seconds:.0f} times as long"
        print(line, flush=True)
    middle, most = whole_drives()
    print(
        f"a drive of 20 s: {middle * 1e3:.0f} ms, {20 / middle:.0f} x real time (slowest scenario {most * 1e3:.0f} ms)"
    )
    with get_context("spawn").Pool(PROCESSES) as pool:
        held = pool.map(hold_worlds, [WORLDS // PROCESSES] * PROCESSES, chunksize=1)
    sizes = " + ".join(f"{size / 1e6:.0f}" for size, _ in held)
    print(f"{WORLDS} worlds with two cameras in {PROCESSES} processes: {sizes} MB")


if __name__ == "__main__":
    main()
