"""Running a step: look the result up, or make it in a staging folder and publish it.

A step is one plain function `f(inputs…, *, out: Writer, config: Config)`, marked with `@step(kind=…)`. `run` is the
one way to call it, from the command line, a Kubeflow component or a test. The look-up key is the step's name, its
inputs' content hashes, its resolved config, and the hash of its sources and of the lock.
"""

import fcntl
import json
import platform
import shutil
import sys
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
from causeway.artifacts.lookup import read_manifest
from causeway.artifacts.manifest import FILE_NAME, Manifest
from causeway.artifacts.schemas import SCHEMA_VERSION
from causeway.artifacts.writer import Writer
from causeway.errors import UnusableInput, UsageError

Inputs = Mapping[str, str | list[str] | None]
_SPEC = "_causeway_step"


@dataclass(frozen=True)
class StepSpec:
    """What marks a function as a step: the kind it makes and which inputs are raw (not artifacts)."""

    kind: str
    raw: Mapping[str, Callable[..., list[Path]]]


def step(kind: str, raw: Mapping[str, Callable[..., list[Path]]] | None = None) -> Callable:
    """Mark a function as a step that makes artifacts of `kind`.

    `raw` names inputs that are not artifacts, each with a function (location, config) -> the files and folders
    whose bytes it consists of; the step receives such an input as a string.
    """

    def mark(function: Callable) -> Callable:
        setattr(function, _SPEC, StepSpec(kind, raw or {}))
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
    if (out is None) == (root is None):
        raise UsageError("name either out or root: where the artifact goes")
    config_type = config_class(function)
    config = config if config is not None or config_type is None else config_type()
    opened = {name: _open(value, name in spec_of(function).raw) for name, value in inputs.items()}
    hashes = {n: _hash_of(v, spec_of(function).raw.get(n), config) for n, v in opened.items()}
    key = _key(function, hashes, config)
    found = _find(function, key, out, root)
    if found:
        print(f"{function.__name__}: kept, already done ({found.content_hash[:12]})", file=sys.stderr)
        return found
    with _staging(function.__name__, key, out, root) as staging:
        found = _find(function, key, out, root)  # another process may have finished while this one waited
        return found or _make(function, opened, hashes, config, key, staging, out, root)


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
    if out is not None:
        if store.read_bytes(store.join(out, FILE_NAME)) is None:
            _refuse_foreign(out)
            return None
        manifest = read_manifest(out)
        return manifest if manifest.key == key else None
    assert root is not None
    return lookup.find(function.__name__, key, root)


def _refuse_foreign(out: str) -> None:
    """Never replace a folder that is not ours."""
    if not store.is_s3(out) and Path(out).exists() and (Path(out).is_file() or any(Path(out).iterdir())):
        raise UsageError(f"{out}: holds files that are no artifact; name an empty or new folder")


@contextmanager
def _staging(name: str, key: str, out: str | None, root: str | None) -> Iterator[Path]:
    """The folder a step works in; it outlives a kill, so the same call resumes. One process at a time."""
    target = out or root or ""
    if store.is_s3(target):
        folder = store.cache_folder() / "staging" / f"{name}-{key[:16]}"
    elif out is not None:
        folder = Path(out).absolute().with_name(f".{Path(out).name}.{key[:16]}")
    else:
        folder = Path(target) / ".staging" / f"{name}-{key[:16]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock_path = folder.with_name(f"{folder.name}.lock")
    with lock_path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            folder.mkdir(exist_ok=True)
            yield folder
        finally:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
            lock_path.unlink(missing_ok=True)


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
    kind, started = spec_of(function).kind, time.time()
    writer = Writer(kind, staging)
    for item in _artifacts(opened):
        for source in item.manifest.sources:
            writer.source(source["name"], source["licence"])
    function(**opened, out=writer, **({} if config is None else {"config": config}))
    content_hash, counts, files = writer.finish()
    location = out or store.join(root or "", kind, content_hash)
    manifest = Manifest(
        kind=kind,
        schema_version=SCHEMA_VERSION,
        content_hash=content_hash,
        counts=counts,
        inputs=hashes,
        code_version=f"{causeway.__version__}+{code_hash(function.__module__)[:12]}",
        config=_resolved(config),
        sources=[{"name": n, "licence": w} for n, w in sorted(writer.sources.items())],
        location=location if store.is_s3(location) else str(Path(location).absolute()),
        step=function.__name__,
        key=key,
        files=files,
        created_us=int(started * 1e6),
        took_s=round(time.time() - started, 3),
        host=platform.node(),
    )
    return _publish(manifest, staging, function, root)


def _artifacts(opened: dict[str, Any]) -> list[Artifact]:
    flat = [i for value in opened.values() for i in (value if isinstance(value, list) else [value])]
    return [item for item in flat if isinstance(item, Artifact)]


def _publish(manifest: Manifest, staging: Path, function: Callable, root: str | None) -> Manifest:
    (staging / FILE_NAME).write_text(manifest.to_json())
    if root is None or store.read_bytes(store.join(manifest.location, FILE_NAME)) is None:
        store.publish(staging, manifest.location)
    else:  # other inputs or code gave the same content: one copy is enough
        shutil.rmtree(staging)
    if root is not None:
        lookup.point(function.__name__, manifest.key, root, manifest)
        return replace(read_manifest(manifest.location), took_s=manifest.took_s)
    return manifest


def write_artifact(kind: str, tables: Mapping[str, Any], out: str | Path) -> Manifest:
    """Write an artifact from tables in memory; for tests and small tools. UnusableInput for an unknown kind."""

    def given(*, out: Writer) -> None:
        for name, rows in tables.items():
            out.table(name, rows)

    target = Path(out)
    if (target / FILE_NAME).is_file():
        shutil.rmtree(target)  # these tables may differ from the ones it held
    try:
        return run(step(kind)(given), {}, out=str(target))
    except KeyError as error:
        raise UnusableInput(f"{kind}: no such artifact kind or table ({error})") from error
