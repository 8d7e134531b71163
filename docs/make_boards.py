"""Writes ``boards.md``: ``python docs/make_boards.py`` or ``make boards``, which builds all boards with all zoo models.

``--keep-sizes`` builds nothing: the list of boards is written anew, the sizes stay as they are on the page.
``--check`` builds the same and compares with the page instead: the boards must be those of the page, every model must
fit where the page says so, and no size may differ by more than 3 %.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from slimse_mcu import compile_model, zoo
from slimse_mcu.board import Board, boards
from slimse_mcu.build import build
from slimse_mcu.emit import emit
from slimse_mcu.errors import PlanError
from slimse_mcu.flash.tool import tools
from slimse_mcu.graph import QuantizedGraph
from slimse_mcu.plan import plan

PAGE = Path(__file__).resolve().parent / "boards.md"

_TOLERANCE = 0.03
_HEAD = """# Boards

This page is made by `make boards`, which compiles every model of the zoo for every board; do not edit it. A board of
your own: [porting.md](porting.md). Loading firmware: [flashing.md](flashing.md).

**No board on this page has run this firmware on silicon as far as we know.** What was done instead is in the column
*checked*, the same words as `checked` in `board.toml`:

- **emulated**: the whole firmware runs in QEMU's model of the part; `tests/test_session.py` holds its answers, faults
  and stack against the specification. QEMU does not model clocks; those of real parts are checked as the next kind is.
  The two Netduinos are described as QEMU wires them, and are not meant to be loaded.
- **register-tested**: the whole firmware runs on an instruction emulator over a model of the part's registers that was
  written from its reference manual, and refuses what the manual forbids: a register without clock, a PLL out of
  its range, too few wait states, a voltage too low (`tests/test_silicon.py`, `tests/silicon/`). Core clock and baud
  rate are computed from the registers by the manual's formulas. The firmware answers `hello` through the modelled
  serial port and computes frames that equal the specification. The emulator knows no Cortex-M55: that board's C runs
  compiled for a Cortex-M33. What such a test cannot know is whether the manual was understood.
- **built**: it compiles and links.
- **native**: this computer.

