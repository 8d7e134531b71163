"""Tables and progress on the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from slimse_mcu.board import Board
    from slimse_mcu.build import Image
    from slimse_mcu.diff import Comparison
    from slimse_mcu.doctor import Finding
    from slimse_mcu.fidelity import QuantizationErrors
    from slimse_mcu.flips import FlipAudit
    from slimse_mcu.graph import FrontEnd
    from slimse_mcu.harness.locate import Difference
    from slimse_mcu.inspect import LayerSummary, ModelSummary
    from slimse_mcu.plan import Plan
    from slimse_mcu.report import Report, Spread
    from slimse_mcu.soak import Soak

_PIPE_WIDTH = 120
_METRICS = {
    "pesq_wb": ("PESQ wide band", 3),
    "stoi": ("STOI", 3),
    "si_sdr_db": ("SI-SDR, dB", 2),
    "dnsmos_ovrl": ("DNSMOS overall", 2),
    "dnsmos_sig": ("DNSMOS speech", 2),
    "dnsmos_bak": ("DNSMOS background", 2),
}
_STATUS_STYLES = {"ok": "green", "missing": "red", "optional": "yellow"}


def console(*, stderr: bool = False) -> Console:
    """A console that does not colour numbers and does not squeeze tables into 80 columns of a pipe."""
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = _PIPE_WIDTH
    return made


def table(columns: Sequence[str], *, right: Iterable[int] = (), title: str = "") -> Table:
    """An empty table in the house style; columns in ``right`` are flush right."""
    made = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold")
    numeric = set(right)
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index in numeric else "left", overflow="fold")
    return made


def size(count: int) -> str:
    """Bytes with thin grouping: ``1 234 567``."""
    return f"{count:,}".replace(",", " ")


def counted(number: int, noun: str) -> str:
    """``1 gate``, ``2 gates``."""
    return f"{size(number)} {noun}" + ("" if number == 1 else "s")


class Stages:
    """Prints one line per finished stage on stderr, with the seconds that it took."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = console(stderr=True)
        self._quiet = quiet
        self._since = time.perf_counter()

    def __call__(self, stage: str, text: str) -> None:
        """Report that ``stage`` is done."""
        now = time.perf_counter()
        if not self._quiet:
            line = f"{stage:>10}  {now - self._since:5.1f} s  {text}"
            self._console.print(line, soft_wrap=True, markup=False)
        self._since = now


class Bars:
    """Progress of a measurement on stderr: a bar per stage with frames per second and time left.

    A context manager; nothing of the bars stays on the screen.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        screen = console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description:>14}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=screen,
            transient=True,
            disable=quiet or not screen.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def tell(self, text: str) -> None:
        """Print a sentence above the bars."""
        self._progress.console.print(text, markup=False, soft_wrap=True)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report how far a stage is."""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total, rate="")
        task = self._tasks[stage]
        speed = self._progress.tasks[task].speed
        unit = "signals" if stage == "quality" else "frames"
        rate = f"{speed:.0f} {unit}/s" if speed else ""
        self._progress.update(task, completed=done, total=total, rate=rate)


def print_boards(boards: Sequence[Board]) -> None:
    """The boards and what they have."""
    rows = table(("board", "part", "core", "clock", "flash", "RAM", "counts", "checked"), right=(3, 4, 5))
    for one in boards:
        rows.add_row(
            one.name,
            escape(one.mcu),
            one.core,
            f"{one.clock_hz / 1e6:g} MHz" if one.clock_hz else "-",
            _memory(one.flash_bytes),
            _memory(one.ram_bytes),
            one.counter if one.counter != "none" else "-",
            one.checked,
        )
    console().print(rows)


def _memory(count: int) -> str:
    if not count:
        return "-"
    return f"{count // 2**20} MiB" if count % 2**20 == 0 else f"{count // 1024} KiB"


def print_zoo(models: Sequence[tuple[str, int, str]]) -> None:
    """Name, size of the file and summary of each bundled model."""
    rows = table(("model", "bytes", "what"), right=(1,))
    for name, count, summary in models:
        rows.add_row(f"zoo:{name}", size(count), escape(summary))
    console().print(rows)


