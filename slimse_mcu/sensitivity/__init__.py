"""Which tensors to hold in 16 bits: the fewest that keep a model within a budget of quality loss."""
