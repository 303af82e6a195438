"""How many rows of a table each reason kept out, counted while the table comes in pieces.

Knows counts and row numbers. Does not know what makes a row unusable.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.types import Quarantined


class LeftOut:
    """Rows kept out of a table; a row counts under the first of its reasons. `what` names a row: "box"."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._rows = 0
        self._counts: dict[str, int] = {}
        self._first: dict[str, int] = {}

    def without(
        self, piece: pa.Table, faults: dict[str, NDArray[np.bool_]], numbers: NDArray[np.int64] | None = None
    ) -> pa.Table:
        """The rows of the next piece that have none of the faults (reason -> mask); `numbers` are theirs in the file.

        Without numbers the pieces are the file, one after another.
        """
        numbers = self._rows + np.arange(piece.num_rows) if numbers is None else numbers
        self._rows += piece.num_rows
        kept = np.ones(piece.num_rows, dtype=bool)
        for reason, mask in faults.items():
            self._count(reason, numbers[mask & kept])
            kept &= ~mask
        return piece if kept.all() else piece.filter(pa.array(kept))

    def _count(self, reason: str, numbers: NDArray[np.int64]) -> None:
        if len(numbers):
            self._counts[reason] = self._counts.get(reason, 0) + len(numbers)
            self._first.setdefault(reason, int(numbers[0]))

    def entries(self) -> Quarantined:
        """One for each reason, in the order in which they came up."""
        where = f"{self._what} rows"
        return tuple(
            (where, reason, f"{count} of {self._rows}, the first is row {self._first[reason]}")
            for reason, count in self._counts.items()
        )
