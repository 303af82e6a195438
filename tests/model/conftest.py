"""What the model's tests share."""

import os

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def policy():
    """A tiny policy, seed 0. Tests that change weights make their own."""
    import torch

    from causeway.model.policy import Policy

    torch.set_num_threads(1)
    return Policy.from_scale("tiny", seed=0).eval()