def print_card(text: str) -> None:
    """A model card."""
    screen = console()
    screen.print(Markdown(text) if screen.is_terminal else text, markup=False)


def print_findings(findings: Sequence[Finding]) -> None:
    """What is there, what is missing, and how to get it."""
    rows = table(("", "what", "found", "for"))
    for one in findings:
        status = f"[{_STATUS_STYLES[one.status]}]{one.status}[/]"
        rows.add_row(status, escape(one.name), escape(one.found) or "-", one.purpose)
    screen = console()
    screen.print(rows)
    for one in findings:
        if one.status != "ok" and one.remedy:
            screen.print(f"{one.name}: {one.remedy}", markup=False)


def print_model(summary: ModelSummary) -> None:
    """A model layer by layer."""
    columns = ("layer", "operation", "output", "rows", "columns", "past", "MACs open", "closed")
    rows = table(columns, right=(2, 5, 6, 7))
    for one in summary.layers:
        rows.add_row(*_layer_row(one))
    rows.add_section()
    rows.add_row("per frame", "", "", "", "", "", size(summary.macs_open), size(summary.macs_closed))
    screen = console()
    screen.print(f"[bold]{summary.name}[/]  sha256 {summary.model_hash}", soft_wrap=True)
    screen.print(
        f"{summary.inputs} values in, {summary.outputs} out, {size(summary.parameters)} parameters, "
        f"{size(summary.state_values)} values kept between frames"
    )
    front = summary.front_end
    if front:
        screen.print(
            f"front end: {front['sample_rate_hz']} Hz, {front['fft']}-point STFT, hop {front['hop']}, "
            f"{front['features']} |X|^{front['exponent']:g}, {front['mask']} mask"
        )
    else:
        screen.print("no front end: features in, outputs out")
    screen.print(_gates_line(summary))
    screen.print(rows)
    if summary.gates:
        screen.print(
            "rows: the gate whose closed channels are not computed, or the parts of the output by component, with what "
            "they show while closed; columns: those whose closed inputs are not read",
            soft_wrap=True,
        )
    if summary.components:
        rows = table(("component", "policy", "opens parts of", "MACs saved"), right=(3,))
        for part in summary.components:
            rows.add_row(part.name, part.gate, ", ".join(part.layers), size(part.macs_saved))
        screen.print(rows)


def _gates_line(summary: ModelSummary) -> str:
    """How much there is to decide."""
    policies = {one.gate for one in summary.components}
    channels = [count for name, count in summary.gates.items() if name not in policies]
    found = []
    if channels:
        found.append(f"{counted(len(channels), 'gate')} with {counted(sum(channels), 'channel')}")
    if policies:
        noun = "policy" if len(policies) == 1 else "policies"
        found.append(f"{len(policies)} {noun} with {counted(len(summary.components), 'component')}")
    return ", ".join(found) or "no gates"


def _layer_row(one: LayerSummary) -> tuple[str, ...]:
    operation = escape(one.layer) + (f", {one.activation}" if one.activation else "")
    if one.period > 1:
        operation += f", every {one.period} frames"
    past = str(one.state_frames) if one.state_frames else ""
    macs = (size(one.macs_open), size(one.macs_closed)) if one.macs_open else ("", "")
    output = f"{one.positions} x {one.channels}" if one.positions > 1 else str(one.channels)
    return (one.name, operation, output, _ruled_rows(one), one.columns or ", ".join(one.blocks), past, *macs)


def _ruled_rows(one: LayerSummary) -> str:
    """The channel gate, or the channels that components open: ``low 8 hold, high 8 as input_add``."""
    channels: dict[tuple[str, str], int] = {}
    for part in one.parts:
        if part.component:
            shown = f"as {one.bypass}" if part.on_skip == "bypass" else part.on_skip
            channels[part.component, shown] = channels.get((part.component, shown), 0) + part.channels
    return one.rows or ", ".join(f"{name} {count} {shown}" for (name, shown), count in channels.items())


