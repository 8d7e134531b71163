"""Prints what the functions of a firmware cost on a virtual board: ``python -m slimse_mcu.harness.cycles``.

For whoever writes a kernel: write a small ``main`` that calls it, and see the executed instructions and the modelled
cycles of every function.
"""

from __future__ import annotations

import argparse
import fnmatch
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from slimse_mcu import assets, cores
from slimse_mcu.board import Board, board
from slimse_mcu.build import LANGUAGE, OPTIMISATION, standard_defines
from slimse_mcu.cost import CostModel, FunctionCost, function_costs, functions
from slimse_mcu.disassembly import disassemble
from slimse_mcu.errors import BoardError, BuildError, SlimseError
from slimse_mcu.harness import call_trace
from slimse_mcu.harness.virtual import qemu_command


def costs(
    target: Board, elf: Path, *, root: str | None = None, core: str = "", timeout_s: float = 60.0
) -> list[list[FunctionCost]]:
    """Run a firmware until it ends by itself, and say what its functions cost.

    Args:
        target: A board of QEMU's.
        elf: The firmware; it must end by semihosting's exit.
        root: Count only inside of calls of this function, each call for itself.
        core: Name of the model of the cycles; empty: that of the board's core.
        timeout_s: For how long it may run.

    Returns:
        For each call of ``root``, or for the whole run, the functions, the costliest first.

    Raises:
        BoardError: The board is none of QEMU's, the firmware does not end, or it has no such function.
        BuildError: The disassembler is missing.
    """
    code = functions(elf)
    addresses = {one.name: one.start for one in code}
    if root is not None and root not in addresses:
        raise BoardError(f"{elf} has no function {root}.", hint="Is it inlined, or declared static?")
    model = CostModel(disassemble(elf), cores.core(core or target.core))
    with tempfile.TemporaryDirectory(prefix="slimse-") as folder:
        out = Path(folder) / "counts"
        options = call_trace.options(out, addresses.get(root or ""), addresses.get("hal_interrupt"))
        call_trace.run(qemu_command(target, elf, options), out, timeout_s)
        return [function_costs(window, model, code) for window in call_trace.read(out)]


def link(target: Board, sources: Sequence[Path], folder: Path, flags: Sequence[str] = ()) -> Path:
    """Compile sources, one of them with ``int main(int, char **)``, with a board's flags and its start-up code.

    Raises:
        BuildError: The compiler is missing or refuses a source.
    """
    firmware = assets.path("firmware")
    elf, fault = folder / "kernel.elf", folder / "fault.c"
    fault.write_text('#include "hal.h"\nvoid app_fault(const hal_fault_t *fault)\n{\n    (void)fault;\n}\n')
    hal = [next(one for one in (target.path / name, firmware / "hal" / name) if one.is_file()) for name in target.hal]
    defines = [f'-DHAL_BOARD="{target.name}"', *(f"-D{one}" for one in (*standard_defines(target), *target.defines))]
    folders = [firmware, firmware / "hal", *(firmware / name for name in target.kernels)]
    linking = ["-nostartfiles", f"-L{target.path}", f"-L{firmware / 'hal'}", f"-T{target.linker_script}"]
    linking += [f"-Wl,--defsym=hal_stack_reserve={target.stack_bytes}", "-Wl,--no-warn-rwx-segments,--gc-sections"]
    command = [target.compiler, *target.flags, *LANGUAGE, OPTIMISATION, "-g", *defines, *flags]
    command += [f"-I{one}" for one in folders]
    command += [*map(str, (*sources, fault, *hal)), *linking, "-lm", "-o", str(elf)]
    if shutil.which(target.compiler) is None:
        raise BuildError(f"The compiler {target.compiler} was not found.", hint="See `slimse doctor`.")
    result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if result.returncode != 0:
        raise BuildError(f"The sources do not compile:\n{result.stderr}")
    return elf


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "files", nargs="+", type=Path, help="firmware (.elf) that ends by semihosting's exit, or sources"
    )
    parser.add_argument("--flag", action="append", default=[], help="further flag for the compiler, as --flag=-O2")
    parser.add_argument("--board", default="virtual-m4", help="a virtual board; its core decides the cycle model")
    parser.add_argument("--root", help="count only inside of calls of this function; one table per call")
    parser.add_argument(
        "--core", default="", help="model of the cycles, such as cortex-m55-serial; default: the board's"
    )
    parser.add_argument("--functions", default="*", help="only functions of this pattern, such as 'slimse_*'")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds that the firmware may run")
    arguments = parser.parse_args()
    try:
        target = board(arguments.board)
        with tempfile.TemporaryDirectory(prefix="slimse-") as folder:
            is_elf = len(arguments.files) == 1 and arguments.files[0].suffix == ".elf"
            elf = arguments.files[0] if is_elf else link(target, arguments.files, Path(folder), arguments.flag)
            tables = costs(target, elf, root=arguments.root, core=arguments.core, timeout_s=arguments.timeout)
    except SlimseError as error:
        parser.error(str(error))
    for index, rows in enumerate(tables):
        if arguments.root:
            sys.stdout.write(f"call {index + 1} of {arguments.root}\n")
        sys.stdout.write(table([one for one in rows if fnmatch.fnmatch(one.name, arguments.functions)]))


def table(rows: list[FunctionCost]) -> str:
    """Lines with the costs of functions."""
    head = ("function", "calls", "own insn", "own cycles", "total insn", "total cycles", "insn/call", "cycles/call")
    lines = [f"{head[0]:32}" + "".join(f"{one:>13}" for one in head[1:])]
    for row in rows:
        calls = max(1, row.calls)
        values: list[float] = [
            row.calls,
            row.own.instructions,
            row.own.cycles,
            row.total.instructions,
            row.total.cycles,
        ]
        values += [row.total.instructions / calls, row.total.cycles / calls]
        lines.append(f"{row.name:32}" + "".join(f"{value:>13,.0f}" for value in values))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
