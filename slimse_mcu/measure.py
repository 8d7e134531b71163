"""Streams recordings through a board and says what came out: bit-exactness, work, quality.

For every recording the same frames run three times: on the board, through the NumPy specification (which must agree
in every output, gate and MAC count), and through the float model (for its quality only).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu import frontend
from slimse_mcu.board import Board
from slimse_mcu.build import Image
from slimse_mcu.errors import SlimseError
from slimse_mcu.graph import FrontEnd, QuantizedGraph
from slimse_mcu.harness import audio, quality
from slimse_mcu.harness.audio import Pair
from slimse_mcu.harness.features import Features
from slimse_mcu.harness.quality import Scores
from slimse_mcu.harness.session import Gates, Session
from slimse_mcu.ops.arithmetic import quantize_values
from slimse_mcu.plan import Plan
from slimse_mcu.report import (
    SIGNALS,
    BitExact,
    Deadline,
    FileReport,
    Memory,
    Report,
    Spread,
    gate_use,
)
from slimse_mcu.report_page import html_text
from slimse_mcu.run import Run
from slimse_mcu.streaming import count_macs, gate_layout, run_float, run_int8

Progress = Callable[[str, int, int], None]
"""Told how far a stage is: its name, frames (or recordings) done, and of how many."""

Recording = Pair | Features

STAGES = ("board", "all gates open", "specification", "float model", "quality")
"""Names that ``progress`` is called with, in order; the first, third and fourth once per recording's frames."""


def measure(
    session: Session,
    plan: Plan,
    image: Image,
    board: Board,
    recordings: Sequence[Recording],
    out: Path,
    *,
    all_open_frames: int = 64,
    progress: Progress | None = None,
) -> Report:
    """Measure a model on a board and write ``report.json``, ``report.html`` and the board's output into a folder.

    Args:
        session: Open, with a board that runs the plan's model.
        plan: What was built.
        image: Its sizes.
        board: What it runs on.
        recordings: Audio (:func:`slimse_mcu.harness.audio.read_pairs`) for a model with a front end, else features.
        out: The folder; what it holds of an earlier measurement is replaced, anything else stays.
        all_open_frames: Frames of the first recording that run again with all gates forced open.
        progress: See :data:`Progress`.

    Returns:
        What ``report.json`` says, and the frames it was computed from.

    Raises:
        LinkError: The board failed.  Nothing is left behind in ``out``.
        SlimseError: ``out`` cannot be written.
    """
    tell = progress or (lambda stage, done, total: None)
    with _fresh_folder(out) as folder:
        models = _Models.of(plan.quantized)
        runs = _run_all(session, models, recordings, tell)
        opened = _run_open(session, plan, models, recordings[0], all_open_frames, tell)
        divergence, compared = _compare_all(models, recordings, [*runs, opened], tell)
        files = _files(models, recordings, runs, tell)
        report = _report(session, plan, image, board, files, opened, BitExact("numpy", compared, divergence))
        _write(folder, report, recordings)
    return report


