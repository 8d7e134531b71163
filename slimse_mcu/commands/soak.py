"""``slimse soak``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


@click.command("soak")
@click.argument("model")
@board_option
@click.option("--audio", type=FILE, metavar="PATH", help="Recording, or a folder of them; streamed in a circle.")
@click.option("--features", type=FILE, metavar="NPY", help="Features [frames, inputs] instead of audio.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Minutes of audio, by the model's hop; for features 3,750 frames are a minute.",
)
@click.option(
    "--specified",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="How many of the first minutes are compared with the NumPy specification too.",
)
@port_option
@baud_option
@model_options
@json_option
def command(
    model: str,
    board_name: str,
    audio: Path | None,
    features: Path | None,
    minutes: float,
    specified: float,
    port: str | None,
    baud: int | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Stream recordings through a board for hours, and compare every frame.

    State is carried on from the first frame to the last. Every frame is compared with the same model as C on this
    computer, the first ones with the NumPy specification too. Tells frames that the board missed, what the link had to
    mend, and whether the memory of a virtual board's process grew.

    The exit code is 1 if a frame differs or was missed, or memory leaks.

    \b
    Examples:
      slimse soak zoo:convfsenet-dyncp25 --board virtual-m4 --audio recordings/ --minutes 30
      slimse soak zoo:dsn-mgt --board host --audio recordings/ --minutes 600
    """
    import tempfile

    from slimse_mcu import screen
    from slimse_mcu.board import board as board_of
    from slimse_mcu.build import build
    from slimse_mcu.emit import emit
    from slimse_mcu.harness.session import Session
    from slimse_mcu.kernels import PORTABLE
    from slimse_mcu.plan import plan
    from slimse_mcu.soak import soak

    check_one_source(audio, features)
    board, host = find_board(board_name, baud), board_of("host")
    stages = screen.Stages(quiet=as_json)
    options["features_only"] = options["features_only"] or features is not None
    compiled = compile_with(model, board, stages, options)
    recordings = read_recordings(compiled.graph, audio, None, features)
    settings = compiled.graph.frontend
    per_minute = 3750.0 if settings is None else 60.0 * settings.sample_rate_hz / settings.hop
    with tempfile.TemporaryDirectory(prefix="slimse-") as folder:
        image = build(compiled.project, board, Path(folder) / "board")
        # The board runs kernels of its own; this computer the portable ones, with the same bits.
        audio_arithmetic = compiled.plan.audio_arithmetic
        portable = emit(plan(compiled.quantized, kernels=(PORTABLE,), audio_arithmetic=audio_arithmetic))
        twin = build(portable, host, Path(folder) / "host")
        stages("build", board.name)
        with (
            screen.Bars(quiet=as_json) as bars,
            Session(board, image, port=port, notice=bars.tell) as session,
            Session(host, twin) as reference,
        ):
            found = soak(
                session,
                reference,
                compiled.plan,
                recordings,
                max(1, round(minutes * per_minute)),
                specified=round(specified * per_minute),
                progress=bars,
            )
    if as_json:
        print_json(found.to_json())
    else:
        screen.print_soak(found)
    return 0 if found.is_sound else 1
