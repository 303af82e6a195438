"""Which code a step runs: one hash over the sources it imports and over the lock.

Knows how to follow `import` statements, those inside functions included, from one module through the packages of
this project. Does not import anything, so a cache look-up stays cheap. A step's artifact is current only while
this hash is.
"""

import ast
from functools import cache
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
_PACKAGES = ("causeway", "feature_repo")
_DATA = frozenset({".json", ".yaml", ".html", ".css"})


def _source_of(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((c for c in candidates if c.is_file()), None)


@cache
def _imports_of(path: Path) -> tuple[str, ...]:
    """Modules of this project that a source names, as dotted names; `from a import b` gives a and a.b."""
    found: set[str] = set()
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return tuple(sorted(name for name in found if name.split(".")[0] in _PACKAGES))


def _with_parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


def _sources(module: str) -> set[Path]:
    todo, seen, sources = _with_parents(module), set(), set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        path = _source_of(name)
        if path is None:
            continue
        sources.add(path)
        todo.extend(parent for imported in _imports_of(path) for parent in _with_parents(imported))
    return sources


def _data_of(folder: Path) -> set[Path]:
    """Data files in a package's folder and in folders below it that are no packages themselves."""
    found: set[Path] = set()
    for item in folder.iterdir():
        if item.is_dir() and item.name != "__pycache__" and not (item / "__init__.py").is_file():
            found |= _data_of(item)
        elif item.suffix in _DATA:
            found.add(item)
    return found


@cache
def code_hash(module: str) -> str:
    """SHA-256 over the names and bytes of every project source that `module` reaches, its data files and the lock."""
    whole = sha256()
    sources = _sources(module)
    data = {file for folder in {s.parent for s in sources} for file in _data_of(folder)}
    for path in sorted(sources | data | ({LOCK} if LOCK.is_file() else set())):
        whole.update(f"{path.relative_to(ROOT).as_posix()}={sha256(path.read_bytes()).hexdigest()};".encode())
    return whole.hexdigest()
