"""Drives become clips: readers of public layouts, 10 Hz ego motion, and leakage-safe splits."""

from causeway.clips.access import (
    clips_of,
    each_drive,
    each_drive_tables,
    ego_by_drive,
    ego_of_clip,
    rows_of_clip,
    tracks_of_clip,
)
from causeway.clips.geometry import (
    TICK_US,
    WINDOW,
    from_frame,
    interpolate_se3,
    quaternion_from_yaw,
    to_frame,
    wrap_angle,
    yaw_from_quaternion,
)
from causeway.clips.types import Camera, Clip, Drive, EgoMotion, Frame, RawEgo, Recording, Rig, Vehicle

__all__ = [
    "TICK_US",
    "WINDOW",
    "Camera",
    "Clip",
    "Drive",
    "EgoMotion",
    "Frame",
    "RawEgo",
    "Recording",
    "Rig",
    "Vehicle",
    "clips_of",
    "each_drive",
    "each_drive_tables",
    "ego_by_drive",
    "ego_of_clip",
    "from_frame",
    "interpolate_se3",
    "quaternion_from_yaw",
    "rows_of_clip",
    "to_frame",
    "tracks_of_clip",
    "wrap_angle",
    "yaw_from_quaternion",
]
