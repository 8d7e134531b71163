"""A dynamically slimmable enhancer: frequency, time, frequency between a convolutional encoder and decoder.

After DSN (Zhao, Yang, Madhu, ICASSP 2026, arXiv 2510.11395): each dynamic layer has a static part that always runs and
dynamic parts that a policy module opens per frame.  On compressed STFT magnitudes, with ``F`` = ``bands`` / 4::

    magnitude -> compress -> merge into bands -> Conv2D, stride 2 -> Conv2D, stride 2, dynamic          encoder, [F, C]
    x -> GRU along frequency, both ways -> Dense -> norm -> + x                                         frequency
    x -> attention along frequency -> + x
    x -> GRU along time -> Dense -> norm -> + x                                                         time
    x -> attention along time -> + x                                                                    (with a window)
    x -> GRU along frequency, both ways -> Dense -> norm -> + x                                         frequency
    [x, encoder] -> Conv2DTranspose, dynamic -> + encoder -> Conv2DTranspose -> split into bins -> sigmoid mask

A third of the channels of the second convolution, of GRUs, dense layers and attention is static, a quarter of the
decoder's: with all gates closed a third of the work is left.  What the paper leaves open, and what is chosen here:

- **Sizes, kernels, skips, mask.**  The paper's own hyperparameters are not known to us.  The defaults stay below
  560,000 MACs a frame (35 MMAC/s).  Features and mask are magnitudes by default; a front end with
  complex ones makes the same network complex at its ends.
- **Norms.**  Batch norm and ReLU clipped at 6 instead of layer norm and PReLU: they fold into int8 arithmetic.
- **Grouping.**  A GRU's groups are mixed by a dense layer behind it, and each dynamic group has a bit of its own along
  time; along frequency one bit rules both, for there a group is useful only together with the mixing after it.
- **What a closed part shows.**  A GRU group along time holds its state and shows it, and goes on when it opens again.
  Everything within a frame shows zero, so that the next layer need not read it, except the dense layer behind the GRU
  along time: its closed units let the GRU's output pass, which costs nothing and keeps the memory audible.
- **Policy.**  A dense layer and a GRU of few units over the first convolution, which is static: the policy sees none of
  the layers that it rules, and its decision is there before any of them runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import layers

from slimse_mcu.models.attention import SlimAttention
from slimse_mcu.models.bands import Bands, erb_merge, erb_split
from slimse_mcu.models.conv_fsenet import MASK_LOGITS
from slimse_mcu.models.gate_parts import GateParts
from slimse_mcu.models.grouped_gru import FREQUENCY, TIME, GroupedGRU
from slimse_mcu.models.layers import SpectralFrontEnd, noisy
from slimse_mcu.models.parts import BYPASS, HOLD, ZERO
from slimse_mcu.models.policy import Policy

#: Bits of the policy, in order; those of attention along time come last and only with a window.
COMPONENTS = (
    "encoder", "frequency1_gru", "frequency1_mix", "head1", "head2", "time_gru1", "time_gru2", "time_mix",
    "frequency2_gru", "frequency2_mix", "decoder",
)  # fmt: skip
TIME_COMPONENTS = ("time_head1", "time_head2")

_GROUPS = 3


def dsn_ftf(
    *,
    bins: int = 257,
    bands: int = 64,
    encoder: int = 16,
    channels: int = 48,
    key_dim: int = 8,
    window: int = 0,
    gates: bool = True,
    policy_features: int = 16,
    policy_hidden: int = 16,
    temperature: float = 1.0,
    feature_noise: float = 0.0,
    front_end: SpectralFrontEnd | None = None,
    seed: int = 0,
    name: str = "dsn_ftf",
) -> keras.Model:
    """Build the network, untrained.

    Args:
        bins: Frequency bins in and out.
        bands: Bands inside, a multiple of 4.
        encoder: Channels of the first convolution and of the decoder's last but one, a multiple of 4.
        channels: Channels of the bottleneck, a multiple of 6.
        key_dim: Channels of a head; there are three heads.
        window: Frames that attention along time sees; 0 is a network without it.
        gates: Whether there is a policy; without, the network is the static twin of the same sizes.
        policy_features: Features that the policy reads.
        policy_hidden: Units of the policy's GRU.
        temperature: See :class:`Policy`.
        feature_noise: Standard deviation of the noise that training adds to the compressed spectrum and to the bands,
            so that decisions survive the rounding of both to int8; 0 is none.
        front_end: The first layer; None is 16 kHz, 512-sample window, 256-sample hop, exponent 0.3, magnitudes in and
            gains out. With complex features or a complex mask the network has two channels at that end.
        seed: Seed of the initial weights.
        name: Name of the Keras model.

    Returns:
        A functional model: linear magnitudes ``[batch, time, bins]``, or complex spectra with (re, im) as a last axis,
        to gains in [0, 1] ``[batch, time, bins]``, or complex gains in [-1, 1] each way with (re, im) as a last axis.

    Raises:
        ValueError: The sizes do not divide as they must.
    """
    if bands % 4 or encoder % 4 or channels % (2 * _GROUPS):
        raise ValueError(f"bands={bands}, encoder={encoder}, channels={channels}: need multiples of 4, 4 and 6.")
    front_end = front_end or SpectralFrontEnd(name="front_end")
    seeds = itertools.count(1000 * seed)
    is_complex = front_end.features == "complex"
    spectrum = keras.Input((None, bins, 2) if is_complex else (None, bins), name="spectrum")
    merge = erb_merge(bins, bands, front_end.sample_rate_hz)
    x = noisy(front_end(spectrum), feature_noise, "features_noise", seeds)
    x = noisy(Bands(bands, merge, name="merge")(x), feature_noise, "merge_noise", seeds)
    if not is_complex:
        x = layers.Reshape((-1, bands, 1), name="merged")(x)
    wide = _convolution(x, encoder, (3, 5), "encode1", seeds)
    build = _Builder(
        _policy(wide, bands * encoder // 2, gates, window, policy_features, policy_hidden, temperature, seeds), seeds
    )
    narrow = build.gated(_convolution(wide, channels, (2, 3), "encode2", seeds), "encode2", [None, *["encoder"] * 2])
    x = build.recurrent(narrow, "frequency1", FREQUENCY, ["frequency1_gru"] * 2, "frequency1_mix")
    x = build.attention(x, "attention", key_dim, ["head1", "head2"])
    x = build.recurrent(x, "time", TIME, ["time_gru1", "time_gru2"], "time_mix")
    if window:
        x = build.attention(x, "time_attention", key_dim, list(TIME_COMPONENTS), window)
    x = build.recurrent(x, "frequency2", FREQUENCY, ["frequency2_gru"] * 2, "frequency2_mix")
    x = layers.Concatenate(name="decode1_in")([x, narrow])
    x = _transposed(x, encoder, 3, "decode1", seeds, bias=False)
    x = layers.ReLU(6.0, name="decode1_relu")(layers.BatchNormalization(name="decode1_norm")(x))
    x = layers.Add(name="decode1_skip")([build.gated(x, "decode1", [None, *["decoder"] * 3]), wide])
    has_phase = front_end.mask == "complex"
    x = _transposed(x, 2 if has_phase else 1, 5, "decode2", seeds)
    if not has_phase:
        x = layers.Reshape((-1, bands), name="decoded")(x)
    logits = Bands(bins, erb_split(bands, bins, front_end.sample_rate_hz), name=MASK_LOGITS)(x)
    mask = layers.Activation("tanh" if has_phase else "sigmoid", name="mask")(logits)
    return keras.Model(spectrum, mask, name=name)


def _policy(
    wide: Any, size: int, gates: bool, window: int, features: int, hidden: int, temperature: float, seeds: Iterator[int]
) -> dict[str, Any] | None:
    """The policy's output and the number of each bit, or None in the static twin."""
    if not gates:
        return None
    names = COMPONENTS + (TIME_COMPONENTS if window else ())
    x = layers.Reshape((-1, size), name="policy_in")(wide)
    x = _dense(features, "policy_features", seeds, activation="relu6")(x)
    policy = Policy(names, hidden, temperature=temperature, seed=next(seeds), name="policy")(x)
    return {"output": policy, "bits": {component: bit for bit, component in enumerate(names)}}


