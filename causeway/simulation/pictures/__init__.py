"""Cameras of the built-in world: models, looks, and the rasteriser."""
