"""What the ego itself did after t0, as meta actions: all that the second call of a teacher may see of the future.

Knows names of actions by tick, chained over the clips of one drive. Does not know other road users, pictures or
positions.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from causeway.clips import TICK_US
from causeway.reasoning.mapping import LAST_TICK

_CHANNELS = ("longitudinal", "lateral", "lane")


@dataclass(frozen=True)
class Behaviour:
    """Meta actions of the ego at t0 + 0.1 s, 0.2 s, …; `lane` holds None where there is no map."""

    longitudinal: tuple[str, ...]
    lateral: tuple[str, ...]
    lane: tuple[str | None, ...] = ()


class DriveBehaviour:
    """The meta actions of one drive, asked for moment by moment."""

    def __init__(self, meta_actions: pa.Table) -> None:
        """`meta_actions` as the step of that name writes them, of the clips of one drive in any order."""
        table = meta_actions.sort_by("t_us")
        self._t_us = table.column("t_us").to_numpy()
        self._names = [table.column(channel).to_numpy(zero_copy_only=False) for channel in _CHANNELS]

    def after(self, t0_us: int) -> Behaviour:
        """The ego's actions in the ticks after t0 that decide, as far as they were recorded without a gap."""
        start = stop = int(np.searchsorted(self._t_us, t0_us, "right"))
        for wanted_us in range(t0_us + TICK_US, t0_us + LAST_TICK * TICK_US + 1, TICK_US):
            if stop >= len(self._t_us) or abs(int(self._t_us[stop]) - wanted_us) > TICK_US // 2:
                break
            stop += 1
        return Behaviour(*(tuple(names[start:stop]) for names in self._names))