class _Builder:
    """Adds blocks whose dynamic parts the policy rules, or the same blocks without gates."""

    def __init__(self, policy: dict[str, Any] | None, seeds: Iterator[int]) -> None:
        self._policy = policy
        self._seeds = seeds

    def _components(self, names: Sequence[str | None]) -> list[int | None]:
        """Numbers of the bits; all None in the static twin."""
        if self._policy is None:
            return [None] * len(names)
        bits = self._policy["bits"]
        return [None if name is None else bits[name] for name in names]

    def _with_policy(self, x: Any) -> Any:
        """What a dynamic layer is called on."""
        return x if self._policy is None else [x, self._policy["output"]]

    def gated(self, x: Any, prefix: str, names: Sequence[str | None], source: Any = None) -> Any:
        """Open and close groups of channels; closed ones show ``source``, or zero where it is None."""
        if self._policy is None:
            return x
        rule = ZERO if source is None else BYPASS
        gate = GateParts(len(names), self._components(names), rule, name=f"{prefix}_gated")
        return gate([x, self._policy["output"], *([] if source is None else [source])])

    def recurrent(self, x: Any, prefix: str, axis: str, groups: Sequence[str], mix: str) -> Any:
        """A GRU in three groups, a dense layer that mixes them, and a residual."""
        channels, both = x.shape[-1], axis == FREQUENCY
        y = GroupedGRU(
            channels // 2 if both else channels,
            _GROUPS,
            axis,
            bidirectional=both,
            components=self._components([None, *groups]),
            seed=next(self._seeds),
            name=f"{prefix}_gru",
        )(self._with_policy(x))
        mixed = _dense(channels, f"{prefix}_mix", self._seeds, bias=False)(y)
        mixed = layers.BatchNormalization(name=f"{prefix}_norm")(mixed)
        mixed = self.gated(mixed, f"{prefix}_mix", [None, mix, mix], None if both else y)
        return layers.Add(name=f"{prefix}_add")([x, mixed])

    def attention(self, x: Any, prefix: str, key_dim: int, heads: Sequence[str], window: int = 0) -> Any:
        """Attention with a static and two dynamic heads, and a residual."""
        y = SlimAttention(
            1 + len(heads),
            key_dim,
            TIME if window else FREQUENCY,
            window=window or None,
            components=self._components([None, *heads]),
            on_skip=HOLD if window else ZERO,
            seed=next(self._seeds),
            name=prefix,
        )(self._with_policy(x))
        return layers.Add(name=f"{prefix}_add")([x, y])


