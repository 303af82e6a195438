"""Points become pixels by the lens; every room draws with the same one."""

import numpy as np

from causeway.clips.lenses import project
from causeway.evaluation.page.pictures import project as project_numbers

WIDTH, HEIGHT, FOCAL, HEIGHT_M = 320, 160, 150.0, 1.5
FORWARD = [0.0, 0.0, 1.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, HEIGHT_M, 0.0, 0.0, 0.0, 1.0]
PINHOLE = {
    "model": "pinhole",
    "fx": FOCAL,
    "fy": FOCAL,
    "cx": 160.0,
    "cy": 80.0,
    "distortion": [],
    "rig_from_camera": FORWARD,
}


def test_a_pinhole_puts_points_where_geometry_says():
    pixels, seen = project(PINHOLE, np.array([[11.0, 0.0, HEIGHT_M], [11.0, 2.0, 0.0], [0.5, 0.0, 0.0]]))
    assert seen.tolist() == [True, True, False]
    np.testing.assert_allclose(pixels[:2], [[160.0, 80.0], [160.0 - 15.0 * 2, 80.0 + 15.0 * HEIGHT_M]])


def test_an_f_theta_lens_goes_by_the_angle_and_sees_sideways():
    camera = {**PINHOLE, "model": "ftheta", "distortion": [0.0, 100.0, 0.0, 5.0, 0.0]}
    angle = np.arctan2(3.0, 4.0)
    far = 100.0 * np.pi / 2 + 5.0 * (np.pi / 2) ** 3
    points = np.array([[5.0, -3.0, HEIGHT_M], [1.0, 8.0, HEIGHT_M], [-30.0, 1.0, HEIGHT_M], [9.0, 0.0, HEIGHT_M]])
    pixels, seen = project(camera, points)
    assert seen.tolist() == [True, True, False, True]
    np.testing.assert_allclose(pixels[0], [160.0 + 100.0 * angle + 5.0 * angle**3, 80.0])
    np.testing.assert_allclose(pixels[1], [160.0 - far, 80.0])
    np.testing.assert_allclose(pixels[3], [160.0, 80.0])


def test_the_numbers_that_a_policy_gets_are_the_same_lens():
    points = np.random.default_rng(0).uniform([2.0, -3.0, -1.0], [40.0, 3.0, 3.0], (50, 3))
    numbers = np.array([FOCAL / WIDTH, FOCAL / HEIGHT, 0.5, 0.5, *FORWARD[:12]])
    pixels, seen = project(PINHOLE, points)
    other, depth = project_numbers(points, numbers, WIDTH, HEIGHT)
    assert seen.all()
    np.testing.assert_allclose(other, pixels, atol=1e-9)
    np.testing.assert_allclose(depth, points[:, 0] - 1.0)
