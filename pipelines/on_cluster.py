"""A pipeline as it is uploaded: itself, in its turn, with an exit handler around it.

The pipeline inside is the very one that runs on a laptop; a pipeline with an exit handler cannot hand its result on,
and a laptop has no schedules, so both are put around it only here.
"""

import inspect
from collections.abc import Callable
from typing import Any

from kfp import dsl

from components.conclude import conclude
from components.take_turn import take_turn
from pipelines.placement import place_task


def concluded(pipeline: Callable) -> Callable:
    """The pipeline behind `take_turn`, with `conclude` behind it, whatever happens in it; name and settings stay."""
    inner = inspect.signature(pipeline.pipeline_func)  # type: ignore[attr-defined]
    name = pipeline.name  # type: ignore[attr-defined]

    def whole(*values: Any) -> None:
        given = dict(zip(inner.parameters, values, strict=True))
        ending = conclude(root=given["root"], pipeline=name, reason=given.get("reason", ""))
        place_task(ending)
        with dsl.ExitHandler(ending):
            turn = take_turn()
            place_task(turn)
            with dsl.If(turn.output == "yes"):
                pipeline(**given)

    whole.__name__ = whole.__qualname__ = name.replace("-", "_")
    whole.__signature__ = inner.replace(return_annotation=inspect.Signature.empty)  # type: ignore[attr-defined]
    return dsl.pipeline(name=name, description=pipeline.description)(whole)  # type: ignore[attr-defined]