# ---- what is fed, and the twins on the PC ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Models:
    """The quantized model with its front end's tables; ``tables`` is None for a model without."""

    quantized: QuantizedGraph
    tables: frontend.StftTables | None

    @classmethod
    def of(cls, quantized: QuantizedGraph) -> _Models:
        graph = quantized.graph
        if graph.frontend is None:
            return cls(quantized, None)
        both = quantized.quantization[graph.input], quantized.quantization[graph.output]
        return cls(quantized, frontend.tables(graph.frontend, *both))

    def frames(self, recording: Recording) -> NDArray[Any]:
        """What the board is sent, one row per frame: hops of samples and one of silence, or int8 features."""
        if isinstance(recording, Pair):
            assert self.tables is not None, "audio needs a front end"
            hop = self.tables.hop
            padded = frontend.pad_to_hops(recording.noisy.samples, hop)
            return np.append(padded, np.zeros(hop, np.int16)).reshape(-1, hop)
        if recording.values.dtype == np.int8:
            return recording.values
        return quantize_values(recording.values, self.quantized.quantization[self.quantized.graph.input])

    def specification(self, frames: NDArray[Any], forced: NDArray[np.uint8] | None, done: Callable[[int], None]) -> Run:
        """What the board must answer to ``frames``."""
        if self.tables is None:
            trace = run_int8(self.quantized, frames, forced=forced, progress=done)
            return Run(trace.gates, trace.macs, None, None, trace.output)
        state = frontend.StftState.zero(self.tables.hop)
        features, spectrum = frontend.analyse(self.tables, state, frames.reshape(-1))
        trace = run_int8(self.quantized, features, forced=forced, progress=done)
        samples = frontend.synthesise(self.tables, state, trace.output, spectrum)
        return Run(trace.gates, trace.macs, None, None, samples.reshape(frames.shape))

    def float_audio(self, frames: NDArray[np.int16], done: Callable[[int], None]) -> NDArray[np.int16]:
        """The float model's output samples ``[frames * hop]``, one hop behind the input like the board's."""
        settings = self.quantized.graph.frontend
        assert settings is not None, "audio needs a front end"
        features, spectrum = frontend.float_analyse(settings, frames.reshape(-1))
        mask = run_float(self.quantized.graph, features, progress=done).output
        samples = frontend.float_synthesise(settings, mask, spectrum) * frontend.FULL_SCALE
        rounded: NDArray[np.int16] = np.floor(samples + 0.5).clip(-32768, 32767).astype(np.int16)
        return rounded


# ---- the board ------------------------------------------------------------------------------------------


def _stream(session: Session, models: _Models, frames: NDArray[Any], gates: Gates, done: Callable[[int], None]) -> Run:
    session.configure("features" if models.tables is None else "pcm", gates=gates)
    session.reset()
    results = []
    for result in session.frames(frames):
        results.append(result)
        done(1)
    counted = session.info.counter != "none"
    return Run(
        gates=np.stack([one.gates for one in results]),
        macs=np.array([one.macs for one in results], np.int64),
        count=np.array([one.count for one in results], np.int64) if counted else None,
        count_total=np.array([one.count_total for one in results], np.int64) if counted else None,
        output=np.stack([one.output for one in results]),
    )


def _run_all(session: Session, models: _Models, recordings: Sequence[Recording], tell: Progress) -> list[Run]:
    frames = [models.frames(one) for one in recordings]
    step = _steps(tell, "board", sum(len(one) for one in frames))
    return [_stream(session, models, one, "model", step) for one in frames]


