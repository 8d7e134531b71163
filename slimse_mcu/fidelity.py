"""Int8 against float over the same features: what quantization costs at every tensor, state and gate, and over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.decisions import Decisions
from slimse_mcu.graph import Node, QuantizedGraph, State
from slimse_mcu.ops import operators
from slimse_mcu.ops.arithmetic import dequantize_values
from slimse_mcu.streaming import Trace

DRIFT_S = 60.0
"""Length of the first and the last piece of a recording that are compared; it must be twice as long or longer."""

_S16 = (-32768, 32767)


@dataclass(frozen=True, slots=True)
class TensorError:
    """What quantization costs at one tensor.

    Attributes:
        tensor: Name.
        minimum: Least value seen in calibration.
        maximum: Greatest value seen in calibration.
        scale: Real value of one step.
        zero_point: Integer that means 0.
        sqnr_db: Power of the float tensor over power of the difference to the int8 run, accumulated error included;
            infinite when there is no difference.
        saturated: Share of the values that lie beyond the representable range in float.
        saturated_values: How many that are.
        bits: Width of the integers, 8 or 16.
    """

    tensor: str
    minimum: float
    maximum: float
    scale: float
    zero_point: int
    sqnr_db: float
    saturated: float
    saturated_values: int
    bits: int = 8


@dataclass(frozen=True, slots=True)
class StateError:
    """What quantization costs at one int16 hidden state.

    Attributes:
        state: Name.
        elements: Its size.
        limit: Real value at which its widest part saturates.
        max_abs: Greatest magnitude of the int8 run's state, real.
        sqnr_db: Of the int8 run's state against the float model's; infinite when there is no difference.
        saturated: Share of the int8 run's values that are -32768 or 32767.
        saturated_values: How many that are.
    """

    state: str
    elements: int
    limit: float
    max_abs: float
    sqnr_db: float
    saturated: float
    saturated_values: int


@dataclass(frozen=True, slots=True)
class Drift:
    """Whether the error grows over a long recording.

    Attributes:
        frames: Length of the recording.
        first_db: SQNR over the first minute, by name: of the output tensor and of every hidden state.
        last_db: SQNR over the last minute.
    """

    frames: int
    first_db: Mapping[str, float]
    last_db: Mapping[str, float]

    @property
    def lost_db(self) -> dict[str, float]:
        """What each loses from the first minute to the last; without those that have no error in one of them."""
        losses = {name: self.first_db[name] - self.last_db[name] for name in self.first_db}
        return {name: loss for name, loss in losses.items() if np.isfinite(loss)}

    def describe(self) -> str:
        """The greatest loss in one sentence."""
        if not self.lost_db:
            return f"No error in the first or last minute of {self.frames} frames."
        name = max(self.lost_db, key=lambda one: self.lost_db[one])
        return (
            f"Drift over {self.frames} frames: {name} has an SQNR of {self.first_db[name]:.1f} dB in the first minute "
            f"and {self.last_db[name]:.1f} dB in the last; no state loses more."
        )


@dataclass(frozen=True, slots=True)
class QuantizationErrors:
    """Int8 against float over the same features.

    Attributes:
        output: Name of the model's output among the tensors.
        tensors: In execution order.
        states: Hidden states, in execution order.
        gate_flips: Share of the decisions of each channel gate and component that differ from the float model's.
        frames: Frames compared.
        drift: Of the longest recording; None where none is long enough or the length of a frame is not known.
    """

    output: str
    tensors: tuple[TensorError, ...]
    states: tuple[StateError, ...]
    gate_flips: dict[str, float]
    frames: int
    drift: Drift | None = None

    @property
    def output_sqnr_db(self) -> float:
        """What quantization costs at the model's output, all told."""
        return next(one.sqnr_db for one in self.tensors if one.tensor == self.output)

    def to_json(self) -> dict[str, Any]:
        """Plain values; where int8 equals float exactly, a ratio in dB is None."""
        drift = None
        if self.drift is not None:
            both = {"first_db": self.drift.first_db, "last_db": self.drift.last_db}
            drift = {
                "frames": self.drift.frames,
                **{key: {name: _finite(value) for name, value in one.items()} for key, one in both.items()},
                "worst_db": max(self.drift.lost_db.values(), default=0.0),
            }
        return {
            "frames": self.frames,
            "output": self.output,
            "output_sqnr_db": _finite(self.output_sqnr_db),
            "tensors": [{**asdict(one), "sqnr_db": _finite(one.sqnr_db)} for one in self.tensors],
            "states": [{**asdict(one), "sqnr_db": _finite(one.sqnr_db)} for one in self.states],
            "gate_flips": dict(self.gate_flips),
            "drift": drift,
        }


