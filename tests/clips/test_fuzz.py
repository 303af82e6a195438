"""Thousands of damaged drives of every layout: each is read, put in quarantine or refused in one line; nothing else.

What is done to them is in `mutations`, what is asked of the outcome in `fuzzing` and `whole_tables`. A layout's mutants
run in a process of their own: Arrow and FFmpeg could end it, and a hang is ended by it.
"""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from causeway.clips.readers.layouts import LAYOUTS
from tests.clips.fuzzed_drives import FUZZED
from tests.clips.fuzzing import STEP_EVERY

MUTANTS = 2004
QUICK = 24
LONGEST_S = 1800.0
ROOT = Path(__file__).resolve().parents[2]


def test_no_layout_is_forgotten():
    assert set(FUZZED) == set(LAYOUTS)
    assert MUTANTS // STEP_EVERY >= 150


def outcomes_of(layout: str, mutants: range, folder: Path) -> Counter[str]:
    """Runs mutants; a failure names the first one and how to make it again."""
    command = [sys.executable, "-m", "tests.clips.fuzzing", layout]
    child = subprocess.run(
        [*command, str(mutants.start), str(mutants.stop), str(folder / layout)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    found = re.search(r"^OUTCOMES (.*)$", child.stdout, re.MULTILINE)
    if child.returncode == 0 and found:
        return Counter(ast.literal_eval(found[1]))
    failed = re.search(r"^FAILED .*", child.stdout, re.MULTILINE | re.DOTALL)
    ended = f"{child.stdout[-500:]}\nit ended with {child.returncode}\n{child.stderr[-3000:]}"
    told = failed[0][:4000] if failed else ended
    number = next(iter(re.findall(rf"^FAILED {layout} (\d+)", told, re.MULTILINE)), None)
    number = number or next(iter(re.findall(r"^(\d+) ", child.stdout, re.MULTILINE)[::-1]), "0")
    again = f"python -m tests.clips.fuzzing {layout} {number} {int(number) + 1} FOLDER"
    pytest.fail(f"mutant {number} of {layout}; to make it again: {again}\n{told}", pytrace=False)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_some_damaged_drives(layout: str, tmp_path: Path):
    outcomes = outcomes_of(layout, range(QUICK), tmp_path)
    assert outcomes.total() == QUICK
    assert outcomes["read"] < QUICK


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_thousand_damaged_drives(layout: str, tmp_path: Path):
    outcomes = outcomes_of(layout, range(MUTANTS), tmp_path)
    print(f"{layout}: {dict(outcomes)}")
    assert outcomes.total() == MUTANTS
    # a mutant that changed nothing that matters is read as before, most are not: both must have happened often
    assert outcomes["read"] > MUTANTS / 20
    assert outcomes["quarantined"] + outcomes["refused"] > MUTANTS / 5
