"""Entities, views and services by name, for Feast's own tools (`feast apply`, `feast materialize`, the server).

The rows are an evidence artifact's `store` folder, named by CAUSEWAY_FEATURES (default: `store` beside this file).
Their definitions live in `causeway.evidence.definitions`, where the pipeline uses the very same ones.
"""

import os
from pathlib import Path

from causeway.evidence.definitions import clip, evidence_service, evidence_view, rig_service, rig_view, vehicle

FOLDER = os.environ.get("CAUSEWAY_FEATURES", str(Path(__file__).parent / "store"))

ego_state = evidence_view("ego_state", FOLDER)
lead = evidence_view("lead", FOLDER)
contenders = evidence_view("contenders", FOLDER)
oncoming = evidence_view("oncoming", FOLDER)
obstacle = evidence_view("obstacle", FOLDER)
crossing = evidence_view("crossing", FOLDER)
signals = evidence_view("signals", FOLDER)
lanes = evidence_view("lanes", FOLDER)
road_elements = evidence_view("road_elements", FOLDER)
rig_calibration = rig_view(FOLDER)

evidence_v1 = evidence_service(
    [ego_state, lead, contenders, oncoming, obstacle, crossing, signals, lanes, road_elements]
)
rig_v1 = rig_service(rig_calibration)

__all__ = [
    "clip",
    "contenders",
    "crossing",
    "ego_state",
    "evidence_v1",
    "lanes",
    "lead",
    "obstacle",
    "oncoming",
    "rig_calibration",
    "rig_v1",
    "road_elements",
    "signals",
    "vehicle",
]
