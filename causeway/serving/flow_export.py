"""The flow expert as a program of its own, for runtimes that hold no Python: one step of the field, by torch.export.

Knows the expert's inputs as plain tensors (a prefix is keys, values and which columns are seen). Does not know how the
prefix was read or how many steps are taken: whoever runs it takes them, `controls += field(controls, t) / steps`, and
turns them into metres with the policy's statistics. A program: `python -m causeway.serving.flow_export POLICY FILE`.
Imports torch: import this module inside functions.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from causeway.artifacts import Artifact
from causeway.errors import UsageError
from causeway.model import Policy
from causeway.model.attention import Prefix, Stretch
from causeway.model.expert import ActionExpert
from causeway.model.observation import HORIZON_STEPS
from causeway.serving.program import exit_code_of

INPUTS = ("controls", "time", "keys", "values", "seen", "next_position")
_ROWS, _COLUMNS = 2, 7  # of the example that is traced; both may be any number afterwards


class _AnyColumns(Stretch):
    """Columns of which some may be padding: which, is a value and not a shape, so a program must always look."""

    padded = True  # type: ignore[assignment]


class Field(nn.Module):
    """The expert's field over plain tensors."""

    def __init__(self, expert: ActionExpert) -> None:
        super().__init__()
        self.expert = expert

    def forward(
        self, controls: Tensor, time: Tensor, keys: Tensor, values: Tensor, seen: Tensor, next_position: Tensor
    ) -> Tensor:
        """d controls / d t [R, 64, 2] at normalised controls [R, 64, 2] and times [R], 0 (noise) to 1.

        keys, values: [layers, R, key-value heads, columns, head_dim] of everything the policy has read. seen:
        [R, columns] bool, False = padding. next_position: [R] behind the last column that was read.
        """
        stretch = _AnyColumns(keys.unbind(), values.unbind(), seen)
        return self.expert(controls, time, Prefix((stretch,), next_position))  # type: ignore[no-any-return]


def tensors_of(prefix: Prefix) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A prefix as the program takes it: keys, values, seen, next_position."""
    gathered = prefix.gathered()
    (stretch,) = gathered.stretches
    return torch.stack(stretch.keys), torch.stack(stretch.values), stretch.kept, gathered.next_position


def export_flow(policy: Policy) -> ExportedProgram:
    """A policy's field as an exported program for any number of rows and columns; weights are inside it.

    UsageError for a policy whose head is another one: it has no field over keys and values.
    """
    if not isinstance(policy.expert, ActionExpert):
        design = policy.config.design
        raise UsageError(f"a policy of recipe {design.recipe} has the head {design.head!r}; only 'flow' is exported")
    text = policy.config.scale.text
    size = (text.layers, _ROWS, text.key_value_heads, _COLUMNS, text.head_dim)
    place: dict[str, Any] = {"device": policy.device, "dtype": policy.expert.write.weight.dtype}
    example = (
        torch.zeros(_ROWS, HORIZON_STEPS, 2, **place),
        torch.zeros(_ROWS, **place),
        torch.zeros(size, **place),
        torch.zeros(size, **place),
        torch.ones(_ROWS, _COLUMNS, dtype=torch.bool, device=policy.device),
        torch.full((_ROWS,), _COLUMNS, device=policy.device),
    )
    rows, columns = Dim("rows", min=1), Dim("columns", min=1)
    cache = {1: rows, 3: columns}
    shapes = ({0: rows}, {0: rows}, cache, cache, {0: rows, 1: columns}, {0: rows})
    with torch.no_grad():
        return torch.export.export(Field(policy.expert.eval()), example, dynamic_shapes=shapes)


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m causeway.serving.flow_export", description=__doc__)
    parser.add_argument("policy", help="policy artifact: a folder or s3://bucket/prefix")
    parser.add_argument("file", help="the exported program, as torch.export.save writes it (.pt2)")
    options = parser.parse_args()
    return exit_code_of(lambda: _export(options.policy, options.file))


def _export(location: str, file: str) -> None:
    if not Path(file).absolute().parent.is_dir():
        raise UsageError(f"{file}: its folder is not there; make it first")
    policy = Policy.load(Artifact.open(location).folder())
    torch.export.save(export_flow(policy), file)


if __name__ == "__main__":
    sys.exit(main())
