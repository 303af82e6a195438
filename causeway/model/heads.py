"""Action heads by name: how each is built, what it learns, how it acts.

Knows the registry, and the one way in which a head over a prefix learns and acts: a *process* (flow matching,
diffusion, regression) over a network, told by a conditioning. Does not know recipes, words or files. A head is
`Policy.expert`; all its weights are its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from causeway.errors import UsageError
from causeway.model import chain, cvae, diffusion, embodied, expert, hybrid, queries, regression
from causeway.model.conditioning import Conditioning
from causeway.model.decoding import Decoder
from causeway.model.dit import DiffusionTransformer
from causeway.model.expert import ActionExpert, Guidance
from causeway.model.scales import Scale
from causeway.model.storage import PolicyConfig

if TYPE_CHECKING:
    from causeway.model.policy import Policy

Loss = Callable[[Any, Tensor, Any, torch.Generator | None], Tensor]
"""(network, normalised controls [B, 64, 2], condition, generator) -> scalar."""
Sample = Callable[[Any, Tensor, Any, int, Guidance | None], Tensor]
"""(network, noise [R, 64, 2], condition, steps, guidance) -> normalised controls [R, 64, 2]."""
Act = Callable[["Policy", Decoder, Tensor, int, Guidance | None], Tensor]
"""(policy, what was read, noise [R, 64, 2], steps, guidance) -> normalised controls [R, 64, 2]."""


def over_prefix(sample: Sample) -> Act:
    """How a head acts that looks at nothing but what was read before it."""

    def act(policy: Policy, decoder: Decoder, noise: Tensor, steps: int, guidance: Guidance | None) -> Tensor:
        return sample(policy.expert, noise, policy.expert.condition(decoder.prefix()), steps, guidance)

    return act


@dataclass(frozen=True)
class ActionHead:
    """One way from what was read to controls."""

    name: str
    conditionings: tuple[str, ...]  # those that it can be told by
    build: Callable[[PolicyConfig, Conditioning, nn.Module], nn.Module]  # the backbone is looked at, never taken in
    loss: Loss
    act: Act
    in_sequence: bool = False  # whether it stands inside the backbone's sequence, before the action tokens
    in_chain: bool = False  # whether it says a chain of its own before it acts


def _reader(scale: Scale, how: Conditioning) -> nn.Module:
    assert how.reader is not None
    return how.reader(scale)


_CACHES = ("kv-cache", "joint-kv-cache")
_READERS = ("pooled", "film", "cognition", "resampler")

HEADS: dict[str, ActionHead] = {
    head.name: head
    for head in (
        ActionHead(
            "flow",
            _CACHES,
            lambda config, how, backbone: ActionExpert(config.scale),
            expert.flow_loss,
            over_prefix(expert.integrate),
        ),
        ActionHead(
            "diffusion",
            _READERS,
            lambda config, how, backbone: DiffusionTransformer(config.scale, _reader(config.scale, how)),
            diffusion.diffusion_loss,
            over_prefix(diffusion.denoise),
        ),
        ActionHead(
            "diffusion-by-rig",
            _READERS,
            lambda config, how, backbone: embodied.Embodied(config.scale, _reader(config.scale, how), len(config.rigs)),
            diffusion.diffusion_loss,
            over_prefix(diffusion.denoise),
        ),
        ActionHead(
            "lstm",
            ("pooled", "resampler"),
            lambda config, how, backbone: regression.Lstm(config.scale, _reader(config.scale, how)),
            regression.squared_loss,
            over_prefix(regression.answer),
        ),
        ActionHead(
            "mlp",
            ("pooled", "resampler"),
            lambda config, how, backbone: regression.Mlp(config.scale, _reader(config.scale, how)),
            regression.absolute_loss,
            over_prefix(regression.answer),
        ),
        ActionHead(
            "cvae",
            ("resampler",),
            lambda config, how, backbone: cvae.Cvae(config.scale, _reader(config.scale, how)),
            cvae.cvae_loss,
            over_prefix(regression.answer),
        ),
        ActionHead(
            "queries",
            ("joint-kv-cache",),
            lambda config, how, backbone: queries.Queries(config.scale, backbone),
            regression.smooth_loss,
            over_prefix(regression.answer),
        ),
        ActionHead(
            "in-sequence",
            ("joint-kv-cache",),
            lambda config, how, backbone: hybrid.InSequence(config.scale, backbone),
            diffusion.diffusion_loss,
            hybrid.act,
            in_sequence=True,
        ),
        ActionHead(
            "chain",
            ("kv-cache",),
            lambda config, how, backbone: chain.Chain(),
            chain.nothing_to_learn,
            chain.act,
            in_chain=True,
        ),
    )
}


def head_named(name: str, conditioning: str) -> ActionHead:
    """The head of a name. UsageError names the choices, also where it cannot be told by this conditioning."""
    if name not in HEADS:
        raise UsageError(f"action head {name!r} is not known; choose one of {', '.join(HEADS)}")
    head = HEADS[name]
    if conditioning not in head.conditionings:
        raise UsageError(f"action head {name!r} takes {', '.join(head.conditionings)}, not {conditioning!r}")
    return head
