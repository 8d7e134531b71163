"""``slimse boards``."""

from __future__ import annotations

import click

from slimse_mcu.commands.options import json_option, print_json


@click.command("boards")
@json_option
def command(as_json: bool) -> None:
    """List the boards that firmware can be built for.

    Virtual boards run in an emulator and need no hardware. They count executed instructions, which are repeatable to
    the instruction; real boards count cycles.
    """
    from slimse_mcu import screen
    from slimse_mcu.board import boards

    found = boards()
    if as_json:
        print_json([screen.board_values(one) for one in found])
    else:
        screen.print_boards(found)
