"""The repository that Feast's own tools read names the same objects as the pipeline uses."""

from pathlib import Path

import yaml

import feature_repo
from causeway.evidence.store import load_feast
from causeway.evidence.views import RIG_VIEW, VIEWS

FOLDER = Path(feature_repo.__file__).parent


def test_it_names_every_object():
    load_feast()
    from feast import Entity, FeatureService, FeatureView

    from causeway.evidence.definitions import evidence_objects, rig_objects
    from feature_repo import features

    kinds = (Entity, FeatureView, FeatureService)
    named = {value.name: value for value in vars(features).values() if isinstance(value, kinds)}
    assert named == {
        item.name: item for objects in (evidence_objects, rig_objects) for item in objects(features.FOLDER)
    }
    assert {v.name for v in named.values() if isinstance(v, FeatureView)} == {*VIEWS, RIG_VIEW}


def test_both_environments_use_duckdb_offline():
    laptop = yaml.safe_load((FOLDER / "feature_store.yaml").read_text())
    cluster = yaml.safe_load((FOLDER / "feature_store.cluster.yaml").read_text())
    assert laptop["offline_store"] == cluster["offline_store"] == {"type": "duckdb"}
    assert (laptop["online_store"]["type"], cluster["online_store"]["type"]) == ("sqlite", "redis")
    assert laptop["project"] == cluster["project"]
