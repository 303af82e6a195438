"""Losses and rollouts: what is supervised, what is hidden, and that it can be learned."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from causeway.errors import UnusableInput, UsageError
from causeway.model import Policy, action_tokens, token_losses
from causeway.model.exploration import Walk
from causeway.model.policy import PrefixNoise
from causeway.model.sequence import reasoning_tail, with_actions
from causeway.model.vision_pictures import each_picture
from causeway.reasoning import parse, render
from tests.model.model_samples import make_sample

SAMPLES = [make_sample(i) for i in range(4)]  # the last one has no reasoning


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_labels_are_the_reasoning_and_its_end(policy):
    batch = policy.collate(SAMPLES)
    for row, sample in enumerate(SAMPLES):
        labelled = batch.input_ids[row][batch.reasoning_labels[row]].tolist()
        wanted = policy.vocabulary.text_ids(sample.reasoning)
        assert labelled == ([*wanted, policy.special["coc_end"]] if wanted else [])
    assert set(batch.input_ids[:, -1].tolist()) == {policy.special["trajectory_start"]}
    assert policy.special["coc_start"] not in batch.input_ids[3].tolist()
    np.testing.assert_array_equal(batch.action_tokens.numpy(), action_tokens.encode(batch.controls.numpy()))


def test_positions_are_those_of_qwen3_vl(policy):
    batch = policy.collate(SAMPLES)
    sizes = torch.tensor([[1, 8, 12]] * len(batch.pictures))
    kinds = (batch.input_ids == policy.special["image_pad"]).int()
    theirs, _ = policy.backbone.model.get_rope_index(
        batch.input_ids, mm_token_type_ids=kinds, image_grid_thw=sizes, attention_mask=batch.kept.long()
    )
    kept = batch.kept.expand(3, -1, -1)
    assert torch.equal(theirs[kept], batch.positions[kept])


@pytest.mark.parametrize("moments", [1, 2])
def test_visual_tokens_are_those_of_qwen3_vl(policy, moments):
    """Our patch order against the transformer's own entry for pictures, of which a still is two equal ones."""
    pixels = policy.collate(SAMPLES[:2]).pictures
    shown = pixels if moments == 1 else pixels.unflatten(0, (-1, 2))
    pairs = shown[:, None].expand(-1, 2, -1, -1, -1) if moments == 1 else shown
    grid = pairs.reshape(-1, 2, 3, 4, 2, 16, 6, 2, 16).permute(0, 3, 6, 4, 7, 2, 1, 5, 8)
    sizes = torch.tensor([[1, 8, 12]] * len(shown))
    with torch.no_grad():
        ours = each_picture(policy.backbone, shown)
        theirs = policy.backbone.model.get_image_features(grid.reshape(-1, 3 * 2 * 256), sizes, return_dict=True)
    torch.testing.assert_close(ours.tokens.flatten(0, 1), torch.cat(list(theirs.pooler_output)))
    assert ours.tokens.shape == (8 // moments, 24, 160)


def test_questions_supervise_their_answers(policy):
    batch = policy.collate_questions(SAMPLES[:2], [{"Is there a light ahead?": "yes"}, {"What is the speed?": "8 m"}])
    answers = [batch.input_ids[i][batch.answer_labels[i]].tolist() for i in range(2)]
    end = policy.special["answer_end"]
    assert answers == [[*policy.vocabulary.text_ids("yes"), end], [*policy.vocabulary.text_ids("8 m"), end]]
    losses = {name: float(value.detach()) for name, value in policy.token_loss(batch).items()}
    assert losses["answer"] > 0
    assert losses["action"] == losses["reasoning"] == 0.0
    with pytest.raises(UsageError, match="collate samples, not questions"):
        policy.flow_loss(batch)


def test_questions_behind_one_look_are_answered_as_if_each_were_alone(policy):
    asked = {"Is there a light ahead?": "yes, a red one", "What is the speed?": "8 m", "Why?": "no"}
    together, alone = policy.collate_questions(SAMPLES[:1], [asked]), [{q: a} for q, a in asked.items()]
    apart = policy.collate_questions(SAMPLES[:1] * 3, alone)
    with torch.no_grad():
        whole, each = (policy.forward_tokens(batch).prefix_hidden for batch in (together, apart))
    said = together.answer_labels[0]
    assert together.input_ids[0][said].tolist() == apart.input_ids[apart.answer_labels].tolist()
    torch.testing.assert_close(whole[0][said], each[apart.answer_labels], atol=1e-5, rtol=1e-4)


def test_losses_of_an_untrained_policy_are_those_of_guessing(policy):
    losses = {name: float(value.detach()) for name, value in policy.token_loss(policy.collate(SAMPLES)).items()}
    assert losses["action"] == pytest.approx(np.log(action_tokens.BINS), abs=0.3)
    assert losses["reasoning"] == pytest.approx(np.log(policy.vocabulary.size), abs=0.6)
    assert losses["loss"] == pytest.approx(losses["action"] + losses["reasoning"], rel=1e-5)


def test_losses_are_the_mean_over_rows_whatever_the_padding(policy):
    parts = [float(policy.token_loss(policy.collate([s]))["action"].detach()) for s in SAMPLES]
    assert float(policy.token_loss(policy.collate(SAMPLES))["action"].detach()) == pytest.approx(
        np.mean(parts), abs=1e-4
    )


def test_prefix_noise_is_seeded_stays_in_its_kind_and_masks_its_share(policy):
    tokens = torch.from_numpy(action_tokens.encode(np.zeros((8, 64, 2))))
    noise = PrefixNoise(sigma_bins=5.0, mask_probability=0.25)
    ids = token_losses.noisy_action_ids(policy, tokens, noise, seeded())
    assert torch.equal(ids, token_losses.noisy_action_ids(policy, tokens, noise, seeded()))
    masked = ids == policy.special["action_mask"]
    assert float(masked.float().mean()) == pytest.approx(0.25, abs=0.05)
    bins = action_tokens.bins_of(ids - policy.action_offset)[~masked]
    assert 0 <= int(bins.min()) < 127 < int(bins.max()) < action_tokens.BINS
    assert float(bins.float().std()) == pytest.approx(5.0, rel=0.15)
    assert torch.equal(token_losses.noisy_action_ids(policy, tokens, None, None), tokens + policy.action_offset)


def test_an_action_token_sees_no_later_one(policy):
    batch = policy.collate(SAMPLES[:1])
    changed = batch.action_tokens.clone()
    changed[:, 64:] = torch.from_numpy(action_tokens.encode(np.ones((64, 2)) * 0.2))[64:]
    with torch.no_grad():
        before = policy.forward_tokens(batch).action_hidden
        after = policy.forward_tokens(replace(batch, action_tokens=changed)).action_hidden
    torch.testing.assert_close(before[:, :65], after[:, :65])
    assert float((before[:, 65:] - after[:, 65:]).abs().max()) > 1e-4


def test_the_expert_reads_no_action_tokens_and_gives_the_backbone_no_gradient():
    policy = Policy.from_scale("tiny", seed=0)
    batch = policy.collate(SAMPLES)
    loss = policy.flow_loss(batch, seeded())
    other = replace(batch, action_tokens=batch.action_tokens.roll(1, dims=0))
    assert torch.equal(policy.flow_loss(other, seeded()), loss)
    with torch.no_grad():
        prefix = policy.forward_tokens(batch).prefix
        short = policy.forward_tokens(replace(batch, action_tokens=None)).prefix
    (one,), (other,) = prefix.stretches, short.stretches
    torch.testing.assert_close(one.keys[-1], other.keys[-1])
    assert one.keys[0].shape[2] == batch.input_ids.shape[1]
    loss.backward()
    assert all(p.grad is None for p in (*policy.backbone.parameters(), *policy.embeddings.parameters()))
    assert all(p.grad is not None for p in policy.expert.parameters())


def test_the_action_loss_is_both_losses_on_one_pass():
    policy = Policy.from_scale("tiny", seed=0)
    batch, noise = policy.collate(SAMPLES), PrefixNoise()
    weights = [*policy.backbone.parameters(), *policy.embeddings.parameters()]

    def pulls(loss):
        return torch.autograd.grad(loss, weights, allow_unused=True, retain_graph=True)

    generator = seeded(2)
    apart = policy.token_loss(batch, noise, generator)
    flow = policy.flow_loss(batch, generator, 3)
    together = policy.action_loss(batch, noise, seeded(2), 3)
    assert float(together["flow"].detach()) == pytest.approx(float(flow.detach()), rel=1e-5)
    assert float(together["loss"].detach()) == pytest.approx(float((apart["loss"] + flow).detach()), rel=1e-5)
    for one, other in zip(pulls(apart["loss"]), pulls(together["loss"]), strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other)
    with pytest.raises(UsageError, match="collate samples, not questions"):
        policy.action_loss(policy.collate_questions(SAMPLES[:1], [{"Why?": "Yes."}]))


def test_a_sample_that_cannot_be_used_is_named(policy):
    bad = replace(SAMPLES[1], controls=np.full((64, 2), np.nan, np.float32))
    with pytest.raises(UnusableInput, match="sample s1: controls holds NaN"):
        policy.collate([SAMPLES[0], bad])
    with pytest.raises(UnusableInput, match=r"sample s1: reasoning: the text spells the reserved token"):
        policy.collate([replace(SAMPLES[1], reasoning="<|coc_end|>")])


def test_rollouts_have_the_log_probabilities_that_training_recomputes(policy):
    sequences = policy.sample_sequences(SAMPLES[:2], 2, 1.2, seeded())
    assert sequences.action_tokens.shape == (4, 128)
    np.testing.assert_array_equal(sequences.controls, np.float32(action_tokens.decode(sequences.action_tokens)))
    assert len(set(sequences.reasoning_ids)) == 4
    scores = policy.rescored(SAMPLES[:2], sequences)
    reasoning, action = scores.reasoning, scores.actions
    assert reasoning.requires_grad
    np.testing.assert_allclose(reasoning.detach().numpy(), sequences.reasoning_logprobs, atol=1e-4)
    np.testing.assert_allclose(action.detach().numpy(), sequences.action_logprobs, atol=1e-4)
    assert sequences.reasoning_mask.sum() == sum(len(ids) for ids in sequences.reasoning_ids)
    again = policy.sample_sequences(SAMPLES[:2], 2, 1.2, seeded())
    assert again.reasoning_ids == sequences.reasoning_ids


def test_a_shared_prompt_has_the_gradients_of_rows_read_whole(policy):
    made = policy.sample_sequences(SAMPLES[:2], 2, 1.2, seeded())
    weights = [p for part in (policy.backbone, policy.embeddings) for p in part.parameters()]
    shared = torch.autograd.grad(policy.rescored(SAMPLES[:2], made).actions.sum(), weights, allow_unused=True)
    end = policy.special["coc_end"]
    tails = [reasoning_tail(policy.vocabulary, [i for i in ids if i != end]) for ids in made.reasoning_ids]
    tokens = torch.from_numpy(made.action_tokens)
    batch = with_actions(policy.batch_of([s for s in SAMPLES[:2] for _ in range(2)], tails), tokens, None)
    logits = policy.action_logits(policy.forward_tokens(batch).action_hidden) / 1.2
    each = torch.log_softmax(logits, dim=-1).gather(-1, action_tokens.bins_of(tokens)[..., None])
    whole = torch.autograd.grad(each.sum(), weights, allow_unused=True)
    told = [pair for pair in zip(shared, whole, strict=True) if pair[0] is not None]
    assert len(told) > 20
    assert all(torch.allclose(a, b, atol=2e-3, rtol=2e-3) for a, b in told)
    assert max(float(a.abs().max()) for a, _ in told) > 0.1


def test_reasoning_never_says_a_reserved_token(policy):
    sequences = policy.sample_sequences(SAMPLES[:2], 4, 3.0, seeded(1))
    reserved = set(policy.special.values()) - {policy.special["coc_end"]}
    for ids, cut in zip(sequences.reasoning_ids, sequences.truncated, strict=True):
        assert not reserved & set(ids)
        assert max(ids) < policy.action_offset
        assert (ids[-1] != policy.special["coc_end"]) == cut
        assert len(ids) <= policy.config.scale.max_reasoning_tokens


def test_every_rollout_is_a_sentence(policy):
    sequences = policy.sample_sequences(SAMPLES[:2], 3, 2.0, seeded(1))
    assert all(render(parse(text)) == text for text in sequences.reasoning_text)
    assert not sequences.truncated.any()


def test_rollouts_that_the_bound_cuts_keep_their_log_probabilities():
    policy = Policy.from_scale("tiny", seed=0)
    policy.config = replace(policy.config, scale=replace(policy.config.scale, max_reasoning_tokens=3))
    sequences = policy.sample_sequences(SAMPLES[:2], 4, 2.0, seeded(1))
    assert sequences.truncated.any()
    scores = policy.rescored(SAMPLES[:2], sequences)
    reasoning, action = scores.reasoning, scores.actions
    np.testing.assert_allclose(reasoning.detach().numpy(), sequences.reasoning_logprobs, atol=1e-4)
    np.testing.assert_allclose(action.detach().numpy(), sequences.action_logprobs, atol=1e-4)


def test_the_route_is_left_out_at_its_rate(policy):
    route = np.float32([[5, 0], [10, 3], [15, 9]])
    routed = [replace(s, observation=replace(s.observation, route=route)) for s in SAMPLES] * 25
    pads = [
        int((policy.collate(routed, r, seeded()).input_ids == policy.special["route_pad"]).sum()) for r in (0, 0.3, 1)
    ]
    assert pads[0] == 300
    assert pads[1] == pytest.approx(210, abs=30)
    assert pads[2] == 0


def test_it_learns_to_say_and_to_do():
    """On three samples the sentences come back word by word, and both losses fall towards their floors."""
    policy = Policy.from_scale("tiny", seed=0)
    learned = [make_sample(i, cameras=("front_wide",)) for i in range(3)]
    batch, optimizer, generator = policy.collate(learned), torch.optim.AdamW(policy.parameters(), lr=2e-3), seeded()
    losses, flows = [], []
    for _ in range(40):
        optimizer.zero_grad()
        parts = policy.token_loss(batch, PrefixNoise(), generator)
        parts["loss"].backward()
        optimizer.step()
        losses.append(float(parts["action"].detach()))
    for _ in range(30):
        optimizer.zero_grad()
        flow = policy.flow_loss(batch, generator, draws=4)
        flow.backward()
        optimizer.step()
        flows.append(float(flow.detach()))
    assert losses[-1] < 0.6 * losses[0]
    assert np.mean(flows[-5:]) < 0.3 * np.mean(flows[:5])
    said = policy.eval().predict(learned, temperature=0.0)
    assert [row[0] for row in said.reasoning] == [s.reasoning for s in learned]


def test_rollouts_are_scored_with_the_same_gradients_where_layers_compute_twice():
    policy, gradients = Policy.from_scale("tiny", seed=0).train(), []
    made = policy.sample_sequences(SAMPLES[:1], 2, 1.0, seeded(), Walk(1, 2, 0.5))
    for twice in (False, True):
        if twice:
            policy.backbone.gradient_checkpointing_enable()
        scores = policy.rescored(SAMPLES[:1], made, Walk(1, 2, 0.5))
        policy.zero_grad()
        (scores.reasoning.mean() + scores.actions.mean() + scores.means.mean()).backward()
        gradients.append({name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert all(torch.allclose(gradients[0][name], gradients[1][name], atol=1e-5) for name in gradients[0])
