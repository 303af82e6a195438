"""What the root element of a CommonRoad file says: id, version, source, and what one unit of `time` is.

Knows the attributes of the root element. Does not read on.
"""

from dataclasses import dataclass
from pathlib import Path

from causeway.clips.readers.safe_xml import root_element
from causeway.errors import UnusableInput

_SECONDS_VERSIONS = ("2017a", "2018a")  # these give time in seconds, later ones as a number of steps
_STEPS_VERSIONS = ("2018b", "2020a")


@dataclass(frozen=True)
class Header:
    """`step_s`: length of a step; `time_unit_s`: how long 1 of `time` is."""

    benchmark_id: str
    version: str
    source: str
    step_s: float
    time_unit_s: float

    @property
    def yaws_are_ahead(self) -> bool:
        """True where a state's yaw is the course to the next state: in all scenarios made from NGSIM's recordings."""
        return "NGSIM" in self.source


def read_header(path: Path) -> Header:
    """The header; UnusableInput when the file is none of CommonRoad's or of a version that is not known."""
    name, attributes = root_element(path)
    if name != "commonRoad":
        raise UnusableInput(f"{path}: its root element is {name[:40]}, a CommonRoad file has commonRoad")
    version = attributes.get("commonRoadVersion", "")
    if version not in _SECONDS_VERSIONS + _STEPS_VERSIONS:
        known = ", ".join(_SECONDS_VERSIONS + _STEPS_VERSIONS)
        raise UnusableInput(f"{path}: commonRoadVersion {version[:20]!r} is not known; known are {known}")
    step_s = _step(path, attributes.get("timeStepSize", ""))
    unit_s = 1.0 if version in _SECONDS_VERSIONS else step_s
    benchmark_id = attributes.get("benchmarkID", "").strip() or path.name.split(".")[0]
    return Header(benchmark_id, version, attributes.get("source", "").strip(), step_s, unit_s)


def _step(path: Path, text: str) -> float:
    try:
        step_s = float(text)
    except ValueError:
        step_s = 0.0
    if not 0.001 <= step_s <= 10.0:
        raise UnusableInput(f"{path}: timeStepSize {text[:20]!r} is not a time step between 0.001 and 10 s")
    return step_s
