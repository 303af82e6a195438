"""What an action head reads of everything that was read before it, by name.

Knows the registry, and `Condition`: what a head gets where it does not look at keys and values itself. Does not know
heads, noise or samples. Each way of reading is a small network of the head's own (`readers.py`). Whether gradients of
the head's loss reach the backbone is said here too: through keys and values only where `gradients` is set (arXiv
2511.00088 stops them), through hidden states always, as far as the backbone learns at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from causeway.errors import UsageError
from causeway.model import readers
from causeway.model.scales import Scale


@dataclass(frozen=True)
class Conditioning:
    """One way in which a head is told what was seen and said."""

    name: str
    reads_hidden: bool  # whether it needs the last hidden states, beside keys and values
    gradients: bool  # whether keys and values keep theirs
    reader: Callable[[Scale], nn.Module] | None  # its network, `Prefix` -> `readers.Condition`; None = no network

    @property
    def teaches(self) -> bool:
        """Whether the head's loss reaches the backbone at all."""
        return self.gradients or self.reads_hidden


CONDITIONINGS: dict[str, Conditioning] = {
    way.name: way
    for way in (
        Conditioning("kv-cache", reads_hidden=False, gradients=False, reader=None),
        Conditioning("joint-kv-cache", reads_hidden=False, gradients=True, reader=None),
        Conditioning("pooled", reads_hidden=True, gradients=False, reader=readers.Pooled),
        Conditioning("film", reads_hidden=True, gradients=False, reader=readers.Film),
        Conditioning("cognition", reads_hidden=True, gradients=False, reader=readers.Cognition),
        Conditioning("resampler", reads_hidden=True, gradients=False, reader=readers.Resampler),
    )
}


def conditioning_named(name: str) -> Conditioning:
    """The conditioning of a name. UsageError names the choices."""
    if name not in CONDITIONINGS:
        raise UsageError(f"conditioning {name!r} is not known; choose one of {', '.join(CONDITIONINGS)}")
    return CONDITIONINGS[name]
