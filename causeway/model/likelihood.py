"""How likely a policy finds what was driven: the recorded action tokens under given words, in nats.

Knows the token head. Does not know the flow expert, which makes the path that is driven and gives no likelihood of it
without solving its flow backwards. Source: method 4.12 (D-044, D-046) and C.5.4, where words add about 0 nats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from causeway.model import action_tokens
from causeway.model.token_losses import PrefixNoise

if TYPE_CHECKING:
    from causeway.model.observation import Sample
    from causeway.model.policy import Policy

_HIDDEN = PrefixNoise(sigma_bins=0.0, mask_probability=1.0)


@torch.no_grad()
def action_logprobs(
    policy: Policy, samples: Sequence[Sample], words: Sequence[str], hidden_prefix: bool
) -> NDArray[np.float64]:
    """See `Policy.action_logprobs`."""
    said = [replace(sample, reasoning=text) for sample, text in zip(samples, words, strict=True)]
    batch = policy.collate(said)
    output = policy.forward_tokens(batch, _HIDDEN if hidden_prefix else None)
    assert output.action_hidden is not None
    assert batch.action_tokens is not None
    logprobs = torch.log_softmax(policy.action_logits(output.action_hidden).float(), dim=-1)
    chosen = action_tokens.bins_of(batch.action_tokens)[..., None]
    return logprobs.gather(-1, chosen)[..., 0].double().sum(dim=-1).cpu().numpy()
