import pytest
import torch

from causeway.model.backbone import backbone_config, build_backbone
from causeway.model.expert import ActionExpert, draw_time, flow_loss, integrate
from causeway.model.scales import SCALES
from causeway.model.storage import PolicyConfig
from causeway.model.tokenizer import load_vocabulary

SPECIAL = load_vocabulary().special
QWEN_VOCABULARY = 151936  # the public configuration's table; parameter counts are published with it


@pytest.mark.parametrize(
    ("name", "backbone", "expert"),
    [("tiny", 1.9e6, 0.71e6), ("0.5b", 0.63e9, 0.066e9), ("2b", 2.13e9, 0.55e9), ("8b", 8.77e9, 2.3e9)],
)
def test_every_scale_builds_on_the_meta_device(name, backbone, expert):
    scale = SCALES[name]
    words = 1115 if name == "tiny" else QWEN_VOCABULARY
    with torch.device("meta"):
        model = build_backbone(backbone_config(scale, words, SPECIAL))
        action = ActionExpert(scale)
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(backbone, rel=0.03)
    assert sum(p.numel() for p in action.parameters()) == pytest.approx(expert, rel=0.15)
    assert len(action.layers) == scale.text.layers
    assert sum(scale.text.mrope_section) == scale.text.head_dim // 2
    assert scale.image_height % (scale.vision.patch * scale.vision.merge) == 0
    assert PolicyConfig(scale).vision_tokenizer == "single-image"


def test_time_is_drawn_towards_the_noise():
    time = draw_time(20_000, torch.Generator().manual_seed(0))
    assert 0.0 <= float(time.min()) <= float(time.max()) <= 0.999
    assert float(time.mean()) == pytest.approx(0.999 * 0.4, abs=0.01)  # Beta(1.5, 1) has mean 0.6


class Straight(torch.nn.Module):
    """The vector field that leads from anywhere to 2 when all noise is `noise`."""

    def __init__(self, noise):
        super().__init__()
        self.noise = noise

    def forward(self, noisy, time, prefix):
        return 2.0 - self.noise


def test_flow_by_hand():
    noise = torch.randn(3, 64, 2, generator=torch.Generator().manual_seed(0))
    reached = integrate(Straight(noise), noise, None, steps=4)
    torch.testing.assert_close(reached, torch.full((3, 64, 2), 2.0))

    class Perfect(torch.nn.Module):
        def forward(self, noisy, time, prefix):
            return (torch.ones_like(noisy) - noisy) / (1.0 - time[:, None, None])  # knows that the target is 1

    loss = flow_loss(Perfect(), torch.ones(5, 64, 2), None, torch.Generator().manual_seed(0))
    assert float(loss) < 1e-6
