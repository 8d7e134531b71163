"""What the recurrent operators share: the walk over positions, integer parameters, tables.

A layer is one or several independent cells: groups of channels, and in each group one cell per direction.  Along time
every position keeps its states from frame to frame; along frequency a state runs over the positions of one frame and
is zero before the first.

Weights and input are int8, the hidden state is int16 with the fixed scale 1/32768, so that it is read back exactly as
it was written and cannot drift.  No other specification of int8 recurrence with a state of its own exists to follow;
this one is in the style of TensorFlow Lite's.  A gate's input is ``Wx + b`` and ``Uh + u``, each an int32 accumulator;
both are multiplied into one 64-bit sum and rounded once, half up, to Q3.12.  Sigmoid and tanh come from tables of 257
entries with linear interpolation; products with a gate are rounded half up.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import Node, Quantization
from slimse_mcu.ops.arithmetic import clamp_s8, clamp_s16, quantize_weights
from slimse_mcu.ops.op import (
    Constant,
    FloatArray,
    Hidden,
    Integers,
    KernelCall,
    Macs,
    Memories,
    Op,
    Parameters,
    QuantizeContext,
    is_wide,
    row_blocks,
    width,
)
from slimse_mcu.ops.recurrent_layers import FREQUENCY, TIME

IntArray = NDArray[np.int64]

#: Scale of the gates' inputs: Q3.12, -8 to 8.
PREACTIVATION_SCALE = 2.0**-12
HIDDEN_SCALE = 2.0**-15
#: An output is the state, or its upper byte, or fewer of its bits where a closed part shows a wider tensor.
_MAX_OUTPUT_SHIFT = 15
#: The sum of a gate's products is brought back by 2 to 32 bits: the kernels shift by one less, then round.
_MAX_SHIFT = 32


def gate_rows(units: int, gates: int) -> tuple[slice, ...]:
    """Rows of each gate."""
    return tuple(slice(gate * units, (gate + 1) * units) for gate in range(gates))


def sigmoid(x: FloatArray) -> FloatArray:
    """Float32 logistic function; no overflow for any input."""
    result: FloatArray = np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * x)
    return result


def products(arrays: Mapping[str, NDArray[Any]], part: str, names: str, rows: slice, values: Any) -> Any:
    """``W values + b`` of some rows of every cell.

    Args:
        arrays: With ``{part}_{names} [cells, rows, columns]`` and ``{part}_bias [cells, rows]``.
        part: ``"input"`` or ``"recurrent"``.
        names: ``"kernel"`` or ``"weights"``.
        rows: Which.
        values: ``[cells, n, columns]``.

    Returns:
        ``[cells, n, rows]``, of the values' type.
    """
    weights = arrays[f"{part}_{names}"][:, rows].astype(values.dtype, copy=False)
    return values @ weights.swapaxes(1, 2) + arrays[f"{part}_bias"][:, None, rows].astype(values.dtype, copy=False)


def sums(parameters: Parameters, part: str, rows: slice, values: IntArray) -> IntArray:
    """The int32 accumulators of :func:`products` of integers."""
    # Exact, and faster than integers: every partial sum is an integer far below 2**53.
    result: IntArray = products(parameters, part, "weights", rows, values.astype(np.float64)).astype(np.int64)
    return result


def gate_input(parameters: Parameters, rows: slice, from_input: IntArray, from_hidden: IntArray) -> IntArray:
    """A gate's input in Q3.12 from both accumulators, rounded half up."""
    multipliers = (parameters[f"{part}_multiplier"][:, None, rows].astype(np.int64) for part in ("input", "recurrent"))
    total = sum(one * many for one, many in zip((from_input, from_hidden), multipliers, strict=True))
    result: IntArray = ((total >> parameters["shift"]) + 1) >> 1
    return result


def _table(function: Any) -> NDArray[np.int16]:
    """Q15 values at -8, -8 + 1/16, ..., 8."""
    return clamp_s16(np.floor(function(np.arange(257) / 16.0 - 8.0) * 32768.0 + 0.5))


