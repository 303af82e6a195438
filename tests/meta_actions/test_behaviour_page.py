"""The page about behaviour says what the code does: names and thresholds."""

import re
from dataclasses import asdict
from pathlib import Path

from causeway.meta_actions import DetectorConfig
from causeway.meta_actions.names import CHANNELS

PAGE = (Path(__file__).parents[2] / "docs" / "behaviour.md").read_text()


def test_thresholds_are_those_of_the_dataclass():
    section = PAGE.split("## Thresholds")[1].split("\n## ")[0]
    told = dict(re.findall(r"\| `(\w+)` \| ([^|]+?) (?=\|)", section))
    values = {
        n: ", ".join(map(str, v)) if isinstance(v, tuple) else str(v) for n, v in asdict(DetectorConfig()).items()
    }
    assert told == values


def test_every_name_is_told():
    both_sides = {f"{stem}_{side}" for stem in re.findall(r"`(\w+)_left/right`", PAGE) for side in ("left", "right")}
    told = set(re.findall(r"`(\w+)`", PAGE)) | both_sides
    for names in CHANNELS.values():
        assert set(names) <= told
