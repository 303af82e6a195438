"""What an action head is told of a row beside the sequence: which rig drives, and 3D points around it.

Knows numbers by row. Does not know heads or samples' files. It travels with what was read (`attention.Prefix`), whose
rows it shares: S rows of a prompt, each of R / S neighbouring rows of answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from causeway.errors import UnusableInput
from causeway.model.observation import Observation


@dataclass(frozen=True, eq=False)
class Beside:
    """What is known of S rows."""

    rigs: Tensor  # [S] long, places in the policy's rigs; [0] where it knows none
    points: Tensor | None = None  # [S, N, 3] metres, rig frame at t0; only where the head takes them
    there: Tensor | None = None  # [S, N] bool beside them, False = padding

    def rows(self, count: int) -> Beside:
        """The same for so many rows, a multiple of S."""
        times = count // len(self.rigs)
        if times == 1:
            return self
        parts = (self.rigs, self.points, self.there)
        return Beside(*(None if part is None else part.repeat_interleave(times, dim=0) for part in parts))  # type: ignore[arg-type]

    def to(self, device: torch.device | str) -> Beside:
        """The same on a device."""
        parts = (self.rigs, self.points, self.there)
        return Beside(*(None if part is None else part.to(device) for part in parts))  # type: ignore[arg-type]


def beside_of(rigs: Sequence[str], points: bool, observations: Sequence[Observation], names: Sequence[str]) -> Beside:
    """What is known beside the sequences. UnusableInput names the row whose rig has no head, or that has no points."""
    named = list(zip(observations, names, strict=True))
    places = torch.tensor([place_of(rigs, seen.rig_id, f"sample {name}") for seen, name in named], dtype=torch.long)
    return Beside(places, *_padded(named)) if points else Beside(places)


def place_of(rigs: Sequence[str], rig_id: str, what: str) -> int:
    """The place of a rig in those a policy has a head for; one that is not named is the only one there is.

    UnusableInput says what it is that names another one.
    """
    if not rigs or (not rig_id and len(rigs) == 1):
        return 0
    if rig_id not in rigs:
        said = f"rig {rig_id!r} is not one that" if rig_id else "it names no rig, and"
        raise UnusableInput(f"{what}: {said} this policy has a head for ({', '.join(rigs)}); name one of these")
    return rigs.index(rig_id)


def _padded(named: Sequence[tuple[Observation, str]]) -> tuple[Tensor, Tensor]:
    found = []
    for seen, name in named:
        if seen.points is None or not len(seen.points):
            raise UnusableInput(f"sample {name}: has no 3D points, and this policy's action head takes them")
        found.append(torch.from_numpy(seen.points.astype("float32")))
    points = torch.nn.utils.rnn.pad_sequence(found, batch_first=True)
    counts = torch.tensor([len(one) for one in found])
    return points, torch.arange(points.shape[1]) < counts[:, None]
