import numpy as np
import pytest
import torch

from causeway.errors import UnusableInput
from causeway.model.action_tokens import bins_of
from tests.model.model_samples import TRACES, make_sample


def test_a_log_likelihood_is_the_sum_over_the_recorded_tokens(policy):
    samples = [make_sample(0), make_sample(1)]
    found = policy.action_logprobs(samples, [samples[0].reasoning, samples[1].reasoning])
    with torch.no_grad():
        batch = policy.collate(samples)
        output = policy.forward_tokens(batch)
        logits = policy.action_logits(output.action_hidden)
    bins = bins_of(batch.action_tokens)
    entropy = torch.nn.functional.cross_entropy(logits.transpose(1, 2), bins, reduction="none").sum(dim=1)
    assert found == pytest.approx(-entropy.numpy(), rel=1e-5)
    assert found.shape == (2,)
    assert (found < 0).all()


def test_words_and_the_hidden_prefix_matter_and_a_batch_does_not(policy):
    samples = [make_sample(0), make_sample(3)]
    together = policy.action_logprobs(samples, [TRACES[0], ""])
    apart = [policy.action_logprobs([s], [w])[0] for s, w in zip(samples, [TRACES[0], ""], strict=True)]
    assert together == pytest.approx(apart, abs=1e-2)
    assert abs(policy.action_logprobs(samples[:1], [TRACES[1]])[0] - together[0]) > 1e-4
    hidden = policy.action_logprobs(samples, [TRACES[0], ""], hidden_prefix=True)
    assert (np.abs(hidden - together) > 1e-4).all()


def test_a_sample_that_cannot_be_used_is_refused(policy):
    broken = make_sample(0)
    broken.controls[3, 0] = np.nan
    with pytest.raises(UnusableInput, match="NaN"):
        policy.action_logprobs([broken], [""])
