"""What the Helium kernels read, where that differs from the portable kernels."""
