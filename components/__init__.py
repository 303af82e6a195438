"""Kubeflow components: one file each, a thin wrapper over one causeway step."""
