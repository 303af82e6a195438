"""What the clips room talks about: a drive as a reader yields it, and ego motion as other rooms take it.

Knows shapes, units and frames. Does not know files, layouts or artifacts. Nothing here is heavy: pictures are
loaded by a call, one at a time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.timed_rows import TimedRows

Picture = bytes | NDArray[np.uint8]
Quarantined = tuple[tuple[str, str, str], ...]  # (where, reason, detail) of unusable rows


@dataclass(frozen=True)
class RawEgo:
    """Poses of the rig frame in a fixed world frame, as recorded; ingest puts unusable rows in quarantine.

    t_us int64 [n]; xyz_m [n, 3]; wxyz [n, 4] unit quaternions (rig to world); speed_mps [n] signed and measured by
    the vehicle (wheels, CAN, GNSS velocity), or None when only poses are known; row [n] the numbers by which a person
    finds these rows in the source (None: 0 .. n - 1).
    """

    t_us: NDArray[np.int64]
    xyz_m: NDArray[np.float64]
    wxyz: NDArray[np.float64]
    speed_mps: NDArray[np.float64] | None = None
    row: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Camera:
    """One camera of a rig.

    fx, fy, cx, cy in pixels of a picture of `width` x `height`; distortion: [] for none, the five forward
    coefficients for an f-theta lens; rig_from_camera [4, 4], camera frame x right, y down, z forward.
    """

    name: str
    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    rig_from_camera: NDArray[np.float64]
    model: str = "pinhole"
    distortion: tuple[float, ...] = ()


@dataclass(frozen=True)
class Vehicle:
    """Dimensions of the recording vehicle in metres; `rear_axle_to_centre_m` is positive forwards."""

    vehicle_id: str
    length_m: float
    width_m: float
    wheelbase_m: float
    rear_axle_to_centre_m: float


@dataclass(frozen=True)
class Rig:
    """Cameras and vehicle of a recording."""

    vehicle: Vehicle
    cameras: tuple[Camera, ...] = ()


@dataclass(frozen=True)
class Frame:
    """One picture of one camera: when it was taken, where it came from, and how to get it.

    `load()` returns JPEG/PNG bytes or uint8 [height, width] or [height, width, 3] (RGB); raises ValueError with a
    reason when the picture cannot be used.
    """

    camera: str
    t_us: int
    where: str
    load: Callable[[], Picture]


@dataclass(frozen=True)
class Drive:
    """One recording of one vehicle.

    `frames(camera)` yields that camera's pictures in time order, one at a time. `tracks` and `signals` are tables
    in the columns of the clips artifact without clip_id (track columns in the world frame of `ego`; without
    `observed_us` a sighting is known at its own time), in memory or, from long recordings, on disk; `lanes`,
    `road_elements` are row dicts with shapes in that world frame, None = this source has no map. `world` names that
    frame where drives share it (a city's map frame, a UTM zone); "" = the frame is this drive's own. `points` are scans
    of a depth sensor, a row each, in the rig frame at their own time.
    """

    drive_id: str
    source: str
    licence: str
    rig: Rig
    ego: RawEgo
    frames: Callable[[str], Iterator[Frame]]
    place: str = ""
    world: str = ""
    source_split: str = ""
    tracks: pa.Table | TimedRows | None = None
    signals: pa.Table | TimedRows | None = None
    lanes: list[dict] | None = None
    road_elements: list[dict] | None = None
    route: list[list[float]] | None = None
    points: pa.Table | TimedRows | None = None
    quarantined: Quarantined = ()


@dataclass(frozen=True)
class Recording:
    """A drive that a layout holds, not opened yet; `open` raises UnusableInput when it cannot be used."""

    drive_id: str
    open: Callable[[], Drive]


@dataclass(frozen=True)
class Clip:
    """One row of `clips.parquet`: up to 20 s of a drive; the origin is the clip frame's pose in the drive frame."""

    clip_id: str
    drive_id: str
    place: str
    start_us: int
    end_us: int
    ticks: int
    origin_xyz_m: tuple[float, float, float]
    origin_wxyz: tuple[float, float, float, float]


@dataclass(frozen=True)
class EgoMotion:
    """Ego motion on ticks, arrays of equal length n; the frame is said by the function that returns it.

    t_us, observed_us int64 microseconds (observed_us: the latest raw time stamp a row was made from); x_m, y_m, z_m;
    yaw_rad; speed_mps signed; accel_mps2; yaw_rate_radps; curvature_per_m; clip_id (object): the clip of each tick.
    """

    t_us: NDArray[np.int64]
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    z_m: NDArray[np.float64]
    yaw_rad: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    accel_mps2: NDArray[np.float64]
    yaw_rate_radps: NDArray[np.float64]
    curvature_per_m: NDArray[np.float64]
    observed_us: NDArray[np.int64]
    clip_id: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.t_us)
