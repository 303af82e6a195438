"""Light states out of own tables."""

from tests.clips.own_tables import opened, whole


def lights(root, hold_s):
    table = {"t": [0, 1000, 2000], "light": ["A", "A", "B"], "colour": ["G", "R", "G"]}
    (root / "lights.csv").write_text(
        "\n".join(",".join(map(str, row)) for row in zip(*([k, *v] for k, v in table.items()), strict=True))
    )
    spec = {"file": "lights.csv", "columns": {"t": "t", "signal_id": "light", "state": "colour"}, "units": {"t": "ms"}}
    return spec | {"states": {"G": "green", "R": "red"}, "lanes": {"A": ["1", "2"]}, "hold_s": hold_s}


def test_light_states_as_they_are(rig):
    root, mapping = rig
    drive = opened(root, mapping | {"signals": lights(root, 0)})
    assert whole(drive.signals).to_pylist() == [
        {"t_us": 0, "signal_id": "A", "state": "green", "lane_ids": ["1", "2"]},
        {"t_us": 1_000_000, "signal_id": "A", "state": "red", "lane_ids": ["1", "2"]},
        {"t_us": 2_000_000, "signal_id": "B", "state": "green", "lane_ids": []},
    ]


def test_a_change_holds_until_the_next_one_but_not_for_ever(rig):
    root, mapping = rig
    rows = whole(opened(root, mapping | {"signals": lights(root, 1.5)}).signals).to_pylist()
    a = [(row["t_us"] // 100_000, row["state"]) for row in rows if row["signal_id"] == "A"]
    assert a == [(i, "green") for i in range(10)] + [(i, "red") for i in range(10, 25)]
    assert sum(row["signal_id"] == "B" for row in rows) == 11  # up to the last pose, at 3.0 s
