"""What several commands share: their options, and the first steps that follow from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slimse_mcu.errors import ModelError, QuantizeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from slimse_mcu.board import Board
    from slimse_mcu.compile import Compiled, Stage
    from slimse_mcu.graph import FrontEnd, Graph
    from slimse_mcu.measure import Recording

FILE = click.Path(path_type=Path)
_WIDE_FROM_BYTES = 16 * 1024 * 1024
_WIDE_FROM_HINT = 'Give a JSON object with {"wide": ["tensor", ...]}, such as `slimse sensitivity` writes.'


def calibration_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that decide what the ranges of a model's activations are."""
    options = (
        click.option(
            "--calibration",
            type=FILE,
            metavar="PATH",
            help="Audio file or folder to measure activation ranges on: recordings like those of later use. "
            "A model without front end takes .npy features [frames, inputs]. "
            "[default: the zoo's calibration clip]",
        ),
        click.option(
            "--method",
            type=click.Choice(["minmax", "percentile"]),
            default="minmax",
            show_default=True,
            help="How ranges are chosen from what was seen.",
        ),
        click.option(
            "--percentile",
            type=click.FloatRange(50.0, 100.0, min_open=True),
            default=99.99,
            show_default=True,
            help="Share of values, in percent, that --method percentile keeps in range.",
        ),
        click.option(
            "--frontend",
            type=FILE,
            metavar="TOML",
            help="Sample rate, FFT and compression that a model was trained with, when its file does not say.",
        ),
    )
    return _with(options, command)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that decide how a model is compiled."""
    options = (
        click.option("--features-only", is_flag=True, help="No audio on the device: features in, outputs out."),
        click.option(
            "--audio-arithmetic",
            type=click.Choice(["float", "fixed"]),
            help="What the audio front and back end computes in: single precision, or integers for cores without an "
            "FPU. [default: what suits the board; float without one]",
        ),
        click.option(
            "--wide",
            multiple=True,
            metavar="TENSOR[,TENSOR]",
            help="Hold these tensors in 16 bits, by their names in the generated C; may be repeated.",
        ),
        click.option(
            "--wide-from",
            type=FILE,
            metavar="JSON",
            help='Hold the tensors under "wide" in this file in 16 bits, as `slimse sensitivity` and project.json name '
            "them.",
        ),
    )
    return calibration_options(_with(options, command))


def _with(options: Sequence[Callable[..., Any]], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


board_option = click.option(
    "--board",
    "board_name",
    metavar="NAME",
    default="virtual-m4",
    show_default=True,
    help="A name from `slimse boards`, or a folder with a board.toml.",
)
port_option = click.option(
    "--port", help="Where a real board is connected: /dev/ttyACM0, COM3, socket://host:port, rfc2217://host:port."
)
baud_option = click.option(
    "--baud", type=click.IntRange(300, 20_000_000), help="Speed of the board's serial port. [default: the board's]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")


def find_board(name: str, baud: int | None = None) -> Board:
    """The board of ``board_option``, with the speed of ``baud_option``; all its tables are checked."""
    from dataclasses import replace

    from slimse_mcu.board import board
    from slimse_mcu.flash.tool import check_tables

    found = board(name)
    check_tables(found)
    return found if baud is None else replace(found, baud=baud)


def front_end(path: Path | None) -> FrontEnd | None:
    """The front end of ``--frontend``, or None."""
    from slimse_mcu.compile import read_front_end

    return None if path is None else read_front_end(path)


def wide_tensors(named: Sequence[str], path: Path | None) -> frozenset[str]:
    """The tensors of ``--wide`` and ``--wide-from``.

    Raises:
        QuantizeError: The file cannot be read, or says no names.
    """
    names = {name.strip() for one in named for name in one.split(",")} - {""}
    if path is None:
        return frozenset(names)
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_WIDE_FROM_BYTES))["wide"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise QuantizeError(
            f"{path} says no tensors ({type(error).__name__}: {error}).", hint=_WIDE_FROM_HINT
        ) from None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise QuantizeError(f'"wide" in {path} is no list of names.', hint=_WIDE_FROM_HINT)
    return frozenset(names) | frozenset(found)


def print_json(value: Any) -> None:
    """The answer of ``json_option``."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def compile_with(model: str, board: Board | None, stages: Stage, options: dict[str, Any]) -> Compiled:
    """Compile with the options of ``model_options``."""
    from slimse_mcu.compile import compile_model

    return compile_model(
        model,
        board=board,
        calibration=options["calibration"],
        method=options["method"],
        percentile=options["percentile"],
        front_end=front_end(options["frontend"]),
        features_only=options["features_only"],
        wide=wide_tensors(options["wide"], options["wide_from"]),
        audio_arithmetic=options["audio_arithmetic"],
        instrumented=options.get("instrumented", False),
        on_stage=stages,
    )


def check_one_source(audio: Path | None, features: Path | None) -> None:
    """Refuse none or both of ``--audio`` and ``--features``."""
    if (audio is None) == (features is None):
        raise click.UsageError("Give either --audio or --features", click.get_current_context())


def read_recordings(
    graph: Graph, audio: Path | None, reference: Path | None, features: Path | None
) -> Sequence[Recording]:
    """What the board is fed."""
    if features is not None:
        from slimse_mcu.harness.features import read_features

        return read_features(features, graph.tensors[graph.input].size)
    from slimse_mcu.harness.audio import read_pairs

    if audio is None or graph.frontend is None:
        raise ModelError(
            "The model has no front end, so it takes no audio.", hint="Give --features, or its --frontend."
        )
    return read_pairs(audio, reference, graph.frontend.sample_rate_hz)
