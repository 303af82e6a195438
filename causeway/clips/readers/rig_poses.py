"""Where the rig was when something was seen from it.

Knows ego poses and their gaps. Does not know what was seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import Array, interpolate_se3
from causeway.clips.motion import MAX_GAP_US
from causeway.clips.types import RawEgo


@dataclass(frozen=True, eq=False)
class RigPoses:
    """Poses of the rig in the world at n moments.

    known [n]: there are poses on both sides of the moment, without a gap between them; the others mean nothing.
    xyz_m [n, 3], wxyz [n, 4]; known_us [n]: the moment itself or the pose after it, before which nobody could know.
    """

    known: NDArray[np.bool_]
    xyz_m: Array
    wxyz: Array
    known_us: NDArray[np.int64]


def rig_poses(t_us: NDArray[np.int64], ego: RawEgo) -> RigPoses:
    """The poses at t_us [n], any order; `ego` has increasing times."""
    after = np.minimum(np.searchsorted(ego.t_us, t_us, side="left"), len(ego.t_us) - 1)
    before = np.maximum(np.searchsorted(ego.t_us, t_us, side="right") - 1, 0)
    known = (t_us >= ego.t_us[0]) & (t_us <= ego.t_us[-1]) & (ego.t_us[after] - ego.t_us[before] <= MAX_GAP_US)
    xyz, wxyz = interpolate_se3(t_us, ego.t_us, ego.xyz_m, ego.wxyz)
    return RigPoses(known, xyz, wxyz, np.maximum(t_us, ego.t_us[after]))
