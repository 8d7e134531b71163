"""Depthwise convolutions, in the form of the cores with the DSP extension."""

from __future__ import annotations

from slimse_mcu.kernels.kernels_dsp.slimse_depthwise_conv1d_s8 import adapt

__all__ = ["adapt"]
