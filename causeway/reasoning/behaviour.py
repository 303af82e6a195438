"""What the ego itself did after t0, as meta actions: all that the second call of a teacher may see of the future.

Knows names of actions by tick, chained over the clips of a drive. Does not know other road users, pictures or
positions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from causeway.clips import TICK_US
from causeway.reasoning.mapping import LAST_TICK


@dataclass(frozen=True)
class Behaviour:
    """Meta actions of the ego at t0 + 0.1 s, 0.2 s, …; `lane` holds None where there is no map."""

    longitudinal: tuple[str, ...]
    lateral: tuple[str, ...]
    lane: tuple[str | None, ...] = ()


class Behaviours:
    """The meta actions of many drives, asked for moment by moment."""

    def __init__(self, meta_actions: pa.Table, drive_of: Mapping[str, str]) -> None:
        """`meta_actions` as the step of that name writes them; `drive_of` gives the drive of each of their clips."""
        drives = [drive_of[clip_id] for clip_id in meta_actions.column("clip_id").to_pylist()]
        table = meta_actions.append_column("drive_id", pa.array(drives, pa.string()))
        table = table.sort_by([("drive_id", "ascending"), ("t_us", "ascending")])
        self._t_us = table.column("t_us").to_numpy()
        self._drive_id = table.column("drive_id").to_numpy(zero_copy_only=False)
        self._names = [
            table.column(channel).to_numpy(zero_copy_only=False) for channel in ("longitudinal", "lateral", "lane")
        ]

    def after(self, drive_id: str, t0_us: int) -> Behaviour:
        """The ego's actions in the ticks after t0 that decide, as far as they were recorded without a gap.

        Empty for a drive that is not known or has nothing right after t0.
        """
        low, high = (int(np.searchsorted(self._drive_id, drive_id, side)) for side in ("left", "right"))
        start = int(low + np.searchsorted(self._t_us[low:high], t0_us, "right"))
        stop = start
        for wanted_us in range(t0_us + TICK_US, t0_us + LAST_TICK * TICK_US + 1, TICK_US):
            if stop >= high or abs(int(self._t_us[stop]) - wanted_us) > TICK_US // 2:
                break
            stop += 1
        return Behaviour(*(tuple(names[start:stop]) for names in self._names))
