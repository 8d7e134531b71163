"""``slimse profile``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slimse_mcu.commands.options import (
    FILE,
    board_option,
    compile_with,
    find_board,
    json_option,
    model_options,
    print_json,
    read_recordings,
)
from slimse_mcu.errors import SlimseError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from slimse_mcu.compile import Compiled
    from slimse_mcu.harness.session import Gates


class _GateChoice(click.ParamType[str]):
    """``model``, ``open``, ``closed``, or a share such as ``25%``."""

    name = "gates"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if text in ("model", "open", "closed"):
            return text
        try:
            share = float(text.removesuffix("%"))
        except ValueError:
            share = -1.0
        if not text.endswith("%") or not 0.0 <= share <= 100.0:
            self.fail(f"{text!r} is none of model, open, closed, or a share such as 25%", param, ctx)
        return text


@click.command("profile")
@click.argument("model")
@board_option
@click.option(
    "--gates",
    "gates_text",
    type=_GateChoice(),
    default="model",
    show_default=True,
    help="Who decides the gates: the model, or forced open, closed, or a share such as 25% of each gate's channels.",
)
@click.option("--audio", type=FILE, metavar="PATH", help="Recording to run. [default: what the model is calibrated on]")
@click.option("--features", type=FILE, metavar="NPY", help="Features [frames, inputs] for a model without front end.")
@click.option(
    "--frames",
    type=click.IntRange(1, 10_000),
    default=16,
    show_default=True,
    help="Frames to run, from the middle of the first recording.",
)
@click.option(
    "--out",
    type=FILE,
    metavar="FOLDER",
    default=Path("build/profile"),
    show_default=True,
    help="Where profile.json and profile.png go.",
)
@model_options
@json_option
def command(
    model: str,
    board_name: str,
    gates_text: str,
    audio: Path | None,
    features: Path | None,
    frames: int,
    out: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """Show where a model's time and memory go, layer by layer.

    Compiles MODEL (a .keras file or zoo:NAME), builds the firmware, runs some frames on a virtual board and counts
    every executed instruction from outside: the firmware is the product, nothing is added to it. Cycles are
    modelled from the executed instructions; docs/profile.md says how.

    \b
    Examples:
      slimse profile zoo:convfsenet-dyncp25
      slimse profile mine.keras --board virtual-m55 --gates 25% --out result
    """
    import tempfile

    from slimse_mcu import screen
    from slimse_mcu.build import build
    from slimse_mcu.profile import Setting, profiles
    from slimse_mcu.profile_picture import profile_picture
    from slimse_mcu.profile_screen import print_profile

    if audio is not None and features is not None:
        raise click.UsageError("Give either --audio or --features", click.get_current_context())
    board = find_board(board_name)
    _check_out(out)
    stages = screen.Stages(quiet=as_json)
    options["features_only"] = options["features_only"] or features is not None
    compiled = compile_with(model, board, stages, options)
    inputs = _frames(compiled, audio, features, options["calibration"], frames)
    with tempfile.TemporaryDirectory(prefix="slimse-") as folder:
        image = build(compiled.project, board, Path(folder))
        stages("build", f"{screen.size(image.flash_weights_bytes + image.flash_code_bytes)} bytes of flash")
        settings = [Setting(gates_text, _gates(compiled, gates_text))]
        (result,) = profiles(compiled.plan, compiled.project, image, board, inputs, settings)
    stages("profile", f"{screen.counted(result.frames, 'frame')} on the board {board.name}")
    _write(out, {"profile.json": result.json_text().encode(), "profile.png": profile_picture(result)})
    if as_json:
        print_json(result.to_json())
    else:
        print_profile(result)
        stages("write", str(out / "profile.png"))


def _frames(
    compiled: Compiled, audio: Path | None, features: Path | None, calibration: Path | None, count: int
) -> list[NDArray[Any]]:
    """Frames from the middle of the first recording."""
    from slimse_mcu import zoo
    from slimse_mcu.twin import Twin

    graph = compiled.graph
    if graph.frontend is not None:
        audio = audio or calibration or zoo.calibration_clip()
    elif features is None and audio is None and calibration is not None:
        features = calibration
    if graph.frontend is None and features is None:  # features_only: what was calibrated on, as the network sees it
        return _middle(_quantized(compiled), count)
    recordings = read_recordings(graph, audio, None, features)
    return _middle(Twin.of(compiled.quantized).frames(recordings[0]), count)


def _quantized(compiled: Compiled) -> NDArray[Any]:
    from slimse_mcu.ops.arithmetic import quantize_values

    return quantize_values(compiled.calibration.features[0], compiled.quantized.quantization[compiled.graph.input])


def _middle(frames: NDArray[Any], count: int) -> list[NDArray[Any]]:
    count = min(count, len(frames))
    first = (len(frames) - count) // 2
    return list(frames[first : first + count])


def _gates(compiled: Compiled, text: str) -> Gates | NDArray[np.uint8]:
    """What a session is configured with."""
    if text == "open":
        return "open"
    if text == "closed":
        return "closed"
    if text == "model":
        return "model"
    from slimse_mcu.profile import random_pattern

    return random_pattern(compiled.plan.gates, float(text.removesuffix("%")) / 100.0)


def _check_out(out: Path) -> None:
    """Refuse a place that cannot be written to before any work is done."""
    if out.exists() and not out.is_dir():
        raise SlimseError(f"{out} is a file, expected a folder.", hint="Choose another --out.")
    if out.exists() and not os.access(out, os.W_OK | os.X_OK):
        raise SlimseError(f"The folder {out} cannot be written (Permission denied).", hint="Choose another --out.")


def _write(out: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder, each whole or not at all."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            temporary = out / f".{name}.{os.getpid()}"
            temporary.write_bytes(content)
            temporary.replace(out / name)
    except OSError as error:
        raise SlimseError(f"{out} cannot be written ({error.strerror}).", hint="Choose another --out.") from error
