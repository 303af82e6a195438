"""Teachers: whoever says why the ego did what it did, chosen by name.

A teacher makes two calls that cannot cheat: the causes are named from what was observable up to t0 and from
nothing else; the decision is read from the ego's own later actions (arXiv 2511.00088, section 3.2.2 lets
one model see both).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from causeway.errors import UsageError
from causeway.reasoning.behaviour import Behaviour
from causeway.reasoning.records import Component

if TYPE_CHECKING:
    from causeway.evidence import Evidence


class Teacher(Protocol):
    """Whoever names causes and decisions; `VERSION` changes whenever the same input may get another answer."""

    @property
    def VERSION(self) -> str:  # noqa: N802
        """Which version answered; stored with every label."""

    @property
    def name_components(self) -> Callable[["Evidence"], tuple[Component, ...]]:
        """What could cause a decision at t0, most important first; () when no cause was observable."""

    @property
    def decide(self) -> Callable[[tuple[Component, ...], Behaviour], tuple[str, str]]:
        """The longitudinal and lateral decision behind the ego's own later actions, given the causes named."""


NAMES = ("rules",)


def teacher(name: str) -> Teacher:
    """The teacher of that name; UsageError with the names that exist for any other. Endpoints are in `endpoint`."""
    from causeway.reasoning.teachers import rules

    if name not in NAMES:
        raise UsageError(f"{name}: no such teacher; available: {', '.join(NAMES)}")
    return rules
