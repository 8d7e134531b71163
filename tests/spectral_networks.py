"""Networks over time and frequency, written down layer by layer; and random ones, with and without component gates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from networks import Drawn, Network, Value

Pair = tuple[int, int]


class SpectralNetwork(Network):
    """A network whose input vector is positions and channels; pairs are (along time, along frequency)."""

    def __init__(self, positions: int, channels: int, seed: int = 0, weight_spread: float = 0.0) -> None:
        super().__init__(positions * channels, seed, weight_spread)
        self.spectrum = self.reshape(self.input, positions, channels)

    def pad(self, x: Value, frames: int, sides: Pair) -> Value:
        if frames == 0 and sides == (0, 0):
            return x
        config = {"padding": [[frames, 0], list(sides)]}
        return self.add("ZeroPadding2D", config, [x], x.channels, positions=x.positions + sum(sides))

    def crop(self, x: Value, frames: int, sides: Pair) -> Value:
        config = {"cropping": [[0, frames], list(sides)]}
        return self.add("Cropping2D", config, [x], x.channels, positions=x.positions - sum(sides))

    def _sliding(self, x: Value, kernel: Pair, stride: int, dilation: Pair, padding: str | Pair) -> tuple:
        """The input, padded as the kernel needs it, the configuration, and the positions of the output."""
        sides = padding if isinstance(padding, tuple) else (0, 0)
        reach = (kernel[0] - 1) * dilation[0]
        kind = "same" if padding == "same" and reach == 0 else "valid"
        source = self.pad(x, reach, sides)
        span = (kernel[1] - 1) * dilation[1] + 1
        positions = -(-source.positions // stride) if kind == "same" else (source.positions - span) // stride + 1
        config = {
            "kernel_size": list(kernel),
            "strides": [1, stride],
            "dilation_rate": list(dilation),
            "padding": kind,
        }
        return source, config, positions

    def conv2d(
        self,
        x: Value,
        filters: int,
        kernel: Pair,
        stride: int = 1,
        dilation: Pair = (1, 1),
        padding: str | Pair = "valid",
        activation: str = "linear",
        name: str = "",
    ) -> Value:
        source, config, positions = self._sliding(x, kernel, stride, dilation, padding)
        fan_in = kernel[0] * kernel[1] * x.channels
        weights = [self.normal(*kernel, x.channels, filters, fan_in=fan_in), self.bias(filters)]
        config.update(filters=filters, activation=activation)
        return self.add("Conv2D", config, [source], filters, weights, name=name, positions=positions)

    def depthwise2d(
        self,
        x: Value,
        kernel: Pair,
        multiplier: int = 1,
        stride: int = 1,
        dilation: Pair = (1, 1),
        padding: str | Pair = "valid",
        activation: str = "linear",
    ) -> Value:
        source, config, positions = self._sliding(x, kernel, stride, dilation, padding)
        rows = x.channels * multiplier
        weights = [self.normal(*kernel, x.channels, multiplier, fan_in=kernel[0] * kernel[1]), self.bias(rows)]
        config.update(depth_multiplier=multiplier, activation=activation)
        return self.add("DepthwiseConv2D", config, [source], rows, weights, positions=positions)

    def separable2d(self, x: Value, filters: int, kernel: Pair, multiplier: int = 1) -> Value:
        source, config, positions = self._sliding(x, kernel, 1, (1, 1), "same" if kernel[0] == 1 else "valid")
        hidden = x.channels * multiplier
        weights = [
            self.normal(*kernel, x.channels, multiplier, fan_in=kernel[0] * kernel[1]),
            self.normal(1, 1, hidden, filters, fan_in=hidden),
            self.bias(filters),
        ]
        config.update(filters=filters, depth_multiplier=multiplier, activation="linear")
        return self.add("SeparableConv2D", config, [source], filters, weights, positions=positions)

    def transposed(
        self,
        x: Value,
        filters: int,
        kernel: Pair,
        stride: int = 1,
        padding: str = "valid",
        crop: Pair = (0, 0),
        activation: str = "linear",
    ) -> Value:
        """Cropped where the kernel has several frames, or where ``crop`` says so."""
        padding = "valid" if kernel[0] > 1 else padding
        positions = x.positions * stride + (max(kernel[1] - stride, 0) if padding == "valid" else 0)
        fan_in = kernel[0] * -(-kernel[1] // stride) * x.channels
        rows = 10.0 ** self.rng.uniform(-self.weight_spread, self.weight_spread, (filters, 1))
        weights = [self.rng.normal(0, 1 / np.sqrt(fan_in), (*kernel, filters, x.channels)) * rows, self.bias(filters)]
        config = {"kernel_size": list(kernel), "strides": [1, stride], "padding": padding}
        config.update(filters=filters, activation=activation)
        value = self.add("Conv2DTranspose", config, [x], filters, weights, positions=positions)
        return value if kernel[0] == 1 and crop == (0, 0) else self.crop(value, kernel[0] - 1, crop)

    def pool(self, x: Value, kind: str, size: int, stride: int, padding: str = "valid") -> Value:
        positions = -(-x.positions // stride) if padding == "same" else (x.positions - size) // stride + 1
        config = {"pool_size": [1, size], "strides": [1, stride], "padding": padding}
        return self.add(f"{kind}Pooling2D", config, [x], x.channels, positions=positions)

    def repeat(self, x: Value, times: int) -> Value:
        config = {"size": [1, times], "interpolation": "nearest"}
        return self.add("UpSampling2D", config, [x], x.channels, positions=x.positions * times)

    def bands(self, x: Value, rows: int) -> Value:
        """A matrix with rows of zeros, and zeros between others."""
        matrix = np.where(self.rng.random((rows, x.positions)) < 0.4, self.normal(rows, x.positions), 0.0)
        return self.add("slimse>Bands", {"rows": rows}, [x], x.channels, [matrix], positions=rows)

    def mean(self, x: Value, keepdims: bool) -> Value:
        """Without ``keepdims`` a vector."""
        inside = {"class_name": "GlobalAveragePooling1D", "config": {"keepdims": keepdims}}
        return self.add("TimeDistributed", {"layer": inside}, [x], x.channels, positions=int(keepdims))


CHANNELS = st.sampled_from([1, 2, 3, 4, 5, 7, 8])
_MAX_POSITIONS = 20
CONVOLUTIONS = ("conv2d", "conv2d", "depthwise", "transposed", "dense")
KINDS = (*CONVOLUTIONS, "separable", "pool", "mean", "resize", "bands", "norm", "activation", "pair", "concat")


@st.composite
def spectral_graphs(
    draw: st.DrawFn,
    max_layers: int = 6,
    kinds: Sequence[str] = KINDS,
    activations: Sequence[str] = ("relu", "tanh", "prelu", "leaky", "sigmoid"),
    weight_spreads: Sequence[float] = (0.0, 1.0),
    strided_depthwise: bool = True,
    gated: bool = False,
) -> Drawn:
    """A random graph of layers along frequency; ``gated``: with parts that a policy opens."""
    network = SpectralNetwork(
        draw(st.integers(1, 9)), draw(CHANNELS), draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from(weight_spreads))
    )
    names = [f"part{index}" for index in range(draw(st.integers(1, 3)) if gated else 0)]
    policy = network.policy(network.input, names) if gated else None
    pool = [network.spectrum]
    for index in range(draw(st.integers(1, max_layers))):
        layer = _Layer(draw, network, pool, activations, strided_depthwise)
        if policy is not None and (index % 2 == 0 or draw(st.booleans())):
            groups = draw(st.integers(1, 3))
            pool.append(layer.gated(policy, [draw(st.sampled_from([None, *range(len(names))])) for _ in range(groups)]))
        else:
            pool.append(layer.any(kinds))
    if policy is not None:
        layer = _Layer(draw, network, pool, activations, strided_depthwise)
        pool.append(layer.gated(policy, [*range(len(names)), None]))
        pool.append(network.dense(pool[-1], draw(CHANNELS)))
    return Drawn(network, network.graph(pool[-1]))


class _Layer:
    """Draws one layer that reads an earlier tensor, the latest more often than others."""

    def __init__(
        self,
        draw: st.DrawFn,
        network: SpectralNetwork,
        pool: list[Value],
        activations: Sequence[str],
        strided_depthwise: bool,
    ) -> None:
        self.draw, self.network, self.pool = draw, network, pool
        self.activations, self.strided_depthwise = activations, strided_depthwise
        self.x = pool[-1] if draw(st.booleans()) else draw(st.sampled_from(pool))

    def any(self, kinds: Sequence[str]) -> Value:
        kind = self.draw(st.sampled_from(kinds))
        if kind in CONVOLUTIONS:
            return self.convolution(kind, self.draw(CHANNELS), self._fused())
        return getattr(self, f"_{kind}")()

    def gated(self, policy: Value, components: list[int | None]) -> Value:
        """A convolution, perhaps normalized and clamped, whose output has parts."""
        draw, network = self.draw, self.network
        channels = draw(st.integers(1, 3)) * len(components)
        kind = draw(st.sampled_from(CONVOLUTIONS))
        y = self.convolution(kind, channels, "linear")
        y = network.batch_norm(y) if draw(st.booleans()) else y
        y = network.activation(y, "relu") if draw(st.booleans()) else y
        if y.channels % len(components):
            y = network.dense(y, channels)
        rules = [draw(st.sampled_from(["zero", "zero", "hold", "bypass"])) for _ in components]
        shows = any(rule == "bypass" for rule, index in zip(rules, components, strict=True) if index is not None)
        other = network.activation(y, "tanh") if draw(st.booleans()) else network.dense(y, y.channels)
        return network.gate_parts(y, policy, components, rules, other if shows else None)

    def _fused(self) -> str:
        return self.draw(st.sampled_from(["linear", "linear", "relu", "relu6"]))

    def _padding(self, kernel: Pair, dilation: Pair) -> str | Pair:
        """Same, or explicit zeros with which the kernel fits."""
        if kernel[0] == 1 and self.draw(st.booleans()):
            return "same"
        missing = max(0, (kernel[1] - 1) * dilation[1] + 1 - self.x.positions)
        return self.draw(st.integers(0, 3)), missing + self.draw(st.integers(0, 2))

    def convolution(self, kind: str, channels: int, activation: str) -> Value:
        draw, network, x = self.draw, self.network, self.x
        kernel = draw(st.integers(1, 3)), draw(st.integers(1, 5))
        if kind == "dense":
            return network.dense(x, channels, activation)
        if kind == "transposed":
            stride = draw(st.integers(1, 3))
            if x.positions * stride > _MAX_POSITIONS:
                stride = 1
            room = x.positions * stride + max(kernel[1] - stride, 0) - 1 if kernel[0] > 1 else 0
            below = draw(st.integers(0, min(room, 2)))
            crop = below, draw(st.integers(0, min(room - below, 3)))
            padding = draw(st.sampled_from(["valid", "same"]))
            return network.transposed(x, channels, kernel, stride, padding, crop, activation)
        dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 2), (3, 2)]))
        padding = self._padding(kernel, dilation)
        stride = draw(st.sampled_from([1, 2, 3])) if dilation == (1, 1) else 1
        if kind == "conv2d":
            return network.conv2d(x, channels, kernel, stride, dilation, padding, activation)
        multiplier = draw(st.sampled_from([1, 1, 2])) if x.channels < 8 else 1
        stride = stride if self.strided_depthwise else 1
        return network.depthwise2d(x, kernel, multiplier, stride, dilation, padding, activation)

    def _separable(self) -> Value:
        kernel = self.draw(st.integers(1, 2)), self.draw(st.integers(1, min(3, self.x.positions)))
        return self.network.separable2d(self.x, self.draw(CHANNELS), kernel, 2 if self.x.channels < 5 else 1)

    def _pool(self) -> Value:
        kind, padding = self.draw(st.sampled_from(["Max", "Average"])), self.draw(st.sampled_from(["valid", "same"]))
        size = self.draw(st.integers(1, min(self.x.positions, 5)))
        size = self.x.positions if self.draw(st.integers(0, 5)) == 0 else size
        return self.network.pool(self.x, kind, size, self.draw(st.integers(1, 3)), padding)

    def _mean(self) -> Value:
        if self.draw(st.booleans()):
            return self.network.mean(self.x, keepdims=True)
        return self.network.reshape(self.network.mean(self.x, keepdims=False), 1, self.x.channels)

    def _resize(self) -> Value:
        how = self.draw(st.sampled_from(["repeat", "pad", "crop"]))
        if how == "repeat":
            return self.network.repeat(self.x, self.draw(st.integers(1, max(1, _MAX_POSITIONS // self.x.positions))))
        if how == "crop" and self.x.positions > 1:
            below = self.draw(st.integers(0, self.x.positions - 1))
            above = self.draw(st.integers(0 if below else 1, self.x.positions - 1 - below))
            return self.network.crop(self.x, 0, (below, above))
        padded = self.network.pad(self.x, 0, (self.draw(st.integers(0, 2)), self.draw(st.integers(0, 2))))
        return self.network.activation(padded, "tanh")

    def _bands(self) -> Value:
        return self.network.bands(self.x, self.draw(st.integers(1, 12)))

    def _norm(self) -> Value:
        return self.network.batch_norm(self.x)

    def _activation(self) -> Value:
        return self.network.activation(self.x, self.draw(st.sampled_from(list(self.activations))))

    def _pair(self) -> Value:
        shape = (self.x.positions, self.x.channels)
        others = [other for other in self.pool if (other.positions, other.channels) == shape]
        kind = self.draw(st.sampled_from(["Add", "Multiply"]))
        return self.network.combine(kind, self.x, self.draw(st.sampled_from(others)))

    def _concat(self) -> Value:
        others = [other for other in self.pool if other.positions == self.x.positions]
        return self.network.combine("Concatenate", self.x, self.draw(st.sampled_from(others)))
