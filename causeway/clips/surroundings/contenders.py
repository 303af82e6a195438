"""Vehicles on the lane next to ours that may want our place: beside us, just ahead or behind, or moving over.

Knows the rows of `agents` at one tick. Does not know what they do later: that somebody cuts in is said while it moves
towards our lane, not because it got there.
"""

import numpy as np

from causeway.clips.surroundings.agents import NO_VEHICLE, Against, is_lead, is_obstacle, least_of_tick
from causeway.clips.surroundings.scene import Scene

_CUTS_IN_M = 40.0  # who comes over farther ahead is no surprise
_AHEAD_M, _BEHIND_M = 60.0, 25.0  # farther it is nobody's rival
_LANES = 3.0  # our half lane and the whole next one, in half lanes of ours
_TOWARDS_MPS = 0.3  # slower across it is weaving
_ENTERS_S = 3.0


def signed_gap_m(rows: Against) -> np.ndarray:
    """Bumper to bumper along our path [rows]: > 0 it is ahead, < 0 behind, 0 where it overlaps us."""
    return np.where(rows.gap_m > 0, rows.gap_m, np.minimum(rows.rear_gap_m, 0.0))


def towards_mps(rows: Against) -> np.ndarray:
    """Speed across our path [rows], > 0 towards it."""
    return -np.sign(rows.lane_offset_m) * rows.across_mps


def is_contender(scene: Scene, rows: Against) -> np.ndarray:
    """Rows of vehicles that head our way on a lane next to ours, from 25 m behind us to 60 m ahead.

    Standing ones too (a queue), but neither a lead that is half in our lane nor what we drive around.
    """
    vehicle = ~np.isin(scene.tracks.type, NO_VEHICLE)
    gap_m = signed_gap_m(rows)
    near = (gap_m > -_BEHIND_M) & (gap_m < _AHEAD_M) & rows.on_path
    beside_m = np.abs(rows.lane_offset_m)
    next_lane = (beside_m > rows.half_lane_m) & (beside_m <= _LANES * rows.half_lane_m)
    ours = is_lead(scene, rows) | is_obstacle(scene, rows)
    return vehicle & near & next_lane & (np.abs(rows.turn_rad) < np.pi / 3) & ~ours


def nearest_contenders(scene: Scene, rows: Against) -> tuple[np.ndarray, np.ndarray]:
    """For each tick the row of the nearest one (left, right), -1 where there is none."""
    among = is_contender(scene, rows)
    distance_m = np.abs(signed_gap_m(rows))
    left, right = among & (rows.lane_offset_m > 0), among & (rows.lane_offset_m < 0)
    return least_of_tick(scene, distance_m, left), least_of_tick(scene, distance_m, right)


def is_cutting_in(scene: Scene, rows: Against) -> np.ndarray:
    """Rows of vehicles that move towards our way, are in it within 3 s and no lead yet; their rear is at our rear axle
    or farther ahead."""
    towards = towards_mps(rows)
    going = (np.abs(rows.turn_rad) < np.pi / 3) & ~np.isin(scene.tracks.type, NO_VEHICLE) & rows.ahead
    near = (rows.gap_m > -scene.front_m) & (rows.gap_m < _CUTS_IN_M)
    beside_m = np.abs(rows.lane_offset_m)
    outside = (beside_m <= _LANES * rows.half_lane_m) & (rows.along_mps > _TOWARDS_MPS)
    soon = np.maximum(rows.clearance_m, 0.0) <= _ENTERS_S * towards
    return going & near & outside & (towards >= _TOWARDS_MPS) & soon & ~is_lead(scene, rows)
