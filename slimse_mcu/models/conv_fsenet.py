"""Conv-FSENet with dynamic channel pruning, in the form that quantizes well.

A causal temporal convolution network on compressed STFT magnitudes (DynCP: Miccini, Laroche, Piechowiak,
Pezzarossa, ICASSP 2025, arXiv 2412.17121).  Convolutions are followed by batch norm and ReLU, which fold into
int8 arithmetic; PReLU and layer norm would not.  ReLU is clipped at 6: without a bound, a frame that is louder
than the training's mean doubles in every block of the residual stream, and int8 would have to cover that range.
A block is::

    x -> Dense(H) -> norm -> ReLU6 -> gate -> depthwise, causal, dilated -> norm -> ReLU6 -> gate
      -> Dense(B) -> norm -> + x
    x -> Dense(G) -> ReLU6 -> ChannelGate(H): one bit per hidden channel and frame
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import layers

from slimse_mcu.models.layers import ChannelGate, GateChannels, SpectralFrontEnd, noisy

#: Name of the layer in front of the mask's sigmoid.
MASK_LOGITS = "mask_logits"


def conv_fsenet(
    *,
    bins: int = 257,
    bottleneck: int = 128,
    hidden: int = 256,
    kernel: int = 3,
    stacks: int = 3,
    dilations: Sequence[int] = (1, 2, 4),
    gates: bool = True,
    gating_width: int = 16,
    gate_slope: float = 1.0,
    gate_noise: float = 0.0,
    gate_bias: float = 0.0,
    gate_group: int = 1,
    feature_noise: float = 0.0,
    front_end: SpectralFrontEnd | None = None,
    seed: int = 0,
    name: str = "conv_fsenet",
) -> keras.Model:
    """Build the network, untrained.

    Args:
        bins: Frequency bins in and out.
        bottleneck: Channels of the residual stream, B.
        hidden: Channels inside a block, H; the gates open and close these.
        kernel: Taps of the depthwise convolutions, over time.
        stacks: How often the sequence of ``dilations`` repeats, R.
        dilations: One block for each, the step between taps in frames.
        gates: Whether blocks have gating subnets; without, the network is the static twin of the same sizes.
        gating_width: Hidden units of a gating subnet, G.
        gate_slope: Steepness of the surrogate gradient, see :class:`ChannelGate`.
        gate_noise: Noise on the input of :class:`ChannelGate` in training.
        gate_bias: Initial bias of the gates; positive starts with more of them open.
        gate_group: Neighbouring channels that one decision opens; divides ``hidden``.
        feature_noise: Standard deviation of the noise that training adds to the compressed magnitudes, so that
            decisions survive their rounding to int8; 0 is none.
        front_end: The first layer; None is 16 kHz, 512-sample window, 256-sample hop, exponent 0.3.
        seed: Seed of the initial weights.
        name: Name of the Keras model.

    Returns:
        A functional model: linear magnitudes ``[batch, time, bins]`` to a mask in [0, 1] of the same shape.
    """
    seeds = itertools.count(1000 * seed)
    magnitude = keras.Input((None, bins), name="magnitude")
    x = (front_end or SpectralFrontEnd(name="front_end"))(magnitude)
    x = noisy(x, feature_noise, "features_noise", seeds)
    x = _dense(bottleneck, "encode", seeds, bias=False)(x)
    x = layers.ReLU(6.0, name="encode_relu")(layers.BatchNormalization(name="encode_norm")(x))
    for stack in range(stacks):
        for block, dilation in enumerate(dilations):
            prefix = f"s{stack}b{block}_"
            gate = None
            if gates:
                decide = _dense(gating_width, f"{prefix}gate_hidden", seeds, activation="relu6")(x)
                gate = ChannelGate(
                    hidden,
                    slope=gate_slope,
                    noise=gate_noise,
                    seed=next(seeds),
                    bias_initializer=keras.initializers.Constant(gate_bias),
                    group=gate_group,
                    name=f"{prefix}gate",
                )(decide)
            x = _block(x, gate, hidden, kernel, dilation, prefix, seeds)
    mask = layers.Activation("sigmoid", name="mask")(_dense(bins, MASK_LOGITS, seeds)(x))
    return keras.Model(magnitude, mask, name=name)


def _block(x: Any, gate: Any, hidden: int, kernel: int, dilation: int, prefix: str, seeds: Iterator[int]) -> Any:
    """One residual block; ``gate`` is None in the static twin."""
    y = _dense(hidden, f"{prefix}expand", seeds, bias=False)(x)
    y = layers.ReLU(6.0, name=f"{prefix}expand_relu")(layers.BatchNormalization(name=f"{prefix}expand_norm")(y))
    if gate is not None:
        y = GateChannels(name=f"{prefix}expand_gated")([y, gate])
    y = layers.ZeroPadding1D((dilation * (kernel - 1), 0), name=f"{prefix}past")(y)
    y = layers.DepthwiseConv1D(
        kernel,
        dilation_rate=dilation,
        padding="valid",
        use_bias=False,
        depthwise_initializer=keras.initializers.GlorotUniform(next(seeds)),
        name=f"{prefix}depthwise",
    )(y)
    y = layers.ReLU(6.0, name=f"{prefix}depthwise_relu")(layers.BatchNormalization(name=f"{prefix}depthwise_norm")(y))
    if gate is not None:
        y = GateChannels(name=f"{prefix}depthwise_gated")([y, gate])
    y = _dense(x.shape[-1], f"{prefix}project", seeds, bias=False)(y)
    y = layers.BatchNormalization(name=f"{prefix}project_norm")(y)
    return layers.Add(name=f"{prefix}add")([x, y])


def _dense(
    units: int, name: str, seeds: Iterator[int], *, bias: bool = True, activation: str | None = None
) -> layers.Dense:
    """A 1x1 convolution over time: the same matrix for every frame."""
    initializer = keras.initializers.GlorotUniform(next(seeds))
    return layers.Dense(units, use_bias=bias, activation=activation, kernel_initializer=initializer, name=name)
