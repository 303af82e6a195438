"""The table of families: one budget for all, and a cell that says how sure it is."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # its programs import each other by name

from results_families import STEPS, _cell, show, steps_of

from causeway.training.recipes import RECIPES


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_every_recipe_has_the_same_budget(recipe):
    steps = steps_of(recipe)
    assert abs(sum(steps.values()) - STEPS) <= len(steps) / 2
    assert min(steps.values()) > 0
    assert "rl" not in steps


def test_a_cell_is_a_mean_over_seeds_with_an_interval_over_clips(tmp_path, capsys):
    columns = ([1.0, 3.0, 5.0], [3.0, 5.0, 7.0])
    seeds = [{"clips": ["a", "b", "c"], "values": {"ade": column}} for column in columns]
    mean, rest = _cell(seeds, "ade").split(" ", 1)
    low, high = (float(word) for word in rest.strip("()").split(";")[0].split(" … "))
    assert mean == "4.00"
    assert 2.0 <= low < 4.0 < high <= 6.0
    assert rest.endswith("; seeds 3.00 … 5.00)")
    assert _cell(seeds, "consistency") == "–"
    costs = {"answer_ms": 10, "parameters": 7, "trained": 3, "training_mb": 2, "trained_s": 1}
    (tmp_path / "seed-0/families/pi0").mkdir(parents=True)
    (tmp_path / "seed-0/families/pi0/measured.json").write_text(json.dumps(seeds[0] | {"costs": costs}))
    show(tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert [line.count("|") for line in lines] == [lines[0].count("|")] * 3
    assert lines[2].startswith("| pi0 | 1 | 3.00 (")
