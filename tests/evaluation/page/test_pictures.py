import io

import numpy as np
import pytest

from causeway.evaluation.page.pictures import PREDICTED, draw_path, enlarged, jpeg, project

from ..conftest import straight

# one camera 1.4 m up at x = 1.5 m that looks ahead: x right = −y, y down = −z, z forward = x
RIG = np.array([1.0, 1.5, 0.5, 0.5, 0, 0, 1, 1.5, -1, 0, 0, 0, 0, -1, 0, 1.4])


def test_projection_by_hand():
    pixels, depth = project([[11.5, 0, 1.4], [11.5, 2.0, 0.0], [0.0, 0, 0]], RIG, 200, 100)
    assert depth == pytest.approx([10, 10, -1.5])
    assert pixels[0] == pytest.approx([100, 50]), "straight ahead at eye level is the middle"
    assert pixels[1] == pytest.approx([200 * (0.5 - 0.2), 100 * (0.5 + 1.5 * 0.14)]), "left and down"
    assert np.isnan(pixels[2]).all(), "behind the camera"


def test_a_straight_path_colours_the_road_and_not_the_sky():
    black = np.zeros((128, 192, 3), dtype=np.uint8)
    drawn = draw_path(black, straight(8.0), RIG)
    assert drawn.shape == black.shape
    assert not black.any(), "the picture given is left as it is"
    assert not drawn[:64].any()
    assert drawn[100, 96, 0] > 100
    assert not drawn[:, :20].any()
    assert np.argmax(drawn[110, 96]) == int(np.argmax(PREDICTED))


@pytest.mark.parametrize(
    "path", [np.zeros((64, 3)), np.full((64, 3), np.nan), -np.abs(straight(8.0)), np.zeros((0, 3))]
)
def test_paths_that_cannot_be_seen_change_nothing(path):
    grey = np.full((32, 48, 3), 90, dtype=np.uint8)
    assert np.array_equal(draw_path(grey, path, RIG), grey)


def test_enlarging_keeps_the_shape_of_the_picture():
    assert enlarged(np.zeros((128, 192, 3), dtype=np.uint8)).shape == (384, 576, 3)
    assert enlarged(np.zeros((10, 2000, 3), dtype=np.uint8)).shape == (10, 2000, 3)


def test_jpeg_can_be_read():
    from PIL import Image

    assert Image.open(io.BytesIO(jpeg(np.zeros((4, 6, 3), dtype=np.uint8)))).size == (6, 4)
