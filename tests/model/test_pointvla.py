"""PointVLA's own: points where they disturb least, nothing moved by them at first, and seen once they were learned."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from causeway.errors import UnusableInput, UsageError
from causeway.model import Policy
from causeway.model.beside import beside_of
from causeway.model.design import Design
from causeway.model.points import Points, block_costs, cheapest
from causeway.model.scales import SCALES
from tests.model.model_samples import make_sample

POINTVLA = Design("pointvla", head="diffusion", conditioning="pooled", speaks=False, action_tokens=False)
TINY = SCALES["tiny"]
CLOUD = np.float32([[5, 0, 0], [9, 1, 1], [-3, 2, 0]])


def with_points(sample, points=CLOUD):
    return replace(sample, observation=replace(sample.observation, points=points))


ONE = with_points(make_sample(0, cameras=("front_wide",)))
FAR = with_points(ONE, CLOUD * 3.0)


def base():
    policy = Policy.from_scale("tiny", seed=0, cameras=("front_wide",), design=POINTVLA)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # gates of a new head are shut: a block does nothing yet
        for block in policy.expert.blocks:
            block.known[1].weight.normal_(std=0.3, generator=generator)
    return policy.eval()


def learned(policy, seed=2):
    with torch.no_grad():
        for layers in policy.expert.points.behind.values():
            layers[-1].weight.normal_(std=1.0, generator=torch.Generator().manual_seed(seed))
    return policy


def test_the_order_and_the_padding_of_points_change_nothing():
    torch.manual_seed(0)
    encoder = Points(TINY, (1,))
    seen = [with_points(ONE, cloud).observation for cloud in (CLOUD, CLOUD[::-1].copy(), CLOUD[:2])]
    with torch.no_grad():
        found = encoder(beside_of((), True, seen, ["a", "b", "c"]))
        alone = encoder(beside_of((), True, seen[2:], ["c"]))
        again = encoder(beside_of((), True, seen[:1], ["a"]).rows(3))
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[2:], alone)
    torch.testing.assert_close(again, found[:1].expand(3, -1))
    assert float((found[0] - found[2]).abs().max()) > 1e-3


def test_a_policy_that_takes_points_answers_bit_for_bit_as_before():
    policy = base()
    before = policy.predict([ONE], flow_steps=2)
    weights = {name: tensor.clone() for name, tensor in policy.state_dict().items()}
    policy.take_points((2,), seed=3)
    after = policy.predict([ONE], flow_steps=2)
    np.testing.assert_array_equal(before.controls, after.controls)
    assert all(torch.equal(policy.state_dict()[name], tensor) for name, tensor in weights.items())
    policy.expert.train()
    (policy.action_loss(policy.collate([ONE]), None, torch.Generator().manual_seed(0), 2)["flow"]).backward()
    assert float(policy.expert.points.behind["2"][-1].weight.grad.abs().max()) > 0


def test_the_same_pictures_with_other_points_are_another_answer(tmp_path):
    policy = base()
    policy.take_points((2,), seed=3)
    learned(policy)
    one, far = (policy.predict([sample], n=2, seed=1, flow_steps=2) for sample in (ONE, FAR))
    assert np.abs(one.controls - far.controls).max() > 1e-3
    both = policy.predict([ONE, FAR], n=2, seed=1, flow_steps=2)
    np.testing.assert_allclose(both.controls, np.concatenate([one.controls, far.controls]), atol=1e-4)
    policy.save(tmp_path / "policy")
    loaded = Policy.load(tmp_path / "policy")
    assert loaded.config.point_blocks == (2,)
    np.testing.assert_array_equal(loaded.predict([FAR], n=2, seed=1, flow_steps=2).controls, far.controls)


def test_points_are_added_behind_the_chosen_blocks_alone():
    torch.manual_seed(0)
    encoder = Points(TINY, (1, 3))
    hidden, feature = torch.zeros(1, 2, TINY.expert.hidden), torch.ones(1, TINY.expert.hidden)
    with torch.no_grad():
        for layers in encoder.behind.values():
            layers[-1].bias.fill_(0.5)
        sums = [float(encoder.added(block, hidden, feature).mean()) for block in range(4)]
    assert sums == [0.0, 0.5, 0.0, 0.5]


def test_the_analysis_finds_the_block_that_does_nothing():
    policy = base()
    with torch.no_grad():
        policy.expert.blocks[1].known[1].weight.zero_()  # its gates are shut
    batch = policy.collate([ONE])
    costs = block_costs(policy, [batch], draws=2)
    assert costs[1] == 0.0
    assert all(cost != 0.0 for block, cost in enumerate(costs) if block != 1)
    assert costs == block_costs(policy, [batch], draws=2)  # and leaves no block out
    assert cheapest([0.3, -0.1, 0.2, 0.2], 1) == (1,)
    assert cheapest([0.3, -0.1, 0.2, 0.2], 2) == (1, 2)


def test_who_has_no_points_is_named():
    policy = base()
    bare = make_sample(1, cameras=("front_wide",))
    assert policy.predict([bare], flow_steps=1).controls.shape == (1, 1, 64, 2)  # nobody asks for points yet
    policy.take_points((0,))
    with pytest.raises(UnusableInput, match="sample s1: has no 3D points"):
        policy.predict([bare])
    with pytest.raises(UsageError, match=r"blocks \(9,\): this action head has 4"):
        policy.take_points((9,))
    with pytest.raises(UnusableInput, match="points has shape"):
        policy.collate([with_points(ONE, CLOUD[:, :2])])
