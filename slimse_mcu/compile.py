"""From a ``.keras`` file to a project of C files: the pipeline's stages one after the other.

Same inputs, same bytes: nothing here reads a clock, and no path gets into the project.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slimse_mcu.errors import ModelError
from slimse_mcu.graph import FrontEnd, Graph, QuantizedGraph

if TYPE_CHECKING:
    from slimse_mcu.board import Board
    from slimse_mcu.calibration import Calibration
    from slimse_mcu.emit import Project
    from slimse_mcu.plan import Plan

Stage = Callable[[str, str], None]
"""Told after each stage: its name and one line about what came out."""

_TOML_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came out of each stage."""

    graph: Graph
    calibration: Calibration
    quantized: QuantizedGraph
    plan: Plan
    project: Project


def compile_model(
    model: str | Path,
    *,
    board: Board | None = None,
    calibration: Path | None = None,
    method: str = "minmax",
    percentile: float = 99.99,
    front_end: FrontEnd | None = None,
    features_only: bool = False,
    wide: Collection[str] = (),
    instrumented: bool = False,
    kernels: Sequence[str] | None = None,
    audio_arithmetic: str | None = None,
    on_stage: Stage | None = None,
) -> Compiled:
    """Compile a model.

    Args:
        model: Path of a ``.keras`` file, or ``zoo:NAME``.
        board: Refuse the model if it cannot fit this board; None means no limit.
        calibration: Audio file, or folder of audio files; ``.npy`` features ``[frames, inputs]`` for a model
            without a front end.  None means the clip that comes with the zoo.
        method: ``"minmax"`` or ``"percentile"``.
        percentile: Share of values, in percent, that ``"percentile"`` keeps inside the range.
        front_end: For models that carry none: what they were trained with.
        features_only: Leave out the audio front and back end: features in, outputs out.
        wide: Names of the tensors that are int16; all others are int8.
        instrumented: Keep every tensor in memory of its own and call a hook after each layer.
        kernels: Folders of the kernels that the model is compiled for, in search order, as ``Board.kernels``.  None
            means the board's; without a board the portable ones, which run on every board.
        audio_arithmetic: What the front and back end computes in: ``"float"``, or ``"fixed"``, which is integers, for
            cores without an FPU.  None means the board's, ``"float"`` without a board.
        on_stage: Called after each stage.

    Raises:
        ModelError: The model cannot be read or compiled.
        QuantizeError: There is nothing to calibrate with, or a tensor cannot be int16.
        AudioError: A recording cannot be read.
        PlanError: The model does not fit the board.
    """
    from slimse_mcu.calibration import read_calibration
    from slimse_mcu.decisions import unseen_note
    from slimse_mcu.emit import emit
    from slimse_mcu.frontend import ARITHMETICS
    from slimse_mcu.load import load
    from slimse_mcu.plan import plan
    from slimse_mcu.quantize import quantize

    tell = on_stage or (lambda stage, text: None)
    graph = load(find_model(model), front_end=front_end)
    gates = f"{len(graph.gates)} gate" + ("" if len(graph.gates) == 1 else "s")
    tell("load", f"{graph.provenance.model_name}: {len(graph.nodes)} layers, {gates}")

    recordings = read_calibration(graph, calibration, method=method, percentile=percentile)
    tell("calibrate", recordings.source)
    if features_only:
        graph = dataclasses.replace(graph, frontend=None)
    quantized = quantize(
        graph,
        recordings.features,
        method=method,
        percentile=percentile,
        calibration_hash=recordings.digest,
        wide=wide,
    )
    tell("quantize", f"int8, {method}" + (f"; int16: {', '.join(sorted(wide))}" if wide else ""))
    note = unseen_note(quantized)
    if note:
        tell("warning", note)
    planned = plan(quantized, board, instrumented=instrumented, kernels=kernels, audio_arithmetic=audio_arithmetic)
    audio = f", front end in {ARITHMETICS[planned.audio_arithmetic]}" if planned.audio_arithmetic else ""
    tell("plan", (f"fits the board {board.name}" if board else "for any board") + audio)
    project = emit(planned)
    tell("emit", f"{len(project.files)} files")
    return Compiled(graph, recordings, quantized, planned, project)


def find_model(model: str | Path) -> Path:
    """Resolve ``zoo:NAME`` or a path to a file that exists.

    Raises:
        ModelError: There is no such file, or no such model in the zoo.
    """
    from slimse_mcu import zoo

    text = str(model)
    if text.startswith("zoo:"):
        return zoo.path(text.removeprefix("zoo:"))
    path = Path(model)
    if path.is_dir():
        raise ModelError(f"{path} is a folder, expected a .keras file.", hint="Name the file itself.")
    if not path.is_file():
        raise ModelError(f"There is no model {path}.", hint="Name a .keras file or zoo:NAME; see `slimse zoo`.")
    return path


def read_front_end(path: Path) -> FrontEnd:
    """Read a front end from a toml file with the fields of :class:`FrontEnd`, all optional.

    Raises:
        ModelError: The file cannot be read or parsed, or a field is unknown or of the wrong type.
    """
    kinds = {one.name: type(one.default) for one in dataclasses.fields(FrontEnd)}
    values: dict[str, Any] = {}
    for name, value in _read_toml(path).items():
        if name not in kinds:
            raise ModelError(f"{path} has an unknown field {name!r}.", hint=f"Known are {', '.join(kinds)}.")
        converted = float(value) if kinds[name] is float and type(value) is int else value
        if type(converted) is not kinds[name]:
            raise ModelError(
                f"{path}: {name} is {value!r}, expected {kinds[name].__name__}.", hint="Correct the field."
            )
        values[name] = converted
    return FrontEnd(**values)


def _read_toml(path: Path) -> dict[str, Any]:
    hint = "docs/models.md shows a front end's file."
    try:
        with path.open("rb") as file:
            data = file.read(_TOML_BYTES + 1)
        if len(data) > _TOML_BYTES:
            raise ModelError(f"{path} is larger than {_TOML_BYTES} bytes.", hint=hint)
        return tomllib.loads(data.decode())
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", hint=hint) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path} is no toml file: {error}.", hint=hint) from error
