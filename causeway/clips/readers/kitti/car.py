"""KITTI's recording car: its dimensions and where its sensors sit in our rig frame.

Sources: the sensor set-up figure of cvlibs.net/datasets/kitti/setup.php (also figure 3 of Geiger et al., IJRR 2013)
gives wheelbase 2.71 m, front axle to cameras 1.68 m, cameras to laser scanner 0.27 m, scanner to GPS/IMU 0.81 m,
GPS/IMU 0.05 m behind the rear axle and 0.93 m above the road, cameras 1.65 m above it. The chain closes:
2.71 - 1.68 = 1.03 m from the rear axle to the cameras, and 1.68 + 0.27 + 0.81 = 2.71 + 0.05. The calibration of
2011-09-26 says the same: camera 0 is 1.083 m ahead, 0.310 m right and 0.730 m above the GPS/IMU, that is at x = 1.03,
z = 1.66 of the rig. The scanner, and with it camera 0, is taken to sit on the middle line (the figure: 0.80 m from
the side of 1.60 m), so the GPS/IMU is 0.32 m left of it. Length and width: Passat B6 Variant, 4.775 m x 1.820 m by
its maker; where its centre lies is an estimate from the usual overhangs (0.95 m before the front axle).
"""

import numpy as np

from causeway.clips.types import Vehicle

SOURCE_LICENCE = "CC BY-NC-SA 3.0"
PLACE = "karlsruhe"
VEHICLE = Vehicle("kitti-passat", length_m=4.775, width_m=1.82, wheelbase_m=2.71, rear_axle_to_centre_m=1.27)
CAMERA_0_M = np.array([1.03, 0.0, 1.65])
IMU_M = np.array([-0.05, 0.32, 0.93])
# rows: the rig's x, y, z axes written in the camera's x (right), y (down), z (forward)
LEVEL_CAMERA = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
