"""Training of the reference checkpoints: synthetic data, losses and recipes (needs Keras)."""
