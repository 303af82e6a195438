"""The reader of one layout: argoverse2."""
