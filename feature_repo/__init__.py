"""Feast's view of the feature store: what `feast apply`, the feature server and the UI read."""
