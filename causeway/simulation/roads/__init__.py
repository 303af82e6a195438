"""Roads of the built-in world: paths, lanes, what stands on them, and how they are laid out."""
