"""Platform: how steps run on a laptop or a cluster, and where finished policies are registered."""
