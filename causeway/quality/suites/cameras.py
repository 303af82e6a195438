"""What is expected of cameras: their calibration, their pictures one by one, and those of a clip together."""

from causeway.artifacts.closed_sets import CAMERA_MODELS
from causeway.quality.expectations import MANY, Suite, between, filled, in_set, true
from causeway.quality.facts.pictures import BLACK, BLURRED, PLAIN

# One row a picture: `facts.pictures.picture_facts`. A picture that is left out leaves a gap, which CAMERAS counts.
FRAMES = Suite(
    "frames",
    "a picture",
    (
        true("picture_once", "first_of_its_time", "drop_row", "one camera, two pictures at one time"),
        true("picture_in_clip", "in_clip", "drop_row", "taken before or after the clip", "time"),
        true("decodable", "decodable", "drop_row", "the bytes are no picture"),
        true("size_as_told", "size_agrees", "drop_row", "calibration is for pictures of the size told", "sizes"),
        between("black_picture", "brightest", BLACK, MANY, "drop_row", "nothing can be seen: covered or off"),
        between("plain_picture", "spread", PLAIN, MANY, "drop_row", "one colour all over: fog, glare, a broken stream"),
        between("sharp_picture", "sharpness", BLURRED, MANY, "warn", "blurred: out of focus, wet or shaken"),
    ),
    drawn="pictures",
)

# One row a camera of a clip: `facts.cameras.camera_facts`.
CAMERAS = Suite(
    "cameras",
    "a camera of a clip",
    (
        true("rig_present", "rig_present", "drop_clip", "pictures without calibration cannot be used"),
        true("one_size", "one_size", "drop_clip", "pictures of several sizes, one calibration"),
        between("has_pictures", "pictures", 1, MANY, "warn", "the clip names a camera that took none"),
        between("black_pictures", "black_share", 0, 0.3, "drop_clip", "the camera was covered or off"),
        between("blurred_pictures", "blurred_share", 0, 0.5, "drop_clip", "the lens is wet, fogged or out of focus"),
        between("frozen_pictures", "frozen_share", 0, 0.5, "drop_clip", "the pictures stand still while the car moves"),
        between("frozen_picture", "frozen", 0, 0, "warn", "a picture was repeated while the car moved"),
        between(
            "missing_pictures",
            "missing_share",
            0,
            0.3,
            "drop_clip",
            "gaps against the camera's own median period",
            about="gaps",
        ),
        between(
            "longest_gap", "longest_gap_s", 0, 1.5, "warn", "for so long the camera saw nothing", "s", about="gaps"
        ),
    ),
    drawn="pictures",
)

# One row a camera of a clip: `facts.rigs.rig_facts`. Null where a source has no camera.
RIGS = Suite(
    "rigs",
    "a row of the rig of a clip",
    (
        filled("camera_model_named", "model", "drop_clip", "whoever projects must know the lens"),
        in_set("camera_model", "model", CAMERA_MODELS, "drop_clip", "whoever projects must know the lens"),
        # focal length over picture width: 147 degrees wide down to 9.5
        between("focal_length", "focal_share", 0.15, 6.0, "drop_clip", "not in pixels, or of another picture size"),
        between("square_pixels", "pixel_aspect", 0.8, 1.25, "drop_clip", "width and height were scaled differently"),
        between("principal_point", "centre_offset", 0, 0.5, "drop_clip", "the optical axis lies outside the picture"),
        true("distortion", "distortion_finite", "drop_clip", "NaN or infinity in the lens"),
        between("rotation", "rotation_error", 0, 1e-2, "drop_clip", "not a rotation: the pose was read wrongly"),
        between("upright", "upright", 0.5, 1.01, "drop_clip", "the camera lies on its side or looks at the sky"),
        between("mount_height", "mount_height_m", 0.2, 4.5, "drop_clip", "above the road and below a bridge", "m"),
        between("mount_reach", "mount_reach_m", 0, 12, "drop_clip", "no camera sits so far from its vehicle", "m"),
        true("cameras_differ", "differs", "drop_clip", "every camera of the rig has one and the same calibration"),
        between("vehicle_length", "length_m", 1.5, 25, "warn", "of a road vehicle", "m"),
        between("vehicle_width", "width_m", 0.7, 3.2, "warn", "of a road vehicle", "m"),
        between("wheelbase", "wheelbase_share", 0.4, 0.95, "warn", "a share of the length"),
    ),
)
