"""``slimse measure``."""

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


@click.command("measure")
@click.argument("model")
@board_option
@click.option("--audio", type=FILE, metavar="PATH", help="Noisy recording, or a folder of them, WAV or FLAC.")
@click.option(
    "--reference",
    type=FILE,
    metavar="PATH",
    help="The clean recordings, named like the noisy ones: for quality scores.",
)
@click.option(
    "--features",
    type=FILE,
    metavar="NPY",
    help="Features [frames, inputs] instead of audio, for models without front end: a file or a folder.",
)
@click.option(
    "--out",
    type=FILE,
    metavar="FOLDER",
    default=Path("build/measure"),
    show_default=True,
    help="Where the report and the board's audio go.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help="Let at most N channels of each gate, and components of a policy, be open.",
)
@click.option(
    "--audit-frames",
    type=click.IntRange(min=0),
    metavar="N",
    help="Audit the first N frames for decisions that int8 takes unlike the float model; 0: none.  [default: 3750]",
)
@port_option
@baud_option
@model_options
@json_option
def command(
    model: str,
    board_name: str,
    baud: int | None,
    audio: Path | None,
    reference: Path | None,
    features: Path | None,
    out: Path,
    limit: int | None,
    audit_frames: int | None,
    port: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Measure a model on a board: work, memory, quality.

    Compiles MODEL (a .keras file or zoo:NAME), builds the firmware, starts the virtual board (or opens --port, where
    a board runs the firmware of `slimse build`), streams the audio through it and writes report.html, report.json and
    the audio that the board computed.

    Every frame is compared with the NumPy specification. The exit code is 1 if the board differs from it.

    \b
    Examples:
      slimse measure zoo:convfsenet-dyncp25 --audio noisy/ --reference clean/ --out result
      slimse measure mine.keras --board virtual-m55 --audio noisy.wav --calibration recordings/
    """
    import tempfile

    from slimse_mcu import screen
    from slimse_mcu.build import build
    from slimse_mcu.flips import AUDIT_FRAMES
    from slimse_mcu.harness.session import Session
    from slimse_mcu.measure import check_out, measure
    from slimse_mcu.sensitivity.file import result_for

    check_one_source(audio, features)
    if reference is not None and audio is None:
        raise click.UsageError("--reference belongs to --audio", click.get_current_context())
    board = find_board(board_name, baud)
    check_out(out)
    stages = screen.Stages(quiet=as_json)
    options["features_only"] = options["features_only"] or features is not None
    compiled = compile_with(model, board, stages, options)
    chosen_by = None if options["wide_from"] is None else result_for(options["wide_from"], compiled.graph)
    recordings = read_recordings(compiled.graph, audio, reference, features)
    with tempfile.TemporaryDirectory(prefix="slimse-") as folder:
        image = build(compiled.project, board, Path(folder))
        stages("build", f"{screen.size(image.flash_weights_bytes + image.flash_code_bytes)} bytes of flash")
        with screen.Bars(quiet=as_json) as bars, Session(board, image, port=port, notice=bars.tell) as session:
            report = measure(
                session,
                compiled.plan,
                image,
                board,
                recordings,
                out,
                audit_frames=AUDIT_FRAMES if audit_frames is None else audit_frames,
                limit=limit,
                sensitivity=chosen_by,
                progress=bars,
            )
    what = f"{screen.counted(report.frames, 'frame')} of {screen.counted(len(report.files), 'recording')}"
    stages("measure", f"{what} on the board {board.name}")
    if as_json:
        print_json(report.to_json())
    else:
        screen.print_report(report, out / "report.html")
    return 0 if report.bit_exact.first_divergence is None else 1
