"""What is not text becomes embeddings: pictures by the vision tokenizer, ego history and speed, route points.

Knows the scaling of these numbers and how columns are filled; holds the vision tokenizer's weights. Does not know
what the backbone does with them. History tokens are continuous, 16 of them (arXiv 2511.00088 leaves the form open).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from causeway.model.backbone import Backbone, TextInputs, causal_mask
from causeway.model.networks import two_layers
from causeway.model.scales import Scale
from causeway.model.sequence import Batch
from causeway.model.vision import VisionTokenizer
from causeway.model.vision_pictures import Pictures

_TICK_S = 0.1
HISTORY_NUMBERS, ROUTE_NUMBERS = 12, 3


class Embeddings(nn.Module):
    """The vision tokenizer and two small networks into the backbone's width."""

    def __init__(self, scale: Scale, vision: VisionTokenizer) -> None:
        super().__init__()
        self.vision = vision.build(scale)
        self.history = two_layers(HISTORY_NUMBERS, scale.text.hidden)
        self.route = two_layers(ROUTE_NUMBERS, scale.text.hidden)

    def text_inputs(self, backbone: Backbone, batch: Batch, special: dict[str, int]) -> TextInputs:
        """The language model's inputs for the prefix columns of a batch."""
        visual = self.vision(backbone, Pictures(batch.pictures, batch.picture_facts, batch.views))
        embeddings = backbone.get_input_embeddings()(batch.input_ids)
        is_visual = batch.input_ids == special["image_pad"]
        parts = (
            (is_visual, visual.tokens),
            (batch.input_ids == special["history_pad"], self.history(history_numbers(batch)).flatten(0, 1)),
            (batch.input_ids == special["route_pad"], self.route(route_numbers(batch.route))),
        )
        for columns, values in parts:
            embeddings = embeddings.masked_scatter(columns[..., None], values.to(embeddings.dtype))
        mask = causal_mask(batch.kept, batch.branches)
        return TextInputs(embeddings, batch.positions, mask, is_visual, visual.deepstack)


def history_numbers(batch: Batch) -> Tensor:
    """Position, heading, their rates and the measured speed of each pose, near one, then what is small: [B, 16, 12].

    Half a metre aside or a hundredth of a radian a second decide between lanes, and would drown beside metres ahead.
    """
    poses = batch.ego_history
    rates = torch.diff(poses, dim=1) / _TICK_S
    rates = torch.cat([rates[:, :1], rates], dim=1)  # the oldest pose takes the rate of its successor
    speed = batch.speed_mps[:, None, None].expand(-1, poses.shape[1], 1)
    scale = poses.new_tensor([10.0, 2.0, 0.2, 10.0, 1.0, 0.2, 10.0])
    large = (torch.cat([poses, rates, speed], dim=-1) / scale).clamp(-10.0, 10.0)
    yaw = poses[..., 2:]
    ahead = rates[..., :1] * yaw.cos() + rates[..., 1:2] * yaw.sin()  # below 0 when backing, as the speed is
    small = torch.cat([poses[..., 1:], rates[..., 1:], speed - ahead], dim=-1)  # the last: what it gained since
    fine = torch.asinh(small / poses.new_tensor([0.2, 0.02, 0.2, 0.02, 0.5])).clamp(-10.0, 10.0)
    return torch.cat([large, fine], dim=-1)


def route_numbers(route: Tensor) -> Tensor:
    """Points of the way ahead [N, 2], near one, and how far aside they are where that is little: [N, 3]."""
    return torch.cat([route / 20.0, torch.asinh(route[:, 1:] / 0.5)], dim=-1)
