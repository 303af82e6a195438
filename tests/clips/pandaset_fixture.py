"""A small PandaSet sequence in the official layout, with round numbers."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.clips.argoverse2_fixture import jpeg

T0_S = 1557540000.5
FRAMES = 30
STAMPS = [T0_S + k / 10 for k in range(FRAMES)]
EARLY_S = 0.05  # the camera fires so long before the lidar's stamp
CAMERA = "front_camera"


def pose(x, y, z, wxyz=(1.0, 0.0, 0.0, 0.0)):
    position = dict(zip("xyz", (x, y, z), strict=True))
    return {"position": position, "heading": dict(zip("wxyz", wxyz, strict=True))}


def write_json(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def write_sequence(folder, pictures=True):
    """Drives along world y (forward of the lidar poses) at 10 m/s, with a camera 1 m ahead of and 1.8 m above them."""
    write_json(folder / "lidar/timestamps.json", STAMPS)
    write_json(folder / "lidar/poses.json", [pose(0.0, float(k), 0.0) for k in range(FRAMES)])
    gnss = [{"lat": 37.77, "long": -122.4, "height": 3.0, "xvel": 0.0, "yvel": 10.5} for _ in STAMPS]
    write_json(folder / "meta/gps.json", gnss)
    camera = folder / "camera" / CAMERA
    write_json(camera / "intrinsics.json", {"fx": 1900.0, "fy": 1901.0, "cx": 960.0, "cy": 540.0})
    write_json(camera / "timestamps.json", [t - EARLY_S for t in STAMPS])
    half = np.sqrt(0.5)  # x right, y down, z forward in a world whose y is forward
    places = [float(k) - 10 * EARLY_S + 1.0 for k in range(FRAMES)]
    write_json(camera / "poses.json", [pose(0.0, y, 1.8, (half, -half, 0.0, 0.0)) for y in places])
    for number in range(FRAMES if pictures else 0):
        (camera / f"{number:02d}.jpg").write_bytes(jpeg(8 * number, (192, 108)))
    cuboids = folder / "annotations" / "cuboids"
    cuboids.mkdir(parents=True, exist_ok=True)
    for number in range(FRAMES):
        (cuboids / f"{number:02d}.pkl.gz").write_bytes(b"never opened")
    return folder


def agents(**changed):
    """A car that stands at (2, 40) and points along y, seen by both lidars, each with its own id."""
    frames = list(range(FRAMES)) * 2
    n = len(frames)
    columns = {"frame": frames, "t": [k / 10 for k in frames], "track_id": ["a"] * FRAMES + ["b"] * FRAMES}
    columns |= {"label": ["Car"] * n, "x": [2.0] * n, "y": [40.0] * n, "z": [0.4] * n, "yaw": [np.pi / 2] * n}
    columns |= {"length": [4.5] * n, "width": [1.9] * n, "height": [1.6] * n}
    columns |= {"stationary": [True] * n, "sensor_id": [0] * FRAMES + [1] * FRAMES}
    return columns | changed


def write_agents(folder, columns):
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), folder / "agents.parquet")


def write_video(path, pictures=FRAMES):
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 54, "yuv420p"
        for number in range(pictures):
            picture = np.full((54, 96, 3), 8 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