#: ``firmware/kernels/slimse_curves.h`` holds the same.
SIGMOID_TABLE = _table(lambda x: 1.0 / (1.0 + np.exp(-x)))
TANH_TABLE = _table(np.tanh)


def interpolate(table: NDArray[np.int16], value: IntArray) -> IntArray:
    """A table of 257 entries at Q3.12 inputs, saturated to int16, linear in between, rounded half up."""
    position = clamp_s16(value).astype(np.int64) + 32768
    index, fraction = position >> 8, position & 255
    low, high = table[index].astype(np.int64), table[index + 1].astype(np.int64)
    result: IntArray = low + (((high - low) * fraction + 128) >> 8)
    return result


def round_q15(product: IntArray) -> IntArray:
    """A product with a Q15 factor, brought back by 15 bits, rounded half up."""
    result: IntArray = (product + (1 << 14)) >> 15
    return result


# ---- the operator ------------------------------------------------------------------------------------------------


class Recurrent(Op):
    """Cells with ``input_kernel [cells, gates * units, columns]``, ``recurrent_kernel [cells, gates * units, units]``
    and a bias ``[cells, gates * units]`` each.

    A cell's state is ``states * units`` elements per position, the output first.  ``skips_parts`` stays off: parts are
    what the layer was imported with; a GateParts behind it closes the output, while the state runs on.
    """

    arithmetic = "int8, state int16"
    widths = (8, 16)
    gates: ClassVar[int]
    states: ClassVar[int]
    #: C name of a cell's gates, in order.
    gate_names: ClassVar[str]

    @abstractmethod
    def advance(self, node: Node, projected: FloatArray, state: FloatArray) -> FloatArray:
        """New states ``[cells, n, states * units]`` from the input's products ``[cells, n, gates * units]``."""

    @abstractmethod
    def advance_s8(self, node: Node, parameters: Parameters, from_input: IntArray, state: IntArray) -> IntArray:
        """:meth:`advance` in integers, with the input's accumulators."""

    @abstractmethod
    def cell_scratch(self, node: Node) -> int:
        """Elements of working memory that the kernel needs for one step of a cell."""

    def kernel_fields(self, node: Node) -> dict[str, int | Constant]:
        """Members of the kernel's structure behind the cell."""
        return {}

    def macs(self, node: Node) -> Macs:
        cells, rows, columns = node.weights["input_kernel"].shape
        directions = node.attributes["directions"]
        all_rows = cells // directions * rows
        per_unit = columns + rows // self.gates
        blocks = tuple(replace(block, channels=rows) for block in row_blocks(node))
        return Macs(all_rows, per_unit, node.attributes["positions"] * directions, row_blocks=blocks)

    def scratch_elements(self, node: Node) -> int:
        return self.cell_scratch(node) + self._frame_state(node)

    def _frame_state(self, node: Node) -> int:
        """Elements of a state that lives within a frame, at the start of the working memory."""
        is_kept = node.attributes["along"] == TIME
        return 0 if is_kept else self.states * node.weights["recurrent_kernel"].shape[2]

    def fixed_quantization(self, node: Node, inputs: Sequence[Quantization]) -> Quantization:
        """The state, or its upper byte; with a bypass the least power of two that holds the bypassed tensor as well."""
        bits = inputs[0].bits
        own = Quantization(2.0 ** (1 - bits), 0, -1.0, 1.0 - 2.0 ** (1 - bits), bits)
        if node.bypass is None:
            return own
        low, high = inputs[-1].real_range
        reach = max(high / own.highest, low / own.lowest, own.scale)
        shift = min(_MAX_OUTPUT_SHIFT, 15 + math.ceil(math.log2(reach)))
        return replace(own, scale=2.0 ** (shift - 15))

    def quantize(self, node: Node, context: QuantizeContext) -> dict[str, Any]:
        source = context.inputs[0]
        shift = 15 + round(math.log2(context.require_output().scale))
        parameters: dict[str, Any] = {
            "bits": source.bits,
            "input_offset": -source.zero_point,
            "output_shift": shift,
        }
        factors = {}
        for part, scale in (("input", source.scale), ("recurrent", HIDDEN_SCALE)):
            kernel, bias = node.weights[f"{part}_kernel"], node.weights[f"{part}_bias"]
            flat = kernel.reshape(-1, kernel.shape[2])
            weights, integer_bias, weight_scale = quantize_weights(flat, bias.ravel(), scale)
            parameters[f"{part}_weights"] = weights.reshape(kernel.shape)
            parameters[f"{part}_bias"] = integer_bias.reshape(bias.shape)
            factors[part] = (scale * weight_scale / PREACTIVATION_SCALE).reshape(bias.shape)
        return {**parameters, **_multipliers(parameters, factors)}

    def step(self, node: Node, inputs: Sequence[FloatArray], memories: Memories) -> FloatArray:
        def project(values: FloatArray) -> FloatArray:
            projected: FloatArray = products(node.weights, "input", "kernel", slice(None), values)
            return projected

        return self._walk(node, inputs[0], memories, project, lambda x, state: self.advance(node, x, state))

    def step_integer(
        self, node: Node, parameters: Parameters, inputs: Sequence[Integers], memories: Memories
    ) -> Integers:
        values = inputs[0].astype(np.int64) + parameters["input_offset"]

        def advance(from_input: IntArray, state: NDArray[Any]) -> NDArray[Any]:
            return self.advance_s8(node, parameters, from_input, state.astype(np.int64)).astype(np.int16)

        hidden = self._walk(
            node, values, memories, lambda x: sums(parameters, "input", slice(None), x), advance, np.int16
        ).astype(np.int64)
        shift = parameters["output_shift"]
        rounded = (hidden + ((1 << shift) >> 1)) >> shift
        return clamp_s16(rounded) if is_wide(parameters) else clamp_s8(rounded)

    def _walk(
        self,
        node: Node,
        values: NDArray[Any],
        memories: Memories,
        project: Callable[[Any], Any],
        advance: Callable[[Any, Any], Any],
        dtype: Any = np.float32,
    ) -> NDArray[Any]:
        """All steps of a frame: one per position along frequency, one at all positions at once along time.

        Returns:
            The new outputs, flat ``[positions, cells, units]``.
        """
        cells, _, columns = node.weights["input_kernel"].shape
        positions, directions = node.attributes["positions"], node.attributes["directions"]
        units = node.weights["recurrent_kernel"].shape[2]
        split = values.reshape(positions, cells // directions, columns).swapaxes(0, 1)
        projected = project(_turned(np.repeat(split, directions, axis=0), directions))
        if memories:
            (hidden,) = memories
            assert isinstance(hidden, Hidden), "a recurrent layer has a hidden state"
            states = advance(projected, hidden.value.reshape(cells, positions, -1))
            hidden.value = states.ravel()
        else:
            state = np.zeros((cells, 1, self.states * units), dtype)
            steps = []
            for position in range(positions):
                state = advance(projected[:, position : position + 1], state)
                steps.append(state)
            states = _turned(np.concatenate(steps, axis=1), directions)
        outputs: NDArray[Any] = states[..., :units].swapaxes(0, 1).ravel()
        return outputs

    def calls(self, node: Node, parameters: Parameters) -> tuple[KernelCall, ...]:
        cells, _, columns = parameters["input_weights"].shape
        units = parameters["recurrent_weights"].shape[2]
        directions, positions = node.attributes["directions"], node.attributes["positions"]
        within = self._frame_state(node)
        result = []
        for cell in range(cells):
            group, direction = divmod(cell, directions)
            name = f"_part{group}" if cells > directions else ""
            name += ("_forward", "_backward")[direction] if directions > 1 else ""
            walk = {
                "cell.units": units,
                "cell.columns": columns,
                "cell.positions": positions,
                "cell.input_pitch": cells // directions * columns,
                "cell.output_pitch": cells * units,
                "cell.hidden_pitch": 0 if within else self.states * units,
                "cell.is_reversed": direction,
            }
            hidden = ("scratch", 0) if within else ("hidden", group * positions * self.states * units)
            arguments = (("input0", group * columns), hidden, ("scratch", within), ("output", cell * units))
            fields = {**walk, **self._constants(parameters, cell), **self.kernel_fields(node)}
            part = group if node.parts else None
            result.append(KernelCall(f"slimse_{self.name}_{width(parameters)}", fields, arguments, True, name, part))
        return tuple(result)

    def _constants(self, parameters: Parameters, cell: int) -> dict[str, int | Constant]:
        """Weights and scalars of one cell as C fields."""
        result: dict[str, int | Constant] = {}
        for part, inner in (("input", "columns"), ("recurrent", "units")):
            layout = f"weights [{self.gate_names}][units][{inner}], symmetric per row"
            result[f"cell.{part}_weights"] = Constant("int8_t", parameters[f"{part}_weights"][cell], f"{part} {layout}")
            result[f"cell.{part}_bias"] = Constant("int32_t", parameters[f"{part}_bias"][cell], f"{part} bias")
            multipliers = parameters[f"{part}_multiplier"][cell]
            result[f"cell.{part}_multiplier"] = Constant("int32_t", multipliers, f"{part} multipliers to Q3.12")
        for name in ("input_offset", "shift", "output_shift"):
            result[f"cell.{name}"] = int(parameters[name])
        return result

    def describe(self, node: Node) -> str:
        cells, rows, columns = node.weights["input_kernel"].shape
        directions, positions = node.attributes["directions"], node.attributes["positions"]
        groups = cells // directions
        text = f"{self.name} {groups * columns} -> {cells * (rows // self.gates)}"
        text += f", {groups} groups" if groups > 1 else ""
        if node.attributes["along"] == FREQUENCY:
            return f"{text}, along {positions} frequencies" + (", both ways" if directions > 1 else "")
        return text + (f", at {positions} frequencies" if positions > 1 else "")


def _turned(values: NDArray[Any], directions: int) -> NDArray[Any]:
    """``[cells, positions, ...]`` with the positions of the backward cells reversed."""
    if directions == 1:
        return values
    result = values.copy()
    result[1::2] = values[1::2, ::-1]
    return result


def _multipliers(parameters: Parameters, factors: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """The factors of both accumulators as integers over one power of two, the largest that fits.

    Raises:
        QuantizeError: A gate's input could leave int32.
    """
    greatest = max(float(values.max()) for values in factors.values())
    shift = min(_MAX_SHIFT, 31 - math.frexp(greatest)[1])
    reach = 0.0
    result: dict[str, Any] = {"shift": shift - 1}
    for part, largest in (("input", 32768.0 if is_wide(parameters) else 255.0), ("recurrent", 32768.0)):
        integers = np.minimum(np.rint(factors[part] * 2.0**shift), 2.0**31 - 1)
        weights, bias = parameters[f"{part}_weights"], parameters[f"{part}_bias"]
        bound = np.abs(weights.astype(np.float64)).sum(axis=2) * largest + np.abs(bias.astype(np.float64))
        if np.max(bound) >= 2.0**31:
            raise QuantizeError(
                "The sums over the input can leave int32.", hint="Leave the layer's input and output at 8 bits."
            )
        reach = reach + bound * integers
        result[f"{part}_multiplier"] = integers.astype(np.int32)
    if shift < 2 or np.max(reach) >= 2.0 ** (shift + 29):
        raise QuantizeError(
            f"A gate's input can exceed {2**17}: the weights or the input's range are too large.",
            hint="Check the model's weights, and the range of the layer before it.",
        )
    return result
