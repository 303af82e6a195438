"""kustomize and Helm make the same objects, and they are what Kubernetes' schemas say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.helm.charts import CAUSEWAY, KFP, KFP_SECRETS, PROFILES, ROOT, everything, objects, one, profile, tool

sys.path.insert(0, str(ROOT / "scripts"))
import build_images as building
import render_manifests as rendering


@pytest.mark.parametrize("name", PROFILES)
def test_an_overlay_makes_the_objects_of_the_chart(name: str):
    tool("helm"), tool("kubectl")
    by_helm, by_kustomize = rendering.chart_objects(name), rendering.overlay_objects(name)
    assert len(by_helm) > 50
    assert sorted(by_kustomize) == sorted(by_helm), "run scripts/render_manifests.py"
    differing = [key for key in by_helm if by_kustomize[key] != by_helm[key]]
    assert differing == [], "run scripts/render_manifests.py"


def test_changes_lead_from_one_object_to_the_other():
    have = {"a": 1, "b": {"c/d": [1, {"e": 2}], "gone": 0}, "f": [1, 2]}
    want = {"a": 1, "b": {"c/d": [1, {"e": 3}], "new~": {}}, "f": [1]}
    assert list(rendering.changes("", have, want)) == [
        {"op": "replace", "path": "/b/c~1d/1/e", "value": 3},
        {"op": "remove", "path": "/b/gone"},
        {"op": "add", "path": "/b/new~0", "value": {}},
        {"op": "replace", "path": "/f", "value": [1]},
    ]


@pytest.mark.parametrize("name", [*PROFILES, "everything", "kubeflow-pipelines"])
def test_kubernetes_schemas_hold(name: str, tmp_path: Path):
    """Kinds of Kubernetes itself; the others are held by an API server's dry run (docs/runbook/faults.md)."""
    schemas = os.environ.get("CAUSEWAY_KUBERNETES_SCHEMAS")
    if not schemas:
        pytest.skip("CAUSEWAY_KUBERNETES_SCHEMAS names no folder of JSON schemas: kubeconform has nothing to hold against")
    chosen = {"everything": everything, "kubeflow-pipelines": lambda: objects(KFP, *KFP_SECRETS)}
    made = chosen.get(name, lambda: profile(name))()
    path = tmp_path / "made.yaml"
    path.write_text(yaml.safe_dump_all(made))
    location = f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    command = [tool("kubeconform"), "-strict", "-output", "json", "-ignore-missing-schemas", "-schema-location", location]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)
    assert told.get("resources", []) == []
    assert done.returncode == 0


def test_the_images_that_were_built_are_the_ones_installed(tmp_path: Path):
    names = {target: f"registry.example:5000/team/causeway/{target}:0123456789ab" for target in building.TARGETS}
    building.write(tmp_path, {target: {"image": name} for target, name in names.items()})
    files = ("-f", str(CAUSEWAY / "values" / "laptop.yaml"), "-f", str(tmp_path / "images-values.yaml"))
    data = one(objects(CAUSEWAY, *files), "ConfigMap", "causeway-images")["data"]
    assert data == {f"CAUSEWAY_IMAGE_{target.upper()}": name for target, name in names.items()}
