import re
from dataclasses import replace

import pytest

from causeway.errors import Refused
from causeway.simulation import constant_velocity_trajectory, examples
from causeway.simulation.truth.truth import truth_of
from tests.simulation.driving import driven, expert_drive

LEGS = ("yield_to_vru",)


def test_a_collision_is_no_example():
    world = next(
        w for s in range(20) if (w := driven("yield_to_vru", s, constant_velocity_trajectory)).now.events.collision
    )
    fault = examples.no_example(world, truth_of(expert_drive("yield_to_vru", 3)), LEGS)
    assert re.fullmatch(r"the expert touched \w+ at \d+\.\d s", fault)


def test_a_drive_that_does_not_show_what_it_is_for_is_no_example():
    world = expert_drive("yield_to_vru", 3)
    moments = truth_of(world)
    assert examples.no_example(world, moments, LEGS) is None
    blind = [replace(m, record=replace(m.record, components=())) for m in moments]
    assert examples.no_example(world, blind, LEGS) == "no moment of yield_to_vru with its cause in view"


def test_another_seed_stands_in_and_is_named(monkeypatch):
    judged = examples.no_example
    refusing = lambda world, *more: "dull" if world.scene.seed == 3 else judged(world, *more)  # noqa: E731
    monkeypatch.setattr(examples, "no_example", refusing)
    world, moments, left_out = examples.driven_example("yield_to_vru", 3, (64, 96))
    assert world.scene.seed == 3 + examples.SPARE_SEEDS
    assert moments == truth_of(world)
    assert left_out == ["yield_to_vru 3: dull"]


def test_a_scenario_that_gives_no_example_at_all_is_refused(monkeypatch):
    monkeypatch.setattr(examples, "no_example", lambda *_: "dull")
    with pytest.raises(Refused, match="yield_to_vru 3000003: dull, and so with 3 other seeds"):
        examples.driven_example("yield_to_vru", 3, (64, 96))
