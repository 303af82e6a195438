"""The page: one self-contained HTML file of a report or of a gate's decision, part by part."""
