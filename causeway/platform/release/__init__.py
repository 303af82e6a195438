"""Releases: a policy comes to an endpoint step by step, watched, and goes on or goes back by itself."""