def print_quantization(errors: QuantizationErrors, audit: FlipAudit | None = None) -> None:
    """Range, scale and error of every tensor; decisions that differ."""
    rows = table(
        ("tensor", "least", "greatest", "scale", "zero", "bits", "SQNR dB", "saturated"),
        right=range(1, 8),
        title=f"Quantization against float over {counted(errors.frames, 'frame')}",
    )
    for one in errors.tensors:
        rows.add_row(
            one.tensor,
            f"{one.minimum:.4g}",
            f"{one.maximum:.4g}",
            f"{one.scale:.4g}",
            str(one.zero_point),
            str(one.bits),
            f"{one.sqnr_db:.1f}",
            f"{100 * one.saturated:.3f} %",
        )
    screen = console()
    screen.print(rows)
    if errors.states:
        rows = table(("state, int16", "elements", "greatest", "of", "SQNR dB", "saturated"), right=range(1, 6))
        for state in errors.states:
            limits = (f"{state.max_abs:.4f}", f"{state.limit:g}", f"{state.sqnr_db:.1f}")
            rows.add_row(state.state, str(state.elements), *limits, counted(state.saturated_values, "value"))
        screen.print(rows)
    if errors.drift is not None:
        screen.print(errors.drift.describe(), markup=False)
    if audit is not None:
        print_flips(audit)


def print_flips(audit: FlipAudit) -> None:
    """Decisions of every gate, int8 against float."""
    columns = ("gate", "decisions", "differ", "opened", "closed", "MACs", "margin", "others'", "logit error", "bias")
    rows = table(columns, right=range(1, 10), title="Decisions, int8 against float")
    for name, one in audit.gates.items():
        margins = ["-" if margins is None else f"{margins.p50:.2g}" for margins in (one.flipped, one.kept)]
        errors = ["-" if value is None else f"{value:.2g}" for value in (one.logit_error, one.logit_bias)]
        counts = (size(one.decisions), f"{100 * one.share:.2f} %", size(one.opened), size(one.closed))
        rows.add_row(escape(name), *counts, f"{one.macs:+.0f}", *margins, *errors)
    screen = console()
    screen.print(rows)
    screen.print(audit.describe(), markup=False)


def print_plan(plan: Plan) -> None:
    """Exact memory of the model and its multiply-accumulates."""
    rows = table(("model", "bytes", "where"), right=(1,))
    rows.add_row("weights", size(plan.weight_bytes), "flash, constants of model_weights.c")
    rows.add_row("state", size(plan.state_bytes), "RAM, kept between frames")
    rows.add_row("arena", size(plan.arena_bytes), "RAM, activations that share memory")
    rest = plan.model_bytes - plan.state_bytes - plan.arena_bytes
    rows.add_row("gates", size(rest), "RAM, open channels and bits, alignment")
    rows.add_section()
    rows.add_row("model_t", size(plan.model_bytes), "RAM, all of one instance")
    screen = console()
    screen.print(rows)
    opened, closed = plan.macs_all_open, plan.macs_all_closed
    line = f"{size(opened)} MACs a frame"
    if plan.gates.offsets:
        saved = f"{100 * (1 - closed / opened):.1f} %"
        line += f" with all gates open, {size(closed)} with all closed: gates can save up to {saved}"
    screen.print(line)


def board_values(board: Board) -> dict[str, Any]:
    """A board as plain values for JSON."""
    names = (
        *("name", "title", "vendor", "mcu", "core", "checked", "clock_hz", "flash_bytes", "ram_bytes", "counter"),
        "emulator",
    )
    return {**{name: getattr(board, name) for name in names}, "flash_tools": list(board.flash)}


def image_values(image: Image) -> dict[str, Any]:
    """A firmware image as plain values for JSON."""
    sizes = {one.name: getattr(image, one.name) for one in fields(image) if one.name.endswith("_bytes")}
    return {
        "elf": str(image.elf),
        "board": image.board,
        "name": image.name,
        "provenance": asdict(image.provenance),
        **sizes,
        "sections": dict(image.sections),
    }


