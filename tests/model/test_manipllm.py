"""ManipLLM's own: a chain in which each link reads those before, and eyes alone that learn from what driving showed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from causeway.errors import UsageError
from causeway.model import Policy, chain, decoding
from causeway.model.adaptation import Outcome, adapt, crossed
from causeway.model.chain import CELLS, OBJECT, OBJECTS, REGION, WHOLE, Told, chain_tail, region_of, told_of
from causeway.model.design import Design
from causeway.model.lora import Lora
from causeway.model.sequence import Tail
from causeway.model.surroundings import Surroundings
from tests.model.model_samples import make_sample

MANIPLLM = Design("manipllm", head="chain", conditioning="kv-cache", speaks=False, action_tokens=True)
LANE = np.float32([[-20, 2], [20, 2], [20, -2], [-20, -2]])
RIGHT = np.float32([[10, -3], [40, -3], [40, -8], [10, -8]])
ONE = make_sample(0, "Stop for the red light ahead.", ("front_wide",))
TWO = make_sample(1, "", ("front_wide",))


@pytest.fixture(scope="module")
def manipllm():
    policy = Policy.from_scale("tiny", seed=0, cameras=("front_wide",), design=MANIPLLM)
    policy.add_lora(Lora(4, targets=("q_proj", "v_proj", "qkv", "linear_fc1")))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():  # adapters begin at nothing
        for parameter in policy.trained_parameters("adapters"):
            parameter.normal_(std=0.05, generator=generator)
    return policy.eval()


def test_the_truth_of_a_chain_is_the_labels_object_and_the_maps_road():
    assert region_of(Surroundings(None, (LANE,))) == (False, True, False, False, True, False, False, False, False)
    both = region_of(Surroundings(None, (LANE, RIGHT)))
    assert both == (False, True, False, False, True, True, False, False, True)
    assert region_of(Surroundings(None, None)) is None
    assert told_of(replace(ONE, around=Surroundings(None, (LANE,)))) == Told("red_light", region_of(Surroundings(None, (LANE,))))
    assert told_of(replace(ONE, reasoning="Track the set speed.")) == Told("nothing", None)
    assert told_of(TWO) == Told("", None)  # no label: nobody knows what was there
    assert told_of(replace(ONE, reasoning="no sentence of ours")).thing == ""


def test_the_links_of_a_chain_lie_behind_each_other(policy):
    vocabulary = policy.vocabulary
    region = tuple(bool(cell % 2) for cell in range(len(CELLS)))
    first, second, whole = (chain_tail(vocabulary, Told("red_light", region), links) for links in (OBJECT, REGION, WHOLE))
    assert second.ids[: len(first.ids)] == first.ids
    assert whole.ids[:-1] == second.ids
    assert whole.ids[-1] == vocabulary.special["trajectory_start"]
    spoken = [vocabulary.text(tail.ids[slice(*tail.answers[0])]) for tail in (first, second, whole)]
    assert spoken[0].strip() == "red light"
    assert spoken[1].replace(" ", "") == "noyes" * 4 + "no"
    assert spoken[2].replace(" ", "") == "redlight" + spoken[1].replace(" ", "")
    unknown = chain_tail(vocabulary, Told("nothing", None), REGION)
    assert unknown.answers == ()  # where nobody knows the road, nothing is taught of it
    nameless = [chain_tail(vocabulary, Told("", region), links) for links in (OBJECT, REGION, WHOLE)]
    assert nameless[0].answers == ()  # nor of an object that no label names
    assert vocabulary.text(nameless[2].ids[slice(*nameless[2].answers[0])]).replace(" ", "") == spoken[1].replace(" ", "")
    assert chain_tail(vocabulary, Told("", None), WHOLE).answers == ()
    tail, places = chain.region_places(vocabulary, Told("red_light", region))
    words = [vocabulary.text([tail.ids[place]]).strip() for place in places]
    assert words == ["yes" if free else "no" for free in region]


def test_a_chain_says_only_what_it_may_and_the_same_alone_as_together(manipllm):
    both, (alone,) = chain.ask_chain(manipllm, [ONE, TWO]), chain.ask_chain(manipllm, [TWO])
    assert all(told.thing in OBJECTS and len(told.region) == len(CELLS) for told in both)
    assert (both[1].thing, both[1].region) == (alone.thing, alone.region)
    np.testing.assert_allclose(both[1].chances, alone.chances, atol=1e-4)
    assert all(free == (chance >= 0.5) for free, chance in zip(alone.region, alone.chances, strict=True))


def test_what_was_said_before_moves_what_comes_behind(manipllm):
    batch = manipllm.batch_of([ONE], [Tail(())])

    def behind(thing):
        decoder = decoding.prefill(manipllm, batch, manipllm.text_inputs(batch))
        told = Told(thing, tuple([True] * len(CELLS)))
        decoding.feed(manipllm, decoder, [list(chain_tail(manipllm.vocabulary, told, WHOLE).ids)])
        return manipllm.action_logits_at(decoder.hidden, 0)

    with torch.no_grad():
        assert float((behind("red_light") - behind("nothing")).abs().max()) > 1e-4


def agreed(said, truth):
    """The mean chance that is given to what is true of each cell."""
    pairs = [pair for one, other in zip(said, truth, strict=True) for pair in zip(one.chances, other.region, strict=True)]
    return np.mean([chance if free else 1 - chance for chance, free in pairs])


def test_each_link_learns_what_it_says():
    policy = Policy.from_scale("tiny", seed=0, cameras=("front_wide",), design=MANIPLLM)
    samples = [replace(ONE, around=Surroundings(None, (LANE,))), replace(TWO, around=Surroundings(None, (RIGHT,)))]
    truth = [told_of(sample) for sample in samples]
    optimizer = torch.optim.Adam(policy.parameters(), lr=2e-3)
    tails = [chain_tail(policy.vocabulary, told, WHOLE) for told in truth]
    losses, before = list[float](), agreed(chain.ask_chain(policy.eval(), samples), truth)
    for _ in range(10):
        optimizer.zero_grad()
        loss = policy.token_loss(policy.batch_of(samples, tails))["answer"]
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert agreed(chain.ask_chain(policy, samples), truth) > before


def test_only_the_eyes_adapters_move_and_they_learn_from_the_outcome(manipllm):
    assert crossed(np.float32([[0, 0], [8, 0.5], [16, 0], [28, 9]])) == (1, 4)
    straight = np.stack([np.linspace(0, 30, 64), np.zeros(64)], axis=-1)
    for succeeded in (True, False):
        policy = manipllm
        weights = {name: tensor.clone() for name, tensor in policy.state_dict().items()}
        before, after = adapt(policy, ONE.observation, Outcome(straight, succeeded), steps=3, lr=0.3)
        assert (after > before) == succeeded
        moved = {name for name, tensor in policy.state_dict().items() if not torch.equal(weights[name], tensor)}
        assert moved
        assert all("lora_" in name and ".visual." in name for name in moved)
    far = np.full((3, 2), 500.0)
    nothing = {name: tensor.clone() for name, tensor in policy.state_dict().items()}
    before, after = adapt(policy, ONE.observation, Outcome(far, True))
    assert before == after
    assert all(torch.equal(nothing[name], tensor) for name, tensor in policy.state_dict().items())


def test_a_chain_cannot_be_led_along_a_route_and_says_so(manipllm):
    with_route = replace(ONE.observation, route=np.float32([[5, 0], [10, 1]]))
    with pytest.raises(UsageError, match=r"route_guidance 2.0: action head 'chain'"):
        manipllm.predict([with_route], route_guidance=2.0)


def test_who_has_no_chain_or_no_visual_adapter_is_not_adapted(policy):
    with pytest.raises(UsageError, match="says no region"):
        adapt(policy, ONE.observation, Outcome(np.zeros((1, 2)), True))
    plain = Policy.from_scale("tiny", seed=0, cameras=("front_wide",), design=MANIPLLM)
    with pytest.raises(UsageError, match="part 'visual-adapters'"):
        adapt(plain, ONE.observation, Outcome(np.zeros((1, 2)), True))
