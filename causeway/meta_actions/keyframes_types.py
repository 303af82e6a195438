"""What key frames are made of and what they are: a run of ticks, a key frame, and what became of the transitions.

Knows shapes only; all rules of a room's key frames speak in these.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from causeway.meta_actions.moments_config import DEFAULTS, MomentConfig


@dataclass(frozen=True, eq=False)
class Behaviour:
    """A run of n ticks without a gap; codes index `names.LONGITUDINAL`, `LATERAL`, `LANE` (-1: no map).

    t_us int64; speed_mps signed; yaw_rad unwrapped. `config` has the thresholds of all rules.
    """

    t_us: np.ndarray
    speed_mps: np.ndarray
    yaw_rad: np.ndarray
    longitudinal: np.ndarray
    lateral: np.ndarray
    lane: np.ndarray
    config: MomentConfig = DEFAULTS

    def before(self, tick: int) -> int:
        """The tick of the key frame of an action that begins at a tick; 0 where the run begins later."""
        at_us = self.t_us[tick] - self.config.before_change_us
        return max(int(np.searchsorted(self.t_us, at_us, side="right")) - 1, 0)

    def codes(self, channel: str) -> np.ndarray:
        """The codes of a channel."""
        return getattr(self, channel)


@dataclass(frozen=True)
class KeyFrame:
    """A decision at `tick`: which action of which channel gives way to which, under which scenario it is counted.

    `last` is the last tick of a proactive scenario's range, None where the key frame is the tick alone.
    `transitions` is 1 where it stands for a transition of meta actions, 0 where nothing but its cause changed.
    """

    tick: int
    channel: str
    before: str
    after: str
    scenario: str
    last: int | None = None
    transitions: int = 1

    @property
    def planned(self) -> bool:
        """It is a range in which no action changes."""
        return self.last is not None and not self.transitions

    def named(self, scenario: str) -> "KeyFrame":
        """The same under another scenario."""
        return replace(self, scenario=scenario)

    def at(self, tick: int) -> "KeyFrame":
        """The same at another tick."""
        return replace(self, tick=tick)

    def within(self, ticks: int) -> "KeyFrame":
        """The same with a range of no more ticks than these after the key frame."""
        return self if self.last is None else replace(self, last=min(self.last, self.tick + ticks))

    def until(self, last: int) -> "KeyFrame":
        """The same with a range up to and including a tick."""
        return replace(self, last=max(last, self.tick))


@dataclass
class Found:
    """Key frames of a run, and how many transitions became none, by reason."""

    frames: list[KeyFrame] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, **reasons: int) -> None:
        """Add to the counts."""
        for reason, number in reasons.items():
            self.counts[reason] = self.counts.get(reason, 0) + number
