"""DexVLA's own: an output layer for each rig, unknown rigs refused by name, an expert that learns without the backbone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from causeway.errors import UnusableInput, UsageError
from causeway.model import Policy
from causeway.model.beside import Beside, beside_of
from causeway.model.design import Design
from causeway.model.embodied import ByRig, alone_loss, drive_alone
from causeway.training.recipes.dexvla import DEXVLA as DEXVLA_RECIPE
from tests.model.model_samples import make_sample

DEXVLA = Design("dexvla", head="diffusion-by-rig", conditioning="film", speaks=True, action_tokens=False)
WORDS = "Track the set speed."


def of_rig(sample, rig_id):
    return replace(sample, observation=replace(sample.observation, rig_id=rig_id))


ONE, TWO = (of_rig(make_sample(0, WORDS, ("front_wide",)), rig) for rig in ("north", "south"))


def made(rigs=("north", "south")):
    policy = Policy.from_scale("tiny", seed=0, cameras=("front_wide",), design=DEXVLA, rigs=rigs)
    with torch.no_grad():  # a new head's layers begin near nothing
        policy.expert.network.write.weight[-1] *= 3.0
    return policy.eval()


@pytest.fixture(scope="module")
def dexvla():
    return made()


def test_each_row_goes_through_its_own_rigs_layer():
    layer = ByRig(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 2.0], [2.0, 0.0]]]))
        layer.bias.copy_(torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
        found = layer(torch.tensor([[[3.0, 5.0]], [[3.0, 5.0]]]), torch.tensor([0, 1]))
    assert found[:, 0].tolist() == [[3.0, 5.0], [11.0, 7.0]]


def test_another_rig_is_another_answer_and_no_other_rows(dexvla):
    one, two = (dexvla.predict([sample], seed=1, flow_steps=2, forced_reasoning=[WORDS]) for sample in (ONE, TWO))
    assert np.abs(one.controls - two.controls).max() > 1e-3
    both = dexvla.predict([ONE, TWO], n=2, seed=1, flow_steps=2, forced_reasoning=[WORDS] * 2)
    np.testing.assert_allclose(both.controls[:, :1], np.concatenate([one.controls, two.controls]), atol=1e-4)


def test_a_rig_without_a_head_is_refused_by_name(dexvla):
    with pytest.raises(UnusableInput, match=r"sample s0: rig 'east' is not one .* \(north, south\)"):
        dexvla.predict([of_rig(ONE, "east")])
    with pytest.raises(UnusableInput, match="names no rig"):
        dexvla.collate([of_rig(ONE, "")])
    assert beside_of(("north",), False, [of_rig(ONE, "").observation], ["s0"]).rigs.tolist() == [0]  # the only one there is
    assert beside_of((), False, [ONE.observation], ["s0"]).rigs.tolist() == [0]  # who has one head for all asks nobody
    with pytest.raises(UsageError, match="needs the names of its rigs"):
        Policy.from_scale("tiny", design=DEXVLA)


def test_what_is_beside_a_sequence_is_shared_by_its_answers():
    assert Beside(torch.tensor([0, 1])).rows(6).rigs.tolist() == [0, 0, 0, 1, 1, 1]


def test_only_the_head_of_the_rig_learns_and_the_backbone_is_not_asked(dexvla):
    policy = made()
    policy.backbone = None  # whoever asks it fails
    batch = replace(dexvla.collate([ONE, ONE]))
    alone_loss(policy, batch, torch.Generator().manual_seed(0), 3).backward()
    layer = policy.expert.network.write
    assert float(layer.weight.grad[0].abs().max()) > 0
    assert float(layer.weight.grad[1].abs().max()) == 0.0
    assert policy.expert.network.reader.project[1].weight.grad is None
    assert float(policy.expert.network.blocks[0].known[1].weight.grad.abs().max()) > 0
    policy.backbone = dexvla.backbone
    path = drive_alone(dexvla, [ONE, TWO, ONE], [5, 5, 5])
    assert path.shape == (3, 64, 3)
    np.testing.assert_allclose(path[0], path[2], atol=1e-4)
    assert np.abs(path[0] - path[1]).max() > 1e-3


def test_a_policy_knows_its_rigs_again(dexvla, tmp_path):
    dexvla.save(tmp_path / "policy")
    assert Policy.load(tmp_path / "policy").config.rigs == ("north", "south")
    assert "north, south" in (tmp_path / "policy" / "MODEL_CARD.md").read_text()


def test_the_eyes_stay_as_they_are_while_the_expert_is_bound(dexvla):
    eyes = {id(p) for p in [*dexvla.trained_parameters("vision"), *dexvla.embeddings.vision.parameters()]}
    stages = {stage.name: stage for stage in DEXVLA_RECIPE.stages}
    learning = {
        name: {id(p) for part in stages[name].trains for p in dexvla.trained_parameters(part)}
        for name in ("bind", "reasoned")
    }
    assert not eyes & learning["bind"]
    assert eyes < learning["reasoned"]
    assert {id(p) for p in dexvla.embeddings.history.parameters()} < learning["bind"]


def test_another_head_does_not_drive_alone(policy):
    with pytest.raises(UsageError, match="action head 'flow' does not drive alone"):
        drive_alone(policy, [ONE], [0])