Virtual boards count executed instructions, real ones core clock cycles.
"""


Sizes = dict[str, dict[str, tuple[int, int] | None]]
"""Flash and RAM in bytes by board and model; None where the model does not fit."""


def quantized() -> dict[str, QuantizedGraph]:
    """Every zoo model, as far as it is the same for all boards."""
    names = list(zoo.entries())
    with ProcessPoolExecutor() as pool:
        return dict(zip(names, pool.map(_quantized, names), strict=True))


def _quantized(name: str) -> QuantizedGraph:
    return compile_model(f"zoo:{name}").quantized


def sizes(models: Mapping[str, QuantizedGraph]) -> Sizes:
    """Build every board with every model.

    Sources and objects are shared: boards differ in their board layer and flags, and kinds of boards in kernels and
    the arithmetic of the audio path.
    """
    kinds: dict[tuple[tuple[str, ...], ...], list[Board]] = {}
    for one in boards():
        if one.core != "host":
            kinds.setdefault((one.kernels, one.flags), []).append(one)
    found: Sizes = {}
    with tempfile.TemporaryDirectory(prefix="slimse-") as folder, ProcessPoolExecutor() as pool:
        build_kind = partial(_sizes_of_kind, models, Path(folder))
        for rows in pool.map(build_kind, sorted(kinds.values(), key=len, reverse=True)):
            found.update(rows)
    return {one.name: found[one.name] for one in boards() if one.name in found}


def _sizes_of_kind(models: Mapping[str, QuantizedGraph], folder: Path, kind: Sequence[Board]) -> Sizes:
    """The rows of boards that have their kernels, and so most objects, in common."""
    found: Sizes = {one.name: {} for one in kind}
    for name, model in models.items():
        project = emit(plan(model, kernels=kind[0].kernels, audio_arithmetic=kind[0].audio_arithmetic))
        for one in kind:
            try:
                image = build(project, one, folder / str(os.getpid()), jobs=1, objects=folder / "objects")
            except PlanError:
                found[one.name][name] = None
            else:
                flash = image.flash_weights_bytes + image.flash_code_bytes
                found[one.name][name] = flash, image.ram_total_bytes
    for row in found.items():
        print(*row, file=sys.stderr, flush=True)  # noqa: T201 - a script's progress
    return found


def page(found: Sizes) -> str:
    """The whole page."""
    table = _sizes(found) if found else ["Not built yet: `make boards`."]
    return "\n".join([_HEAD, "## What there is\n", *_overview(boards()), "", *_size_head(), *table, ""])


def _overview(all_boards: Iterable[Board]) -> Iterator[str]:
    titles = {name: tool.title for name, tool in tools().items()}
    yield "| board | vendor | part | core | MHz | flash, KiB | RAM, KiB | loaded by | checked |"
    yield "|---|---|---|---|---:|---:|---:|---|---|"
    for one in all_boards:
        cells = (
            f"`{one.name}`",
            one.vendor,
            one.mcu,
            one.core.replace("cortex-m", "M").replace("0plus", "0+"),
            f"{one.clock_hz / 1e6:g}" if one.clock_hz else "-",
            f"{one.flash_bytes // 1024}" if one.flash_bytes else "-",
            f"{one.ram_bytes // 1024}" if one.ram_bytes else "-",
            ", ".join(titles[name] for name in one.flash) or "-",
            one.checked,
        )
        yield "| " + " | ".join(cells) + " |"


def _size_head() -> tuple[str, ...]:
    return (
        "## What fits\n",
        "Flash / RAM in bytes of the whole firmware (weights, code, application; data, stack as in `stack_bytes`),",
        "built with arm-none-eabi-gcc 12.2. A dash: the model does not fit.\n",
    )


def _sizes(found: Sizes) -> Iterator[str]:
    names = list(next(iter(found.values())))
    yield "| board | " + " | ".join(f"`{name}`" for name in names) + " |"
    yield "|---" + "|---:" * len(names) + "|"
    for board, row in found.items():
        cells = ("-" if one is None else f"{one[0]:,} / {one[1]:,}" for one in row.values())
        yield f"| `{board}` | " + " | ".join(cells) + " |"


def sizes_of_page(text: str) -> Sizes:
    """The table of sizes as the page has it."""
    part = text.partition("## What fits\n")[2]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
    if not rows:
        return {}
    names = rows[0][1:]
    found: Sizes = {}
    for board, *cells in rows[2:]:
        numbers = [re.findall(r"[\d,]+", cell) for cell in cells]
        found[board] = {
            name: (int(pair[0].replace(",", "")), int(pair[1].replace(",", ""))) if pair else None
            for name, pair in zip(names, numbers, strict=True)
        }
    return found


def differences(told: Sizes, true: Sizes) -> list[str]:
    """What the page says otherwise than it is, one line each."""
    wrong = [f"{board}: not on the page" for board in true.keys() - told.keys()]
    wrong += [f"{board}: there is no such board" for board in told.keys() - true.keys()]
    for board in sorted(told.keys() & true.keys()):
        ours, theirs = told[board], true[board]
        if ours.keys() != theirs.keys():
            wrong.append(f"{board}: the models are {', '.join(theirs)}")
            continue
        for model, size in theirs.items():
            before = ours[model]
            if (before is None) != (size is None):
                wrong.append(f"{board}, {model}: {'fits' if size else 'does not fit'}")
            elif size is not None and any(
                abs(now - then) > _TOLERANCE * then for now, then in zip(size, before, strict=True)
            ):
                wrong.append(f"{board}, {model}: {size}, the page says {before}")
    return wrong


def main(arguments: list[str]) -> int:
    """Write or check the page."""
    if arguments == ["--keep-sizes"]:
        before = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
        PAGE.write_text(page(sizes_of_page(before)), encoding="utf-8")
        return 0
    found = sizes(quantized())
    if arguments != ["--check"]:
        PAGE.write_text(page(found), encoding="utf-8")
        return 0
    wrong = differences(sizes_of_page(PAGE.read_text(encoding="utf-8")), found)
    for line in wrong:
        print(line, file=sys.stderr)  # noqa: T201 - a script's answer
    if wrong:
        print("run: make boards", file=sys.stderr)  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
