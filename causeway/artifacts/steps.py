"""Running a step: look the result up, or make it in a staging folder and publish it.

A step is one plain function `f(inputs…, *, out: Writer, config: Config)`, marked with `@step(kind=…)`. `run` is the
one way to call it, from the command line, a Kubeflow component or a test. The look-up key is the step's name, its
inputs' content hashes, its resolved config, and the hash of its sources and of the lock.
"""

import json
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import causeway
from causeway.artifacts import lookup, store
from causeway.artifacts.artifact import Artifact
from causeway.artifacts.code_version import code_hash
from causeway.artifacts.hashing import fingerprint
from causeway.artifacts.locks import alone
from causeway.artifacts.lookup import read_manifest
from causeway.artifacts.manifest import FILE_NAME, Manifest, manifest_from_json
from causeway.artifacts.schemas import SCHEMA_VERSION
from causeway.artifacts.writer import Writer, forget_parts
from causeway.errors import UnusableInput, UsageError

Inputs = Mapping[str, str | list[str] | None]
_SPEC = "_causeway_step"


@dataclass(frozen=True)
class StepSpec:
    """What marks a function as a step: the kind it makes, which inputs are raw (not artifacts), and `outside`.

    What a step does outside its artifact (a registry, an endpoint) may be undone there: it is run each time.
    """

    kind: str
    raw: Mapping[str, Callable[..., list[Path]]]
    outside: bool = False


def step(
    kind: str, raw: Mapping[str, Callable[..., list[Path]]] | None = None, outside: bool = False
) -> Callable:
    """Mark a function as a step that makes artifacts of `kind`.

    `raw` names inputs that are not artifacts, each with a function (location, config) -> the files and folders
    whose bytes it consists of; the step receives such an input as a string. `outside`: it has an effect outside its
    artifact, and is run again although its result is there; it must bear that.
    """

    def mark(function: Callable) -> Callable:
        setattr(function, _SPEC, StepSpec(kind, raw or {}, outside))
        return function

    return mark


def spec_of(function: Callable) -> StepSpec:
    """The mark that `@step` left on a function."""
    return getattr(function, _SPEC)


def config_class(function: Callable) -> type | None:
    """The dataclass a step takes as `config`, or None."""
    return get_type_hints(function).get("config")


def run(
    function: Callable, inputs: Inputs, *, out: str | None = None, root: str | None = None, config: Any = None
) -> Manifest:
    """Run a step unless its result is there: at `out`, or under `root/<kind>/<content_hash>`.

    Returns the manifest of the finished artifact. Raises UsageError when `out` holds something else, and whatever
    the step raises; then nothing appears at `out` and the same call goes on where it stopped.
    """
    if (out is None) == (root is None) or "" in (out, root):
        raise UsageError("name where the artifact goes: a folder or s3://bucket/prefix")
    config_type = config_class(function)
    config = config if config is not None or config_type is None else config_type()
    opened = {name: _open(value, name in spec_of(function).raw) for name, value in inputs.items()}
    hashes = {n: _hash_of(v, spec_of(function).raw.get(n), config) for n, v in opened.items()}
    key = _key(function, hashes, config)
    found = _find(function, key, out, root)
    if found:
        print(f"{function.__name__}: kept, already done ({found.content_hash[:12]})", file=sys.stderr)
        return found
    if out is not None:
        _refuse_replacing(out, spec_of(function).kind, _artifacts(opened))
    with _staging(function.__name__, key, out, root) as staging:
        found = _find(function, key, out, root)  # another process may have finished while this one waited
        return found or _make(function, opened, hashes, config, key, staging, out, root)


def key_for(function: Callable, inputs: Inputs, config: Any) -> str:
    """The look-up key of a step with these inputs: what `run` would find or make its result under."""
    raw = spec_of(function).raw
    return _key(function, {n: _hash_of(_open(v, n in raw), raw.get(n), config) for n, v in inputs.items()}, config)


def _open(value: Any, raw: bool) -> Any:
    if raw or value is None:
        return value
    return [Artifact.open(v) for v in value] if isinstance(value, list) else Artifact.open(value)


def _hash_of(value: Any, paths_of: Callable | None, config: Any) -> Any:
    if paths_of is not None:
        return fingerprint(paths_of(value, config))
    if isinstance(value, list):
        return [item.manifest.content_hash for item in value]
    return value.manifest.content_hash if value is not None else None


def _resolved(config: Any) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(config))) if config is not None else {}


def _key(function: Callable, hashes: dict[str, Any], config: Any) -> str:
    parts = {
        "step": function.__name__,
        "schema_version": SCHEMA_VERSION,
        "inputs": hashes,
        "config": _resolved(config),
        "code": code_hash(function.__module__),
    }
    return lookup.key_of(parts)


def _find(function: Callable, key: str, out: str | None, root: str | None) -> Manifest | None:
    if spec_of(function).outside:
        return None
    if out is not None:
        if store.read_bytes(store.join(out, FILE_NAME)) is None:
            return None
        manifest = lookup.whole(out)
        return manifest if manifest and manifest.key == key else None
    assert root is not None
    return lookup.find(function.__name__, key, root)


