"""Prints what other formats of recurrence would cost a trained model: ``python -m tests.ablation --model zoo:NAME``.

Two SQNRs of the model's output against the float model per format: of the whole int8 model, and of the float model
in which the GRUs alone run in integers.  Gates are those of the float model, so that arithmetic alone differs.
The table of ``docs/quantization.md`` comes from here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from slimse_mcu.calibration import read_calibration
from slimse_mcu.compile import find_model
from slimse_mcu.frontend import float_analyse
from slimse_mcu.graph import Node, QuantizedGraph
from slimse_mcu.harness.audio import read_audio
from slimse_mcu.load import load
from slimse_mcu.ops import gru
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.ops.op import FloatArray, Memories
from slimse_mcu.quantize import quantize
from slimse_mcu.streaming import Trace, run_float, run_int8


@dataclass(frozen=True, slots=True)
class Format:
    """Bits of the hidden state, and of a gate's input on both sides of the point, its sign apart."""

    state_bits: int = 16
    whole_bits: int = 3
    fraction_bits: int = 12

    def __str__(self) -> str:
        return f"state int{self.state_bits}, gates Q{self.whole_bits}.{self.fraction_bits}"


FORMATS = (
    Format(), Format(state_bits=12), Format(state_bits=8), Format(fraction_bits=8), Format(fraction_bits=6),
    Format(fraction_bits=4), Format(whole_bits=2), Format(whole_bits=1),
)  # fmt: skip


def rounded(values: NDArray[np.int64], lost: int, bits: int) -> NDArray[np.int64]:
    """Values without their ``lost`` lowest bits, in a signed range of ``bits`` more."""
    if lost:
        values = (values + (1 << (lost - 1))) >> lost
    result: NDArray[np.int64] = np.clip(values, -(1 << bits), (1 << bits) - 1) << lost
    return result


@contextmanager
def recurrence_in(chosen: Format) -> Iterator[None]:
    """GRUs whose state and gates have another format than the specification's."""
    gate_input, advance = gru.gate_input, gru.Gru.advance_s8

    def coarse_gate_input(*arguments: Any) -> NDArray[np.int64]:
        bits = chosen.whole_bits + chosen.fraction_bits
        return rounded(gate_input(*arguments), 12 - chosen.fraction_bits, bits)

    def coarse_advance(self: gru.Gru, *arguments: Any) -> NDArray[np.int64]:
        return rounded(advance(self, *arguments), 16 - chosen.state_bits, chosen.state_bits - 1)

    with patch.object(gru, "gate_input", coarse_gate_input), patch.object(gru.Gru, "advance_s8", coarse_advance):
        yield


@contextmanager
def integer_recurrence(quantized: QuantizedGraph) -> Iterator[None]:
    """Float steps of GRUs that compute in integers between a quantized input and a dequantized output."""

    def step(self: gru.Gru, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        values = quantize_values(inputs[0], quantized.quantization[node.inputs[0]])
        output = self.step_integer(node, quantized.parameters[node.name], [values], memories)
        return dequantize_values(output, quantized.quantization[node.output])

    with patch.object(gru.Gru, "step", step):
        yield


def sqnr_db(real: Sequence[Trace], outputs: Sequence[NDArray[np.float32]]) -> float:
    """Power of the float outputs over power of the difference, all recordings together."""
    wanted = np.concatenate([trace.output for trace in real]).astype(np.float64)
    difference = np.concatenate(outputs) - wanted
    return float(10 * np.log10(np.sum(wanted**2) / np.sum(difference**2)))


def measure(quantized: QuantizedGraph, features: Sequence[NDArray[np.float32]], console: Console) -> None:
    """Print the table."""
    graph = quantized.graph
    real = [run_float(graph, one) for one in features]
    forced = [trace.gates if graph.gates else None for trace in real]
    first, last = (quantized.quantization[name] for name in (graph.input, graph.output))
    table = Table("format", "int8 model", "GRUs alone", title="SQNR of the output in dB")
    for chosen in FORMATS:
        with ExitStack() as stack:
            stack.enter_context(recurrence_in(chosen))
            runs = [
                run_int8(quantized, quantize_values(one, first), forced=bits)
                for one, bits in zip(features, forced, strict=True)
            ]
            whole = sqnr_db(real, [dequantize_values(run.output, last) for run in runs])
            stack.enter_context(integer_recurrence(quantized))
            alone = sqnr_db(
                real, [run_float(graph, one, forced=bits).output for one, bits in zip(features, forced, strict=True)]
            )
        table.add_row(str(chosen), f"{whole:.1f}", f"{alone:.1f}")
    console.print(table)


def main() -> None:
    """Measure one model on all clips of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="zoo:dsn-static")
    parser.add_argument("--clips", type=Path, default=Path("tests/data/noisy"))
    parser.add_argument("--frames", type=int, help="of each clip; all by default")
    arguments = parser.parse_args()
    graph = load(find_model(arguments.model))
    assert graph.frontend is not None, "the zoo's models carry their front end"
    calibration = read_calibration(graph, None, method="minmax", percentile=100.0)
    features = []
    for path in sorted(arguments.clips.glob("*.wav")):
        samples = read_audio(path, graph.frontend.sample_rate_hz).samples
        features.append(float_analyse(graph.frontend, samples)[0].astype(np.float32)[: arguments.frames])
    console = Console(width=100)
    console.print(f"{sum(map(len, features))} frames; calibrated on {calibration.source}")
    measure(quantize(graph, calibration.features), features, console)


if __name__ == "__main__":
    main()
