"""Manifests and image start the server with options that it has, and say who may ask it."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from causeway.platform.release.cluster_objects import settings_from
from causeway.serving import server

ROOT = Path(__file__).parents[3]
SERVING = ROOT / "manifests" / "serving"
RUNTIME = yaml.safe_load((SERVING / "base" / "runtime.yaml").read_text())
TOKENS = yaml.safe_load((SERVING / "tokens" / "kustomization.yaml").read_text())


def patched(runtime: dict, kustomization: dict) -> dict:
    """The runtime after the JSON patches (replace, and add at an end) of an overlay."""
    runtime = json.loads(json.dumps(runtime))
    for change in yaml.safe_load(kustomization["patches"][0]["patch"]):
        *path, last = change["path"].strip("/").split("/")
        found = runtime
        for part in path:
            found = found[int(part)] if isinstance(found, list) else found[part]
        if last == "-":
            found.append(change["value"])
        else:
            found[int(last) if isinstance(found, list) else last] = change["value"]
    return runtime


def command(runtime: dict) -> list[str]:
    container = runtime["spec"]["containers"][0]
    return [*container["command"], *container["args"]]


def of_image() -> list[str]:
    last = next(line for line in reversed((ROOT / "Dockerfile").read_text().splitlines()) if line.startswith("CMD "))
    return list(json.loads(last.removeprefix("CMD ")))


@pytest.mark.parametrize(
    ("words", "tokens", "without"),
    [
        (command(RUNTIME), "", True),
        (command(patched(RUNTIME, TOKENS)), "/etc/causeway/tokens", False),
        (of_image(), "", False),  # whoever runs it says which
    ],
)
def test_the_server_is_started_for_other_machines_and_told_who_may_ask(monkeypatch, words, tokens, without):
    told = []
    monkeypatch.setattr(server, "serve", lambda *place, **more: told.append((*place, more["tokens"], more["without_tokens"])))
    assert words[:3] == ["python", "-m", "causeway.serving.server"]
    monkeypatch.setattr(sys, "argv", ["server", *words[3:]])
    assert server.main() == 0
    assert told == [("/mnt/models", 8080, 8081, "0.0.0.0", "", tokens, without)]


def test_the_tokens_of_the_secret_are_mounted_where_the_server_reads_them():
    spec = patched(RUNTIME, TOKENS)["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    volumes = {volume["name"] for volume in spec["volumes"]}
    assert mounts["vehicles"] == "/etc/causeway"
    assert set(mounts) == volumes


def test_releases_may_change_the_record_of_a_named_endpoint_and_no_other_settings():
    roles = [found for found in yaml.safe_load_all((SERVING / "base" / "access.yaml").read_text()) if found["kind"] == "Role"]
    rules = [rule for rule in roles[0]["rules"] if "configmaps" in rule["resources"]]
    assert {tuple(rule.get("resourceNames", ())): rule["verbs"] for rule in rules} == {
        (): ["create"],
        ("causeway-endpoint",): ["get"],
        ("drive-release",): ["get", "update"],
    }


def test_releases_may_read_the_secret_of_their_token_and_no_other():
    secret = yaml.safe_load(TOKENS["patches"][1]["patch"])[0]["value"]
    roles = [found for found in yaml.safe_load_all((SERVING / "base" / "access.yaml").read_text()) if found["kind"] == "Role"]
    secrets = [rule for rule in roles[0]["rules"] if "secrets" in rule["resources"]]
    assert [(rule["resourceNames"], rule["verbs"]) for rule in secrets] == [([secret], ["get"])]
    data = yaml.safe_load((SERVING / "base" / "settings.yaml").read_text())["data"]
    assert settings_from(data).token_secret == ""
