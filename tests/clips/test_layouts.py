import os
import subprocess
import sys

import numpy as np
import pytest

from causeway.clips.ingest import IngestConfig, ingest_paths
from causeway.clips.readers import layouts
from causeway.errors import UnusableInput, UsageError
from tests.clips.test_kitti_odometry import official

FOLDERS = {
    "av2_logs": "argoverse2",
    "comma2k19_example1": "comma2k19",
    "commonroad_ngsim": "commonroad",
    "kitti_odom_gray": "kitti-odometry",
    "kitti_raw_0013": "kitti-raw",
    "pandaset_002": "pandaset",
}


def commonroad_file(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.xml").write_text('<commonRoad commonRoadVersion="2020a" timeStepSize="0.1"></commonRoad>')


def comma_segment(folder):
    (folder / "global_pose").mkdir(parents=True)
    np.save(folder / "global_pose" / "frame_times.npy", np.zeros(3))


def test_every_promised_layout_has_a_reader_of_its_own():
    readers = layouts.readers()
    assert tuple(readers) == layouts.LAYOUTS
    assert len({module.__name__ for module in readers.values()}) == 8
    for module in readers.values():
        assert all(callable(getattr(module, name)) for name in ("fits", "paths", "recordings"))


def test_importing_the_registry_imports_no_reader():
    code = "import sys, causeway.clips.readers.layouts; print([m for m in sys.modules if 'clips.readers.' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['causeway.clips.readers.layouts']"


def test_a_folder_in_two_layouts_is_refused_until_one_is_named(tmp_path):
    commonroad_file(tmp_path)
    assert layouts.reader_of(str(tmp_path), "auto")[0].__name__.endswith("commonroad.reader")
    comma_segment(tmp_path)
    with pytest.raises(UnusableInput, match="looks like commonroad and comma2k19 at once; name one with --layout"):
        layouts.reader_of(str(tmp_path), "auto")
    assert layouts.reader_of(str(tmp_path), "comma2k19")[0].__name__.endswith("comma2k19.reader")


def test_what_fits_nothing_says_so(tmp_path):
    with pytest.raises(UsageError, match="nonsense: no such layout; known are auto, physicalai-av, argoverse2"):
        layouts.reader_of(str(tmp_path), "nonsense")
    with pytest.raises(UnusableInput, match="an empty folder"):
        layouts.reader_of(str(tmp_path), "auto")
    with pytest.raises(UnusableInput, match="not there"):
        layouts.reader_of(str(tmp_path / "absent"), "auto")
    (tmp_path / "b.xml").write_text("<html/>")
    with pytest.raises(UnusableInput, match="in none of the layouts physicalai-av, argoverse2, commonroad"):
        layouts.reader_of(str(tmp_path), "auto")
    with pytest.raises(UnusableInput, match="does not look like pandaset; nor like any other layout known"):
        layouts.reader_of(str(tmp_path), "pandaset")
    commonroad_file(tmp_path)
    with pytest.raises(UnusableInput, match="does not look like pandaset; it looks like commonroad"):
        layouts.reader_of(str(tmp_path), "pandaset")


@pytest.mark.parametrize(("folder", "layout"), FOLDERS.items())
def test_each_folder_of_real_drives_is_in_one_layout(test_drives, folder, layout):
    root = test_drives / folder
    if not root.is_dir():
        pytest.skip(f"{folder} is not among the real drives here")
    assert [name for name, reader in layouts.readers().items() if reader.fits(root)] == [layout]


@pytest.mark.parametrize("name", ["a.xml", "tracklet_labels.xml", "a.jpg"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    root = official(tmp_path / "kitti")
    os.mkfifo(root / "sequences" / "07" / name)  # beside what is read
    assert name not in {path.name for path in ingest_paths(str(root), IngestConfig())}
    os.mkfifo(root / "sequences" / "07" / "image_0" / name)
    with pytest.raises(UnusableInput, match="a pipe or device"):
        ingest_paths(str(root), IngestConfig())


def test_a_mapping_file_that_is_a_link_to_nothing_is_not_there(tmp_path):
    (tmp_path / "rig.yaml").symlink_to("not-there")
    with pytest.raises(UnusableInput, match="not there"):
        ingest_paths(str(tmp_path / "rig.yaml"), IngestConfig())