class Comparison:
    """Takes in the two runs piece by piece, so that long recordings need little memory.

    Args:
        quantized: The model.

    Attributes:
        names: Tensors and states that both runs must keep.
    """

    def __init__(self, quantized: QuantizedGraph) -> None:
        self._quantized = quantized
        graph = quantized.graph
        self._decisions = Decisions.of(graph)
        self._states = {state.name: (node, state) for node in graph.nodes for state in node.states if _is_hidden(state)}
        self._tensors = {name: _Sums() for name in graph.tensors}
        self._hidden = {name: _Sums() for name in self._states}
        self._flips = dict.fromkeys(self._decisions.places, 0)
        self._sequences: list[dict[str, list[NDArray[np.float64]]]] = []
        self.names = frozenset(self._tensors) | frozenset(self._hidden)

    def start(self) -> None:
        """Begin a recording."""
        self._sequences.append({name: [] for name in (self._quantized.graph.output, *self._states)})

    def add(self, real: Trace, integer: Trace) -> None:
        """Take in the same frames of the float and of the int8 run, both recorded."""
        for name, sums in self._tensors.items():
            parameters = self._quantized.quantization[name]
            reference = real.tensors[name].astype(np.float64)
            low, high = parameters.real_range
            low, high = low - parameters.scale / 2, high + parameters.scale / 2
            beyond = np.count_nonzero((reference < low) | (reference > high))
            ours = dequantize_values(integer.tensors[name], parameters).astype(np.float64)
            self._take(name, sums, reference, ours, beyond)
        for name, sums in self._hidden.items():
            values = integer.states[name]
            ours = values * _scale(self._states[name][0])
            sums.greatest = max(sums.greatest, float(np.abs(ours).max(initial=0.0)))
            self._take(name, sums, real.states[name].astype(np.float64), ours, np.count_nonzero(np.isin(values, _S16)))
        wanted, decided = self._decisions.unpack(real.gates), self._decisions.unpack(integer.gates)
        for name in self._flips:
            self._flips[name] += int(np.count_nonzero(wanted[name] != decided[name]))

    def _take(
        self, name: str, sums: _Sums, reference: NDArray[np.float64], ours: NDArray[np.float64], beyond: int
    ) -> None:
        signal, noise = np.sum(reference**2, axis=1), np.sum((ours - reference) ** 2, axis=1)
        sums.signal += float(signal.sum())
        sums.noise += float(noise.sum())
        sums.beyond += int(beyond)  # NumPy 2 counts in its own integers, which JSON does not know
        sums.count += reference.size
        if name in self._sequences[-1]:
            self._sequences[-1][name].append(np.stack([signal, noise]))

    def result(self) -> QuantizationErrors:
        """What was found so far."""
        graph = self._quantized.graph
        order = [graph.input, *(node.output for node in graph.nodes if node.output in graph.tensors)]
        frames = self._tensors[graph.input].count // graph.tensors[graph.input].size
        widths = {name: span.stop - span.start for name, (_, span) in self._decisions.places.items()}
        return QuantizationErrors(
            output=graph.output,
            tensors=tuple(self._tensor(name) for name in order),
            states=tuple(self._state(node, state) for node, state in self._states.values()),
            gate_flips={name: flips / max(1, frames * widths[name]) for name, flips in self._flips.items()},
            frames=frames,
            drift=self._drift(),
        )

    def _tensor(self, name: str) -> TensorError:
        parameters, sums = self._quantized.quantization[name], self._tensors[name]
        return TensorError(
            tensor=name,
            minimum=parameters.minimum,
            maximum=parameters.maximum,
            scale=parameters.scale,
            zero_point=parameters.zero_point,
            sqnr_db=_decibels(sums.signal, sums.noise),
            saturated=sums.beyond / max(1, sums.count),
            saturated_values=sums.beyond,
            bits=parameters.bits,
        )

    def _state(self, node: Node, state: State) -> StateError:
        sums = self._hidden[state.name]
        return StateError(
            state=state.name,
            elements=state.channels,
            limit=32768.0 * float(np.max(_scale(node))),
            max_abs=sums.greatest,
            sqnr_db=_decibels(sums.signal, sums.noise),
            saturated=sums.beyond / max(1, sums.count),
            saturated_values=sums.beyond,
        )

    def _drift(self) -> Drift | None:
        front_end = self._quantized.graph.frontend
        if front_end is None:
            return None
        piece = round(DRIFT_S * front_end.sample_rate_hz / front_end.hop)
        joined = [
            {name: np.concatenate(parts, axis=1) for name, parts in one.items() if parts} for one in self._sequences
        ]
        longest = max(joined, key=_length, default={})
        if _length(longest) < 2 * piece:
            return None
        first, last = (
            {name: _decibels(*map(float, both[:, span].sum(axis=1))) for name, both in longest.items()}
            for span in (slice(0, piece), slice(-piece, None))
        )
        return Drift(_length(longest), first, last)


@dataclass(slots=True)
class _Sums:
    """Mutable: powers and counts so far."""

    signal: float = 0.0
    noise: float = 0.0
    beyond: int = 0
    count: int = 0
    greatest: float = 0.0


def _is_hidden(state: State) -> bool:
    return state.kind == "hidden"


def _scale(node: Node) -> NDArray[np.float64]:
    return np.asarray(operators()[node.op].hidden_scale(node), np.float64)


def _length(sequence: Mapping[str, NDArray[np.float64]]) -> int:
    return max((both.shape[1] for both in sequence.values()), default=0)


def _decibels(signal: float, noise: float) -> float:
    if noise == 0.0:
        return float("inf")
    return 10.0 * float(np.log10(max(signal, 1e-300) / noise))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
