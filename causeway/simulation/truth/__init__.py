"""The truth of a drive: its decision moments and their causes, from script and expert, never from detectors."""
