"""What is each family's own, by hand: what a head is told, what it denoises, which answers are fused or joined."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from causeway.errors import UsageError
from causeway.model.attention import Prefix, Stretch
from causeway.model.cvae import DIVERGENCE_WEIGHT, STYLE, Cvae, cvae_loss, divergence
from causeway.model.diffusion import STEPS, denoise, diffusion_loss, noised, signal
from causeway.model.dit import DiffusionTransformer
from causeway.model.ensemble import Ensemble, Memory, agreed
from causeway.model.expert import Guidance
from causeway.model.hybrid import CONFIDENT, fused
from causeway.model.observation import example_observation
from causeway.model.prediction import Prediction
from causeway.model.readers import Cognition, Condition, Film, Pooled, Resampler
from causeway.model.regression import Lstm, Mlp, absolute_loss, answer, squared_loss
from causeway.model.scales import SCALES

TINY = SCALES["tiny"]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def read(rows=2, columns=6, words=(3, 4), padding=1, seed=0) -> Prefix:
    """A prefix whose first column is padding, and whose columns 3 and 4 are words."""
    kept = torch.ones(rows, columns, dtype=torch.bool)
    kept[:, :padding] = False
    said = torch.zeros(rows, columns, dtype=torch.bool)
    said[:, list(words)] = True
    hidden = torch.randn(rows, columns, TINY.text.hidden, generator=seeded(seed))
    return Prefix((Stretch((), (), kept, hidden, said),), torch.zeros(rows))


def with_column(prefix: Prefix, column: int) -> Prefix:
    """The same with another hidden state in one column."""
    (stretch,) = prefix.stretches
    hidden = stretch.hidden.clone()
    hidden[:, column] = torch.randn(hidden.shape[-1], generator=seeded(9))
    return replace(prefix, stretches=(replace(stretch, hidden=hidden),))


def made(kind, seed=0):
    torch.manual_seed(seed)
    return kind(TINY)


def same(one: Condition, two: Condition) -> list[bool]:
    pairs = ((one.vector, two.vector), (one.tokens, two.tokens), (one.words, two.words))
    return [torch.equal(a, b) for a, b in pairs if a is not None]


# column 0 padding, 1 and 2 seen, 3 and 4 words, 5 the start of the trajectory
@pytest.mark.parametrize(
    ("kind", "column", "expected"),
    [
        (Pooled, 0, [True]),
        (Pooled, 5, [False]),
        (Cognition, 0, [True]),
        (Cognition, 2, [True]),
        (Cognition, 5, [False]),
        (Resampler, 0, [True, True]),
        (Resampler, 4, [False, False]),
        (Film, 0, [True, True]),
        (Film, 2, [False, True]),
        (Film, 4, [True, False]),
        (Film, 5, [True, True]),
    ],
)
def test_what_a_head_is_told_changes_with_its_columns_alone(kind, column, expected):
    reader, prefix = made(kind), read()
    assert same(reader(prefix), reader(with_column(prefix, column))) == expected


def test_nothing_said_is_nothing_told_by_film():
    silent = made(Film)(read(words=()))
    assert torch.equal(silent.words, torch.zeros_like(silent.words))


def test_the_last_column_that_was_read_is_the_cognition_token():
    prefix = read()
    (stretch,) = prefix.stretches
    later = torch.zeros(2, 1, dtype=torch.bool)  # a row that had ended while the other went on
    own = Stretch((), (), later, torch.ones(2, 1, TINY.text.hidden), later)
    reader = made(Cognition)
    assert torch.equal(reader(prefix).tokens, reader(replace(prefix, stretches=(stretch, own))).tokens)


def test_the_words_move_a_diffusion_head_by_film():
    head = DiffusionTransformer(TINY, made(Film))
    noisy, time = torch.randn(2, 64, 2, generator=seeded(1)), torch.full((2,), 0.5)
    prefix = read()
    other = with_column(prefix, 4)
    with torch.no_grad():
        untold = [head(noisy, time, head.condition(p)) for p in (prefix, other)]
        for block in head.blocks:
            for layer in (block.known[1], block.film):
                layer.weight.normal_(std=0.1, generator=seeded(2))
        told = [head(noisy, time, head.condition(p)) for p in (prefix, other)]
        silent = [head(noisy, time, replace(head.condition(p), words=None)) for p in (prefix, other)]
    assert torch.equal(*untold)  # FiLM begins at nothing
    assert float((told[0] - told[1]).abs().max()) > 1e-3
    assert torch.equal(*silent)  # and is the words' only way in


class Knowing(torch.nn.Module):
    """Finds exactly the noise, for it knows the controls."""

    def __init__(self, target):
        super().__init__()
        self.target = target

    def forward(self, noisy, time, condition):
        step = ((1.0 - time) * STEPS - 1.0).round().long()
        power = noisy.new_tensor(signal())[step][:, None, None]
        return (noisy - power.sqrt() * self.target) / (1.0 - power).sqrt()


def test_diffusion_by_hand():
    powers = signal()
    assert len(powers) == STEPS
    assert all(a > b > 0 for a, b in pairwise(powers))
    assert powers[0] > 0.999
    assert powers[-1] < 1e-3
    target = torch.linspace(-3, 3, 2 * 64 * 2).reshape(2, 64, 2)
    noise = torch.randn(target.shape, generator=seeded())
    assert float(diffusion_loss(Knowing(target), target, Condition(), seeded())) < 1e-6
    for steps in (1, 2, 10):
        torch.testing.assert_close(denoise(Knowing(target), noise, Condition(), steps), target, atol=1e-3, rtol=1e-3)
    step = torch.tensor([0, 99])
    expected = math.sqrt(powers[0]) * target[0] + math.sqrt(1 - powers[0]) * noise[0]
    torch.testing.assert_close(noised(target, noise, step)[0], expected)


def test_guided_diffusion_goes_on_from_the_unguided():
    one, two = torch.ones(1, 64, 2), torch.zeros(1, 64, 2)

    class Either(torch.nn.Module):
        def forward(self, noisy, time, condition):
            return Knowing(one if condition.vector is not None else two)(noisy, time, condition)

    noise = torch.randn(1, 64, 2, generator=seeded())
    found = denoise(Either(), noise, Condition(vector=torch.ones(1, 1)), 10, Guidance(Condition(), 3.0))
    assert torch.allclose(found, 3.0 * one, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("kind", "loss"), [(Lstm, squared_loss), (Mlp, absolute_loss)])
def test_a_head_that_regresses_draws_nothing(kind, loss):
    torch.manual_seed(0)
    head = kind(TINY, Resampler(TINY))
    condition = head.condition(read())
    noises = [torch.randn(2, 64, 2, generator=seeded(n)) for n in range(2)]
    one, two = (answer(head, noise, condition, 10) for noise in noises)
    assert torch.equal(one, two)
    assert float(loss(head, one, condition, None).detach()) == pytest.approx(0.0, abs=1e-6)
    expected = 4.0 if kind is Lstm else 2.0
    assert float(loss(head, one + 2.0, condition, None).detach()) == pytest.approx(expected, rel=1e-4)


def test_a_style_says_which_way_and_none_is_the_mean_of_all():
    zero = torch.zeros(2, STYLE)
    assert float(divergence(zero, zero)) == 0.0
    assert float(divergence(zero + 1.0, zero)) == pytest.approx(STYLE / 2)
    torch.manual_seed(0)
    head = Cvae(TINY, Resampler(TINY)).eval()
    condition, noise = head.condition(read()), torch.randn(2, 64, 2, generator=seeded())
    with torch.no_grad():
        asked = answer(head, noise, condition, 10)
        of_mean, of_other = (head(noise, noise[:, 0, 0], condition, style) for style in (zero, zero + 1.0))
    assert torch.equal(asked, of_mean)
    assert float((asked - of_other).abs().max()) > 1e-3
    found = cvae_loss(head, noise, condition, seeded(1))
    assert float(found.detach()) > DIVERGENCE_WEIGHT * float(divergence(*head.style_of(noise)).detach()) > 0.0


def test_tokens_count_where_they_are_sure():
    denoised, told = torch.zeros(3, 64, 2), torch.ones(3, 64, 2)
    both = fused(denoised, told, torch.tensor([0.97, CONFIDENT, 0.5]))
    assert both[:, 0, 0].tolist() == [0.5, 0.0, 0.0]


def test_agreed_answers_by_hand():
    now = np.tile([1.0, 0.0], (64, 1))
    like, unlike = now * 3.0, -now
    assert np.allclose(agreed(now, [], 0.1), now)
    assert np.allclose(agreed(now, [(1, like)], 5.0)[:63], np.tile([2.0, 0.0], (63, 1)))
    weight = math.exp(-2.0)  # of an answer to the contrary beside one that agrees, alpha 1
    joined = agreed(now, [(4, unlike)], 1.0)
    assert np.allclose(joined[:60, 0], (1.0 - weight) / (1.0 + weight))
    assert np.allclose(joined[60:, 0], 1.0)  # the older chunk does not reach so far
    assert np.allclose(agreed(now, [(1, unlike)], 0.0)[:63, 0], 0.0, atol=1e-12)
    assert np.allclose(agreed(now, [(64, unlike), (-3, unlike), (0, unlike)], 1.0), now)


def test_an_older_answer_is_shifted_to_its_own_time():
    ramp = np.stack([np.arange(64.0), np.ones(64)], axis=-1)
    later = np.stack([np.arange(64.0) + 5, np.ones(64)], axis=-1)
    assert np.allclose(agreed(later, [(5, ramp)], 0.3), later)


class Answers:
    """A policy that answers one acceleration after the other."""

    class statistics:  # noqa: N801  # as a policy's property
        std = (1.0, 1.0)

    def __init__(self, *accelerations):
        self.left = list(accelerations)

    def predict(self, samples, n=1, seed=0):
        controls = np.zeros((1, n, 64, 2), np.float32)
        controls[..., 0] = self.left.pop(0)
        return Prediction([[""]], [[("none", "none")]], np.zeros((1, n, 64, 3), np.float32), controls, {})


def test_a_second_answer_to_one_moment_takes_the_place_of_the_first():
    memory, level = Memory((1.0, 1.0), alpha=0.0), np.ones((64, 2)) * [1.0, 0.0]
    memory.joined(level, 0, 8.0)
    twice = [memory.joined(scale * level, 100_000, 8.0)[0][0, 0] for scale in (5.0, 3.0)]
    assert twice == [3.0, 2.0]  # the first of the two is not a part of the second
    assert memory.joined(7.0 * level, 0, 8.0)[0][0, 0] == 7.0  # and another drive begins anew


def test_an_ensemble_joins_what_was_answered_before_and_forgets():
    seen = example_observation()
    ensemble = Ensemble(Answers(1.0, 3.0, -1.0, 2.0), alpha=0.0, horizon=2)
    at = [replace(seen, t0_us=seen.t0_us + n * 100_000, frame_t_us=seen.frame_t_us) for n in range(3)]
    first, second, third = (ensemble.predict([one]).controls[0, 0, 0, 0] for one in at)
    assert (first, second, third) == (1.0, 2.0, 1.0)  # the mean of two at most
    fresh = ensemble.predict([replace(seen, t0_us=seen.t0_us - 60_000_000)])  # another drive
    assert fresh.controls[0, 0, 0, 0] == 2.0
    assert fresh.trajectory_rig[0, 0, -1, 0] > 8.0 * 6.4
    with pytest.raises(UsageError, match="one vehicle"):
        ensemble.predict([seen, seen])
