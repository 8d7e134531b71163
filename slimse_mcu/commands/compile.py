"""``slimse compile``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from slimse_mcu.commands.options import FILE, compile_with, find_board, json_option, model_options, print_json


@click.command("compile")
@click.argument("model")
@click.option(
    "--board",
    "board_name",
    metavar="NAME",
    help="Compile for this board: its kernels, in the order of weights that they read, and refuse the model if it "
    "cannot fit; see `slimse boards`. [default: portable kernels, which every board can build]",
)
@click.option("--out", type=FILE, metavar="FOLDER", help="Where the project goes. [default: build/NAME-OF-THE-MODEL]")
@model_options
@click.option("--instrumented", is_flag=True, help="Keep every tensor and call a hook after each layer.")
@click.option("--report", is_flag=True, help="Show what quantization costs: range, scale, SQNR per tensor, decisions.")
@json_option
def command(model: str, board_name: str | None, out: Path | None, report: bool, as_json: bool, **options: Any) -> None:
    """Compile MODEL, a .keras file or zoo:NAME, to a folder of C files.

    The folder is complete: generated model, weights, kernels, audio front end and `project.json`, ready to be added
    to a firmware project, or to `slimse build`. The same model and calibration give the same bytes.

    \b
    Examples:
      slimse compile zoo:convfsenet-dyncp25 --out enhancer
      slimse compile mine.keras --calibration recordings/ --board netduinoplus2 --report
    """
    from slimse_mcu import screen
    from slimse_mcu.project import check_replaceable, write_project

    if out is not None:
        check_replaceable(out)
    stages = screen.Stages(quiet=as_json)
    compiled = compile_with(model, None if board_name is None else find_board(board_name), stages, options)
    errors = audit = None
    if report:
        from slimse_mcu.flips import Audit
        from slimse_mcu.side_by_side import compare

        of_decisions = Audit(compiled.quantized) if compiled.graph.gates else None
        errors, audit = compare(compiled.quantized, compiled.calibration.features, of_decisions)
        stages("compare", f"{errors.frames} frames, int8 against float")
    folder = out or Path("build") / compiled.project.name
    write_project(compiled.project, folder)
    stages("write", str(folder))

    if as_json:
        from slimse_mcu.decisions import unseen_note

        value = {"out": str(folder), "calibration": compiled.calibration.source, **compiled.project.manifest}
        value["warnings"] = [note for note in (unseen_note(compiled.quantized),) if note]
        if errors is not None:
            value["quantization"] = errors.to_json()
            value["flips"] = None if audit is None else audit.to_json()
        print_json(value)
        return
    screen.print_plan(compiled.plan)
    if errors is not None:
        screen.print_quantization(errors, audit)
