"""A policy that cannot read what it would be asked about is refused before a question, by what its data lack."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from causeway.errors import UnusableInput
from causeway.evaluation.beside import check_samples
from causeway.evaluation.suites import SUITES, Data, SuiteConfig
from causeway.training.sample_store import StoredSamples, chosen_index
from tests.training.examples import equipped_samples, store_samples

ON_SAMPLES = ("open-loop", "reasoning", "faithfulness", "latency")
KNOWN = r"this policy has a head for \(north, east\); name one of these"


class Unasked:
    """A policy that fails the test when it is asked."""

    def __init__(self, rigs=(), point_blocks=()):
        self.config = SimpleNamespace(rigs=rigs, point_blocks=point_blocks)

    def predict(self, *_, **__):
        pytest.fail("it was asked")


@pytest.mark.parametrize("suite", ON_SAMPLES)
def test_samples_of_a_rig_without_a_head_are_refused_with_those_that_are_known(suite, tmp_path):
    samples = store_samples(tmp_path / "samples", equipped_samples(4))  # two of the rig north, two of south
    with pytest.raises(UnusableInput, match=f"^sample sample-002: rig 'south' is not one that {KNOWN}$"):
        SUITES[suite](Unasked(rigs=("north", "east")), Data(samples), SuiteConfig(split="train"))


@pytest.mark.parametrize("suite", ON_SAMPLES)
def test_samples_without_points_are_refused_where_the_head_takes_them(suite, tmp_path):
    first, second = equipped_samples(2)
    bare = replace(second, observation=replace(second.observation, points=None))
    samples = store_samples(tmp_path / "samples", [first, bare])
    with pytest.raises(UnusableInput, match=r"^1 of 2 samples, as sample-001: no 3D points, and .* --set points=1024$"):
        SUITES[suite](Unasked(point_blocks=(3,)), Data(samples), SuiteConfig(split="train"))


def test_what_a_policy_can_read_or_does_not_look_at_is_no_matter(tmp_path):
    samples = store_samples(tmp_path / "samples", equipped_samples(4))
    chosen = StoredSamples(samples, chosen_index(samples, "train"))
    for policy in (Unasked(("south", "north"), (1,)), Unasked(), object()):
        check_samples(policy, chosen)


def test_without_samples_nothing_says_whose_rig_it_is_and_there_are_no_points():
    with pytest.raises(UnusableInput, match=f"^noise pictures: it names no rig, and {KNOWN}$"):
        SUITES["latency"](Unasked(rigs=("north", "east")), Data(None), SuiteConfig())
    with pytest.raises(UnusableInput, match=r"^noise pictures: no 3D points"):
        SUITES["latency"](Unasked(point_blocks=(0,)), Data(None), SuiteConfig())
    with pytest.raises(UnusableInput, match=r"^the built-in world: no 3D points"):
        SUITES["closed-loop"](Unasked(point_blocks=(0,)), Data(None), SuiteConfig(scenes=1))
