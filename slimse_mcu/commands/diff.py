"""``slimse diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slimse_mcu.commands.options import (
    FILE,
    baud_option,
    board_option,
    check_one_source,
    compile_with,
    find_board,
    json_option,
    model_options,
    port_option,
    print_json,
    read_recordings,
)

if TYPE_CHECKING:
    from slimse_mcu.harness.session import Gates


@click.command("diff")
@click.argument("model")
@board_option
@click.option("--audio", type=FILE, metavar="PATH", help="Recording, or a folder of them, WAV or FLAC.")
@click.option(
    "--features",
    type=FILE,
    metavar="NPY",
    help="Features [frames, inputs] instead of audio, for models without front end: a file or a folder.",
)
@click.option(
    "--gates",
    type=click.Choice(["model", "open", "closed"]),
    default="model",
    show_default=True,
    help="Who decides the gates: the model, or forced all open, or all closed.",
)
@click.option("--frames", type=click.IntRange(min=1), metavar="N", help="Stop after so many frames of each recording.")
@port_option
@baud_option
@model_options
@json_option
def command(
    model: str,
    board_name: str,
    baud: int | None,
    audio: Path | None,
    features: Path | None,
    gates: Gates,
    frames: int | None,
    port: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Find where a board first differs from the specification.

    Compiles MODEL (a .keras file or zoo:NAME) so that every tensor is kept, builds the firmware, starts the virtual
    board (or opens --port, where a board runs such a firmware) and streams the audio through it. Every tensor, gate
    and state of every frame is compared with the NumPy specification, by a digest that the board computes. Of the
    first frame that differs it shows what differs, in the order of execution: what comes first is where it began.

    The exit code is 1 if the board differs.

    \b
    Examples:
      slimse diff zoo:convfsenet-dyncp25 --board virtual-m55 --audio noisy.wav
      slimse diff mine.keras --audio noisy/ --frames 200 --gates open --json
    """
    import tempfile

    from slimse_mcu import screen
    from slimse_mcu.build import build
    from slimse_mcu.diff import diff
    from slimse_mcu.harness.session import Session

    check_one_source(audio, features)
    board = find_board(board_name, baud)
    stages = screen.Stages(quiet=as_json)
    options["features_only"] = options["features_only"] or features is not None
    compiled = compile_with(model, board, stages, {**options, "instrumented": True})
    recordings = read_recordings(compiled.graph, audio, None, features)
    with tempfile.TemporaryDirectory(prefix="slimse-") as folder:
        image = build(compiled.project, board, Path(folder))
        stages("build", "every tensor is kept")
        with screen.Bars(quiet=as_json) as bars, Session(board, image, port=port, notice=bars.tell) as session:
            found = diff(session, compiled.plan, recordings, gates=gates, frames=frames, progress=bars)
    stages("diff", f"on the board {board.name}")
    if as_json:
        print_json(found.to_json())
    else:
        screen.print_comparison(found, compiled.graph.frontend)
    return 0 if found.divergence is None else 1
