"""Recorded clips as stages of the world."""
