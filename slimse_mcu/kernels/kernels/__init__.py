"""Shorter forms of portable kernels, where the compiler proves that they give the same bits."""
