"""Write manifests/base and manifests/overlays from the chart, so that kustomize and Helm make the same objects.

Each overlay is one file of helm/causeway/values. The base is single-gpu: everything bundled, one of each; an overlay
takes away, adds and patches. Objects of manifests/serving and manifests/training are taken from there. Needs helm and
kubectl. Run it after a change of a chart: python scripts/render_manifests.py
"""

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "helm" / "causeway"
BASE = "single-gpu"
PROFILES = ("laptop", "single-gpu", "multi-node", "air-gapped")
SOURCES = ("serving/gpu", "training")  # folders of manifests written by hand that the base takes in
NAMESPACE = "kubeflow"
KUBERNETES = "1.34.0"
_OF_HELM = ("app.kubernetes.io/managed-by", "app.kubernetes.io/instance", "app.kubernetes.io/version", "helm.sh/chart")
_OURS = ("app.kubernetes.io/part-of", "app.kubernetes.io/component")
Objects = dict[tuple[str, str, str], dict[str, Any]]


def main() -> None:
    """Render, compare, write."""
    base = chart_objects(BASE)
    folder = ROOT / "manifests" / "base"
    shutil.rmtree(folder, ignore_errors=True)
    taken: Objects = {}
    for source in SOURCES:
        taken |= write_source(folder, source, base)
    write(folder, {key: made for key, made in base.items() if key not in taken}, [s.split("/")[0] for s in SOURCES])
    for profile in PROFILES:
        objects = chart_objects(profile)
        own = {key: made for key, made in objects.items() if key not in base}
        gone = [deletion(key, base[key]) for key in sorted(base) if key not in objects]
        changed = [patch(key, base[key], made) for key, made in objects.items() if made != base.get(key, made)]
        target = ROOT / "manifests" / "overlays" / profile
        shutil.rmtree(target, ignore_errors=True)
        write(target, own, ["../../base"], [*gone, *changed])


def chart_objects(profile: str) -> Objects:
    """What the chart makes of a profile's values, without what only Helm needs."""
    command = ["helm", "template", "causeway", str(CHART), "-n", NAMESPACE, "--kube-version", KUBERNETES]
    text = subprocess.run([*command, "-f", f"{CHART}/values/{profile}.yaml"], check=True, capture_output=True).stdout
    return by_key(made for made in yaml.load_all(text, Loader=yaml.CSafeLoader) if made and not is_test(made))


def overlay_objects(profile: str) -> Objects:
    """What kustomize makes of an overlay."""
    return built(ROOT / "manifests" / "overlays" / profile)


def write_source(folder: Path, source: str, base: Objects) -> Objects:
    """A folder of the base that takes in hand-written objects, in the namespace; returns what they become."""
    there = built(ROOT / "manifests" / source)
    moved = {(kind, NAMESPACE, name): in_namespace(made) for (kind, _, name), made in there.items()}
    # kustomize patches before it moves: these targets have no namespace yet
    changed = [patch((k[0], "", k[2]), made, base[k]) for k, made in moved.items() if made != base[k]]
    write(folder / source.split("/", maxsplit=1)[0], {}, [f"../../{source}"], changed, NAMESPACE)
    return moved


def in_namespace(made: dict[str, Any]) -> dict[str, Any]:
    """The object in the namespace of the installation."""
    return made | {"metadata": made["metadata"] | {"namespace": NAMESPACE}}


def built(folder: Path) -> Objects:
    """The objects that kubectl kustomize builds of a folder."""
    text = subprocess.run(["kubectl", "kustomize", str(folder)], check=True, capture_output=True).stdout
    return by_key(made for made in yaml.load_all(text, Loader=yaml.CSafeLoader) if made)


def is_test(made: Mapping[str, Any]) -> bool:
    """Pods of `helm test`."""
    return made["metadata"].get("annotations", {}).get("helm.sh/hook") == "test"


def by_key(objects: Iterable[dict[str, Any]]) -> Objects:
    """Objects by kind, namespace and name, each without labels and annotations that only Helm writes or reads."""
    found: Objects = {}
    for made in objects:
        meta = made["metadata"]
        labels = {k: v for k, v in meta.get("labels", {}).items() if k not in (*_OF_HELM, *_OURS)}
        notes = {k: v for k, v in meta.get("annotations", {}).items() if not k.startswith("helm.sh/")}
        plain = {k: v for k, v in meta.items() if k not in ("labels", "annotations")}
        plain |= {"labels": labels} if labels else {}
        plain |= {"annotations": notes} if notes else {}
        found[made["kind"], meta.get("namespace", ""), meta["name"]] = made | {"metadata": plain}
    return found


def patch(key: tuple[str, str, str], have: Mapping[str, Any], want: Mapping[str, Any]) -> dict[str, Any]:
    """A kustomize patch that makes one object into another."""
    return {"target": target(key), "patch": yaml.safe_dump(list(changes("", have, want)), sort_keys=False, width=120)}


def deletion(key: tuple[str, str, str], made: Mapping[str, Any]) -> dict[str, Any]:
    """A kustomize patch that takes an object away."""
    kind, namespace, name = key
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    gone = {"$patch": "delete", "apiVersion": made["apiVersion"], "kind": kind, "metadata": metadata}
    return {"patch": yaml.safe_dump(gone, sort_keys=False)}


def target(key: tuple[str, str, str]) -> dict[str, str]:
    """Which object a patch is for."""
    kind, namespace, name = key
    return {"kind": kind, "name": name} | ({"namespace": namespace} if namespace else {})


def changes(path: str, have: Any, want: Any) -> Iterator[dict[str, Any]]:
    """JSON patch operations from one value to another; lists of another length are replaced whole."""
    if isinstance(have, dict) and isinstance(want, dict):
        for name in sorted(have.keys() | want.keys()):
            below = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
            if name not in want:
                yield {"op": "remove", "path": below}
            elif name not in have:
                yield {"op": "add", "path": below, "value": want[name]}
            else:
                yield from changes(below, have[name], want[name])
    elif isinstance(have, list) and isinstance(want, list) and len(have) == len(want):
        for place, (old, new) in enumerate(zip(have, want, strict=True)):
            yield from changes(f"{path}/{place}", old, new)
    elif have != want:
        yield {"op": "replace", "path": path, "value": want}


def write(
    folder: Path,
    objects: Objects,
    resources: Iterable[str],
    patches: Iterable[dict[str, Any]] = (),
    namespace: str = "",
) -> None:
    """A kustomization with one file for each kind of object."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = sorted({kind for kind, _, _ in objects})
    for kind in kinds:
        made = [objects[key] for key in sorted(objects) if key[0] == kind]
        (folder / f"{kind.lower()}.yaml").write_text(text_of(*made))
    kustomization: dict[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [*resources, *(f"{kind.lower()}.yaml" for kind in kinds)],
    }
    kustomization |= {"namespace": namespace} if namespace else {}
    found = list(patches)
    kustomization |= {"patches": found} if found else {}
    (folder / "kustomization.yaml").write_text(text_of(kustomization))


def text_of(*objects: Any) -> str:
    """YAML documents under a line that says who wrote them; texts of several lines stay readable."""
    text = yaml.dump_all(objects, Dumper=_Readable, sort_keys=False, width=120, allow_unicode=True)
    return f"# made by scripts/render_manifests.py\n{text}"


class _Readable(yaml.SafeDumper):
    """Writes texts of several lines as they are, and repeats what occurs twice instead of naming it."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Readable.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


if __name__ == "__main__":
    main()
