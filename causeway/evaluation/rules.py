"""Gate rules: the file a person writes, checked before it decides anything.

Knows the shape of a rules file and where the shipped ones are (`default`, `stage`). Does not know reports.
"""

from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from causeway.errors import UnusableInput

Number = Annotated[float, Field(allow_inf_nan=False)]


Kind = TypeVar("Kind", bound=BaseModel)


class Rule(BaseModel):
    """One condition on one metric; see rules.yaml for what the fields mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    op: Literal["<=", ">="]
    limit: Number | None = None
    of: str | None = None
    margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    exclude: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    absent: Literal["inconclusive", "skip"] = "inconclusive"
    on_doubt: Literal["inconclusive", "value"] = "inconclusive"
    why: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _one_kind(self) -> "Rule":
        if (self.limit is None) == (self.margin is None):
            raise ValueError("give either limit or margin")
        if self.of is not None and self.limit is None:
            raise ValueError("`of` needs a limit: the factor on that metric")
        if self.exclude is not None and (self.margin is None or self.exclude < self.margin):
            raise ValueError("`exclude` needs a margin and is no less than it")
        return self


class Rules(BaseModel):
    """A rules file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    family_wise_error: Annotated[float, Field(gt=0, le=0.05)] = 0.001
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]

    @property
    def champion_rules(self) -> int:
        """How many rules share the family-wise error."""
        return sum(rule.margin is not None for rule in self.rules)


def parse_rules(text: str) -> Rules:
    """Rules from the text of a file; UnusableInput names the rule and field that does not fit."""
    return parsed(Rules, text, "gate rules")


def parsed(kind: type[Kind], text: str, what: str) -> Kind:
    """What a person wrote in YAML, as `kind`; UnusableInput names `what` it is and the line or field that is wrong."""
    try:
        return kind.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise UnusableInput(f"{what}: not YAML{where}; compare with the shipped rules") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UnusableInput(f"{what}: {where}: {first['msg']}; compare with the shipped rules") from error


def rules_text(name_or_path: str) -> str:
    """The text of shipped rules (`default`, `stage`; "" is `default`) or of a file; UnusableInput when there is none.

    A text of rules is returned as it is, so that a resolved setting stays resolved.
    """
    if "\n" in name_or_path:
        return name_or_path
    file = "rules.yaml" if name_or_path in ("", "default") else f"rules_{name_or_path}.yaml"
    shipped = resources.files("causeway.evaluation") / file
    if "/" not in name_or_path and shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    try:
        return Path(name_or_path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = "shipped rules are default and stage"
        raise UnusableInput(f"{name_or_path}: no readable rules file ({error}); {known}") from error
