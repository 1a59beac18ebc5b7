"""Training: data, losses, loop, metrics."""
