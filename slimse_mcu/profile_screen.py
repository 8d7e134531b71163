"""A profile as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from slimse_mcu.screen import console, counted, size, table

if TYPE_CHECKING:
    from slimse_mcu.profile import PartProfile, Profile

_PIPE_WIDTH = 150


def print_profile(profile: Profile) -> None:
    """Layers, functions and memory."""
    screen = console()
    if not screen.is_terminal:
        screen.width = _PIPE_WIDTH
    frames = counted(profile.frames, "frame") + ("" if profile.hop_ms is None else f" of {profile.hop_ms:g} ms")
    where = f"{profile.board} ({profile.core})"
    screen.print(f"[bold]{profile.model}[/] on {where}: means of {frames}, gates: {profile.gates}", soft_wrap=True)
    screen.print(_layers(profile))
    screen.print(_functions(profile))
    screen.print(_memory(profile))
    if profile.basis:
        screen.print(f"Cycles are modelled, not measured. {profile.basis} {profile.limits}", markup=False)
    else:
        screen.print(f"There is no model of the cycles of the {profile.core}.", markup=False)


def _layers(profile: Profile) -> Table:
    columns = ("layer", "operation", "MACs", "instructions", "per MAC", "share", "cycles", "flash", "state", "output")
    rows = table(columns, right=range(2, 10), title="Layers, per frame; bytes")
    for one in profile.layers:
        rows.add_row(
            one.name,
            escape(one.title),
            size(round(one.macs)) if one.macs_all_open else "",
            size(round(one.instructions)),
            "" if one.per_mac is None else f"{one.per_mac:.2f}",
            f"{one.share:.1%}",
            _cycles(profile, one.cycles),
            *(size(count) if count else "" for count in (one.weight_bytes, one.state_bytes, one.output_bytes)),
        )
    rows.add_section()
    _part(rows, profile, "(between layers)", profile.overhead)
    per_mac = f"{profile.network.instructions / profile.macs:.2f}" if profile.macs else ""
    _part(rows, profile, "[bold]network[/]", profile.network, size(round(profile.macs)), per_mac)
    for name, part in profile.audio.items():
        _part(rows, profile, name, part)
    if profile.audio:
        _part(rows, profile, "[bold]frame[/]", profile.total)
    return rows


def _part(rows: Table, profile: Profile, name: str, part: PartProfile, macs: str = "", per_mac: str = "") -> None:
    share = part.instructions / max(1.0, profile.network.instructions)
    cycles = _cycles(profile, part.cycles)
    rows.add_row(name, "", macs, size(round(part.instructions)), per_mac, f"{share:.1%}", cycles, "", "", "")


def _functions(profile: Profile) -> Table:
    columns = ("function", "calls", "instructions", "share", "cycles", "code")
    rows = table(columns, right=range(1, 6), title="Functions, per frame; own code alone")
    for one in profile.functions:
        rows.add_row(
            one.name,
            f"{one.calls:g}",
            size(round(one.instructions)),
            f"{one.instructions / max(1.0, profile.total.instructions):.1%}",
            _cycles(profile, one.cycles),
            size(one.code_bytes),
        )
    return rows


def _memory(profile: Profile) -> Table:
    memory = profile.memory
    rows = table(("memory", "bytes", "what"), right=(1,))
    flash = memory.flash_weights + memory.flash_code
    rows.add_row("flash", size(flash), f"{size(memory.flash_weights)} weights, {size(memory.flash_code)} code")
    rows.add_row("parameters", size(memory.parameters), "of the trained model: weights a byte each, biases four")
    rows.add_row("RAM", size(memory.ram_total), "all of the image, the reserved stack included")
    rows.add_row("model_t", size(memory.ram_model), "the network's state and arena")
    rows.add_row("model_audio_t", size(memory.ram_audio), "state of the audio front and back end")
    rows.add_row("stack", size(memory.stack_peak), "deepest seen")
    if profile.clock_mhz is not None:
        rows.add_row("clock", f"{profile.clock_mhz:.1f}", "MHz that the modelled cycles of the whole frame need")
    return rows


def _cycles(profile: Profile, cycles: float) -> str:
    return size(round(cycles)) if profile.basis else "-"
