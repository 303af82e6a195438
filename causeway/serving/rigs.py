"""Calibration by vehicle: the `rig_id` of a request, looked up in the online store that the features step fills.

Knows how a calibration becomes the endpoint's 16 numbers for each camera. Does not know how the store keeps it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput
from causeway.serving.tensors import InvalidRequest

if TYPE_CHECKING:
    from causeway.evidence import RigCalibration

_LOG = logging.getLogger("causeway.serving")
RigOf = Callable[[str, tuple[str, ...]], NDArray[np.float32]]  # rig_id, cameras -> [cameras, 16]


class RigsAway(Exception):
    """The online store cannot be asked: a fault of the server's surroundings, not of the request."""


def rigs_in(store_folder: str) -> RigOf:
    """A look-up in the online store at `store_folder`, one at a time.

    InvalidRequest for what it does not hold, RigsAway when it cannot be asked.
    """
    from causeway.evidence import UnknownVehicle, rig_of

    one_at_a_time = threading.Lock()  # requests are read in several threads, the store is one connection

    def look_up(rig_id: str, cameras: tuple[str, ...]) -> NDArray[np.float32]:
        try:
            with one_at_a_time:
                calibration = rig_of(rig_id, store_folder)
        except UnknownVehicle as error:
            raise InvalidRequest("rig_id", "no such vehicle in the online store; send the input rig") from error
        except UnusableInput as error:
            _LOG.warning("%s", error)  # says which address; that is no business of whoever asks
            raise RigsAway("rig_id: the store of rigs is away; send the input rig or ask again later") from error
        return rig_numbers(calibration, cameras)

    return look_up


def rig_numbers(calibration: RigCalibration, cameras: tuple[str, ...]) -> NDArray[np.float32]:
    """[cameras, 16]: fx, cx over the width, fy, cy over the height, then rows 0 to 2 of rig_from_camera."""
    for camera in cameras:
        if camera not in calibration.cameras:
            raise InvalidRequest("rig_id", f"this vehicle has no camera {camera}")
    rows = [calibration.cameras.index(camera) for camera in cameras]
    sizes, pixels = calibration.size_px[rows], calibration.intrinsics[rows]
    relative = pixels / np.concatenate([sizes, sizes], axis=1)  # fx, fy, cx, cy by width, height, width, height
    poses = calibration.rig_from_camera[rows][:, :3].reshape(len(rows), 12)
    return np.concatenate([relative, poses], axis=1).astype(np.float32)
