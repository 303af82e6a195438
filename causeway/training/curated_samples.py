"""Curation as the reinforcement stage does it: roll each moment out once, then keep those worth learning from.

Knows how a policy's probabilities and the rewards of one roll are laid side by side. Does not know how moments are
chosen by them (`curation`). Everything follows from the config's seed, so that a run that was killed chooses the same.
"""

from collections.abc import Sequence

import numpy as np
import torch

from causeway.model.observation import Sample
from causeway.model.policy import Policy
from causeway.training.config import RlConfig
from causeway.training.curation import Curated, curate, disagreement
from causeway.training.mixes import mix_named
from causeway.training.rolling import driven_by_tokens, walk_of, words_earn
from causeway.training.schedule import step_seed
from causeway.training.scoring import ACTION, TEXT, Pay, earned_of

FILE_NAME = "curation.json"
BATCH = 4


def curated(policy: Policy, config: RlConfig, samples: Sequence[Sample]) -> Curated:
    """`config.curate` of the samples: those where the policy's ranking of a group and the rewards' differ most, and as
    many random ones.
    """
    pay, found, ids = Pay(mix_named(config.mix, config.weights), config.judge), [], []
    for start in range(0, len(samples), BATCH):
        batch = [samples[i] for i in range(start, min(start + BATCH, len(samples)))]
        generator = torch.Generator().manual_seed(step_seed(config.seed, start, 1))
        ids += [sample.sample_id for sample in batch]
        found.append(_disagreement(policy, config, pay, batch, generator))
    return curate(ids, np.concatenate(found), config.curate, seed=config.seed)


def _disagreement(
    policy: Policy, config: RlConfig, pay: Pay, batch: Sequence[Sample], generator: torch.Generator
) -> np.ndarray:
    """Of words, paid as in training, and of action tokens where they learn.

    The expert's paths count by what words earn with them: how likely the policy finds such a path is not known.
    """
    walk = walk_of(config, pay)
    rolled = policy.sample_sequences(batch, config.group_size, config.temperature, generator, walk, config.tokens)
    words = words_earn(batch, rolled, pay)
    rewards = np.where(words.sound, words.total(pay.mix, TEXT), np.nan)
    if config.tokens:
        paths = earned_of(driven_by_tokens(batch, rolled), pay, ACTION)
        rewards = np.where(paths.sound, rewards + paths.total(pay.mix, ACTION), np.nan)
    logprobs = rolled.reasoning_logprobs.sum(axis=1) + rolled.action_logprobs.sum(axis=1)
    shape = (len(batch), config.group_size)
    return disagreement(logprobs.astype(np.float64).reshape(shape), rewards.reshape(shape))
