"""Measures the virtual boards and prints tables: ``make bench``, ``make bench-check``, ``make bench-accept``."""

from __future__ import annotations

import argparse
import os
import sys

from rich.console import Console

from bench import cases, results, tables
from slimse_mcu.board import board, boards
from slimse_mcu.errors import SlimseError

_PAGE = results.FILE.with_suffix(".md")


def main() -> None:
    """Measure the boards named on the command line, or all that count instructions."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench")
    parser.add_argument("boards", nargs="*", help="names from `slimse boards`")
    parser.add_argument("--check", action="store_true", help="fail if a count has grown by more than 1 %%")
    parser.add_argument("--accept", action="store_true", help=f"write the numbers to {results.FILE.name} and its page")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="boards at once; default: one per processor"
    )
    arguments = parser.parse_args()
    screen = Console(width=170, highlight=False)
    try:
        names = arguments.boards or [one.name for one in boards() if one.name.startswith("virtual-")]
        found = results.Results(cases.compiler_version(board(names[0])), {})
        for name, one in cases.measure_all([board(name) for name in names], arguments.jobs):
            found.boards[name] = one
            screen.print(tables.table(name, one))
        spent = ", ".join(f"{command} {seconds:.1f} s" for command, seconds in cases.host_seconds().items())
        screen.print(f"Processor time of this computer for {cases.STATIC}: {spent}")
    except SlimseError as error:
        parser.error(str(error))
    code = _check(found) if arguments.check else 0
    if arguments.accept:
        results.write(found)
        _PAGE.write_text(tables.markdown(results.read()), encoding="utf-8")
    sys.exit(code)


def _check(found: results.Results) -> int:
    """Say what has grown; 1 if anything has, or if the committed file is about something else."""
    committed = results.read()
    changes, unknown = results.grown(committed, found), results.missing(committed, found)
    for change in changes:
        sys.stderr.write(f"grown: {change}\n")
    for case in unknown:
        sys.stderr.write(f"not in both the committed results and these: {case}\n")
    if changes or unknown:
        if committed.compiler != found.compiler:
            sys.stderr.write(f"The committed results are of {committed.compiler}, these of {found.compiler}.\n")
        sys.stderr.write("If that is meant: make bench-accept, and commit docs/bench.json and docs/bench.md.\n")
        return 1
    return 0


if __name__ == "__main__":
    main()
