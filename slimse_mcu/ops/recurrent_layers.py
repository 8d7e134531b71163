"""Import of recurrent layers: Keras's own along time and along frequency, and what grouped ones share with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.graph import Part

if TYPE_CHECKING:
    from slimse_mcu.load import GraphBuilder, KerasLayer

TIME, FREQUENCY = "time", "frequency"
#: More units could overflow the int32 accumulator of the recurrent products.
MAX_UNITS = 256


@dataclass(frozen=True, slots=True)
class Cells:
    """Float weights of the cells of one layer, group by group, in each group forwards before backwards.

    Attributes:
        op: Name of the operator.
        gates: Rows per unit.
        arrays: ``input_kernel [cells, gates * units, columns]``, ``recurrent_kernel [cells, gates * units, units]``,
            ``input_bias`` and ``recurrent_bias [cells, gates * units]``.
        reset_after: Where a GRU resets.
    """

    op: str
    gates: int
    arrays: Mapping[str, NDArray[np.float32]]
    reset_after: bool = False

    @property
    def units(self) -> int:
        """Units of one cell."""
        return self.arrays["recurrent_kernel"].shape[-1]

    @property
    def count(self) -> int:
        """How many cells there are."""
        return self.arrays["recurrent_kernel"].shape[0]


def cells_of(
    op: str,
    gates: int,
    kernel: NDArray[np.float32],
    recurrent: NDArray[np.float32],
    bias: NDArray[np.float32],
    *,
    reset_after: bool = False,
) -> Cells:
    """Cells from arrays in Keras's order of axes.

    Args:
        op: Name of the operator.
        gates: Rows per unit.
        kernel: ``[cells, columns, gates * units]``.
        recurrent: ``[cells, units, gates * units]``.
        bias: ``[cells, 2, gates * units]``, the input's and the state's; one row is the input's.
        reset_after: Where a GRU resets.
    """
    both = np.zeros((len(bias), 2, bias.shape[2]), np.float32)
    both[:, : bias.shape[1]] = bias
    arrays = {
        "input_kernel": kernel.swapaxes(1, 2),
        "recurrent_kernel": recurrent.swapaxes(1, 2),
        "input_bias": both[:, 0],
        "recurrent_bias": both[:, 1],
    }
    return Cells(op, gates, arrays, reset_after)


def add_cells(
    layer: KerasLayer,
    source: str,
    builder: GraphBuilder,
    cells: Cells,
    *,
    along: str,
    directions: int = 1,
    parts: tuple[Part, ...] = (),
    suffix: str = "",
) -> str:
    """Add a recurrent layer to the graph and return its output tensor's name."""
    positions = builder.positions(source)
    channels = cells.count * cells.units
    if cells.units > MAX_UNITS:
        raise layer.error(f"has {cells.units} units; at most {MAX_UNITS} are supported", "Split it into several.")
    states = _KINDS[cells.op].states
    bypasses = any(part.on_skip == "bypass" for part in parts)
    return builder.add(
        layer,
        cells.op,
        [source],
        channels=channels,
        weights=cells.arrays,
        attributes={"along": along, "directions": directions, "reset_after": cells.reset_after},
        hidden=positions * channels * states if along == TIME else 0,
        parts=parts,
        bypass=source if bypasses else None,
        suffix=suffix,
    )


@dataclass(frozen=True, slots=True)
class _Kind:
    """A recurrent layer of Keras: rows and elements of state per unit."""

    layer: str
    gates: int
    states: int


_KINDS = {"gru": _Kind("GRU", 3, 1), "lstm": _Kind("LSTM", 4, 2)}


def _op_of(layer: KerasLayer, kind: Any) -> str:
    for op, known in _KINDS.items():
        if known.layer == kind:
            return op
    raise layer.error(f"runs a {kind} in both directions", "GRU and LSTM can run in both.")


def read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    """Import of Keras's GRU and LSTM along time."""
    builder.vector(layer, inputs[0])
    if layer.config.get("go_backwards", False):
        raise layer.error("runs backwards along time, which needs future frames: not causal", "Run it forwards.")
    cells = _read_cells(layer, [layer], _op_of(layer, layer.kind), builder.channels(inputs[0]))
    return add_cells(layer, inputs[0], builder, cells, along=TIME)


