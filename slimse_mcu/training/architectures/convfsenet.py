"""Conv-FSENet, with or without dynamic channel pruning: :func:`slimse_mcu.models.conv_fsenet`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from slimse_mcu.errors import SlimseError
from slimse_mcu.training.architectures.architecture import Architecture, Network

_Channels = Annotated[int, Field(ge=1, le=4096)]


class ConvFSENetTable(Network):
    """Sizes of the network and of its gating subnets.

    Attributes:
        bottleneck: Channels of the residual stream, B.
        hidden: Channels inside a block, H; the gates open and close these.
        kernel: Taps of the depthwise convolutions, over time.
        stacks: How often the sequence of ``dilations`` repeats, R.
        dilations: One block for each, the step between taps in frames.
        gating_width: Hidden units of a gating subnet.
        gate_slope: Steepness of the surrogate gradient.
        gate_noise: Standard deviation of the noise on a gating subnet's hidden units in training.
        gate_bias: Initial bias of the gates; positive starts with more of them open.
        gate_group: Neighbouring channels that one decision opens; divides ``hidden``.
        feature_noise: Standard deviation of the noise on the compressed magnitudes in training.
    """

    bottleneck: _Channels = 128
    hidden: _Channels = 256
    kernel: Annotated[int, Field(ge=1, le=64)] = 3
    stacks: Annotated[int, Field(ge=1, le=32)] = 3
    dilations: Annotated[tuple[Annotated[int, Field(ge=1, le=1024)], ...], Field(min_length=1, max_length=16)] = (
        1,
        2,
        4,
    )
    gating_width: _Channels = 16
    gate_slope: Annotated[float, Field(gt=0.0, le=1000.0)] = 1.0
    gate_noise: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    gate_bias: Annotated[float, Field(ge=-100.0, le=100.0)] = 0.0
    gate_group: Annotated[int, Field(ge=1, le=256)] = 1
    feature_noise: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0


def _build(network: ConvFSENetTable, *, seed: int, name: str) -> Any:
    from slimse_mcu.models import conv_fsenet

    try:
        return conv_fsenet(**network.model_dump(), seed=seed, name=name)
    except ValueError as error:
        raise SlimseError(f"A network of these sizes cannot be built: {error}", hint="Correct [network].") from error


ARCHITECTURE = Architecture(network=ConvFSENetTable, build=_build, jit=True)
