"""What the kernels for cores without the DSP extension read, where that differs from the portable kernels."""
