"""What a recipe is: one family of driving policies as parts by name and stages in order.

Knows dataclasses only; no torch, so that recipes are listed for nothing. What the names mean is in `causeway.model`
(heads, conditionings, vision tokenizers), in `stages.py` (losses) and in `needs.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from causeway.errors import UnusableInput, UsageError
from causeway.model.design import Design


@dataclass(frozen=True)
class RecipeStage:
    """One stage of a recipe, run by `causeway train STAGE --recipe NAME`."""

    name: str
    says: str  # one line for the model card: what is learned, and by which losses
    loss: str  # by name in `stages.LOSSES`
    trains: tuple[str, ...]  # parts of the policy that learn; no other weight moves by a bit
    judged: str  # how its short evaluation is made: "answers", "paths", "words", "frames", "alone", "chain"
    reasoning_only: bool = False  # takes no sample whose reasoning is masked
    reads: tuple[str, ...] = ()  # of its samples beside what every stage does: "ahead" (frames), "around" (road)
    settings: Mapping[str, Any] = field(default_factory=dict)  # over the defaults of `RecipeConfig`


@dataclass(frozen=True)
class Recipe:
    """One family: how its policies are built, and by which stages they are trained."""

    name: str
    paper: str
    says: str  # one line: what is its own
    design: Design
    stages: tuple[RecipeStage, ...]
    vision_tokenizer: str = "single-image"
    soft_target_sigma_bins: float = 2.0
    family: str = ""  # of the backbone; "" = the scale's
    needs: tuple[str, ...] = ()  # what its samples must hold, by name in `needs.NEEDS`

    def __post_init__(self) -> None:
        """Refuse a recipe whose policies would carry another name."""
        if self.design.recipe != self.name:
            raise UsageError(f"recipe {self.name}: its design says {self.design.recipe!r}")

    def stage(self, name: str) -> RecipeStage:
        """The stage of a name. UsageError names the choices."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        names = ", ".join(stage.name for stage in self.stages)
        raise UsageError(f"{name}: no such stage; stages of recipe {self.name} are {names}")

    def check_start(self, name: str, given: bool) -> None:
        """UsageError for a stage that goes on from a policy and is given none, or begins one and is given one."""
        place = self._place(name)
        if given and not place:
            raise UsageError(f"recipe {self.name}: stage {name} begins a new policy; leave --from out")
        if place and not given:
            raise UsageError(
                f"recipe {self.name}: stage {name} goes on from a policy; "
                f"train stage {self.stages[place - 1].name} first and name its policy with --from"
            )

    def check_trained(self, name: str, trained: Collection[str], left_out: Collection[str], where: str) -> None:
        """UnusableInput for a policy that has not been through every stage before this one (but those left out)."""
        for other in left_out:
            self.stage(other)
        before = [stage.name for stage in self.stages[: self._place(name)]]
        missing = [stage for stage in before if stage not in trained and stage not in left_out]
        if missing:
            raise UnusableInput(
                f"{where}: a policy of stage {' and '.join(trained) or '(none)'}, but stage {name} of recipe "
                f"{self.name} goes on from stage {before[-1]}; train {', '.join(missing)} first"
            )

    def _place(self, name: str) -> int:
        return self.stages.index(self.stage(name))

    def settings(self, stage: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """All settings of a stage: its own, those given over them, and which stage of which recipe it is."""
        return {**self.stage(stage).settings, **given, "recipe": self.name, "stage": stage}
