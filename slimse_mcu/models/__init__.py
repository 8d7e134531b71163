"""Reference architectures and the gated Keras layers in them (needs Keras; compiling a model does not)."""

from slimse_mcu.models.attention import SlimAttention
from slimse_mcu.models.bands import Bands, erb_merge, erb_split
from slimse_mcu.models.conv_fsenet import conv_fsenet
from slimse_mcu.models.dsn_ftf import dsn_ftf
from slimse_mcu.models.gate_parts import GateParts
from slimse_mcu.models.grouped_gru import GroupedGRU
from slimse_mcu.models.layers import ChannelGate, GateChannels, SpectralFrontEnd
from slimse_mcu.models.policy import Policy

__all__ = [
    "Bands",
    "ChannelGate",
    "GateChannels",
    "GateParts",
    "GroupedGRU",
    "Policy",
    "SlimAttention",
    "SpectralFrontEnd",
    "conv_fsenet",
    "dsn_ftf",
    "erb_merge",
    "erb_split",
]
