"""The command ``slimse``.

The only place that turns errors into exit codes: 0 done, 1 the board differs from the specification, 2 the user can
mend it (one line ``error: ...`` on stderr), 130 stopped with Ctrl-C or a signal.  Results go to stdout, progress to
stderr.  Everything heavy is imported by the command that needs it, so that ``slimse --help`` answers at once.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slimse_mcu.errors import ModelError, SlimseError
from slimse_mcu.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from slimse_mcu.board import Board
    from slimse_mcu.compile import Compiled, Stage
    from slimse_mcu.graph import FrontEnd, Graph
    from slimse_mcu.harness.session import Gates
    from slimse_mcu.measure import Recording

_FILE = click.Path(path_type=Path)
_WIDTH = 100


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit with its code."""
    for name in ("SIGTERM", "SIGHUP"):  # end like Ctrl-C: boards are stopped, nothing half-written stays
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run a command.

    Args:
        arguments: Without the program's name.

    Returns:
        The exit code.
    """
    try:
        code = slimse.main(args=arguments, prog_name="slimse", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return 130
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        way_out = f" See '{context.command_path} --help'." if context is not None else ""
        message = error.format_message().rstrip(".")
        return _fail(message + ("" if message.endswith("?") else ".") + way_out)
    except SlimseError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "slimse_mcu":
            raise
        return _fail(f"The Python package {error.name} is missing. See `slimse doctor` for how to get it.")
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.filename is None:
            raise
        return _fail(f"{error.filename}: {error.strerror}. Check the path and its permissions.")
    return code if isinstance(code, int) else 0


def _fail(message: str) -> int:
    click.echo("error: " + " ".join(message.split()), err=True)
    return 2


# ---- options that several commands share ----------------------------------------------------------------------------


def _model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that decide how a model is compiled."""
    options = (
        click.option(
            "--calibration",
            type=_FILE,
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
            type=_FILE,
            metavar="TOML",
            help="Sample rate, FFT and compression that a model was trained with, when its file does not say.",
        ),
        click.option("--features-only", is_flag=True, help="No audio on the device: features in, outputs out."),
    )
    for option in reversed(options):
        command = option(command)
    return command


_board_option = click.option(
    "--board",
    "board_name",
    metavar="NAME",
    default="virtual-m4",
    show_default=True,
    help="A name from `slimse boards`, or a folder with a board.toml.",
)
_port_option = click.option(
    "--port", help="Where a real board is connected: /dev/ttyACM0, COM3, socket://host:port, rfc2217://host:port."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")


def _board(name: str) -> Board:
    from slimse_mcu.board import board

    return board(name)


def _front_end(path: Path | None) -> FrontEnd | None:
    from slimse_mcu.compile import read_front_end

    return None if path is None else read_front_end(path)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, allow_nan=False))


# ---- commands -------------------------------------------------------------------------------------------------------


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _WIDTH})
@click.version_option(VERSION, "--version", prog_name="slimse", message="%(prog)s %(version)s")
def slimse() -> None:
    """Compile speech-enhancement networks that decide per frame how much of themselves to run
    to C for microcontrollers, and prove on a board what the gates save.

    \b
    A first look, no hardware needed:
      slimse zoo
      slimse compile zoo:convfsenet-dyncp25 --out enhancer
      slimse measure zoo:convfsenet-dyncp25 --audio noisy.wav --out result
    """


@slimse.command("compile")
@click.argument("model")
@click.option(
    "--board", "board_name", metavar="NAME", help="Refuse the model if it cannot fit this board; see `slimse boards`."
)
@click.option("--out", type=_FILE, metavar="FOLDER", help="Where the project goes. [default: build/NAME-OF-THE-MODEL]")
@_model_options
@click.option("--instrumented", is_flag=True, help="Keep every tensor and call a hook after each layer.")
@click.option("--report", is_flag=True, help="Show what quantization costs: range, scale, SQNR per tensor.")
@_json_option
def compile_command(
    model: str, board_name: str | None, out: Path | None, report: bool, as_json: bool, **options: Any
) -> None:
    """Compile MODEL, a .keras file or zoo:NAME, to a folder of C files.

    The folder is complete: generated model, weights, kernels, audio front end and `project.json`, ready to be added
    to a firmware project, or to `slimse build`. The same model and calibration give the same bytes.

    \b
    Examples:
      slimse compile zoo:convfsenet-dyncp25 --out enhancer
      slimse compile mine.keras --calibration recordings/ --board netduinoplus2 --report
    """
    from slimse_mcu import screen
    from slimse_mcu.project import check_replaceable, write_project

    if out is not None:
        check_replaceable(out)
    stages = screen.Stages(quiet=as_json)
    compiled = _compile(model, None if board_name is None else _board(board_name), stages, options)
    errors = None
    if report:
        from slimse_mcu.fidelity import quantization_errors

        errors = quantization_errors(compiled.quantized, compiled.calibration.features)
        stages("compare", f"{errors.frames} frames, int8 against float")
    folder = out or Path("build") / compiled.project.name
    write_project(compiled.project, folder)
    stages("write", str(folder))

    if as_json:
        value = {"out": str(folder), "calibration": compiled.calibration.source, **compiled.project.manifest}
        if errors is not None:
            value["quantization"] = errors.to_json()
        _print_json(value)
        return
    screen.print_plan(compiled.plan)
    if errors is not None:
        screen.print_quantization(errors)


