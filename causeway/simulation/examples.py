"""Which of the expert's drives can serve as an example, and which seed stands in for one that cannot.

Knows what an example must show. Does not know files. A seed is replaced and named, never dropped: a run that asks for
n drives gets n, and the same ones each time.
"""

from collections.abc import Sequence

from causeway.errors import Refused
from causeway.model.observation import ObservationSpec
from causeway.simulation.compose import legs_of
from causeway.simulation.truth.truth import Moment, truth_of
from causeway.simulation.world import World, expert_trajectory

SPARE_SEEDS = 1_000_000  # how far off the seeds lie that stand in: no run asks for so many drives of a scenario
TRIES = 4


def driven_example(scenario: str, seed: int, picture_hw: tuple[int, int]) -> tuple[World, list[Moment], list[str]]:
    """The expert's drive of a scene with its truth, and why which seeds before it were left out.

    The world's seed is `seed`, or the next one `SPARE_SEEDS` further on whose drive is an example; picture_hw: height
    and width in pixels of the pictures that it could draw. Refused when `TRIES` seeds in turn give none.
    """
    left_out: list[str] = []
    for tried in range(TRIES):
        world = World(scenario, seed + tried * SPARE_SEEDS, ObservationSpec((), (), *picture_hw))
        world.reset()
        while not world.now.events.done:
            world.step(expert_trajectory(world))
        moments = truth_of(world)
        fault = no_example(world, moments, legs_of(scenario))
        if fault is None:
            return world, moments, left_out
        left_out.append(f"{scenario} {world.scene.seed}: {fault}")
    raise Refused(f"{left_out[-1]}, and so with {TRIES - 1} other seeds; take another --scenario or --seed")


def no_example(world: World, moments: Sequence[Moment], legs: Sequence[str]) -> str | None:
    """Why a drive cannot serve as an example (the expert hit somebody, a leg's cause was never in view), or None."""
    hit = next((tick for tick in world.ticks if tick.events.collision), None)
    if hit:
        return f"the expert touched {hit.events.collision} at {hit.t_us / 1e6:.1f} s"
    shown = {moment.scenario for moment in moments if moment.record.components}
    lacking = [leg for leg in legs if leg not in shown]
    return f"no moment of {lacking[0]} with its cause in view" if lacking else None