def read_along_frequency(op: str) -> Callable[[KerasLayer, Sequence[str], GraphBuilder], str]:
    """Importer of a recurrent layer inside ``TimeDistributed``: along frequency, within a frame."""

    def read(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
        return _add_along_frequency(layer, inputs[0], builder, op, [layer])

    return read


def read_bidirectional(layer: KerasLayer, inputs: Sequence[str], builder: GraphBuilder) -> str:
    """Import of ``Bidirectional`` inside ``TimeDistributed``."""
    config = layer.config
    forward, backward = config["layer"], config["backward_layer"]
    op = _op_of(layer, forward["class_name"])
    if config.get("merge_mode", "concat") != "concat":
        raise layer.error(f"merges both directions by '{config['merge_mode']}'", "Set merge_mode='concat'.")
    if forward["config"].get("go_backwards", False) or not backward["config"].get("go_backwards", True):
        raise layer.error("does not run forwards first", "Wrap a layer without go_backwards.")
    half = len(layer.weights) // 2
    members = [
        replace(layer, config=forward["config"], weights=layer.weights[:half]),
        replace(layer, config=backward["config"], weights=layer.weights[half:]),
    ]
    return _add_along_frequency(layer, inputs[0], builder, op, members)


def _add_along_frequency(
    layer: KerasLayer, source: str, builder: GraphBuilder, op: str, members: Sequence[KerasLayer]
) -> str:
    """Add one direction or two; each member has the configuration and the weights of one."""
    if len(builder.shape(source)) != 2:
        raise layer.error("reads a tensor without a frequency axis", "Give it (batch, time, frequency, channels).")
    if members[0].config.get("go_backwards", False):
        raise layer.error(
            "runs from the last frequency to the first alone", "Run it forwards, or in both directions: Bidirectional."
        )
    cells = _read_cells(layer, members, op, builder.channels(source))
    return add_cells(layer, source, builder, cells, along=FREQUENCY, directions=len(members))


def _read_cells(layer: KerasLayer, members: Sequence[KerasLayer], op: str, columns: int) -> Cells:
    gates = _KINDS[op].gates
    arrays = [_read_arrays(member, gates, columns) for member in members]
    if any(one[1].shape != arrays[0][1].shape for one in arrays):
        raise layer.error("has directions of different sizes", "Give both the same units.")
    resets = {bool(member.config.get("reset_after", False)) for member in members}
    if len(resets) > 1:
        raise layer.error("has directions that differ in reset_after", "Set the same in both.")
    kernel, recurrent, bias = (np.stack(group) for group in zip(*arrays, strict=True))
    return cells_of(op, gates, kernel, recurrent, bias, reset_after=resets.pop())


def _read_arrays(
    layer: KerasLayer, gates: int, columns: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Kernel, recurrent kernel and bias ``[2, rows]`` of one Keras layer.

    Raises:
        ModelError: It yields no sequence, uses other functions than tanh and sigmoid, or its weights do not fit.
    """
    config = layer.config
    if not config.get("return_sequences", False) or config.get("return_state", False):
        raise layer.error("does not return its sequence alone", "Set return_sequences=True, return_state=False.")
    for name, needed in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        if config.get(name, needed) != needed:
            raise layer.error(f"uses {name}='{config[name]}'", f"Use '{needed}'.")
    kernel, recurrent = layer.weight(0, rank=2), layer.weight(1, rank=2)
    units = kernel.shape[1] // gates
    rows = gates * units
    if kernel.shape != (columns, rows) or recurrent.shape != (units, rows) or units == 0:
        raise layer.error(f"has weights of shapes {kernel.shape} and {recurrent.shape}, which do not fit its input")
    bias = np.zeros((2, rows), np.float32)
    if config.get("use_bias", True):
        two = bool(config.get("reset_after", False))
        stored = layer.weight(2, rank=2 if two else 1)
        if stored.shape != ((2, rows) if two else (rows,)):
            raise layer.error(f"has a bias of shape {stored.shape} for {units} units")
        bias[: 2 if two else 1] = stored
    return kernel, recurrent, bias
