"""The layouts by name, and which of them a location is in.

Knows the readers. Does not read drives itself.
"""

from pathlib import Path
from types import ModuleType

from causeway.artifacts import store
from causeway.clips.readers import kitti_odometry, physicalai_av, tables
from causeway.errors import UnusableInput, UsageError

LAYOUTS: dict[str, ModuleType] = {
    "physicalai-av": physicalai_av,
    "kitti-odometry": kitti_odometry,
    "tables": tables,
}


def reader_of(drives: str, layout: str) -> tuple[ModuleType, Path]:
    """The reader for a location and the local path to give it.

    `layout` is a name or `auto`. UsageError for a name that does not exist, UnusableInput when nothing is there or
    when it does not look like that layout.
    """
    if layout != "auto" and layout not in LAYOUTS:
        raise UsageError(f"{layout}: no such layout; known are auto, {', '.join(LAYOUTS)}")
    root = _local(drives)
    if layout != "auto":
        if not LAYOUTS[layout].fits(root):
            raise UnusableInput(f"{drives}: does not look like {layout}; {_guess(root)}")
        return LAYOUTS[layout], root
    for reader in LAYOUTS.values():
        if reader.fits(root):
            return reader, root
    raise UnusableInput(f"{drives}: in none of the layouts {', '.join(LAYOUTS)}; name one with --layout or check it")


def _local(drives: str) -> Path:
    root = store.local_copy(drives) if store.is_s3(drives) else Path(drives)
    if not root.exists():
        raise UnusableInput(f"{drives}: not there; name a folder of drives or a tables mapping file")
    if root.is_dir() and not any(root.iterdir()):
        raise UnusableInput(f"{drives}: an empty folder; there are no drives in it")
    return root


def _guess(root: Path) -> str:
    fitting = [name for name, reader in LAYOUTS.items() if reader.fits(root)]
    return f"it looks like {' and '.join(fitting)}" if fitting else "nor like any other layout known"
