"""Streams recordings through a board and says what came out: bit-exactness, work, quality.

For every recording the same frames run three times: on the board, through the NumPy specification (which must agree
in every output, gate and MAC count), and through the float model (for its quality, and for what quantization costs at
every tensor and state).  While the board is waited for, the other two run in a thread beside.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu import partial
from slimse_mcu.board import Board
from slimse_mcu.build import Image
from slimse_mcu.deadline import Clock, deadline_of
from slimse_mcu.decisions import Decisions, unseen_note
from slimse_mcu.errors import LinkError, SlimseError
from slimse_mcu.fidelity import Comparison, QuantizationErrors
from slimse_mcu.flips import AUDIT_FRAMES, FLOAT, INT8, INT8_FLOAT_GATES, RUNS, Audit, FlipAudit
from slimse_mcu.graph import FrontEnd, QuantizedGraph
from slimse_mcu.harness import audio, quality
from slimse_mcu.harness.audio import Pair
from slimse_mcu.harness.quality import Scores
from slimse_mcu.harness.session import FrameResult, Gates, Session
from slimse_mcu.limit import Limit
from slimse_mcu.plan import Plan
from slimse_mcu.report import (
    COUNT_TOTAL,
    SIGNALS,
    BitExact,
    FileReport,
    LinkUse,
    Memory,
    Report,
    Spread,
    gate_use,
)
from slimse_mcu.report_page import html_text
from slimse_mcu.run import Run
from slimse_mcu.sensitivity.results import Sensitivity
from slimse_mcu.side_by_side import Told
from slimse_mcu.streaming import count_macs, gate_layout
from slimse_mcu.twin import Recording as Recording
from slimse_mcu.twin import Twin, beside
from slimse_mcu.worst_case import worst_macs

Progress = Callable[[str, int, int], None]
"""Told how far a stage is: its name, how much is done, of how much.  Called from two threads."""

STAGES = ("board", "specification", "float model", "gate audit", "quality")
"""Stages that ``progress`` is told about: frames of all but the last, which overlap, then scored signals.

There is a gate audit only where there are gates.
"""


def measure(
    session: Session,
    plan: Plan,
    image: Image,
    board: Board,
    recordings: Sequence[Recording],
    out: Path,
    *,
    all_open_frames: int = 64,
    audit_frames: int = AUDIT_FRAMES,
    limit: int | None = None,
    sensitivity: Sensitivity | None = None,
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
        audit_frames: Most frames, from the first recording on, that the int8 network runs again with the float
            network's decisions, and the float network with the int8 one's; 0: none.
        limit: Most channels of each gate, and components of a policy, that the model may open, on the board and in
            what it is compared with; frames with all gates forced open are not limited.  None: all.
        sensitivity: The search that chose the tensors of 16 bits, for the report.
        progress: See :data:`Progress`.

    Returns:
        What ``report.json`` says, and the frames it was computed from.

    Raises:
        LinkError: The board failed.  What it had answered is left in ``out/partial``.
        SlimseError: ``out`` cannot be written, or holds files of these names that slimse did not write.
    """
    tell = progress or (lambda stage, done, total: None)
    twin = Twin.of(plan.quantized, plan.audio_arithmetic)
    if limit is not None:
        twin = replace(twin, limit=Limit.of(plan.quantized, limit))
    feed = _feed(twin, recordings, all_open_frames)
    _check_sizes(session, plan)
    with _fresh_folder(out) as folder:
        with beside() as submit:
            counts = {
                "real": _steps(tell, "float model", feed.decided_frames),
                "audit": _steps(tell, "gate audit", 2 * min(feed.decided_frames, audit_frames)),
            }
            done = _steps(tell, "specification", feed.frames)
            working = submit(_references, twin, feed, audit_frames, counts, done=done)
            answers: list[Run] = []
            try:
                _board(session, feed, limit, answers, tell)
            except LinkError as error:
                raise _kept(error, out, twin, feed, answers) from error
            references = working.result()
            bit_exact = _compare(twin, feed, answers, references.runs)
        files, audits = _files(twin, recordings, answers, references.sounds, tell)
        audit = None if references.audit is None else references.audit.result(audits)
        report = _report(session, plan, image, board, files, answers[-1], limit, bit_exact, references.errors, audit)
        report = replace(report, sensitivity=sensitivity)
        _write(folder, report)
    return report


