"""`detect`: the one definition of behaviour that labels, rewards and evaluation share.

Knows how arrays from outside are checked and which channel runs on which of them. Positions are checked and not used:
the speed given is the measured one, and a derived one would be noisier. The lane channel needs a map: `lane_drive`.
"""

from typing import Any

import numpy as np

from causeway.errors import UnusableInput
from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.lateral import lateral_codes
from causeway.meta_actions.longitudinal import longitudinal_codes
from causeway.meta_actions.names import LATERAL, LONGITUDINAL
from causeway.meta_actions.ticks import ticks_of

DEFAULTS = DetectorConfig()
_LONGITUDINAL, _LATERAL = np.array(LONGITUDINAL), np.array(LATERAL)


def detect(
    t_us: Any, x_m: Any, y_m: Any, yaw_rad: Any, speed_mps: Any, config: DetectorConfig = DEFAULTS
) -> tuple[np.ndarray, np.ndarray]:
    """Name what the car does at each tick: (longitudinal, lateral), arrays of names of the inputs' shape.

    Inputs: t_us int µs, strictly increasing ticks of 0.1 s; x_m, y_m m; yaw_rad rad, any wrap; speed_mps signed.
    All of shape […, n] (t_us may be [n] for a batch); each row is a drive of its own. Names are those of
    `causeway.meta_actions.names`. Raises UnusableInput for other shapes, no ticks, NaN, Inf or time that does not
    increase. Source: arXiv 2511.00088, table 5; rules of the method notes, part A, 1.8.
    """
    longitudinal, lateral = detect_codes(t_us, x_m, y_m, yaw_rad, speed_mps, config)
    return _names(_LONGITUDINAL, longitudinal), _names(_LATERAL, lateral)


def _names(names: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The name of each code; as plain bytes they are copied faster than as text."""
    return names.view(f"V{names.itemsize}").take(codes, mode="clip").view(names.dtype)


def detect_codes(
    t_us: Any, x_m: Any, y_m: Any, yaw_rad: Any, speed_mps: Any, config: DetectorConfig = DEFAULTS
) -> tuple[np.ndarray, np.ndarray]:
    """As `detect`, as indices into `LONGITUDINAL` and `LATERAL` (int8): for many drives or trajectories at once."""
    t_us, yaw_rad, speed_mps = _checked(t_us, x_m, y_m, yaw_rad, speed_mps)
    shape = speed_mps.shape
    rows = (-1, shape[-1])
    times = t_us if t_us.ndim == 1 else t_us.reshape(rows)
    ticks = ticks_of(times, speed_mps.reshape(rows), config.smoothing_ticks)
    found = longitudinal_codes(ticks, config), lateral_codes(ticks, yaw_rad.reshape(rows), config)
    return found[0].reshape(shape), found[1].reshape(shape)


def _checked(t_us: Any, x_m: Any, y_m: Any, yaw_rad: Any, speed_mps: Any) -> tuple[np.ndarray, ...]:
    given = {"x_m": x_m, "y_m": y_m, "yaw_rad": yaw_rad, "speed_mps": speed_mps}
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in given.items()}
    shape = arrays["speed_mps"].shape
    if not shape or 0 in shape:
        raise UnusableInput("meta actions: no ticks to look at; give arrays of at least one tick")
    for name, values in arrays.items():
        if values.shape != shape:
            raise UnusableInput(f"meta actions: {name} has shape {values.shape}, not {shape} like speed_mps")
        if not np.isfinite(values).all():
            tick = int(np.flatnonzero(~np.isfinite(values).ravel())[0])
            raise UnusableInput(f"meta actions: {name} is NaN or infinite at tick {tick}; drop such ticks first")
    return _checked_time(t_us, shape), arrays["yaw_rad"], arrays["speed_mps"]


def _checked_time(t_us: Any, shape: tuple[int, ...]) -> np.ndarray:
    times = np.asarray(t_us)
    if times.shape not in (shape, shape[-1:]):
        raise UnusableInput(f"meta actions: t_us has shape {times.shape}, not {shape} like speed_mps")
    if not np.isfinite(times).all():
        raise UnusableInput("meta actions: t_us is NaN or infinite; drop such ticks first")
    times = times.astype(np.int64, copy=False)
    if not (times[..., 1:] > times[..., :-1]).all():
        tick = int(np.flatnonzero((np.diff(times, axis=-1) <= 0).ravel())[0]) + 1
        raise UnusableInput(f"meta actions: t_us does not increase at tick {tick}; sort the ticks, drop doubles")
    return times
