"""``slimse serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from slimse_mcu.commands.options import board_option, compile_with, find_board, model_options


@click.command("serve")
@click.argument("what", metavar="PROJECT|MODEL")
@board_option
@click.option(
    "--listen", metavar="HOST:PORT", default="127.0.0.1:0", show_default=True, help="Where; port 0: any that is free."
)
@model_options
def command(what: str, board_name: str, listen: str, **options: Any) -> None:
    """Put a virtual board behind a TCP port, where it is used like a real one: --port socket://HOST:PORT.

    Builds the firmware of a project or model and starts the board. One peer at a time reaches it; it runs on between
    peers, and starts anew when one said bye. Prints the URL of the port and serves until it is stopped with Ctrl-C. So
    a test farm can be set up, and tried out, before there is hardware.

    Whoever reaches the port can use the board: listen at addresses of your own network only.

    \b
    Examples:
      slimse serve zoo:convfsenet-dyncp25 --board virtual-m4 --listen 127.0.0.1:4000
      slimse measure zoo:convfsenet-dyncp25 --board virtual-m4 --port socket://127.0.0.1:4000 --audio noisy.wav
    """
    import tempfile

    from slimse_mcu import screen
    from slimse_mcu.build import build
    from slimse_mcu.emit import read_project
    from slimse_mcu.harness.server import BoardServer

    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise click.UsageError("--listen takes HOST:PORT", click.get_current_context())
    board = find_board(board_name)
    if not board.virtual:
        raise click.UsageError(f"{board.name} is no virtual board", click.get_current_context())
    stages = screen.Stages()
    project = read_project(Path(what)) if Path(what).is_dir() else compile_with(what, board, stages, options).project
    with tempfile.TemporaryDirectory(prefix="slimse-") as folder:
        image = build(project, board, Path(folder))
        stages("build", str(image.elf.name))
        with BoardServer(board, image.elf, host=host.strip("[]"), port=int(port)) as server:
            click.echo(server.url)
            server.wait()
