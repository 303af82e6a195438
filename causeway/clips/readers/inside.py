"""Files of a folder of drives that really lie in that folder.

Knows links. A link that leads out of the folder is refused: what lies behind it is not part of the input that was
named, and not part of its fingerprint elsewhere.
"""

from collections.abc import Iterable
from pathlib import Path

from causeway.errors import UnusableInput


def inside(root: Path, path: Path) -> Path:
    """The path itself; UnusableInput when following its links leads out of `root` or in a circle."""
    base = root if root.is_dir() else root.parent
    try:
        if path.resolve().is_relative_to(base.resolve()):
            return path
    except (OSError, RuntimeError) as error:
        raise UnusableInput(f"{path}: a link that leads nowhere ({error}); put the file itself there") from error
    raise UnusableInput(f"{path}: a link that leads out of {root}; put the file itself there")


def inside_all(root: Path, paths: Iterable[Path]) -> list[Path]:
    """Those of the paths that are there, in order of name, each checked, and all that is inside folders.

    UnusableInput for a link that leads out and for what is neither file nor folder.
    """
    checked = []
    for path in sorted(path for path in set(paths) if path.exists() or path.is_symlink()):
        checked.append(inside(root, path))
        for entry in path.rglob("*") if path.is_dir() else ():
            if entry.is_symlink():
                inside(root, entry)
            elif not entry.is_file() and not entry.is_dir():
                raise UnusableInput(f"{entry}: a pipe or device, which reading would wait for; take it away")
    return checked
