"""Canary rules: the file a person writes, checked before it decides anything.

Knows the shape of the file and where the shipped one is. Does not know how a candidate is judged (`judge.py`).
"""

from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from causeway.errors import UnusableInput
from causeway.evaluation.rules import parsed

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class Limits(BaseModel):
    """What is borne; see rules.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    failed_answers: Annotated[int, Field(ge=0)]
    lost_requests: Annotated[int, Field(ge=0)]
    restarts: Annotated[int, Field(ge=0)]
    ade_m: NotNegative
    path_m: Positive
    degraded: NotNegative
    latency_factor: Positive
    latency_slack_ms: NotNegative
    split_sigmas: Positive


class CanaryRules(BaseModel):
    """A rules file; see rules.yaml for what the fields mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    steps: tuple[Annotated[int, Field(ge=1, le=99)], ...]
    questions: Annotated[int, Field(ge=2)]
    answers: Count
    least_s: NotNegative
    rounds: Count
    ready_s: Positive
    deadline_ms: Annotated[int, Field(ge=0)]
    limits: Limits

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if not steps or any(low >= high for low, high in pairwise(steps)):
            raise ValueError("steps rise, and there is at least one")
        return steps


def parse_rules(text: str) -> CanaryRules:
    """Rules from the text of a file; UnusableInput names the field that does not fit."""
    return parsed(CanaryRules, text, "canary rules")


def rules_text(path: str) -> str:
    """The text of a rules file ("" = the shipped one); a text of rules is returned as it is. UnusableInput: no file."""
    if "\n" in path:
        return path
    if not path:
        return resources.files("causeway.platform.release").joinpath("rules.yaml").read_text(encoding="utf-8")
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(f"{path}: no readable canary rules ({error}); leave it out for the shipped ones") from error