def _compile(model: str, board: Board | None, stages: Stage, options: dict[str, Any]) -> Compiled:
    """Compile with the options of ``_model_options``."""
    from slimse_mcu.compile import compile_model

    return compile_model(
        model,
        board=board,
        calibration=options["calibration"],
        method=options["method"],
        percentile=options["percentile"],
        front_end=_front_end(options["frontend"]),
        features_only=options["features_only"],
        instrumented=options.get("instrumented", False),
        on_stage=stages,
    )


@slimse.command("build")
@click.argument("what", metavar="PROJECT|MODEL")
@_board_option
@click.option("--out", type=_FILE, metavar="FOLDER", help="Where the firmware goes. [default: build/NAME-BOARD]")
@_model_options
@_json_option
def build_command(what: str, board_name: str, out: Path | None, as_json: bool, **options: Any) -> None:
    """Build a firmware image for a board.

    The argument is a folder that `slimse compile` wrote, or a model, which is then compiled first (the options about
    calibration are for that case).

    \b
    Examples:
      slimse build enhancer --board virtual-m4
      slimse build zoo:convfsenet-dyncp25 --board host --out build/host
    """
    from slimse_mcu import screen
    from slimse_mcu.build import build
    from slimse_mcu.emit import read_project

    board = _board(board_name)
    stages = screen.Stages(quiet=as_json)
    if Path(what).is_dir():
        project = read_project(Path(what))
        stages("read", f"{project.name}, {len(project.files)} files")
    else:
        project = _compile(what, board, stages, options).project
    folder = out or Path("build") / f"{project.name}-{board.name}"
    image = build(project, board, folder)
    stages("build", str(image.elf))
    if as_json:
        _print_json(screen.image_values(image))
    else:
        screen.print_image(image, board)


