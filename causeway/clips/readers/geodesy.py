"""Places on the earth as metres on a map: WGS 84 latitude and longitude or ECEF to a UTM zone.

Knows the WGS 84 ellipsoid and the transverse Mercator series (L. Krüger 1912, to the third order: below 1 mm inside
a zone). Does not know data sets. A UTM zone is one frame for all drives in it, so that drives can be kept apart by
place; lengths in it are up to 0.04 % short at a zone's middle.

Processors differ in the last bit of a sine. On a map that bit is a nanometre, a speed is ten times the difference of
two places, and content hashes would differ: coordinates are worked out with more bits and rounded once.
"""

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import Array, multiply, quaternion_from_matrix, quaternion_from_yaw

_A_M = 6378137.0
_F = 1 / 298.257223563
_E2 = _F * (2 - _F)
_N = _F / (2 - _F)
_SCALE, _EAST_M = 0.9996, 500_000.0
_RADIUS_M = _A_M / (1 + _N) * (1 + _N**2 / 4)
_ALPHA = (_N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16, 13 * _N**2 / 48 - 3 * _N**3 / 5, 61 * _N**3 / 240)
_BETA = (_N / 2 - 2 * _N**2 / 3 + 37 * _N**3 / 96, _N**2 / 48 + _N**3 / 15, 17 * _N**3 / 480)  # and back
_DELTA = (2 * _N - 2 * _N**2 / 3 - 2 * _N**3, 7 * _N**2 / 3 - 8 * _N**3 / 5, 56 * _N**3 / 15)


def zone_of(lat_rad: float, lon_rad: float) -> str:
    """The UTM zone of a place, such as `utm-32n` (without the exceptions around Norway)."""
    number = int(np.floor((np.degrees(lon_rad) + 180) / 6)) % 60 + 1
    return f"utm-{number:02d}{'n' if lat_rad >= 0 else 's'}"


def utm(lat_rad: Array, lon_rad: Array, zone: str) -> tuple[Array, Array, Array]:
    """Easting, northing (metres; south of the equator negative) and convergence [n] of places in a zone.

    A direction at angle a from east, counter-clockwise, on the ground has the angle a + convergence on the map.
    """
    middle = np.radians(int(zone[4:6]) * 6 - 183)
    lon = _more_bits(lon_rad)
    sin = np.sin(_more_bits(lat_rad))
    k = 2 * np.sqrt(_N) / (1 + _N)
    t = np.sinh(np.arctanh(sin) - k * np.arctanh(k * sin))
    delta = (lon - middle + np.pi) % (2 * np.pi) - np.pi
    xi, eta = np.arctan2(t, np.cos(delta)), np.arcsinh(np.sin(delta) / np.hypot(t, np.cos(delta)))
    north, east = xi.copy(), eta.copy()
    p, q = np.ones_like(xi), np.zeros_like(xi)
    for order, alpha in enumerate(_ALPHA, start=1):
        j = 2 * order
        north = north + alpha * np.sin(j * xi) * np.cosh(j * eta)
        east = east + alpha * np.cos(j * xi) * np.sinh(j * eta)
        p = p + j * alpha * np.cos(j * xi) * np.cosh(j * eta)
        q = q + j * alpha * np.sin(j * xi) * np.sinh(j * eta)
    turn = np.arctan(t / np.sqrt(1 + t**2) * np.tan(delta)) + np.arctan2(q, p)
    return _rounded(_EAST_M + _SCALE * _RADIUS_M * east), _rounded(_SCALE * _RADIUS_M * north), _rounded(turn)


def _more_bits(values: Array) -> NDArray[np.longdouble]:
    """80 bits where the machine has them."""
    return np.asarray(values, dtype=np.longdouble)


def _rounded(values: NDArray[np.longdouble]) -> Array:
    return values.astype(np.float64)


def ecef_from_utm(east_m: Array, north_m: Array, zone: str) -> Array:
    """ECEF positions [n, 3] on the ellipsoid of places [n] on a zone's map; the inverse of `utm`."""
    xi, eta = north_m / (_SCALE * _RADIUS_M), (east_m - _EAST_M) / (_SCALE * _RADIUS_M)
    north, east = xi.copy(), eta.copy()
    for order, beta in enumerate(_BETA, start=1):
        north -= beta * np.sin(2 * order * xi) * np.cosh(2 * order * eta)
        east -= beta * np.cos(2 * order * xi) * np.sinh(2 * order * eta)
    conformal = np.arcsin(np.sin(north) / np.cosh(east))
    lat = conformal + sum(delta * np.sin(2 * order * conformal) for order, delta in enumerate(_DELTA, start=1))
    lon = np.radians(int(zone[4:6]) * 6 - 183) + np.arctan2(np.sinh(east), np.cos(north))
    across = _normal(lat) * np.cos(lat)
    return np.stack([across * np.cos(lon), across * np.sin(lon), _normal(lat) * (1 - _E2) * np.sin(lat)], axis=-1)


def geodetic(ecef_m: Array) -> tuple[Array, Array, Array]:
    """Latitude, longitude (radians) and height above the ellipsoid (metres) of ECEF positions [n, 3]."""
    x, y, z = _more_bits(ecef_m).T
    across = np.hypot(x, y)
    lat = np.arctan2(z, across * (1 - _E2))
    for _ in range(6):  # contracts by e² a turn: 1e-12 rad
        lat = np.arctan2(z + _E2 * _normal(lat) * np.sin(lat), across)
    height = across * np.cos(lat) + z * np.sin(lat) - _A_M * np.sqrt(1 - _E2 * np.sin(lat) ** 2)
    return _rounded(lat), _rounded(np.arctan2(y, x)), _rounded(height)


def _normal(lat_rad: Array | NDArray[np.longdouble]) -> Array | NDArray[np.longdouble]:
    return _A_M / np.sqrt(1 - _E2 * np.sin(lat_rad) ** 2)


def enu_from_ecef(lat_rad: Array, lon_rad: Array) -> Array:
    """Rotations [n, 3, 3] from ECEF to east, north, up at places [n]."""
    sin_lat, cos_lat, sin_lon, cos_lon = np.sin(lat_rad), np.cos(lat_rad), np.sin(lon_rad), np.cos(lon_rad)
    zero = np.zeros_like(sin_lat)
    east = np.stack([-sin_lon, cos_lon, zero], axis=-1)
    north = np.stack([-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat], axis=-1)
    up = np.stack([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat], axis=-1)
    return np.stack([east, north, up], axis=-2)


def map_from_ecef(ecef_m: Array) -> tuple[str, Array, Array]:
    """The zone of the first of n places, their x, y, z on its map [n, 3], and quaternions [n, 4] from ECEF to it."""
    lat, lon, height = geodetic(ecef_m)
    zone = zone_of(float(lat[0]), float(lon[0]))
    east, north, turn = utm(lat, lon, zone)
    enu = quaternion_from_matrix(enu_from_ecef(lat, lon))
    return zone, np.stack([east, north, height], axis=-1), multiply(quaternion_from_yaw(turn), enu)
