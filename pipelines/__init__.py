"""Pipelines: which component follows which."""
