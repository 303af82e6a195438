"""What an expectation is: one column, one bound, one consequence and the reason for it.

Knows no table and no bound: suites do. Does not know how an expectation is checked (`engine` does).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["between", "true", "not_null", "unique", "in_set", "rows"]
OnFailure = Literal["drop_row", "drop_clip", "refuse", "warn"]
Drawn = Literal["", "motion", "pictures", "tracks"]

MANY = 1e9  # a bound that bounds nothing


@dataclass(frozen=True)
class Expectation:
    """One expectation of one column (or of the number of rows).

    Null is no violation except for `not_null`. `on_failure`: drop_row and drop_clip take what violates it out
    (quarantined), refuse stops, warn only tells. `about` names a text column that says more of a violating row than
    the value does.
    """

    name: str
    column: str
    check: Kind
    on_failure: OnFailure
    why: str
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    unit: str = ""
    about: str = ""

    @property
    def wanted(self) -> str:
        """What is expected, in words a person reads."""
        if self.check == "between":
            low, high = self.low, self.high
            assert low is not None
            assert high is not None
            text = f"at most {high:g}" if low in (0, -MANY) else f"{low:g} to {high:g}"
            return f"{f'at least {low:g}' if high == MANY else text} {self.unit}".rstrip()
        if self.check == "rows":
            return f"at least {self.low or 0:g}"
        words = {"true": "yes", "not_null": "filled", "unique": "each once"}
        return words.get(self.check) or f"one of {', '.join(self.values)}"


@dataclass(frozen=True)
class Suite:
    """Expectations of one table of facts: `row` says what one row stands for, `drawn` how an example is drawn."""

    name: str
    row: str
    expectations: tuple[Expectation, ...]
    drawn: Drawn = ""


def between(
    name: str, column: str, low: float, high: float, on_failure: OnFailure, why: str, unit: str = "", about: str = ""
) -> Expectation:
    """Values lie from `low` to `high`, both included."""
    return Expectation(name, column, "between", on_failure, why, low=low, high=high, unit=unit, about=about)


def true(name: str, column: str, on_failure: OnFailure, why: str, about: str = "") -> Expectation:
    """The flag is set."""
    return Expectation(name, column, "true", on_failure, why, about=about)


def in_set(
    name: str, column: str, values: Sequence[str], on_failure: OnFailure, why: str = "a closed set"
) -> Expectation:
    """Values are names of a closed set."""
    return Expectation(name, column, "in_set", on_failure, why, values=tuple(values))


def filled(name: str, column: str, on_failure: OnFailure, why: str) -> Expectation:
    """No value is null."""
    return Expectation(name, column, "not_null", on_failure, why)


def unique(name: str, column: str, on_failure: OnFailure, why: str) -> Expectation:
    """No value is there twice."""
    return Expectation(name, column, "unique", on_failure, why)


def some(name: str, column: str, on_failure: OnFailure, why: str) -> Expectation:
    """There is at least one row."""
    return Expectation(name, column, "rows", on_failure, why, low=1)