def _check_sizes(session: Session, plan: Plan) -> None:
    """Refuse firmware whose frames are not those of the plan, whatever hashes it told."""
    info, graph = session.info, plan.quantized.graph
    told = {"inputs": info.input_size, "outputs": info.output_size, "gate bytes": info.gate_bytes}
    planned = {
        "inputs": graph.tensors[graph.input].size,
        "outputs": graph.tensors[graph.output].size,
        "gate bytes": plan.gates.size,
    }
    if graph.frontend is not None:
        told["samples per frame"], planned["samples per frame"] = info.hop, graph.frontend.hop
    for what, wanted in planned.items():
        if told[what] != wanted:
            raise LinkError(
                f"The board {info.board} says that its model has {told[what]} {what}, the plan has {wanted}.",
                hint="Build the model and load the firmware again.",
            )


# ---- what is streamed -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """Frames that are streamed from reset.

    Attributes:
        name: Of the recording.
        frames: int16 ``[frames, hop]`` or int8 ``[frames, inputs]``.
        gates: Who decides the gates.
    """

    name: str
    frames: NDArray[Any]
    gates: Gates


@dataclass(frozen=True, slots=True)
class _Feed:
    """All that is streamed: every recording, then the first one's beginning with all gates forced open."""

    parts: tuple[_Part, ...]
    has_audio: bool

    @property
    def recordings(self) -> tuple[_Part, ...]:
        return self.parts[:-1]

    @property
    def frames(self) -> int:
        return sum(len(one.frames) for one in self.parts)

    @property
    def decided_frames(self) -> int:
        return sum(len(one.frames) for one in self.recordings)