def _convolution(x: Any, channels: int, kernel: tuple[int, int], name: str, seeds: Iterator[int]) -> Any:
    """A causal convolution over time and frequency that halves the positions, norm and ReLU6."""
    time, positions = kernel
    left = (positions - 1) // 2
    x = layers.ZeroPadding2D(((time - 1, 0), (left, positions - 2 - left)), name=f"{name}_past")(x)
    x = layers.Conv2D(
        channels,
        kernel,
        (1, 2),
        use_bias=False,
        kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
        name=name,
    )(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_norm")(x))


def _transposed(x: Any, channels: int, kernel: int, name: str, seeds: Iterator[int], *, bias: bool = True) -> Any:
    """A transposed convolution along frequency that doubles the positions."""
    return layers.Conv2DTranspose(
        channels,
        (1, kernel),
        (1, 2),
        padding="same",
        use_bias=bias,
        kernel_initializer=keras.initializers.GlorotUniform(next(seeds)),
        name=name,
    )(x)


def _dense(
    units: int, name: str, seeds: Iterator[int], *, bias: bool = True, activation: str | None = None
) -> layers.Dense:
    """The same matrix for every frame and position."""
    initializer = keras.initializers.GlorotUniform(next(seeds))
    return layers.Dense(units, use_bias=bias, activation=activation, kernel_initializer=initializer, name=name)
