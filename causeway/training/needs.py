"""What a recipe may need of its samples, by name, and how samples are asked whether they have it.

Knows the index of samples. Does not know recipes' losses. Asked once, before a stage begins: a recipe whose data lack
something says all of it in one line.
"""

from collections.abc import Callable, Sequence

import pyarrow.compute as pc

from causeway.errors import UnusableInput
from causeway.training.sample_store import StoredSamples

Lack = Callable[[StoredSamples], str]
"""samples -> what is missing and what to do, "" where nothing is."""


def _reasoning(samples: StoredSamples) -> str:
    return "" if samples.with_reasoning() else "reasoning (label drives with known causes)"


def _second_camera(samples: StoredSamples) -> str:
    if len(samples) and pc.max(pc.list_value_length(samples.index.column("cameras"))).as_py() > 1:
        return ""
    return "a second camera (build samples with --set cameras=front_wide,front_tele)"


NEEDS: dict[str, Lack] = {"reasoning": _reasoning, "second camera": _second_camera}


def refuse_lacking(recipe: str, needs: Sequence[str], samples: StoredSamples) -> None:
    """UnusableInput that names everything a recipe needs and these samples do not have."""
    missing = [lack for lack in (NEEDS[need](samples) for need in needs) if lack]
    if missing:
        raise UnusableInput(f"recipe {recipe}: its samples lack {' and '.join(missing)}")
