"""The PhysicalAI-Autonomous-Vehicles folder layout: every path template, column and convention, in one place.

Knows names only; `reader.py` reads the layout and the built-in world writes it. Nothing is opened here.

Conventions
- A *layout clip* is one recording of about 20 s named by `clip_id`; it becomes one drive of ours with that id.
- `clip_index.parquet` maps clip_id to its chunk; a chunk is one zip (or one Parquet table) for each feature.
- `features.csv` says, for each feature, its chunk path template and (JSON) the members of a clip in the zip.
- Time: integer microseconds on the clip's own clock, the same clock for every feature of that clip.
- World frame: any fixed frame, x y horizontal, z up, metres. Rig frame: x forward, y left, z up, origin rear axle
  on the ground. `egomotion` is the pose of the rig in the world (quaternion columns qx qy qz qw rotate rig vectors
  into the world); vx vy vz and ax ay az are in the WORLD frame; curvature is signed, + left.
- `egomotion` is what the vehicle knew while it drove; `egomotion.offline`, of the same columns, was smoothed afterwards
  with the help of later measurements and is read only where the other is missing. So with `obstacle` and
  `obstacle.offline`: box centres in the RIG frame at the row's own time stamp; size_x is the length.
- `sensor_extrinsics`: pose of the sensor in the rig; a camera's frame is x right, y down, z forward.
- `camera_intrinsics`: the public columns are those of an f-theta lens. A pinhole camera sets `model` to `pinhole`
  and gives fx, fy as well; its polynomials come within a pixel of it, for readers that know no other lens.
- A camera's feature begins with `camera_` (the public reader tells a video by that); calibration calls it the same.
- Video frame k of `video` was taken at row k of `frame_timestamps`.
- `indicators` (turn signals of the tracks of `obstacle`), `lanes`, `road_elements`, `signals` and `route` are not in
  the public data set; they are ours, in the same style, with shapes [[x, y], ...] in the world frame of `egomotion`.
  A drive without them simply has no map.
"""

import json
import re
from dataclasses import dataclass

FEATURES_CSV = "features.csv"  # columns FEATURES_COLUMNS; one row a feature
FEATURES_COLUMNS = ("feature", "directory", "chunk_path", "clip_files_in_zip")
CLIP_INDEX = "clip_index.parquet"
CLIP_INDEX_COLUMNS = ("clip_id", "chunk", "clip_is_valid", "split")  # clip_id is the pandas index in public data
FEATURE_PRESENCE = "metadata/feature_presence.parquet"  # optional; clip_id and a bool column for each feature
SENSOR_PRESENCE = "metadata/sensor_presence.parquet"  # its name before revision 26.03
SPLITS = "splits/default.parquet"  # optional; clip_id, split; goes before the column of the index
DATA_COLLECTION = "metadata/data_collection.parquet"  # optional; clip_id, country, `place` (ours, goes first), ...
SOURCE_JSON = "source.json"  # ours, optional: {"name": ..., "licence": ..., "vehicle_id": ...}
TRUTH = "truth.parquet"  # ours, optional: what the built-in world knows of every moment

CAMERAS = (
    "camera_front_wide_120fov",
    "camera_front_tele_30fov",
    "camera_cross_left_120fov",
    "camera_cross_right_120fov",
    "camera_rear_left_70fov",
    "camera_rear_right_70fov",
    "camera_rear_tele_30fov",
)

FRAME_TIMESTAMPS_COLUMNS = ("timestamp",)
EGOMOTION_COLUMNS = (
    *("timestamp", "qx", "qy", "qz", "qw", "x", "y", "z"),
    *("vx", "vy", "vz", "ax", "ay", "az", "curvature"),
)
OBSTACLE_COLUMNS = (
    *("timestamp_us", "source", "track_id", "center_x", "center_y", "center_z", "size_x", "size_y", "size_z"),
    *("orientation_x", "orientation_y", "orientation_z", "orientation_w"),
    *("label_class", "reference_frame", "reference_frame_timestamp_us"),
)
OBSTACLE_FRAME = "rig"  # the value of `reference_frame` on every row
INDICATORS_COLUMNS = ("timestamp", "track_id", "indicator")  # of `closed_sets.INDICATORS`
LANES_COLUMNS = ("lane_id", "centre", "left", "right", "successors", "kind")
ROAD_ELEMENTS_COLUMNS = ("element_id", "kind", "shape", "lane_ids")
SIGNALS_COLUMNS = ("timestamp", "signal_id", "state", "lane_ids")
ROUTE_COLUMNS = ("points",)  # one row
POINTS_COLUMNS = ("timestamp", "xyz_m")  # one row a scan: x, y, z of all its points, rig frame at its time

# Calibration chunks are plain Parquet tables (pandas index = the first one or two columns).
CAMERA_INTRINSICS_COLUMNS = (
    *("clip_id", "camera_name", "width", "height", "cx", "cy"),
    *(f"fw_poly_{i}" for i in range(5)),
    *(f"bw_poly_{i}" for i in range(5)),
)
CAMERA_INTRINSICS_EXTRA = ("model", "fx", "fy")  # ours: "pinhole" | "ftheta" (default), focal lengths in pixels
SENSOR_EXTRINSICS_COLUMNS = ("clip_id", "sensor_name", "qx", "qy", "qz", "qw", "x", "y", "z")
VEHICLE_DIMENSIONS_COLUMNS = (
    *("clip_id", "length", "width", "height"),
    *("rear_axle_to_bbox_center", "wheelbase", "track_width"),
)

