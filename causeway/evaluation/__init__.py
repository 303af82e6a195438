"""Evaluation: open and closed loop, reasoning, faithfulness, latency, the gate and the report page."""
