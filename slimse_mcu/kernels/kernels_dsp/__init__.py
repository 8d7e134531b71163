"""What the kernels for the DSP extension read, where that differs from the portable kernels."""
