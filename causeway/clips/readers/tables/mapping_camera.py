"""Mapping of a camera: pictures or a video, when each was taken, intrinsics and mounting.

Knows the keys and their checks. Does not open files.
"""

from typing import Literal

from pydantic import Field, model_validator

from causeway.clips.readers.tables.mapping_rows import Strict


class Calibration(Strict):
    """Intrinsics, as numbers or as the names under which a JSON file has them (`a.b.0` for nested ones)."""

    file: str = ""
    model: Literal["pinhole", "ftheta"] = "pinhole"
    fx: float | str
    fy: float | str
    cx: float | str
    cy: float | str
    width: int | str  # of the picture that the intrinsics are for; the stored picture may be smaller
    height: int | str
    distortion: tuple[float, ...] = ()  # the five forward coefficients of an f-theta lens


class CameraPoses(Strict):
    """A JSON list with the pose of the camera in the world for each picture, in order of the pictures."""

    file: str
    items: str = "frames"
    matrix: str = "transform_matrix"
    # opengl: x right, y up, z backward; opencv: x right, y down, z forward
    convention: Literal["opengl", "opencv"] = "opencv"
    max_offset_m: float = 0.5  # a pose may lie this far from ego path and mounting together, else the drive is refused


class Mounting(Strict):
    """Pose of the camera (x right, y down, z forward) in the rig frame: a quaternion, or where it looks."""

    position_m: tuple[float, float, float]
    wxyz: tuple[float, float, float, float] | None = None
    facing_deg: float = 0.0  # 0 ahead, 90 to the left
    down_deg: float = 0.0  # how far below the horizon it looks

    @model_validator(mode="after")
    def _one_rotation(self) -> "Mounting":
        if self.wxyz is not None and (self.facing_deg or self.down_deg):
            raise ValueError("give either `wxyz` or `facing_deg` and `down_deg`")
        if self.wxyz is not None and sum(v * v for v in self.wxyz) < 1e-6:
            raise ValueError("wxyz has no length")
        return self


class PictureTimes(Strict):
    """When pictures were taken: evenly, as a table or their file names say, and perhaps where their poses fit best."""

    every_s: float | None = Field(default=None, gt=0)
    fps: float | None = Field(default=None, gt=0)
    first_s: float = 0.0  # of the first picture, after the first ego pose; for every_s and fps
    file: str = ""  # a table with a row for each picture, in their order or with a column of their file names
    column: str = "value"  # its column of times
    name_column: str = ""  # its column of file names
    names: bool = False  # the number at the end of a file's name is its time
    unit: Literal["s", "ms", "us", "ns"] = "s"  # for file and names
    offset_s: float = 0.0  # added to put the camera on the ego's clock
    from_poses: bool = False  # the moment of the ego path, near the time given, that explains the camera's pose
    search_s: float = Field(default=0.75, gt=0, le=60)  # how near

    @model_validator(mode="after")
    def _one_source(self) -> "PictureTimes":
        given = [n for n in ("every_s", "fps", "file", "names") if getattr(self, n)]
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise ValueError(f"give one of every_s, fps, file, names; there is {said}")
        return self


class CameraEntry(Strict):
    """One camera: a glob of picture files (their sorted order is their order in time) or a video."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    pictures: str = ""
    video: str = ""
    times: PictureTimes
    calibration: Calibration
    rig_from_camera: Mounting
    poses: CameraPoses | None = None

    @model_validator(mode="after")
    def _fits(self) -> "CameraEntry":
        if bool(self.pictures) == bool(self.video):
            raise ValueError("give either `pictures` or `video`")
        if self.video and (self.times.names or self.times.name_column):
            raise ValueError("a video has no file names to take times from; give fps, every_s or a file")
        if self.times.from_poses and self.poses is None:
            raise ValueError("times.from_poses needs `poses`")
        return self

    def file_templates(self) -> list[str]:
        """Every path template of the camera."""
        poses = self.poses.file if self.poses else ""
        named = [self.pictures, self.video, self.times.file, self.calibration.file, poses]
        return [template for template in named if template]
