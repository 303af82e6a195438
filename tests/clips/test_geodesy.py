import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.clips.geometry import rotate
from causeway.clips.readers.geodesy import ecef_from_utm, enu_from_ecef, geodetic, map_from_ecef, utm, zone_of

_A_M, _E2 = 6378137.0, 0.00669437999014


def ecef(lat_deg, lon_deg, height_m):
    lat, lon = np.radians(lat_deg), np.radians(lon_deg)
    normal = _A_M / np.sqrt(1 - _E2 * np.sin(lat) ** 2)
    across = (normal + height_m) * np.cos(lat)
    return np.array([[across * np.cos(lon), across * np.sin(lon), (normal * (1 - _E2) + height_m) * np.sin(lat)]])


def test_known_places_in_utm():
    # the middle of a zone on the equator, and the Eiffel tower (published: 31U 448252 m E 5411935 m N)
    east, north, turn = utm(np.radians([0.0, 48.858222]), np.radians([3.0, 2.2945]), "utm-31n")
    np.testing.assert_allclose(east, [500_000.0, 448_251.8], atol=0.1)
    np.testing.assert_allclose(north, [0.0, 5_411_935.1], atol=0.1)
    assert turn[0] == 0
    assert turn[1] < 0  # west of the middle, true north leans right on the map


@given(st.floats(-83, 83), st.floats(-7, 7))
def test_from_the_map_back_to_the_globe(lat_deg, across_deg):
    there = ecef(lat_deg, 9 + across_deg, 0.0)
    east, north, _ = utm(np.radians([lat_deg]), np.radians([9 + across_deg]), "utm-32n")
    assert ecef_from_utm(east, north, "utm-32n") == pytest.approx(there, rel=1e-7, abs=0.01)


def test_zones():
    assert zone_of(np.radians(49.0), np.radians(8.4)) == "utm-32n"
    assert zone_of(np.radians(37.7), np.radians(-122.5)) == "utm-10n"
    assert zone_of(np.radians(-33.9), np.radians(151.2)) == "utm-56s"
    assert zone_of(0.0, np.pi) == "utm-01n"


@given(st.floats(-80, 80), st.floats(-2.9, 2.9), st.floats(-300, 5000))
def test_ecef_there_and_the_map_keeps_angles(lat_deg, across_deg, height_m):
    lat, lon, height = geodetic(ecef(lat_deg, 9 + across_deg, height_m))
    np.testing.assert_allclose(np.degrees([lat[0], lon[0]]), [lat_deg, 9 + across_deg], atol=1e-9)
    np.testing.assert_allclose(height, height_m, atol=1e-4)
    zone = zone_of(lat[0], lon[0])
    assert zone[4:6] == "32"
    step = 1e-7
    here, there = utm(lat, lon, zone), utm(lat + step, lon, zone)
    # a step north has the angle 90° + convergence on the map, and its length to 0.1 %
    moved = np.array([there[0] - here[0], there[1] - here[1]])[:, 0]
    np.testing.assert_allclose(np.arctan2(moved[1], moved[0]) - np.pi / 2, here[2][0], atol=1e-5)
    meridian_m = _A_M * (1 - _E2) / (1 - _E2 * np.sin(lat[0]) ** 2) ** 1.5 * step
    np.testing.assert_allclose(np.hypot(*moved), meridian_m, rtol=1e-3)


def test_east_north_up_are_where_they_should_be():
    (turn,) = enu_from_ecef(np.array([0.0]), np.array([0.0]))  # on the equator at Greenwich x is up, y is east
    assert turn @ [1, 0, 0] == pytest.approx([0, 0, 1], rel=1e-7, abs=1e-12)
    assert turn @ [0, 1, 0] == pytest.approx([1, 0, 0], rel=1e-7, abs=1e-12)
    assert turn @ [0, 0, 1] == pytest.approx([0, 1, 0], rel=1e-7, abs=1e-12)


def test_a_step_in_ecef_is_the_same_step_on_the_map():
    start = ecef(37.72, -122.47, 30.0)
    up_north = enu_from_ecef(*(np.radians([v]) for v in (37.72, -122.47)))[0].T @ np.array([3.0, 40.0, 1.0])
    zone, places, turns = map_from_ecef(np.concatenate([start, start + up_north]))
    assert zone == "utm-10n"
    np.testing.assert_allclose(rotate(turns[:1], up_north[None])[0], places[1] - places[0], rtol=1e-3, atol=1e-2)