def print_image(image: Image, board: Board) -> None:
    """Memory that a firmware image takes."""
    flash = image.flash_weights_bytes + image.flash_code_bytes
    rows = table(("firmware", "bytes", "of", "what"), right=(1, 2))
    rows.add_row("weights", size(image.flash_weights_bytes), "", "constants of model_weights.c")
    rows.add_row("code", size(image.flash_code_bytes), "", "all other code and constants")
    rows.add_row("flash", size(flash), size(board.flash_bytes) if board.flash_bytes else "", "", end_section=True)
    rows.add_row("model_t", size(image.model_bytes), "", "the network's state and arena")
    rows.add_row("model_audio_t", size(image.audio_bytes), "", "state of the audio front and back end")
    rows.add_row("stack", size(image.stack_bytes), "", "reserved, guard included")
    rows.add_row("RAM", size(image.ram_total_bytes), size(board.ram_bytes) if board.ram_bytes else "", "")
    screen = console()
    screen.print(rows)
    screen.print(str(image.elf), markup=False, soft_wrap=True)


def print_manifest(manifest: Mapping[str, Any]) -> None:
    """A compiled project."""
    made, memory, macs = manifest["provenance"], manifest["memory"], manifest["macs"]
    screen = console()
    screen.print(f"[bold]{manifest['name']}[/]  compiled by slimse {made['tool_version']}")
    screen.print(f"model sha256       {made['model_hash']}", soft_wrap=True)
    screen.print(f"calibration sha256 {made['calibration_hash']}, {manifest['method']}", soft_wrap=True)
    rows = table(("layer", "operation", "rows", "columns", "weights", "MACs"), right=(4, 5))
    for one in manifest["layers"]:
        activation = "" if one["activation"] == "linear" else f", {one['activation']}"
        parts = [part for part in one["parts"] if part["component"] is not None]
        ruled = ", ".join(f"{part['component']} {part['channels']} {part['on_skip']}" for part in parts)
        gates = (one["row_gate"] or ruled, one["column_gate"] or "")
        numbers = (one["weight_bytes"], one["macs"])
        rows.add_row(one["name"], escape(one["title"] + activation), *gates, *(size(n) if n else "" for n in numbers))
    screen.print(rows)
    screen.print(
        f"weights {size(memory['weight_bytes'])} bytes, model_t {size(memory['model_bytes'])} bytes "
        f"(state {size(memory['state_bytes'])}, arena {size(memory['arena_bytes'])})"
    )
    line = f"{size(macs['all_open'])} MACs a frame"
    if manifest["gates"]:
        channels = sum(one["channels"] for one in manifest["gates"] if not one["components"])
        components = sum(len(one["components"]) for one in manifest["gates"])
        decided = ((channels, "gated channel"), (components, "component"))
        line += f" with all gates open, {size(macs['all_closed'])} with all closed; "
        line += ", ".join(counted(count, noun) for count, noun in decided if count)
    screen.print(line)


def print_report(report: Report, page: Path) -> None:
    """What a measurement found: quality, work, gates, memory, exactness, and where the report is."""
    from slimse_mcu.report import metric_table

    screen = console()
    metrics = metric_table(report)
    if metrics:
        rows = table(("quality", "noisy", "float model", "board"), right=(1, 2, 3))
        for metric, values in metrics:
            label, digits = _METRICS[metric]
            rows.add_row(label, *(_number(values[signal], digits) for signal in ("noisy", "float", "device")))
        screen.print(rows)
    rows = table(("work per frame", "all open", "mean", "p95", "max", "saved"), right=range(1, 6))
    rows.add_row("MACs", *_spread(report.macs))
    if report.count is not None:
        rows.add_row(f"{report.counter}, network", *_spread(report.count))
    if report.count_total is not None:
        total = report.count_total
        rows.add_row(f"{report.counter}, with STFT", "", size(round(total["mean"])), "", size(round(total["max"])), "")
    screen.print(rows)
    components = {name: use for name, use in report.gates.items() if use.is_component}
    if components:
        rows = table(("component", "open", "MACs that it opens"), right=(1, 2))
        for name, use in components.items():
            rows.add_row(escape(name), f"{100 * use.open_ratio:.1f} %", "-" if use.macs is None else size(use.macs))
        screen.print(rows)
    for line in _findings(report):
        screen.print(line, markup=False, soft_wrap=True)
    screen.print(f"report: {page}", markup=False, soft_wrap=True)