def _feed(twin: Twin, recordings: Sequence[Recording], all_open_frames: int) -> _Feed:
    parts = [_Part(_name(one), twin.frames(one), "model") for one in recordings]
    first = parts[0]
    period = twin.quantized.graph.period
    whole = max(period, min(all_open_frames, len(first.frames)) // period * period)
    parts.append(_Part(first.name, first.frames[:whole], "open"))
    return _Feed(tuple(parts), twin.tables is not None)


def _name(recording: Recording) -> str:
    return recording.noisy.name if isinstance(recording, Pair) else recording.name


def _steps(tell: Progress, stage: str, total: int) -> Callable[[int], None]:
    """A function that counts up and tells."""
    done = 0

    def step(more: int) -> None:
        nonlocal done
        done += more
        tell(stage, done, total)

    return step


# ---- the three runs -------------------------------------------------------------------------------------


def _board(session: Session, feed: _Feed, limit: int | None, runs: list[Run], tell: Progress) -> None:
    """What the board does with every part is added to ``runs``; of the last one, what it did before it failed."""
    step = _steps(tell, "board", feed.frames)
    for part in feed.parts:
        results: list[FrameResult] = []
        try:
            session.configure("pcm" if feed.has_audio else "features", gates=part.gates, limit=limit)
            _stream(session, part, results, step)
        finally:
            if results:
                runs.append(_run_of(results, session.info.counter != "none"))


def _stream(session: Session, part: _Part, results: list[FrameResult], done: Callable[[int], None]) -> None:
    session.reset()
    for result in session.frames(part.frames):
        results.append(result)
        done(1)


def _run_of(results: Sequence[FrameResult], counted: bool) -> Run:
    return Run(
        gates=np.stack([one.gates for one in results]),
        macs=np.array([one.macs for one in results], np.int64),
        count=np.array([one.count for one in results], np.int64) if counted else None,
        count_total=np.array([one.count_total for one in results], np.int64) if counted else None,
        output=np.stack([one.output for one in results]),
    )


def _kept(error: LinkError, out: Path, twin: Twin, feed: _Feed, runs: Sequence[Run]) -> LinkError:
    """Keep what the board had done with the recordings; the error says where."""
    settings, made_of = twin.quantized.graph.frontend, twin.quantized.provenance
    return partial.keep(
        out,
        error,
        [(part.name, len(part.frames), run) for part, run in zip(feed.recordings, runs, strict=False)],
        sample_rate_hz=None if settings is None else settings.sample_rate_hz,
        provenance=asdict(made_of),
    )


@dataclass(frozen=True, slots=True)
class _References:
    """What the board is held against.

    Attributes:
        runs: What it must do with every part.
        sounds: Samples by run (:data:`slimse_mcu.flips.RUNS`) for every recording; none for features.
        errors: The specification against the float model.
        audit: Of their decisions; None for a model without gates.
    """

    runs: tuple[Run, ...]
    sounds: tuple[Mapping[str, NDArray[np.int16]], ...]
    errors: QuantizationErrors
    audit: Audit | None


def _references(
    twin: Twin,
    feed: _Feed,
    audit_frames: int,
    counts: Mapping[str, Callable[[int], None]],
    done: Callable[[int], None],
) -> _References:
    comparison = Comparison(twin.quantized)
    audit = Audit(twin.quantized, audit_frames) if twin.quantized.graph.gates else None
    told = Told(done, **counts)
    both = [twin.compare(part.frames, comparison, audit, told) for part in feed.recordings]
    opened = gate_layout(twin.quantized.graph).constant(True)
    last = twin.specification(feed.parts[-1].frames, opened, done)
    runs, sounds = zip(*both, strict=True)
    return _References((*runs, last), sounds, comparison.result(), audit)


# ---- comparison -----------------------------------------------------------------------------------------


def _compare(twin: Twin, feed: _Feed, answers: Sequence[Run], wanted: Sequence[Run]) -> BitExact:
    compared = 0
    for part, ours, theirs in zip(feed.parts, answers, wanted, strict=True):
        found = first_divergence(twin.quantized, ours, theirs)
        if found is not None:
            where = {"file": part.name, "gates": "decided" if part.gates == "model" else "forced open"}
            return BitExact("numpy", compared + found["frame"], {**where, **found})
        compared += ours.frames
    return BitExact("numpy", compared, None)


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


# ---- quality --------------------------------------------------------------------------------------------


def _files(
    twin: Twin,
    recordings: Sequence[Recording],
    answers: Sequence[Run],
    references: Sequence[Mapping[str, NDArray[np.int16]]],
    tell: Progress,
) -> tuple[tuple[FileReport, ...], dict[str, dict[str, Scores]]]:
    """Every recording, and the scores that the audit of decisions asks for."""
    sounds = [
        _sounds(one, run.output, known[FLOAT]) if known and isinstance(one, Pair) else {}
        for one, run, known in zip(recordings, answers, references, strict=False)
    ]
    hop = 0 if twin.tables is None else twin.tables.hop
    audited = [_audited(one, known, hop) for one, known in zip(recordings, references, strict=True)]
    scores, audits = _scores(twin.quantized, sounds, audited, tell)
    decisions = Decisions.of(twin.quantized.graph)
    files = tuple(
        FileReport(
            name=_name(recording),
            notes=_notes(recording),
            run=run,
            audio=sound,
            scores=score,
            decisions=decisions,
        )
        for recording, run, sound, score in zip(recordings, answers, sounds, scores, strict=False)
    )
    return files, {_name(one): scored for one, scored in zip(recordings, audits, strict=True) if scored}


def _sounds(pair: Pair, device: NDArray[np.int16], real: NDArray[np.int16]) -> dict[str, NDArray[np.int16]]:
    """Aligned signals of one recording, as long as it; outputs come one hop late; ``device`` is ``[frames, hop]``."""
    hop = device.shape[1]
    behind = slice(hop, hop + len(pair.noisy.samples))
    sounds = {"noisy": pair.noisy.samples, "float": real[behind], "device": device.reshape(-1)[behind]}
    if pair.clean is not None:
        sounds["clean"] = pair.clean.samples
    return sounds


def _audited(recording: Recording, known: Mapping[str, NDArray[np.int16]], hop: int) -> dict[str, NDArray[np.int16]]:
    """Aligned signals of the runs that the audit of decisions compares, as far as it went; empty: nothing to score."""
    if not isinstance(recording, Pair) or recording.clean is None or INT8_FLOAT_GATES not in known:
        return {}
    length = min(len(recording.noisy.samples), len(known[INT8_FLOAT_GATES]) - hop)
    return {run: known[run][hop : hop + length] for run in RUNS}


def _scores(
    quantized: QuantizedGraph,
    sounds: Sequence[Mapping[str, NDArray[np.int16]]],
    audited: Sequence[Mapping[str, NDArray[np.int16]]],
    tell: Progress,
) -> tuple[list[dict[str, Scores]], list[dict[str, Scores]]]:
    """Scores of each recording's signals, and of its runs in the audit, without DNSMOS."""
    settings = quantized.graph.frontend
    if settings is None:
        return [{} for _ in sounds], [{} for _ in audited]
    signals = [(sound, name) for sound in sounds for name in SIGNALS]
    others = [
        (place, run) for place, runs in enumerate(audited) for run in runs if not _is_scored(run, runs, sounds[place])
    ]
    step = _steps(tell, "quality", len(signals) + len(others))

    def scored(clean: NDArray[np.int16] | None, samples: NDArray[np.int16], opinion: bool) -> Scores:
        scores = quality.score(clean, samples, settings.sample_rate_hz, opinion=opinion)
        step(1)
        return scores

    flat = [scored(sound.get("clean"), sound[name], True) for sound, name in signals]
    width = len(SIGNALS)
    found = [dict(zip(SIGNALS, flat[n * width :][:width], strict=True)) for n in range(len(sounds))]
    audits: list[dict[str, Scores]] = []
    for runs, sound, known in zip(audited, sounds, found, strict=True):
        audits.append({})
        for run, samples in runs.items():
            if _is_scored(run, runs, sound):
                audits[-1][run] = replace(known[_SIGNAL_OF_RUN[run]], **dict.fromkeys(_OPINIONS))
            else:
                audits[-1][run] = scored(sound["clean"][: len(samples)], samples, False)
    return found, audits


_SIGNAL_OF_RUN = {FLOAT: "float", INT8: "device"}
_OPINIONS = ("dnsmos_ovrl", "dnsmos_sig", "dnsmos_bak")


def _is_scored(run: str, runs: Mapping[str, NDArray[np.int16]], sound: Mapping[str, NDArray[np.int16]]) -> bool:
    """Whether what the audit asks for is scored anyway."""
    return run in _SIGNAL_OF_RUN and np.array_equal(runs[run], sound[_SIGNAL_OF_RUN[run]])


def _notes(recording: Recording) -> tuple[str, ...]:
    if not isinstance(recording, Pair):
        return ()
    clean = () if recording.clean is None else recording.clean.notes
    return recording.noisy.notes + tuple(f"reference {note}" for note in clean)


# ---- the report -----------------------------------------------------------------------------------------


def _report(
    session: Session,
    plan: Plan,
    image: Image,
    board: Board,
    files: tuple[FileReport, ...],
    opened: Run,
    limit: int | None,
    bit_exact: BitExact,
    errors: QuantizationErrors,
    audit: FlipAudit | None,
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
        count_total=None if total is None else _totals(total),
        gates=gate_use(files, _macs_of_gates(plan)),
        memory=Memory(
            flash_weights=image.flash_weights_bytes,
            flash_code=image.flash_code_bytes,
            ram_arena=plan.model_bytes - plan.state_bytes,
            ram_state=plan.state_bytes,
            ram_total=image.ram_total_bytes,
            stack_peak=session.status().stack_peak_bytes or None,
        ),
        deadline=deadline_of(
            Clock(_hop_ms(settings), board.clock_hz, session.info.counter),
            [(one.name, one.run) for one in files],
            opened,
            Decisions.of(plan.quantized.graph),
            worst_macs(plan.quantized.graph, limit),
        ),
        limit=limit,
        link=LinkUse.of(
            session.errors,
            session.traffic,
            len(macs) + opened.frames,
            None if board.virtual else board.baud,
            _hop_ms(settings),
        ),
        quality=quality.averages([one.scores for one in files if one.scores]),
        bit_exact=bit_exact,
        quantization=errors,
        flips=audit,
        unseen=unseen_note(plan.quantized),
        files=files,
        sample_rate_hz=None if settings is None else settings.sample_rate_hz,
    )


def _macs_of_gates(plan: Plan) -> dict[str, int]:
    """What closing a channel gate, or a component, saves of a frame in which everything else is open."""
    decisions = Decisions.of(plan.quantized.graph)
    return {name: plan.macs_all_open - plan.count(decisions.all_but(name)) for name in decisions.places}


def _joined(files: Sequence[FileReport], what: str) -> NDArray[np.int64] | None:
    parts = [getattr(one.run, what) for one in files]
    return None if any(part is None for part in parts) else np.concatenate(parts)


def _totals(total: NDArray[np.int64]) -> dict[str, float]:
    """The keys of ``COUNT_TOTAL`` over all frames."""
    spread = Spread.of(total, None)
    return {name: float(getattr(spread, name)) for name in COUNT_TOTAL}


def _hop_ms(settings: FrontEnd | None) -> float | None:
    return None if settings is None else 1000.0 * settings.hop / settings.sample_rate_hz


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
        "audio_arithmetic": plan.audio_arithmetic or "none",
        "compiler_flags": " ".join(board.flags),
        "all_open_frames": opened.frames,
        "delay_samples": 0 if settings is None else settings.hop,
        "dnsmos": "measured" if quality.has_dnsmos() else "not installed",
        "notes": {one.name: "; ".join(one.notes) for one in files if one.notes},
    }


