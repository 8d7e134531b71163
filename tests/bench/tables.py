"""Results as tables: on the terminal and in ``docs/bench.md``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich import box
from rich.table import Table

from bench.references import PEERS, Aim, aim
from bench.results import BoardResults, Results


@dataclass(frozen=True)
class Row:
    """One line of a board's table.

    Attributes:
        what: The case.
        value: Instructions, or what the name says.
        cycles: Modelled, where there are any.
        macs: Executed, where that means something.
        digits: Behind the point.
    """

    what: str
    value: float
    cycles: int | None = None
    macs: int = 0
    digits: int = 0


#: Ends the names of counts that say what a component takes while it is open.
SHARE = ", its share"


def rows(results: BoardResults) -> Iterator[Row]:
    """What was counted, and what follows from it."""
    for what, count in results.counts.items():
        yield Row(what, count.instructions, count.cycles, count.macs)
    yield from _derived(results)
    yield Row("RAM without stack, bytes", results.sizes["RAM without stack"])
    flash = results.sizes["flash, weights"] + results.sizes["flash, code"]
    yield Row("flash, bytes", flash)
    yield Row("flash beyond 1.05 x parameters, bytes", round(flash - 1.05 * results.sizes["parameters"]))


def _derived(results: BoardResults) -> Iterator[Row]:
    counts = results.counts
    static, opened = counts["static"], counts["open 100%"]
    for share in ("75%", "50%", "25%", "10%"):
        part = counts[f"open {share}"]
        yield Row(f"eta at {share}", _eta(opened, part), digits=3)
    extra = opened.instructions - counts["gating subnets"].instructions - static.instructions
    yield Row("overhead of gating, %", 100 * extra / static.instructions, digits=2)
    everything = counts["dsn open"]
    yield Row("dsn per MAC", everything.instructions / everything.macs, digits=2)
    without = {what: one for what, one in counts.items() if what.startswith("dsn without") and not what.endswith(SHARE)}
    parts = [one for one in without.values() if one.macs < everything.macs]
    yield Row("dsn eta, least", min(_eta(everything, one) for one in parts), digits=3)
    own = [
        (everything.instructions - one.instructions) / counts[what + SHARE].instructions
        for what, one in without.items()
        if what + SHARE in counts and one.macs < everything.macs
    ]
    if own:
        yield Row("dsn own eta, least", min(own), digits=3)


def _eta(opened, part) -> float:
    """How much of the saved MACs is saved in instructions."""
    return (1 - part.instructions / opened.instructions) / (1 - part.macs / opened.macs)


def table(name: str, results: BoardResults) -> Table:
    """One board."""
    made = Table(box=box.SIMPLE_HEAD, title=f"{name} ({results.core})", title_justify="left", title_style="bold")
    for column in ("per frame", "MACs", "instructions", "cycles", "aim", "", "peers, instructions"):
        made.add_column(column, justify="left" if column in ("per frame", "", "peers, instructions") else "right")
    for row in rows(results):
        made.add_row(*_cells(row, results.core))
    return made


def _cells(row: Row, core: str) -> list[str]:
    wanted, cycles_wanted = aim(row.what, core), aim(f"{row.what}, cycles", core)
    aims, marks = _aims(row, wanted, cycles_wanted)
    peers = "; ".join(f"{count:,} {who}" for count, who in PEERS.get(row.what, {}).get(core, []))
    macs = f"{row.macs:,}" if row.macs else ""
    cycles = "" if row.cycles is None else f"{row.cycles:,}"
    return [row.what, macs, f"{row.value:,.{row.digits}f}", cycles, aims, marks, peers]


def _aims(row: Row, wanted: Aim | None, cycles_wanted: Aim | None) -> tuple[str, str]:
    texts, marks = [], []
    for one, value, unit in ((wanted, row.value, ""), (cycles_wanted, row.cycles, " cycles")):
        if one is not None and value is not None:
            texts.append(f"{'>=' if one.at_least else '<='} {one.limit:,.{row.digits}f}{unit}")
            marks.append("met" if one.met(value) else "missed")
    return ", ".join(texts), ", ".join(marks)


def markdown(results: Results) -> str:
    """``docs/bench.md``."""
    lines = [
        "# Benchmark",
        "",
        "Written by `make bench-accept`; the numbers are in [bench.json](bench.json). `make bench` prints the same for",
        "the code as it is, and continuous integration fails when a count grows by more than 1 %.",
        "",
        f"Means of a few frames of noisy speech, network alone unless said otherwise, built with {results.compiler}.",
        "Instructions are executed ones, counted in QEMU, exact and repeatable. Cycles are modelled:",
        "[profile.md](profile.md) says how. *static* is Conv-FSENet B128/H256 without gates; *open 25%* the same shape",
        "with gates, any 25 % of each block's hidden channels open, gating subnets included; *eta* is the share of the",
        "saved MACs that is saved in instructions: both of the whole network, so a closed component whose MACs are",
        "cheaper than others has a low one; *own eta* compares with what its MACs take in their layers while it is",
        "open (its *share*). *no overlap* models the cycles as if no vector instructions overlapped, which is a bound.",
        "*by hand* is what an expert writes in C on CMSIS-NN for the static network, *TFLM* TensorFlow Lite",
        "Micro with CMSIS-NN, both built with the same compiler and counted alike.",
        "`virtual-m0plus` runs Cortex-M0+ code on an emulated Cortex-M3.",
    ]
    for name, board in results.boards.items():
        lines += ["", f"## {name} ({board.core})", ""]
        lines += [
            "| | MACs | instructions | cycles | aim | | peers, instructions |",
            "|---|---:|---:|---:|---:|---|---|",
        ]
        lines += [f"| {' | '.join(_cells(row, board.core))} |" for row in rows(board)]
    return "\n".join(lines) + "\n"
