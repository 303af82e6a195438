"""Which drives a mapping file names, and where the files of each are.

Knows path templates: relative to the mapping file, `${VARIABLE}` from the environment, `{drive}` and other {names} of
a drive. Does not open the files.
"""

import os
import re
from pathlib import Path

from causeway.clips.readers.tables.mapping import DriveEntry, Mapping
from causeway.errors import UnusableInput

_NAME = r"\{(\w+)\}"


def drives_of(root: Path, mapping: Mapping) -> list[DriveEntry]:
    """One entry for each drive, patterns replaced by what they find, in order of the file and then of the id.

    What is said of a drive by its id goes before what a pattern finds, wherever it stands. Drives of one id in two
    places stay two: ingest tells them apart or says that it cannot.
    """
    named = {entry.id: entry for entry in mapping.drives if entry.id}
    found = []
    for entry in mapping.drives:
        drives = [entry] if entry.id else _globbed(root, entry)
        found += [drive for drive in drives if drive is entry or not _same(drive, named.get(drive.id))]
    return found


def _same(drive: DriveEntry, named: DriveEntry | None) -> bool:
    """Whether a drive that a pattern found is the one that was named: nothing that is said of that one differs."""
    return named is not None and all(drive.values.get(name, value) == value for name, value in named.values.items())


def _globbed(root: Path, entry: DriveEntry) -> list[DriveEntry]:
    pattern = _absolute(root, _with_environment(root, entry.glob))
    # the same names in a path must mean the same; a name stands for part of one folder's or file's name
    parts = re.split(_NAME, pattern)
    expression, seen = "", set[str]()
    for index, part in enumerate(parts):
        if index % 2 == 0:
            expression += re.escape(part).replace(r"\*", "[^/]*")
        else:
            expression += f"(?P={part})" if part in seen else f"(?P<{part}>[^/]+)"
            seen.add(part)
    base, _, tail = re.sub(_NAME, "*", pattern).partition("*")
    folder = Path(base).parent if not base.endswith("/") else Path(base)
    rest = f"{base.removeprefix(str(folder)).lstrip('/')}*{tail}"
    matches = [re.fullmatch(expression, str(path)) for path in sorted(folder.glob(rest))]
    named = [match.groupdict() for match in matches if match]
    if not named:
        raise UnusableInput(f"{root}: drives: the glob {entry.glob} finds nothing")
    return [_entry(entry, values) for values in named]


def _entry(entry: DriveEntry, values: dict[str, str]) -> DriveEntry:
    """A drive that was found; what its name has that no id has becomes `_` there, in paths it stays."""
    drive_id = re.sub(r"[^A-Za-z0-9._-]+", "_", values["drive"])
    return entry.model_copy(update={"id": drive_id, "glob": "", "values": {**entry.values, **values}})


def resolved(root: Path, template: str, entry: DriveEntry) -> Path:
    """A path template as a path; UnusableInput for a variable that is not set."""
    return Path(_absolute(root, filled(_with_environment(root, template), entry)))


def filled(text: str, entry: DriveEntry) -> str:
    """`{drive}` and the names of a drive put in; other braces stay as they are."""
    values = {"drive": entry.id, **entry.values}
    return re.sub(_NAME, lambda match: values.get(match[1], match[0]), text)


def _absolute(root: Path, text: str) -> str:
    return text if Path(text).is_absolute() else str(root.parent.absolute() / text)


def _with_environment(root: Path, template: str) -> str:
    def value(match: re.Match) -> str:
        found = os.environ.get(match[1]) or _default_of(match[1])
        if not found:
            raise UnusableInput(f"{root}: the environment variable {match[1]} is not set; it is part of a path")
        return found

    return re.sub(r"\$\{(\w+)\}", value, template)


def _default_of(variable: str) -> str:
    """CAUSEWAY_TEST_DRIVES falls back to the sibling folder of the checkout, as the tests do."""
    sibling = Path(__file__).resolve().parents[4] / "shared" / "data"
    return str(sibling) if variable == "CAUSEWAY_TEST_DRIVES" and sibling.is_dir() else ""


def files_of(root: Path, template: str, entry: DriveEntry) -> list[Path]:
    """The files that a template names, which may be a glob; in order of name, none when there are none."""
    path = resolved(root, template, entry)
    if not re.search(r"[*?\[]", path.name):
        return [path] if path.exists() else []
    return sorted(path.parent.glob(path.name))
