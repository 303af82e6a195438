"""The layouts by name, and which of them a location is in.

Knows the readers' names and imports a reader only when it is asked for. Does not read drives itself.
"""

from pathlib import Path
from types import ModuleType

from causeway.artifacts import store
from causeway.errors import UnusableInput, UsageError

LAYOUTS = (
    "physicalai-av",
    "argoverse2",
    "commonroad",
    "comma2k19",
    "kitti-raw",
    "kitti-odometry",
    "pandaset",
    "tables",
)


def readers() -> dict[str, ModuleType]:
    """Every reader by the name of its layout; each has `fits(root)`, `paths(root)` and `recordings(root)`."""
    # imports spelled out: a step's cache key follows them to the sources it depends on
    from causeway.clips.readers.argoverse2 import reader as argoverse2
    from causeway.clips.readers.comma2k19 import reader as comma2k19
    from causeway.clips.readers.commonroad import reader as commonroad
    from causeway.clips.readers.kitti import odometry as kitti_odometry
    from causeway.clips.readers.kitti import raw as kitti_raw
    from causeway.clips.readers.pandaset import reader as pandaset
    from causeway.clips.readers.physicalai import reader as physicalai_av
    from causeway.clips.readers.tables import reader as tables

    modules = (physicalai_av, argoverse2, commonroad, comma2k19, kitti_raw, kitti_odometry, pandaset, tables)
    return dict(zip(LAYOUTS, modules, strict=True))


def reader_of(drives: str, layout: str) -> tuple[ModuleType, Path]:
    """The reader for a location and the local path to give it.

    `layout` is a name or `auto`. UsageError for a name that does not exist; UnusableInput when nothing is there, when
    it does not look like that layout, and for `auto` when it looks like none or like more than one.
    """
    if layout != "auto" and layout not in LAYOUTS:
        raise UsageError(f"{layout}: no such layout; known are auto, {', '.join(LAYOUTS)}")
    root = _local(drives)
    fitting = _fitting(drives, root)
    if layout != "auto":
        if layout not in fitting:
            guess = f"it looks like {' and '.join(fitting)}" if fitting else "nor like any other layout known"
            raise UnusableInput(f"{drives}: does not look like {layout}; {guess}")
        return fitting[layout], root
    if len(fitting) > 1:
        raise UnusableInput(f"{drives}: looks like {' and '.join(fitting)} at once; name one with --layout")
    for reader in fitting.values():
        return reader, root
    raise UnusableInput(f"{drives}: in none of the layouts {', '.join(LAYOUTS)}; name one with --layout or check it")


def _fitting(drives: str, root: Path) -> dict[str, ModuleType]:
    try:
        return {name: reader for name, reader in readers().items() if reader.fits(root)}
    except (OSError, RuntimeError) as error:
        raise UnusableInput(f"{drives}: cannot be looked into ({error})") from error


def _local(drives: str) -> Path:
    root = store.local_copy(drives) if store.is_s3(drives) else Path(drives)
    if not root.exists():
        raise UnusableInput(f"{drives}: not there; name a folder of drives or a tables mapping file")
    if root.is_dir() and not any(root.iterdir()):
        raise UnusableInput(f"{drives}: an empty folder; there are no drives in it")
    return root
