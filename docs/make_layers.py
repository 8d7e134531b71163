"""Writes ``layers.md`` from the registry of operators: ``python docs/make_layers.py`` or ``make docs``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from slimse_mcu.ops import operators
from slimse_mcu.ops.op import Import, Op

PAGE = Path(__file__).resolve().parent / "layers.md"

_HEAD = """# Layers

What is compiled, from the registry in `slimse_mcu/ops`. This page is made by `make docs`; do not edit it.

- **supported**: the arguments that the layer may have. All else is refused with an error that names the layer.
- **arithmetic**: weights are int8 per output channel, activations int8 per tensor, accumulators int32; where a state
  is wider, that is said. *int8 or int16*: the tensors may be held in 16 bits, see [quantization.md](quantization.md).
  A dash: nothing is left to compute.
- **gates**: what a closed gate saves. *rows*: closed channels of the output are not computed (channel gates).
  *columns*: closed channels of the input are not read. *parts*: a closed part of the output is not computed, its
  weights are not touched and its state stays (components of a policy). *blocks*: channels of the input that a closed
  part has made zero are not read.
- **kernel**: the C function, in `firmware/kernels/<kernel>.c`, its header beside it.

How gated models are written: [models.md](models.md).
"""


def page() -> str:
    """The whole page."""
    rows = sorted(_row(op, one) for op in operators().values() for one in op.imports)
    keras = [row for row in rows if ">" not in row[0]]
    own = [row for row in rows if ">" in row[0]]
    return "\n".join([_HEAD, "## Keras layers\n", *_table(keras), "\n## Layers of slimse\n", *_table(own), ""])


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    columns = ("layer", "supported", "arithmetic", "gates", "kernel")
    yield "| " + " | ".join(columns) + " |"
    yield "|---" * len(columns) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _row(op: Op, one: Import) -> tuple[str, ...]:
    kernels = kernels_of(op)
    return (
        ", ".join(f"`{name}`" for name in one.classes),
        one.supported,
        _arithmetic(op) or "-",
        ", ".join(_gates(op, one)) or "-",
        ", ".join(f"`{name}`" for name in kernels) or "-",
    )


def kernels_of(op: Op) -> tuple[str, ...]:
    """The C functions that an operator calls."""
    return tuple(f"slimse_{op.name}_s{width}" for width in op.widths) if op.kernels is None else op.kernels


def _arithmetic(op: Op) -> str:
    return op.arithmetic.replace("int8", "int8 or int16", 1) if 16 in op.widths else op.arithmetic


def _gates(op: Op, one: Import) -> Iterator[str]:
    """What closed gates save; layers with state of their own are called on the policy, not closed by GateParts."""
    if op.skips_rows:
        yield "rows"
    if op.skips_columns:
        yield "columns"
    if op.skips_parts or (one.reads_gates and not op.skips_rows):
        yield "parts"
    if type(op).block_channels is not Op.block_channels:
        yield "blocks"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
