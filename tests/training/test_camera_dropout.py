import torch

from causeway.training.camera_dropout import with_failing_cameras
from tests.model.model_samples import make_sample


def test_cameras_fail_at_the_rate_and_one_stays():
    samples = [make_sample(i) for i in range(3)] * 100
    seen = with_failing_cameras(samples, 0.3, torch.Generator().manual_seed(0))
    left = [len(sample.observation.cameras) for sample in seen]
    assert set(left) == {1, 2}
    assert abs(left.count(1) / 300 - (1 - 0.7**2)) < 0.07  # one of the two fails
    assert all(sample.observation.images.shape[0] == count for sample, count in zip(seen, left, strict=True))
    again = with_failing_cameras(samples, 0.3, torch.Generator().manual_seed(0))
    assert [s.observation.cameras for s in again] == [s.observation.cameras for s in seen]


def test_at_rate_zero_nothing_is_drawn():
    generator = torch.Generator().manual_seed(0)
    samples = [make_sample(0)]
    assert with_failing_cameras(samples, 0.0, generator) == samples
    assert torch.equal(torch.rand(1, generator=generator), torch.rand(1, generator=torch.Generator().manual_seed(0)))
