"""Runs on a cluster: versions of pipelines, runs and who follows them, training jobs, schedules, triggers."""