# ---- the folder -----------------------------------------------------------------------------------------

_WRITTEN = ("report.json", "report.html", "audio", "outputs", partial.FOLDER)


def _write(folder: Path, report: Report) -> None:
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


def check_out(out: Path) -> None:
    """Refuse a place that a measurement cannot be written to, or where it would replace what slimse did not write.

    Raises:
        SlimseError: Names what is in the way.
    """
    if not out.exists():
        return
    hint = "Choose another --out."
    if not out.is_dir():
        raise SlimseError(f"{out} is a file, expected a folder.", hint=hint)
    if not os.access(out, os.W_OK | os.X_OK):
        raise SlimseError(f"The folder {out} cannot be written (Permission denied).", hint=hint)
    taken = [name for name in _WRITTEN if (out / name).exists() and not partial.is_partial(out / name)]
    if taken and not _is_report(out / "report.json"):
        raise SlimseError(f"{out} holds {taken[0]}, which slimse did not write.", hint=hint)


def _is_report(path: Path) -> bool:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(report, dict) and {"bit_exact", "provenance"} <= report.keys()


@contextmanager
def _fresh_folder(out: Path) -> Iterator[Path]:
    """A new folder beside ``out`` whose content moves to ``out`` at the end, or vanishes with an error."""
    check_out(out)
    out = out.resolve()  # "." has no name to put a folder beside
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
        shutil.rmtree(out / partial.FOLDER, ignore_errors=True)
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
