"""Training: samples, one loop, four stages, rewards and checkpoints."""