# label_class of `obstacle.offline` -> track type. The last four are ours, for things the public set has no class for.
TRACK_TYPE_OF_CLASS = {
    "automobile": "car",
    "heavy_truck": "truck",
    "bus": "bus",
    "other_vehicle": "unknown",
    "trailer": "truck",
    "person": "pedestrian",
    "rider": "cyclist",
    "stroller": "pedestrian",
    "animal": "animal",
    "protruding_object": "static",
    "motorcycle": "motorcycle",
    "static": "static",
    "cyclist": "cyclist",
    "unknown": "unknown",
}
CLASS_OF_TRACK_TYPE = {
    "car": "automobile",
    "truck": "heavy_truck",
    "bus": "bus",
    "pedestrian": "person",
    "cyclist": "rider",
    "motorcycle": "motorcycle",
    "animal": "animal",
    "static": "static",
    "unknown": "unknown",
}


@dataclass(frozen=True)
class Feature:
    """One feature: its directory, the path template of a chunk and the zip members of a clip (none = a table)."""

    name: str
    directory: str
    chunk_path: str
    members: tuple[tuple[str, str], ...] = ()

    def chunk(self, chunk_id: int) -> str:
        """The path of a chunk, relative to the root of the drives."""
        return self.chunk_path.format(chunk_id=chunk_id)

    def member(self, clip_id: str, alias: str) -> str:
        """The name, in the chunk's zip, of one member of a clip."""
        return dict(self.members)[alias].format(clip_id=clip_id)

    def row(self) -> dict[str, str]:
        """The feature's row of `features.csv`."""
        templates = json.dumps(dict(self.members)) if self.members else ""
        values = (self.name, self.directory, self.chunk_path, templates)
        return dict(zip(FEATURES_COLUMNS, values, strict=True))


def camera_feature(name: str) -> Feature:
    """The feature of one camera: an H.264 MP4 (`video`) and the time stamp of each frame (`frame_timestamps`)."""
    members = (("video", f"{{clip_id}}.{name}.mp4"), ("frame_timestamps", f"{{clip_id}}.{name}.timestamps.parquet"))
    return Feature(name, "camera", f"camera/{name}/{name}.chunk_{{chunk_id:04d}}.zip", members)


def camera_name(feature: str) -> str:
    """What a camera is called with us: `front_wide` for the feature `camera_front_wide_120fov`."""
    return re.sub(r"^camera_|_\d+fov$", "", feature)


def feature_of_camera(name: str) -> str:
    """The feature of a camera's name with us: `camera_front_wide_120fov` for `front_wide`. KeyError for another."""
    return {camera_name(feature): feature for feature in CAMERAS}[name]


def label_feature(name: str) -> Feature:
    """A feature in `labels/`: one Parquet member a clip, its alias is the feature's name."""
    path = f"labels/{name}/{name}.chunk_{{chunk_id:04d}}.zip"
    return Feature(name, "labels", path, ((name, f"{{clip_id}}.{name}.parquet"),))


def calibration_feature(name: str) -> Feature:
    """A feature in `calibration/`: one Parquet table a chunk with the rows of all its clips."""
    return Feature(name, "calibration", f"calibration/{name}/{name}.chunk_{{chunk_id:04d}}.parquet")


EGOMOTION = label_feature("egomotion")  # EGOMOTION_COLUMNS
EGOMOTION_OFFLINE = label_feature("egomotion.offline")  # EGOMOTION_COLUMNS
OBSTACLES = label_feature("obstacle.offline")  # OBSTACLE_COLUMNS
OBSTACLES_ONLINE = label_feature("obstacle")  # OBSTACLE_COLUMNS
INDICATORS = label_feature("indicators")  # INDICATORS_COLUMNS, ours; one row a vehicle and tick
LANES = label_feature("lanes")  # LANES_COLUMNS, ours
ROAD_ELEMENTS = label_feature("road_elements")  # ROAD_ELEMENTS_COLUMNS, ours
SIGNALS = label_feature("signals")  # SIGNALS_COLUMNS, ours; one row a signal and tick
ROUTE = label_feature("route")  # ROUTE_COLUMNS, ours
POINTS = label_feature("points")  # POINTS_COLUMNS, ours; only where drives have a depth sensor
CAMERA_INTRINSICS = calibration_feature("camera_intrinsics")
SENSOR_EXTRINSICS = calibration_feature("sensor_extrinsics")
VEHICLE_DIMENSIONS = calibration_feature("vehicle_dimensions")

LABEL_FEATURES = (EGOMOTION, OBSTACLES, INDICATORS, LANES, ROAD_ELEMENTS, SIGNALS, ROUTE)
CALIBRATION_FEATURES = (CAMERA_INTRINSICS, SENSOR_EXTRINSICS, VEHICLE_DIMENSIONS)


def all_features(cameras: tuple[str, ...] = CAMERAS) -> tuple[Feature, ...]:
    """Every feature that a `features.csv` of ours lists, for the cameras given."""
    return (*(camera_feature(name) for name in cameras), *LABEL_FEATURES, *CALIBRATION_FEATURES)
