"""What the step that labels is told: who labels, who criticises, and what that may cost.

Knows settings and refuses what makes no sense before anything is read or paid. The key of an endpoint is no setting: it
comes from the environment (`teachers.endpoint_address`).
"""

from dataclasses import dataclass

from causeway.errors import UsageError
from causeway.reasoning.budget import Budget
from causeway.reasoning.teachers import NAMES
from causeway.reasoning.teachers.endpoint_address import Address, address, is_address, refuse_own_critic

_MOST_SEEDS = 1 << 31


@dataclass(frozen=True)
class LabelConfig:
    """Who labels, and which share of the clips: shard 0 … shards - 1.

    `teacher` is `rules`, an endpoint (`MODEL@URL`, or a URL with `model`), or several with commas between them;
    `critic` is an endpoint with another model. Budgets are for this shard, 0 = none; prices are for a million
    tokens. `camera` "" is the one that looks ahead; `ledger` "" is in the cache of this machine.
    """

    teacher: str = "rules"
    shard: int = 0
    shards: int = 1
    model: str = ""
    critic: str = ""
    camera: str = ""
    seed: int = 0
    in_flight: int = 16
    timeout_s: float = 120.0
    max_tokens: int = 2048
    budget_calls: int = 0
    budget_tokens: int = 0
    budget_money: float = 0.0
    price_in: float = 0.0
    price_out: float = 0.0
    ledger: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.shard < self.shards:
            raise UsageError(f"shard {self.shard} of {self.shards}: shards are numbered from 0; name one of them")
        if self.in_flight < 1 or self.max_tokens < 1 or not 0 < self.timeout_s < float("inf"):
            raise UsageError("in_flight and max_tokens count from 1, timeout_s from above 0")
        if not 0 <= self.seed < _MOST_SEEDS:
            raise UsageError(f"seed {self.seed}: give a number from 0 to {_MOST_SEEDS - 1}, as every server takes it")
        teachers = self.teachers()
        if len(set(teachers)) < len(teachers):
            raise UsageError(f"teacher {self.teacher}: one is named twice; its voice would count twice")
        critic = self.critic_address()
        if critic is not None:
            refuse_own_critic([t for t in teachers if isinstance(t, Address)], critic)
        self.budget()

    def teachers(self) -> list[str | Address]:
        """Every teacher, in the order given: a name or an endpoint. UsageError for one that is neither."""
        written = [part.strip() for part in self.teacher.split(",") if part.strip()]
        if not written:
            raise UsageError(f"no teacher named; available: {', '.join(NAMES)} and MODEL@URL")
        return [self._teacher(text) for text in written]

    def _teacher(self, text: str) -> str | Address:
        if is_address(text):
            return address(text, self.model)
        if text not in NAMES:
            raise UsageError(f"{text}: no such teacher; available: {', '.join(NAMES)} and MODEL@URL")
        return text

    def critic_address(self) -> Address | None:
        """The model critic, or None; UsageError for what is no endpoint."""
        return address(self.critic) if self.critic else None

    def budget(self) -> Budget:
        """What may be spent."""
        return Budget(self.budget_calls, self.budget_tokens, self.budget_money, self.price_in, self.price_out)

    def teacher_name(self) -> str:
        """The teachers as labels name them."""
        return ",".join(t.name if isinstance(t, Address) else t for t in self.teachers())

    def asks_endpoints(self) -> bool:
        """Whether anything is sent to anyone."""
        return bool(self.critic) or any(isinstance(t, Address) for t in self.teachers())
