"""What a mapping file must say, and what a wrong one is told."""

import pytest

from causeway.clips.readers.tables import reader as tables
from causeway.errors import UnusableInput
from tests.clips.own_tables import put
from tests.clips.test_tables_camera import CAMERA
from tests.clips.test_tables_conventions import BASE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drives": [{"id": "a"}, {"id": "a"}]}, "drive a is there twice"),
        ({"drives": [{}]}, "drives.0: give either `id` or `glob`"),
        ({"drives": [{"glob": "x/*.parquet"}]}, "drives.0: a glob needs {drive}"),
        ({"drives": [{"id": "../x"}]}, "drives.0.id: String should match"),
        (
            {"ego": {"file": "e", "columns": {"t": "t", "x": "x", "y": "y", "yaw": "w", "jaw": "q"}}},
            "ego.columns: 'jaw' is no column",
        ),
        ({"ego": {"file": "e", "columns": {"t": "t", "x": ["x"], "y": "y", "yaw": "w"}}}, "ego.columns.x: "),
        (
            {"ego": {"file": "e", "columns": {"t": "t", "x": "x", "y": "y", "yaw": "w"}, "units": {"t": "minutes"}}},
            "ego.units.t: Input should be 's'",
        ),
        ({"map": {"file": "m.json"}}, "map: name at least one type"),
        (
            {"map": {"file": "m", "elements": [{"type": "A", "kind": "wall"}]}},
            "map.elements.0.kind: 'wall' is no kind of road element",
        ),
        (
            {"signals": {"file": "s", "columns": {"t": "t", "signal_id": "i", "state": "s"}, "states": {}}},
            "signals: map the column lane_ids",
        ),
        (
            {"cameras": [CAMERA | {"video": "v.mp4", "times": {}}]},
            "cameras.0.times: give one of every_s, fps, file, names; there is none",
        ),
        ({"cameras": [CAMERA | {"times": {"fps": 1}}]}, "cameras.0: give either `pictures` or `video`"),
        ({"vehicle": BASE["vehicle"] | {"length_m": float("nan")}}, "vehicle.length_m: "),
        ({"vehicle": BASE["vehicle"] | {"length_m": -1}}, "vehicle.length_m: Input should be greater than 0"),
    ],
)
def test_a_wrong_mapping_names_the_key(rig, change, message):
    root, mapping = rig
    with pytest.raises(UnusableInput) as caught:
        tables.recordings(put(root, mapping | change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_example_on_the_page_is_a_mapping(tmp_path):
    from pathlib import Path

    from causeway.clips.readers.tables.mapping import read_mapping

    page = (Path(__file__).resolve().parents[2] / "docs" / "own-drives.md").read_text()
    (tmp_path / "rig.yaml").write_text(page.split("```yaml\n")[1].split("```")[0])
    mapping = read_mapping(tmp_path / "rig.yaml")
    assert mapping.agents is not None
    assert mapping.signals is not None
    assert mapping.map is not None
    assert (mapping.agents.frame, mapping.signals.hold_s, len(mapping.cameras), mapping.world) == (
        "rig",
        60,
        1,
        "utm-32n",
    )
