"""What is not text or pixels becomes embeddings: camera geometry, ego history and speed, route points.

Knows the scaling of these numbers and how a batch's columns are filled. Does not know what the backbone does
with them. The camera embedding is ours: the release gives calibration no way into the model, and users with other
rigs ask for one (method C 1.6, 7.3). History tokens are continuous, 16 of them (arXiv 2511.00088 leaves the form open).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import Qwen3VLForConditionalGeneration

from causeway.model.backbone import TextInputs, causal_mask
from causeway.model.sequence import ROW_NUMBERS, Batch
from causeway.model.vision import VisualTokens

_TICK_S = 0.1
_HISTORY_NUMBERS = 7
# metres of a camera's position and seconds of a picture's age, brought near one
_FACT_SCALE = (1.0,) * 4 + (1.0, 1.0, 1.0, 0.5) * 3 + (3.0,)


class Embeddings(nn.Module):
    """Three small networks into the backbone's width."""

    fact_scale: Tensor

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.camera = _network(ROW_NUMBERS, hidden)
        self.history = _network(_HISTORY_NUMBERS, hidden)
        self.route = _network(2, hidden)
        self.register_buffer("fact_scale", torch.tensor(_FACT_SCALE), persistent=False)

    def text_inputs(
        self, backbone: Qwen3VLForConditionalGeneration, batch: Batch, visual: VisualTokens, special: dict[str, int]
    ) -> TextInputs:
        """The language model's inputs for the prefix columns of a batch whose pictures became `visual`."""
        embeddings = backbone.get_input_embeddings()(batch.input_ids)
        camera = self.camera(batch.picture_facts * self.fact_scale)[:, None, :]
        is_visual = batch.input_ids == special["image_pad"]
        parts = (
            (is_visual, (visual.tokens + camera).flatten(0, 1)),
            (batch.input_ids == special["history_pad"], self.history(_history_numbers(batch)).flatten(0, 1)),
            (batch.input_ids == special["route_pad"], self.route(batch.route / 20.0)),
        )
        for columns, values in parts:
            embeddings = embeddings.masked_scatter(columns[..., None], values.to(embeddings.dtype))
        deepstack = [tap.flatten(0, 1) for tap in visual.deepstack]
        return TextInputs(embeddings, batch.positions, causal_mask(batch.kept), is_visual, deepstack)


def _network(inputs: int, hidden: int) -> nn.Sequential:
    """Two layers; the last one starts as small as the backbone's own embeddings, so that neither drowns the other."""
    last = nn.Linear(hidden, hidden)
    nn.init.normal_(last.weight, std=0.02)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), last)


def _history_numbers(batch: Batch) -> Tensor:
    """Position, heading, their rates and the measured speed of each pose, near one: [B, 16, 7]."""
    poses = batch.ego_history
    rates = torch.diff(poses, dim=1) / _TICK_S
    rates = torch.cat([rates[:, :1], rates], dim=1)  # the oldest pose takes the rate of its successor
    speed = batch.speed_mps[:, None, None].expand(-1, poses.shape[1], 1)
    scale = poses.new_tensor([10.0, 2.0, 0.2, 10.0, 1.0, 0.2, 10.0])
    return (torch.cat([poses, rates, speed], dim=-1) / scale).clamp(-10.0, 10.0)
