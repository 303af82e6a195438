"""Evidence fields of one thing seen at t0."""

T0_US = 10_000_000
LEAD = {
    "lead_track_id": "7",
    "lead_type": "car",
    "lead_distance_m": 20.0,
    "lead_speed_mps": 8.0,
    "lead_accel_mps2": -2.0,
    "lead_since_us": 9_000_000,
}
RED = {
    "signal_id": "s1",
    "signal_state": "red",
    "signal_distance_m": 30.0,
    "signal_since_us": 8_000_000,
    "stop_line_distance_m": 30.0,
}
PARKED = {
    "obstacle_track_id": "9",
    "obstacle_type": "car",
    "obstacle_distance_m": 25.0,
    "obstacle_lateral_m": -2.0,
    "obstacle_clearance_m": 0.3,
    "obstacle_since_us": 9_500_000,
}
CROSSING = {
    "crossing_track_id": "4",
    "crossing_type": "pedestrian",
    "crossing_distance_m": 18.0,
    "crossing_lateral_m": 2.5,
    "crossing_speed_mps": 1.4,
    "crossing_since_us": 9_900_000,
}
CURVE = {"curve_curvature_per_m": 0.03, "curve_distance_m": 30.0}
MAPPED = {"has_tracks": True, "has_map": True}
