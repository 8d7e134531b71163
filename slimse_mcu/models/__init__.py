"""Reference architectures and the gated Keras layers in them (needs Keras; compiling a model does not)."""

from slimse_mcu.models.conv_fsenet import conv_fsenet
from slimse_mcu.models.layers import ChannelGate, GateChannels, SpectralFrontEnd

__all__ = ["ChannelGate", "GateChannels", "SpectralFrontEnd", "conv_fsenet"]