def _spread(spread: Spread) -> tuple[str, ...]:
    opened = "-" if spread.all_open is None else size(round(spread.all_open))
    saved = "-" if spread.saved_ratio is None else f"{100 * spread.saved_ratio:.1f} %"
    return (opened, size(round(spread.mean)), size(spread.p95), size(spread.max), saved)


def _findings(report: Report) -> Iterator[str]:
    """What fits no table, one line each."""
    gates = [use for use in report.gates.values() if not use.is_component]
    if gates:
        bits = sum(one.channels for one in gates)
        opened = sum(one.open_ratio * one.channels for one in gates) / bits
        yield f"gates: {100 * opened:.1f} % of {bits} channels open"
    if report.eta is not None:
        yield f"eta: {report.eta:.3f} = saved share of {report.counter} / saved share of MACs"
    if report.per_mac is not None:
        yield f"{report.counter} per MAC: {report.per_mac:.2f}"
    if report.quantization is not None:
        errors = report.quantization
        beyond = sum(one.saturated_values for one in errors.states)
        yield f"int8 against float: SQNR {errors.output_sqnr_db:.1f} dB at {errors.output}, " + (
            f"least {min(one.sqnr_db for one in errors.tensors):.1f} dB; {counted(beyond, 'state value')} saturated"
        )
        if errors.drift is not None:
            yield errors.drift.describe()
    if report.flips is not None:
        yield f"decisions: {report.flips.describe()}"
    if report.unseen:
        yield f"warning: {report.unseen}"
    memory = report.memory
    flash = f"flash {_bytes(memory.flash_weights)} weights + {_bytes(memory.flash_code)} code"
    ram = f"RAM {_bytes(memory.ram_state)} state + {_bytes(memory.ram_arena)} arena and gates"
    ram += f", {_bytes(memory.ram_total)} in all"
    yield f"memory, bytes: {flash}; {ram}; stack {_bytes(memory.stack_peak)}"
    yield from _deadline_lines(report)
    if report.link.real_time is not None:
        yield (
            f"link: {report.link.sent_bytes:.0f} bytes per frame out, {report.link.received_bytes:.0f} in;"
            f" {size(report.link.baud or 0)} baud carry {report.link.real_time:.1f} x real time"
        )
    if str(report.link.errors):
        yield f"link: mended {report.link.errors}"
    exact = report.bit_exact
    if exact.first_divergence is None:
        again = report.provenance.get("all_open_frames", 0)
        forced = f" ({again} of them with all gates forced open)" if report.gates and again else ""
        yield f"bit-exact: all {counted(exact.frames_compared, 'frame')} equal the NumPy specification{forced}"
    else:
        details = ", ".join(f"{key} {value}" for key, value in exact.first_divergence.items())
        yield f"NOT bit-exact, first divergence: {details}"


def _deadline_lines(report: Report) -> Iterator[str]:
    """How frames keep their deadline, and the longest one."""
    deadline = report.deadline
    if report.limit is not None:
        yield f"limit: at most {counted(report.limit, 'open channel')} of each gate"
    if deadline.load_mean is not None:
        quantiles = (("p50", deadline.load_p50), ("p95", deadline.load_p95), ("p99", deadline.load_p99))
        known = "".join(f", {name} {100 * value:.1f} %" for name, value in quantiles if value is not None)
        greatest = "" if deadline.load_max is None else f", max {100 * deadline.load_max:.1f} %"
        missed = counted(deadline.misses or 0, "deadline")
        yield f"load: {100 * deadline.load_mean:.1f} % of the hop{known}{greatest}; {missed} missed"
    frame, case = deadline.worst_frame, deadline.worst_case
    if frame is not None and case is not None:
        what = f"{size(frame.macs)} of {size(case.macs)} MACs"
        if frame.count is not None and case.count is not None:
            what += f", {size(frame.count)} of {size(case.count)} {report.counter}"
        beyond = f"; {counted(case.exceeded, 'frame')} beyond" if case.exceeded else ""
        yield f"longest frame: {frame.frame} of {frame.file}: {what} in the worst case{beyond}"


