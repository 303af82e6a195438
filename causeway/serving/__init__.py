"""Serving: a policy behind the Open Inference Protocol v2 (KServe), its client, and the process it runs in."""
