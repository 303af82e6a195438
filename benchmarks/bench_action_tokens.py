"""Which vocabulary of action tokens covers every action: the alternatives' error on the same trajectories.

Each vocabulary turns the controls of a trajectory into 128 tokens and back; printed is how far the way that is then
driven lies from the recorded one (ADE in metres: mean and worst). Uniform bins over the full bounds, the release's 3000
uniform bins over ten standard deviations (method C 1.3), and bins spaced as a hyperbolic sine; each with and without
handing a step's rounding error on to the next step. What is compared with is the continuous space itself.

    CAUSEWAY_TEST_DRIVES=data .venv/bin/python benchmarks/bench_action_tokens.py

Without CAUSEWAY_TEST_DRIVES the made paths alone are taken. The chosen one is marked; the test is that of
`causeway.model.action_tokens` itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from bench_action_space import Floats, Windows, made, recorded

from causeway.model import action_tokens
from causeway.model.action_space import (
    ACCELERATION_BOUND_MPS2,
    CURVATURE_BOUND_PER_M,
    ControlStatistics,
    controls_from_trajectory,
    trajectory_from_controls,
)

BOUNDS = (ACCELERATION_BOUND_MPS2, CURVATURE_BOUND_PER_M)
SPREAD = (3.8, 3.0)


@dataclass(frozen=True)
class Vocabulary:
    """Levels of accelerations and curvatures, and whether rounding errors are handed on."""

    name: str
    levels: tuple[Floats, Floats]
    carries: bool


def uniform(bins: int) -> tuple[Floats, Floats]:
    """Equal steps over the bounds, zero among them."""
    return np.linspace(-BOUNDS[0], BOUNDS[0], bins), np.linspace(-BOUNDS[1], BOUNDS[1], bins)


def released(bins: int = 3000) -> tuple[Floats, Floats]:
    """Equal steps over ten standard deviations."""
    known = ControlStatistics()
    low, high = (np.array(known.mean) + side * 10.0 * np.array(known.std) for side in (-1, 1))
    return np.linspace(low[0], high[0], bins), np.linspace(low[1], high[1], bins)


def bent(bins: int) -> tuple[Floats, Floats]:
    """Steps that grow as a hyperbolic sine."""
    place = np.linspace(-1.0, 1.0, bins)
    first, second = (b * np.sinh(s * place) / np.sinh(s) for b, s in zip(BOUNDS, SPREAD, strict=True))
    return first, second


def rounded(controls: Floats, vocabulary: Vocabulary) -> Floats:
    """Controls [n, 64, 2] as a vocabulary can say them."""
    out = np.empty_like(controls)
    for kind, table in enumerate(vocabulary.levels):
        middles, owed = (table[1:] + table[:-1]) / 2, np.zeros(len(controls))
        widths = np.gradient(table)
        for step in range(controls.shape[1]):
            wanted = controls[:, step, kind] + owed
            place = np.searchsorted(middles, wanted)
            out[:, step, kind] = table[place]
            if vocabulary.carries:
                owed = np.clip(wanted - table[place], -widths[place], widths[place])
    return out


def candidates() -> list[Vocabulary]:
    """The vocabularies compared, the release's first."""
    made_of: list[tuple[str, Callable[[int], tuple[Floats, Floats]], tuple[int, ...]]] = [
        ("release, ten deviations", released, (3000,)),
        ("uniform", uniform, (255, 1023, 2999)),
        ("sinh", bent, (127, 255, 511)),
    ]
    return [
        Vocabulary(f"{name}, {bins} bins" + (", carried" if carries else ""), build(bins), carries)
        for name, build, sizes in made_of
        for bins in sizes
        for carries in (False, True)
    ]


def errors(controls: Floats, windows: Windows) -> Floats:
    """ADE [n] of the way that controls drive."""
    way = trajectory_from_controls(controls, windows[1])
    return np.linalg.norm((way - windows[0])[..., :2], axis=-1).mean(axis=1)


def main() -> None:
    """Print one row a vocabulary: the real drives together, then each made path."""
    groups: list[tuple[str, Windows]] = []
    real = [windows for _, windows in recorded()]
    if real:
        groups.append(("real drives", tuple(np.concatenate(parts) for parts in zip(*real, strict=True))))  # type: ignore[arg-type]
    groups += list(made())
    found = [controls_from_trajectory(*windows) for _, windows in groups]
    print(f"| vocabulary | {' | '.join(f'{name} ({len(windows[1])})' for name, windows in groups)} |")
    print(f"|{'---|' * (len(groups) + 1)}")

    def show(name: str, said: list[Floats]) -> None:
        each = [errors(controls, windows) for controls, (_, windows) in zip(said, groups, strict=True)]
        print(f"| {name} | {' | '.join(f'{e.mean():.4f} ({e.max():.3f})' for e in each)} |", flush=True)

    show("continuous", found)
    for vocabulary in candidates():
        show(vocabulary.name, [rounded(controls, vocabulary) for controls in found])
    chosen = f"**chosen ({action_tokens.VERSION}: {action_tokens.BINS} bins)**"
    show(chosen, [action_tokens.decode(action_tokens.encode(controls)) for controls in found])


if __name__ == "__main__":
    main()
