"""Evidence: what was known at a moment, from point-in-time features. Nothing here looks beyond t0."""

from causeway.evidence.records import Evidence, evidence_from_row, read_evidence
from causeway.evidence.rigs import RigCalibration, UnknownVehicle, materialise_rigs, rig_of

__all__ = [
    "Evidence",
    "RigCalibration",
    "UnknownVehicle",
    "evidence_from_row",
    "materialise_rigs",
    "read_evidence",
    "rig_of",
]
