"""What the first call of a teacher is given: the evidence of one moment and pictures taken up to t0.

Knows types only. Whoever holds a `Seen` has no reference to clips, ticks, other moments or anything later than t0, so a
teacher that names causes cannot look there.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from causeway.errors import CausewayError

if TYPE_CHECKING:
    from causeway.evidence import Evidence

WINDOW_US = 2_000_000  # arXiv 2511.00088, section 3.2: causes come from the two seconds before t0


@dataclass(frozen=True)
class Picture:
    """One picture of one camera: when it was taken, and its JPEG bytes."""

    camera: str
    t_us: int
    jpeg: bytes


@dataclass(frozen=True)
class Seen:
    """The evidence of one moment and its pictures, oldest first; CausewayError for a picture outside the window."""

    evidence: "Evidence"
    pictures: tuple[Picture, ...] = ()

    def __post_init__(self) -> None:
        t0_us = self.evidence.t0_us
        for picture in self.pictures:
            if not t0_us - WINDOW_US <= picture.t_us <= t0_us:
                text = f"a picture of {picture.t_us} us for t0 = {t0_us} us: only those of the 2 s before may be shown"
                raise CausewayError(text)
