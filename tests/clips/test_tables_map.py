"""Maps of own rigs in each form."""

import json

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.clips.own_tables import opened

OBJECTS = [
    {"id": "a", "type": "LANE", "polyline": [[10, 0], [10, 20]], "successors": ["b"]},
    {
        "id": "b",
        "type": "LANE",
        "polyline": [[10, 20], [10, 40]],
        "left": [[8, 20], [8, 40]],
        "right": [[12, 20], [12, 40]],
    },
    {"id": "s", "type": "STOP", "polyline": [[8, 20], [12, 20]], "lane_ids": ["a"]},
    {"id": "z", "type": "ZEBRA", "polygon": [[8, 22], [12, 22], [12, 25], [8, 25]]},
    {"id": "k", "type": "KERB", "polyline": [[0, 0], [1, 1]]},
]
RULES = {
    "lanes": [{"type": "LANE"}],
    "elements": [{"type": "STOP", "kind": "stop_line"}, {"type": "ZEBRA", "kind": "crosswalk"}],
}


def _json_list(root):
    (root / "map.json").write_text(json.dumps(OBJECTS))
    return {"file": "map.json"}


def _json_by_id(root):
    (root / "map.json").write_text(json.dumps({o["id"]: o for o in OBJECTS}))
    return {"file": "map.json"}


def _geojson(root):
    features = []
    for item in OBJECTS:
        closed = "polygon" in item
        geometry = {
            "type": "Polygon" if closed else "LineString",
            "coordinates": [item["polygon"]] if closed else item["polyline"],
        }
        properties = {k: v for k, v in item.items() if k not in ("polyline", "polygon", "id")}
        features.append({"type": "Feature", "id": item["id"], "properties": properties, "geometry": geometry})
    (root / "map.json").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return {"file": "map.json"}


def _parquet(root):
    names = ["id", "type", "polyline", "polygon", "left", "right", "successors", "lane_ids"]
    pq.write_table(pa.Table.from_pylist([{n: o.get(n) for n in names} for o in OBJECTS]), root / "map.parquet")
    return {"file": "map.parquet"}


def _vertices(root):
    rows = [
        {
            "id": o["id"],
            "type": o["type"],
            "x": x,
            "y": y,
            "part": part,
            "successors": " ".join(o.get("successors", [])),
            "lane_ids": " ".join(o.get("lane_ids", [])),
        }
        for o in OBJECTS
        for part in ("polyline", "polygon", "left", "right")
        for x, y in o.get(part, [])
    ]
    pa.csv.write_csv(pa.Table.from_pylist(rows), root / "map.csv")
    return {"file": "map.csv", "vertices": {"part": "part"}}


@pytest.mark.parametrize("write", [_json_list, _json_by_id, _geojson, _parquet, _vertices])
def test_a_map_in_each_form(rig, write):
    root, mapping = rig
    drive = opened(root, mapping | {"map": {**write(root), **RULES}})
    lanes = {lane["lane_id"]: lane for lane in drive.lanes}
    assert sorted(lanes) == ["a", "b"]
    assert lanes["a"]["centre"] == [[10, 0], [10, 20]]
    assert (lanes["a"]["successors"], lanes["b"]["left"], lanes["a"]["left"]) == (["b"], [[8, 20], [8, 40]], [])
    stop, zebra = sorted(drive.road_elements, key=lambda e: e["element_id"])
    assert (stop["kind"], stop["shape"], stop["lane_ids"]) == ("stop_line", [[8, 20], [12, 20]], ["a"])
    assert (zebra["kind"], zebra["shape"][:3], zebra["lane_ids"]) == ("crosswalk", [[8, 22], [12, 22], [12, 25]], [])


def test_objects_that_are_none_or_have_no_name_or_another_s_are_counted(rig):
    root, mapping = rig
    lane = {"type": "LANE", "polyline": [[0, 0], [1, 0]]}
    stop = {"id": "a", "type": "STOP", "polyline": [[0, 0], [1, 0]]}
    (root / "map.json").write_text(
        json.dumps([{"id": "a", **lane}, {"id": "a", **lane}, {"id": None, **lane}, 7, stop])
    )
    drive = opened(root, mapping | {"map": {"file": "map.json", **RULES}})
    assert ([row["lane_id"] for row in drive.lanes], [row["element_id"] for row in drive.road_elements]) == (
        ["a"],
        ["a"],
    )
    ((_, _, detail),) = drive.quarantined
    assert detail == "3 objects have no usable shape or id; the first is a: another object has the same id"


@pytest.mark.parametrize("part", ["id", "type", "kerb"])
def test_vertices_of_parts_that_are_not_read_are_left(rig, part):
    root, mapping = rig
    rows = [("polyline", 0), ("polyline", 9), (part, 5)]
    (root / "map.csv").write_text("id,type,part,x,y\n" + "".join(f"a,LANE,{name},{x},0\n" for name, x in rows))
    drive = opened(root, mapping | {"map": {"file": "map.csv", "vertices": {"part": "part"}, **RULES}})
    assert [lane["centre"] for lane in drive.lanes] == [[[0, 0], [9, 0]]]


@pytest.mark.parametrize(
    "feature", [7, {"geometry": [1]}, {"properties": 3}, {"geometry": {"type": "Polygon", "coordinates": {}}}]
)
def test_features_that_are_none_are_counted_or_of_no_type(rig, feature):
    root, mapping = rig
    good = {
        "id": "a",
        "properties": {"type": "LANE"},
        "geometry": {"type": "LineString", "coordinates": [[0, 0], [1, 0]]},
    }
    (root / "map.json").write_text(json.dumps({"features": [good, feature]}))
    drive = opened(root, mapping | {"map": {"file": "map.json", **RULES}})
    assert [lane["lane_id"] for lane in drive.lanes] == ["a"]
    assert len(drive.quarantined) == (1 if feature == 7 else 0)


def test_map_units_offset_and_objects_without_a_shape(rig):
    root, mapping = rig
    bad = [
        {"id": "x", "type": "LANE", "polyline": [[0, 0]]},
        {"id": "y", "type": "STOP"},
        {"type": "LANE", "polyline": [[0, 0], [1, "n"]]},
    ]
    (root / "map.json").write_text(json.dumps([{"id": "a", "type": "LANE", "polyline": [[0, 0], [0, 2000]]}, *bad]))
    drive = opened(root, mapping | {"map": {"file": "map.json", **RULES, "length": "cm", "offset_m": [10.0, 1.0]}})
    assert [lane["centre"] for lane in drive.lanes] == [[[10, 1], [10, 21]]]
    ((where, why, detail),) = drive.quarantined
    assert (where, why) == ("map objects", "no_shape")
    assert detail.startswith("3 objects have no usable shape or id; the first is x: a lane needs")