def _run_open(session: Session, plan: Plan, models: _Models, recording: Recording, most: int, tell: Progress) -> Run:
    """The same build with all gates forced open, over whole periods of the schedule."""
    frames = models.frames(recording)
    period = plan.quantized.graph.period
    frames = frames[: max(period, min(most, len(frames)) // period * period)]
    return _stream(session, models, frames, "open", _steps(tell, "all gates open", len(frames)))


def _steps(tell: Progress, stage: str, total: int) -> Callable[[int], None]:
    """A function that counts up and tells."""
    done = 0

    def step(more: int) -> None:
        nonlocal done
        done += more
        tell(stage, done, total)

    return step


# ---- comparison -----------------------------------------------------------------------------------------


def _compare_all(
    models: _Models, recordings: Sequence[Recording], runs: Sequence[Run], tell: Progress
) -> tuple[Mapping[str, Any] | None, int]:
    """First divergence over all runs (the last one is the one with all gates open), and frames compared."""
    step = _steps(tell, "specification", sum(one.frames for one in runs))
    compared = 0
    for place, run in enumerate(runs):
        is_open = place == len(recordings)
        recording = recordings[0 if is_open else place]
        frames = models.frames(recording)[: run.frames]
        forced = gate_layout(models.quantized.graph).constant(True) if is_open else None
        wanted = models.specification(frames, forced, step)
        found = first_divergence(models.quantized, run, wanted)
        if found is not None:
            return {"file": _name(recording), "gates_forced": "open" if is_open else None, **found}, compared
        compared += run.frames
    return None, compared


def first_divergence(quantized: QuantizedGraph, device: Run, wanted: Run) -> dict[str, Any] | None:
    """The first frame in which a board's run differs, and what differs there first.

    Args:
        quantized: The model; its table says how many MACs the board's gates cost.
        device: What the board did.
        wanted: What the specification does.

    Returns:
        None when all is equal, else frame, what (``gates``, ``output``, ``macs``), index in the frame, and both values.
    """
    table = count_macs(quantized.graph, device.gates)
    planes = (
        ("gates", device.gates, wanted.gates),
        ("output", device.output, wanted.output),
        ("macs", device.macs[:, None], wanted.macs[:, None]),
        ("macs against the plan's table", device.macs[:, None], table[:, None]),
    )
    found = []
    for order, (what, ours, theirs) in enumerate(planes):
        frames, indices = np.nonzero(ours != theirs)
        if len(frames):
            at = int(frames[0]), int(indices[0])
            found.append((at[0], order, what, at[1], int(ours[at]), int(theirs[at])))
    if not found:
        return None
    frame, _, what, index, ours_value, theirs_value = min(found)
    return {"frame": frame, "what": what, "index": index, "device": ours_value, "reference": theirs_value}


def _name(recording: Recording) -> str:
    return recording.noisy.name if isinstance(recording, Pair) else recording.name


# ---- quality --------------------------------------------------------------------------------------------


def _files(
    models: _Models, recordings: Sequence[Recording], runs: Sequence[Run], tell: Progress
) -> tuple[FileReport, ...]:
    step = _steps(tell, "float model", sum(one.frames for one in runs))
    sounds = [partial(_sounds, models, step)(*both) for both in zip(recordings, runs, strict=True)]
    scores = _scores(models, recordings, sounds, tell)
    return tuple(
        FileReport(
            name=_name(recording),
            notes=_notes(recording),
            run=run,
            audio=sound,
            scores=score,
            gate_patterns=_gate_patterns(models.quantized, run),
        )
        for recording, run, sound, score in zip(recordings, runs, sounds, scores, strict=True)
    )


def _sounds(
    models: _Models, step: Callable[[int], None], recording: Recording, run: Run
) -> dict[str, NDArray[np.int16]]:
    """Aligned signals of one recording, as long as the recording."""
    if not isinstance(recording, Pair) or models.tables is None:
        return {}
    behind = slice(models.tables.hop, models.tables.hop + len(recording.noisy.samples))
    sounds = {
        "noisy": recording.noisy.samples,
        "float": models.float_audio(models.frames(recording), step)[behind],
        "device": run.output.reshape(-1)[behind],
    }
    if recording.clean is not None:
        sounds["clean"] = recording.clean.samples
    return sounds


def _scores(
    models: _Models,
    recordings: Sequence[Recording],
    sounds: Sequence[Mapping[str, NDArray[np.int16]]],
    tell: Progress,
) -> list[dict[str, Scores]]:
    settings = models.quantized.graph.frontend
    if settings is None:
        return [{} for _ in recordings]
    jobs = [(sound.get("clean"), sound[signal]) for sound in sounds for signal in SIGNALS]
    flat = quality.score_all(jobs, settings.sample_rate_hz, progress=partial(tell, "quality"))
    width = len(SIGNALS)
    return [dict(zip(SIGNALS, flat[n * width :][:width], strict=True)) for n in range(len(recordings))]


def _notes(recording: Recording) -> tuple[str, ...]:
    if not isinstance(recording, Pair):
        return ()
    clean = () if recording.clean is None else recording.clean.notes
    return recording.noisy.notes + tuple(f"reference {note}" for note in clean)


def _gate_patterns(quantized: QuantizedGraph, run: Run) -> dict[str, NDArray[np.bool_]]:
    layout = gate_layout(quantized.graph)
    return {name: layout.unpack(run.gates, name) for name in layout.offsets}


# ---- the report -----------------------------------------------------------------------------------------


def _report(
    session: Session,
    plan: Plan,
    image: Image,
    board: Board,
    files: tuple[FileReport, ...],
    opened: Run,
    bit_exact: BitExact,
) -> Report:
    settings = plan.quantized.graph.frontend
    macs = np.concatenate([one.run.macs for one in files])
    count, total = _joined(files, "count"), _joined(files, "count_total")
    open_count = None if opened.count is None else float(opened.count.mean())
    return Report(
        board=board.name,
        board_title=board.title,
        board_flash_bytes=board.flash_bytes,
        board_ram_bytes=board.ram_bytes,
        counter=session.info.counter,
        provenance=_provenance(plan, board, files, opened),
        macs=Spread.of(macs, float(opened.macs.mean())),
        count=None if count is None else Spread.of(count, open_count),
        count_total=None if total is None else {"mean": float(total.mean()), "max": float(total.max())},
        gates=gate_use(files),
        memory=Memory(
            flash_weights=image.flash_weights_bytes,
            flash_code=image.flash_code_bytes,
            ram_arena=plan.model_bytes - plan.state_bytes,
            ram_state=plan.state_bytes,
            ram_total=image.ram_total_bytes,
            stack_peak=session.status().stack_peak_bytes or None,
        ),
        deadline=_deadline(board, session.info.counter, settings, total),
        quality=quality.averages([one.scores for one in files if one.scores]),
        bit_exact=bit_exact,
        files=files,
        sample_rate_hz=None if settings is None else settings.sample_rate_hz,
    )


def _joined(files: Sequence[FileReport], what: str) -> NDArray[np.int64] | None:
    parts = [getattr(one.run, what) for one in files]
    return None if any(part is None for part in parts) else np.concatenate(parts)


def _deadline(board: Board, counter: str, settings: FrontEnd | None, total: NDArray[np.int64] | None) -> Deadline:
    hop_ms = None if settings is None else 1000.0 * settings.hop / settings.sample_rate_hz
    if hop_ms is None or total is None or counter != "cycles" or not board.clock_hz:
        return Deadline(hop_ms, board.clock_hz, None, None, None)
    load = total / (board.clock_hz * hop_ms / 1000.0)
    return Deadline(hop_ms, board.clock_hz, float(load.mean()), float(load.max()), int(np.sum(load > 1.0)))


def _provenance(plan: Plan, board: Board, files: Sequence[FileReport], opened: Run) -> dict[str, Any]:
    made_of = plan.quantized.provenance
    settings = plan.quantized.graph.frontend
    return {
        "model_name": made_of.model_name,
        "model_hash": made_of.model_hash,
        "calibration_hash": made_of.calibration_hash,
        "quantization": plan.quantized.method,
        "tool_version": made_of.tool_version,
        "machine": board.machine,
        "core": board.core,
        "kernels": ", ".join(board.kernels),
        "compiler_flags": " ".join(board.flags),
        "all_open_frames": opened.frames,
        "delay_samples": 0 if settings is None else settings.hop,
        "dnsmos": "measured" if quality.has_dnsmos() else "not installed",
        "notes": {one.name: "; ".join(one.notes) for one in files if one.notes},
    }


# ---- the folder -----------------------------------------------------------------------------------------


def _write(folder: Path, report: Report, recordings: Sequence[Recording]) -> None:
    (folder / "report.json").write_text(report.json_text(), encoding="utf-8")
    (folder / "report.html").write_text(html_text(report), encoding="utf-8")
    if report.sample_rate_hz is not None:
        (folder / "audio").mkdir()
        for one in report.files:
            audio.write(folder / "audio" / f"{one.name}.wav", one.audio["device"], report.sample_rate_hz)
    else:
        (folder / "outputs").mkdir()
        for one in report.files:
            np.save(folder / "outputs" / f"{one.name}.npy", one.run.output)


@contextmanager
def _fresh_folder(out: Path) -> Iterator[Path]:
    """A new folder beside ``out`` whose content moves to ``out`` at the end, or vanishes with an error."""
    if out.exists() and not out.is_dir():
        raise SlimseError(f"{out} is a file, expected a folder.", hint="Choose another --out.")
    temporary = out.with_name(f".{out.name}.part")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
    except OSError as error:
        raise SlimseError(
            f"The folder {out} cannot be written ({error.strerror}).", hint="Choose another --out."
        ) from error
    try:
        yield temporary
        _move(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move(new: Path, out: Path) -> None:
    if not out.exists():
        new.rename(out)
        return
    for one in sorted(new.iterdir()):
        target = out / one.name
        if target.is_dir():
            shutil.rmtree(target)
        one.replace(target)