def print_soak(found: Soak) -> None:
    """What a long run came to."""
    for line in _soak_lines(found):
        console().print(line, markup=False, soft_wrap=True)


def _soak_lines(found: Soak) -> Iterator[str]:
    hours = "" if found.audio_s is None else f", {found.audio_s / 3600:.2f} h of audio"
    speed = "" if not found.audio_s or not found.wall_s else f", {found.audio_s / found.wall_s:.1f} x real time"
    where = f"{found.model} on the board {found.board}"
    yield f"{where}: {counted(found.frames, 'frame')}{hours} in {found.wall_s:.0f} s{speed}"
    if found.difference is None:
        yield f"equal: {size(found.compared)} to C on this computer, {size(found.specified)} to the NumPy specification"
    else:
        one = found.difference
        yield f"DIFFERENT, first in frame {one.frame}: {one.what}, against {one.reference}"
    missed = "unknown, the board has restarted" if found.missed is None else size(found.missed)
    yield f"frames missed or computed twice: {missed}; link: {found.mended or 'nothing to mend'}"
    if found.memory_before is not None and found.memory_after is not None:
        grown = "LEAKS" if found.leaks else "does not leak"
        yield f"memory of the board's process: {size(found.memory_before)} to {size(found.memory_after)} bytes, {grown}"
    if found.stack_peak is not None:
        yield f"deepest stack: {size(found.stack_peak)} bytes"


_DIFFERENCES_SHOWN = 20


def print_comparison(found: Comparison, settings: FrontEnd | None) -> None:
    """Where a board first parts from the specification, or that it does not; ``settings`` give a frame its time."""
    screen = console()
    forced = "" if found.gates == "model" else f", gates forced {found.gates}"
    if found.divergence is None:
        what = f"{counted(found.frames, 'frame')} of {counted(found.recordings, 'recording')}"
        screen.print(f"equal: output, gates, MACs and states of {what} on the board {found.board}{forced}")
        return
    frame, differences = found.divergence.frame, found.divergence.differences
    time = "" if settings is None else f" ({frame * settings.hop / settings.sample_rate_hz:.3f} s)"
    where = f"frame {frame}{time} of {found.divergence.recording} on the board {found.board}{forced}"
    screen.print(f"DIFFERENT, first in {where}", markup=False, soft_wrap=True)
    if not differences:
        screen.print(
            "The board was right when it got the same frames again: look for memory that is read before it is written."
        )
        return
    first = differences[0]
    screen.print(f"layer {first.layer}: {first.operation}, by {', '.join(first.kernels)}", markup=False, soft_wrap=True)
    rows = table(("", "layer", "element", "gate", "board", "reference", "differ"), right=(4, 5, 6))
    for one in differences[:_DIFFERENCES_SHOWN]:
        rows.add_row(
            one.kind,
            one.layer,
            escape(_element(one)),
            escape(_gate_bit(one)),
            str(one.device),
            str(one.reference),
            f"{size(one.different)} of {size(one.elements)}",
        )
    screen.print(rows)
    if len(differences) > _DIFFERENCES_SHOWN:
        screen.print(f"and {size(len(differences) - _DIFFERENCES_SHOWN)} more behind them")


def _element(one: Difference) -> str:
    """``name[7]``, ``name[2, 5] position 2, channel 5``."""
    if not one.name:
        return ""
    axes = ", ".join(f"{axis} {index}" for axis, index in one.axes.items())
    return f"{one.name}[{one.index}]" + (f" {axes}" if axes else "")


def _gate_bit(one: Difference) -> str:
    bit = one.gate
    if bit is None:
        return ""
    return f"{bit.gate} {bit.component or bit.bit} {'open' if bit.is_open else 'closed'}"


def _bytes(count: int | None) -> str:
    return "-" if count is None else size(count)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
