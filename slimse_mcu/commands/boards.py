"""``slimse boards``."""

from __future__ import annotations

from pathlib import Path

import click

from slimse_mcu.commands.options import FILE, find_board, json_option, print_json


@click.group("boards", invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the boards that firmware can be built for, or make one of your own.

    Virtual boards run in an emulator and need no hardware. They count executed instructions, which are repeatable to
    the instruction; real boards count cycles.

    The column "checked" says how far a board was: native (this computer), emulated (whole firmware in an emulator of
    the part), register-tested (whole firmware over a model of the part's registers, made from its manual), built. None
    of them means that silicon has run it.
    """
    if context.invoked_subcommand is not None:
        return
    from slimse_mcu import screen
    from slimse_mcu.board import boards

    found = boards()
    if as_json:
        print_json([screen.board_values(one) for one in found])
    else:
        screen.print_boards(found)


@command.command("new")
@click.argument("folder", type=FILE)
@click.option(
    "--like",
    metavar="BOARD",
    default="nucleo-f446re",
    show_default=True,
    help="Take over its description: a board with a microcontroller of the same family.",
)
@click.option("--title", help="One line for people.")
def new(folder: Path, like: str, title: str | None) -> None:
    """Make a board folder of your own.

    FOLDER is made with a board.toml and a link.ld; change in them what differs. Commands take the folder as --board.

    \b
    Example:
      slimse boards new my-board --like nucleo-h743zi
      slimse build zoo:dsn-mgt --board my-board
    """
    from slimse_mcu import screen
    from slimse_mcu.new_board import new_board

    new_board(folder, find_board(like), title=title)
    screen.console().print(f"{folder / 'board.toml'}: a board like {like}", markup=False, soft_wrap=True)
    screen.console().print(f"next: slimse build MODEL --board {folder}", markup=False, soft_wrap=True)
