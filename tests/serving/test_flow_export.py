"""The exported field says what the policy's own says, for other rows and columns than it was traced with."""

import sys

import pytest
import torch

from causeway.errors import UsageError
from causeway.model import Policy, decoding, example_observation
from causeway.model.expert import integrate
from causeway.model.sequence import plain_tail
from causeway.serving.flow_export import export_flow, main, tensors_of


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.from_scale("tiny", seed=1).eval()


@pytest.fixture(scope="module")
def program(policy, tmp_path_factory):
    file = tmp_path_factory.mktemp("flow") / "flow.pt2"
    torch.export.save(export_flow(policy), file)
    return torch.export.load(file).module()


@pytest.mark.parametrize(("samples", "seen"), [(1, 1), (3, 2)])
def test_the_exported_field_drives_the_same_controls(policy, program, samples, seen):
    observations = [example_observation(seed) for seed in range(seen)]
    with torch.no_grad():
        batch = policy.batch_of(observations, [plain_tail(policy.vocabulary)] * seen)
        prefix = decoding.repeat(decoding.prefill(policy, batch, policy.text_inputs(batch)), samples).prefix()
        noise = torch.randn(seen * samples, 64, 2, generator=torch.Generator().manual_seed(5))
        wanted, controls, given = integrate(policy.expert, noise, prefix, 4), noise, tensors_of(prefix)
        for step in range(4):
            controls = controls + program(controls, torch.full((len(noise),), step / 4), *given) / 4
    assert torch.allclose(controls, wanted, atol=1e-5)
    assert not torch.allclose(controls, noise, atol=1e-2)


def test_columns_that_are_padding_change_nothing(policy, program):
    generator = torch.Generator().manual_seed(3)
    text = policy.config.scale.text
    keys, values = (
        torch.randn(text.layers, 1, text.key_value_heads, 5, text.head_dim, generator=generator) for _ in range(2)
    )
    controls, time, at = torch.randn(1, 64, 2, generator=generator), torch.tensor([0.3]), torch.tensor([4])
    seen = torch.tensor([[True, True, True, True, False]])
    with torch.no_grad():
        padded = program(controls, time, keys, values, seen, at)
        without = program(controls, time, keys[..., :4, :], values[..., :4, :], seen[:, :4], at)
        whole = program(controls, time, keys, values, torch.ones_like(seen), at)
    assert torch.allclose(padded, without, atol=1e-5)
    assert not torch.allclose(padded, whole, atol=1e-3)


def test_a_file_whose_folder_is_not_there_is_refused_before_anything_is_read(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["flow_export", "no-policy", str(tmp_path / "nowhere" / "flow.pt2")])
    assert main() == UsageError.exit_code
    assert capsys.readouterr().err.endswith("flow.pt2: its folder is not there; make it first\n")
