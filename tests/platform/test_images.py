"""Every image holds what the steps that run in it import, here or there: no step fails for want of a package."""

import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from causeway.artifacts.code_version import _sources
from causeway.platform.steps import STEPS

ROOT = Path(__file__).resolve().parents[2]
OURS = {"causeway", "components", "feature_repo", "pipelines"}
# what a role's Dockerfile target adds to the extras of that name
ROLES = {
    "data": (["data"], ["kfp"]),
    "train": (["train"], ["kfp", "mlflow-skinny"]),
    "sim": (["train", "sim"], ["kfp", "scipy"]),
    "pipelines": (["pipelines"], ["grpcio", "protobuf", "psycopg", "redis", "safetensors", "scipy"]),
}
MODEL = {"huggingface-hub", "peft", "torch", "transformers"}
FEATURE_STORE = {"feast", "ibis-framework", "redis", "sqlalchemy"}
# reached by imports that these roles' steps never come to: they read policies' cards, and samples with their evidence
LEFT_OUT = {"data": MODEL, "pipelines": MODEL, "train": FEATURE_STORE, "sim": FEATURE_STORE}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def held(role: str) -> frozenset[str]:
    """The distributions that an image of this role gets, by the requirements of what is installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras, more = ROLES[role]
    asked = [*project["dependencies"], *more, *(one for name in extras for one in project["optional-dependencies"][name])]
    todo, found = [Requirement(text) for text in asked], dict[str, set[str]]()
    while todo:
        one = todo.pop()
        name = plain(one.name)
        if name in found and set(one.extras) <= found[name]:
            continue
        found[name] = found.get(name, set()) | set(one.extras)
        todo += requirements(name, one.extras)
    return frozenset(found)


def requirements(name: str, extras: set[str]) -> Iterator[Requirement]:
    """What a distribution with these extras needs on this machine."""
    try:
        needs = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return
    for text in needs:
        one = Requirement(text)
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield one


@cache
def imported(path: Path) -> frozenset[str]:
    """The packages of others that a source imports, at its top or inside functions."""
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return frozenset(name.partition(".")[0] for name in found) - OURS - set(sys.stdlib_module_names)


def role_of(step: str) -> str:
    """The role whose image a step's component names."""
    component = getattr(importlib.import_module(f"components.{step}"), step)
    image = component.component_spec.implementation.container.image
    return str(image.rpartition("/")[2].partition(":")[0])


COMPONENTS = [name for name in sorted(STEPS) if (ROOT / "components" / f"{name}.py").is_file()]


@pytest.mark.parametrize("step", COMPONENTS)
def test_an_image_holds_what_its_steps_import(step: str) -> None:
    role = role_of(step)
    made_by = metadata.packages_distributions()
    wanted = frozenset[str]().union(*(imported(path) for path in _sources(STEPS[step])))
    lacking = {
        package: sorted(plain(name) for name in made_by.get(package, [package]))
        for package in wanted
        if not {plain(name) for name in made_by.get(package, [package])} & (held(role) | LEFT_OUT[role])
    }
    assert lacking == {}, f"{step} runs in {role}"
