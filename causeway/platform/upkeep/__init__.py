"""Keeping an installation: backups of registry and feature store, artifacts that nothing needs, figures for alerts."""
