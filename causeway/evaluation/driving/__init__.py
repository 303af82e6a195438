"""Driving in closed loop: the built-in world and replays, their scores by our and by AlpaSim's formulas, films."""