def _refuse_replacing(out: str, kind: str, inputs: list[Artifact]) -> None:
    """Replace nothing but an older result of the same kind: no folder of other files, no input, no other kind."""
    if lookup.absolute(out) in {lookup.absolute(item.location) for item in inputs}:
        raise UsageError(f"{out}: is an input of this step; name another folder")
    if store.read_bytes(store.join(out, FILE_NAME)) is None:
        if not store.is_s3(out) and Path(out).exists() and (Path(out).is_file() or any(Path(out).iterdir())):
            raise UsageError(f"{out}: holds files that are no artifact; name an empty or new folder")
        return
    there = read_manifest(out)
    if there.kind != kind:
        raise UsageError(f"{out}: holds {there.kind} and would be replaced by {kind}; name another folder")
    if not store.is_s3(out):
        known = {FILE_NAME, *there.files}
        others = sorted(f for f in _file_names(Path(out)) if f not in known)
        if others:
            raise UsageError(f"{out}: holds {others[0]!r}, which is no part of the artifact; name another folder")


def _file_names(folder: Path) -> list[str]:
    return [f.relative_to(folder).as_posix() for f in folder.rglob("*") if not f.is_dir()]


@contextmanager
def _staging(name: str, key: str, out: str | None, root: str | None) -> Iterator[Path]:
    """The folder a step works in; it outlives a kill, so the same call resumes. One process at a time."""
    target = out or root or ""
    if store.is_s3(target):
        folder = store.cache_folder() / "staging" / f"{name}-{key[:16]}"
    elif out is not None:
        folder = Path(out).resolve().with_name(f".{Path(out).resolve().name}.{key[:16]}")
    else:
        folder = Path(target) / ".staging" / f"{name}-{key[:16]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with alone(folder.with_name(f"{folder.name}.lock"), name):
        try:
            folder.mkdir(exist_ok=True)
            yield folder
        finally:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _make(
    function: Callable,
    opened: dict[str, Any],
    hashes: dict[str, Any],
    config: Any,
    key: str,
    staging: Path,
    out: str | None,
    root: str | None,
) -> Manifest:
    ready = _ready(staging, key)
    if ready is not None:  # a run that was killed between its last row and its publication
        return _publish(ready, staging, out, root)
    kind, started = spec_of(function).kind, time.time()
    writer = Writer(kind, staging)
    for item in _artifacts(opened):
        for source in item.manifest.sources:
            writer.source(source["name"], source["licence"])
    function(**opened, out=writer, **({} if config is None else {"config": config}))
    content_hash, counts, files = writer.finish()
    manifest = Manifest(
        kind=kind,
        schema_version=SCHEMA_VERSION,
        content_hash=content_hash,
        counts=counts,
        inputs=hashes,
        code_version=f"{causeway.__version__}+{code_hash(function.__module__)[:12]}",
        config=_resolved(config),
        sources=[{"name": n, "licence": w} for n, w in sorted(writer.sources.items())],
        location="",  # known when it is published
        step=function.__name__,
        key=key,
        files=files,
        created_us=int(started * 1e6),
        took_s=round(time.time() - started, 3),
        host=platform.node(),
    )
    return _publish(manifest, staging, out, root)


def _ready(staging: Path, key: str) -> Manifest | None:
    """The manifest of a finished staging folder, or None; what a killed writing of one left is removed."""
    for piece in staging.glob(f".{FILE_NAME}.*"):
        piece.unlink()
    path = staging / FILE_NAME
    manifest = manifest_from_json(path.read_text(), str(path)) if path.is_file() else None
    return manifest if manifest and manifest.key == key else None


def _artifacts(opened: dict[str, Any]) -> list[Artifact]:
    flat = [i for value in opened.values() for i in (value if isinstance(value, list) else [value])]
    return [item for item in flat if isinstance(item, Artifact)]


def _publish(manifest: Manifest, staging: Path, out: str | None, root: str | None) -> Manifest:
    location = lookup.absolute(out or store.join(root or "", manifest.kind, manifest.content_hash))
    manifest = replace(manifest, location=location)
    store.write_bytes(str(staging / FILE_NAME), manifest.to_json().encode())
    forget_parts(staging)
    with _publishing(location):
        if root is None or lookup.whole(location) is None:
            store.publish(staging, location)
        else:  # other inputs or code gave the same content: one copy is enough
            shutil.rmtree(staging)
    if root is not None:
        lookup.point(manifest.step, manifest.key, root, manifest)
    return manifest


@contextmanager
def _publishing(location: str) -> Iterator[None]:
    """Two runs with different keys may publish to one place: in turn, for two renames are not one."""
    if store.is_s3(location):
        yield
        return
    target = Path(location)
    target.parent.mkdir(parents=True, exist_ok=True)
    with alone(target.with_name(f".{target.name}.lock"), target.name):
        yield


def write_artifact(kind: str, tables: Mapping[str, Any], out: str | Path) -> Manifest:
    """Write an artifact from tables in memory; for tests and small tools. UnusableInput for an unknown kind."""

    def given(*, out: Writer) -> None:
        for name, rows in tables.items():
            out.table(name, rows)

    target, function = Path(out).resolve(), step(kind)(given)
    _refuse_replacing(str(target), kind, [])
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        staging = Path(scratch, "staging")  # never resumed: other tables may have been given before
        staging.mkdir()
        try:
            return _make(function, {}, {}, None, _key(function, {}, None), staging, str(target), None)
        except KeyError as error:
            raise UnusableInput(f"{kind}: no such artifact kind or table ({error})") from error
