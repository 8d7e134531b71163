"""``slimse build``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from slimse_mcu.commands.options import (
    FILE,
    baud_option,
    board_option,
    compile_with,
    find_board,
    json_option,
    model_options,
    print_json,
)


@click.command("build")
@click.argument("what", metavar="PROJECT|MODEL")
@board_option
@baud_option
@click.option("--out", type=FILE, metavar="FOLDER", help="Where the firmware goes. [default: build/NAME-BOARD]")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["elf", "hex", "bin", "uf2"]),
    help="Write the image in this format too, beside firmware.elf; may be repeated.",
)
@click.option(
    "--mlperf",
    is_flag=True,
    help="Speak the serial commands of the MLPerf Tiny runner in place of our protocol: no other command of slimse "
    "can use such a board.",
)
@model_options
@json_option
def command(
    what: str,
    board_name: str,
    baud: int | None,
    out: Path | None,
    formats: tuple[str, ...],
    mlperf: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Build a firmware image for a board.

    The argument is a folder that `slimse compile` wrote, or a model, which is then compiled first (the options about
    calibration are for that case).

    Objects lie in the output folder and are used again. The environment variable SLIMSE_OBJECTS names a folder that all
    builds share instead, so that a board's second model only compiles what is its own.

    \b
    Examples:
      slimse build enhancer --board virtual-m4
      slimse build zoo:convfsenet-dyncp25 --board host --out build/host
      slimse build zoo:dsn-mgt --board pico --format uf2
      slimse build zoo:dsn-mgt --board virtual-m4 --mlperf
    """
    from slimse_mcu import screen
    from slimse_mcu.build import APPLICATION, MLPERF, build
    from slimse_mcu.emit import read_project
    from slimse_mcu.flash.formats import write_format
    from slimse_mcu.flash.tools.uf2 import family_of

    board = find_board(board_name, baud)
    stages = screen.Stages(quiet=as_json)
    if Path(what).is_dir():
        project = read_project(Path(what))
        stages("read", f"{project.name}, {len(project.files)} files")
    else:
        project = compile_with(what, board, stages, options).project
    folder = out or Path("build") / f"{project.name}-{board.name}{'-mlperf' if mlperf else ''}"
    image = build(project, board, folder, application=MLPERF if mlperf else APPLICATION)
    stages("build", str(image.elf))
    for name in formats:
        path = write_format(image.elf, name, family=family_of(board))
        stages("format", str(path))
    if as_json:
        print_json(screen.image_values(image))
    else:
        screen.print_image(image, board)