@slimse.command("measure")
@click.argument("model")
@_board_option
@click.option("--audio", type=_FILE, metavar="PATH", help="Noisy recording, or a folder of them, WAV or FLAC.")
@click.option(
    "--reference",
    type=_FILE,
    metavar="PATH",
    help="The clean recordings, named like the noisy ones: for quality scores.",
)
@click.option(
    "--features",
    type=_FILE,
    metavar="NPY",
    help="Features [frames, inputs] instead of audio, for models without front end: a file or a folder.",
)
@click.option(
    "--out",
    type=_FILE,
    metavar="FOLDER",
    default=Path("build/measure"),
    show_default=True,
    help="Where the report and the board's audio go.",
)
@_port_option
@_model_options
@_json_option
def measure_command(
    model: str,
    board_name: str,
    audio: Path | None,
    reference: Path | None,
    features: Path | None,
    out: Path,
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
    from slimse_mcu.harness.session import Session
    from slimse_mcu.measure import check_out, measure

    _check_one_source(audio, features)
    if reference is not None and audio is None:
        raise click.UsageError("--reference belongs to --audio", click.get_current_context())
    board = _board(board_name)
    check_out(out)
    stages = screen.Stages(quiet=as_json)
    options["features_only"] = options["features_only"] or features is not None
    compiled = _compile(model, board, stages, options)
    recordings = _recordings(compiled.graph, audio, reference, features)
    with tempfile.TemporaryDirectory(prefix="slimse-") as folder:
        image = build(compiled.project, board, Path(folder))
        stages("build", f"{screen.size(image.flash_weights_bytes + image.flash_code_bytes)} bytes of flash")
        with Session(board, image, port=port) as session, screen.Bars(quiet=as_json) as bars:
            report = measure(session, compiled.plan, image, board, recordings, out, progress=bars)
    what = f"{screen.counted(report.frames, 'frame')} of {screen.counted(len(report.files), 'recording')}"
    stages("measure", f"{what} on the board {board.name}")
    if as_json:
        _print_json(report.to_json())
    else:
        screen.print_report(report, out / "report.html")
    return 0 if report.bit_exact.first_divergence is None else 1


@slimse.command("diff")
@click.argument("model")
@_board_option
@click.option("--audio", type=_FILE, metavar="PATH", help="Recording, or a folder of them, WAV or FLAC.")
@click.option(
    "--features",
    type=_FILE,
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
@_port_option
@_model_options
@_json_option
def diff_command(
    model: str,
    board_name: str,
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

    _check_one_source(audio, features)
    board = _board(board_name)
    stages = screen.Stages(quiet=as_json)
    options["features_only"] = options["features_only"] or features is not None
    compiled = _compile(model, board, stages, {**options, "instrumented": True})
    recordings = _recordings(compiled.graph, audio, None, features)
    with tempfile.TemporaryDirectory(prefix="slimse-") as folder:
        image = build(compiled.project, board, Path(folder))
        stages("build", "every tensor is kept")
        with Session(board, image, port=port) as session, screen.Bars(quiet=as_json) as bars:
            found = diff(session, compiled.plan, recordings, gates=gates, frames=frames, progress=bars)
    stages("diff", f"on the board {board.name}")
    if as_json:
        _print_json(found.to_json())
    else:
        screen.print_comparison(found, compiled.graph.frontend)
    return 0 if found.divergence is None else 1


def _check_one_source(audio: Path | None, features: Path | None) -> None:
    if (audio is None) == (features is None):
        raise click.UsageError("Give either --audio or --features", click.get_current_context())


def _recordings(graph: Graph, audio: Path | None, reference: Path | None, features: Path | None) -> Sequence[Recording]:
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


@slimse.command("boards")
@_json_option
def boards_command(as_json: bool) -> None:
    """List the boards that firmware can be built for.

    Virtual boards run in an emulator and need no hardware. They count executed instructions, which are repeatable to
    the instruction; real boards count cycles.
    """
    from slimse_mcu import screen
    from slimse_mcu.board import boards

    found = boards()
    if as_json:
        _print_json([screen.board_values(one) for one in found])
    else:
        screen.print_boards(found)


@slimse.command("inspect")
@click.argument("what", metavar="MODEL|PROJECT")
@_json_option
def inspect_command(what: str, as_json: bool) -> None:
    """Show what is in a model or in a compiled project.

    For a .keras file or zoo:NAME: layers, gates and what they skip, MACs with all gates open and closed. For a folder
    that `slimse compile` wrote: provenance, memory, MACs and layers.
    """
    from slimse_mcu import screen

    if Path(what).is_dir():
        from slimse_mcu.emit import read_project

        manifest = read_project(Path(what)).manifest
        if as_json:
            _print_json(manifest)
            return
        try:
            screen.print_manifest(manifest)
        except (LookupError, TypeError, ValueError) as error:
            raise ModelError(f"The project.json of {what} was changed by hand.", hint="Compile it again.") from error
        return
    from dataclasses import asdict

    from slimse_mcu.compile import find_model
    from slimse_mcu.inspect import summarize
    from slimse_mcu.load import load

    summary = summarize(load(find_model(what)))
    if as_json:
        _print_json(asdict(summary))
    else:
        screen.print_model(summary)


@slimse.command("zoo")
@click.argument("name", required=False)
@_json_option
def zoo_command(name: str | None, as_json: bool) -> None:
    """List the bundled models, or show the card of one.

    A card says what a model is, what data it was trained on and how good it is. Bundled models are named zoo:NAME
    wherever a model is expected.
    """
    from slimse_mcu import screen, zoo

    if name is None:
        models = [(one, zoo.path(one).stat().st_size, _summary(zoo.card(one))) for one in zoo.entries()]
        if as_json:
            _print_json([{"name": one, "bytes": count, "summary": text} for one, count, text in models])
        else:
            screen.print_zoo(models)
        return
    name = name.removeprefix("zoo:")
    card = zoo.card(name)
    if as_json:
        _print_json({"name": name, "path": str(zoo.path(name)), "card": card})
    else:
        screen.print_card(card)


def _summary(card: str) -> str:
    """The first paragraph of a card, one line."""
    paragraphs = [part for part in card.split("\n\n") if part.strip() and not part.startswith("#")]
    return " ".join(paragraphs[0].split()) if paragraphs else ""


@slimse.command("doctor")
@_json_option
def doctor_command(as_json: bool) -> int:
    """Say what is installed, what is missing, how to get it.

    Ends with exit code 2 if something is missing that a virtual board needs.
    """
    from dataclasses import asdict

    from slimse_mcu import screen
    from slimse_mcu.doctor import examine

    findings = examine()
    if as_json:
        _print_json([{**asdict(one), "status": one.status} for one in findings])
    else:
        screen.print_findings(findings)
    return 2 if any(one.status == "missing" for one in findings) else 0


if __name__ == "__main__":
    main()
