"""``slimse flash``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from slimse_mcu.commands.options import (
    FILE,
    board_option,
    compile_with,
    find_board,
    json_option,
    model_options,
    port_option,
    print_json,
)


@click.command("flash")
@click.argument("what", metavar="PROJECT|MODEL")
@board_option
@click.option(
    "--tool", metavar="NAME", help="pyocd, openocd, jlink, stm32cubeprogrammer, uf2, dfu. [default: the board's]"
)
@click.option("--probe", metavar="SERIAL", help="Serial number of the debug probe, or part of it.")
@click.option("--drive", type=FILE, metavar="PATH", help="Where the drive of a UF2 boot loader is mounted.")
@port_option
@click.option("--no-hello", is_flag=True, help="Do not ask the board afterwards what it runs.")
@click.option("--out", type=FILE, metavar="FOLDER", help="Where the firmware goes. [default: build/NAME-BOARD]")
@model_options
@json_option
def command(
    what: str,
    board_name: str,
    tool: str | None,
    probe: str | None,
    drive: Path | None,
    port: str | None,
    no_hello: bool,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Build firmware and load it into a board.

    The argument is a folder that `slimse compile` wrote, or a model. The board names the tools that can load it, and
    the first that is installed is used. What was written is read back where the tool can, and then the board is asked
    over its serial port which model it runs.

    \b
    Examples:
      slimse flash zoo:dsn-mgt --board nucleo-f446re
      slimse flash enhancer --board pico --tool uf2 --no-hello
    """
    from slimse_mcu import screen
    from slimse_mcu.build import build
    from slimse_mcu.emit import read_project
    from slimse_mcu.flash.load import choose_tool, load

    board = find_board(board_name)
    chosen = choose_tool(board, tool)
    stages = screen.Stages(quiet=as_json)
    if Path(what).is_dir():
        project = read_project(Path(what))
        stages("read", f"{project.name}, {len(project.files)} files")
    else:
        project = compile_with(what, board, stages, options).project
    image = build(project, board, out or Path("build") / f"{project.name}-{board.name}")
    stages("build", str(image.elf))
    with screen.Bars(quiet=as_json) as bars:
        done = load(
            board, image, tool=chosen.name, probe=probe, drive=drive, port=port, ask=not no_hello, progress=bars
        )
    checked = "read back" if done.verified else "not read back"
    stages("flash", f"{chosen.title} loaded {board.name}, {checked}")
    if done.info is not None:
        stages("hello", f"{done.info.model_name} ({done.info.model_hash[:12]}) answers at {done.port}")
    if as_json:
        print_json(
            {
                "board": board.name,
                "tool": done.tool,
                "verified": done.verified,
                "port": done.port,
                "model_hash": None if done.info is None else done.info.model_hash,
                "elf": str(image.elf),
            }
        )
