"""Behaviour: what the ego does at each tick, and the moments at which it changes."""

from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.detectors import detect, detect_codes
from causeway.meta_actions.names import LANE, LATERAL, LONGITUDINAL

__all__ = ["LANE", "LATERAL", "LONGITUDINAL", "DetectorConfig", "detect", "detect_codes"]
