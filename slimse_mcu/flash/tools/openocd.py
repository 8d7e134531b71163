"""OpenOCD (openocd.org)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from slimse_mcu.errors import FlashError
from slimse_mcu.flash.probes import probe_serial
from slimse_mcu.flash.tool import Job, Settings, Tool, find_program, run_program

_CAUSES = {
    "error: no device found": ("OpenOCD finds no debug probe.", "Plug the board in, or name the probe with --probe."),
    "error: unable to find a matching cmsis-dap device": (
        "OpenOCD finds no CMSIS-DAP probe.",
        "Plug the board in, or name the probe with --probe.",
    ),
    "error: no j-link device found": (
        "OpenOCD finds no J-Link.",
        "Plug the board in, or name the probe with --probe.",
    ),
    "error: open failed": ("OpenOCD finds no debug probe.", "Plug the board in, or name the probe with --probe."),
    "error: jtag scan chain interrogation failed": (
        "The part does not answer OpenOCD's debug probe.",
        "Check the board's power and the cable, unplug the board and plug it in again.",
    ),
    "error: init mode failed (unable to connect to the target)": (
        "The part does not answer OpenOCD's debug probe.",
        "Check the board's power and the cable, unplug the board and plug it in again.",
    ),
    "error: checksum mismatch": (
        "The board holds something else than was written.",
        "Load it again; if it happens again, the flash is worn or protected.",
    ),
    "libusb_error_access": (
        "OpenOCD may not use the debug probe.",
        "Install OpenOCD's udev rules (60-openocd.rules), plug the board in again.",
    ),
    "can't find": (
        "OpenOCD lacks a script that the board names.",
        "Install OpenOCD 0.12 or later, or correct [flash.openocd] in board.toml.",
    ),
}


class OpenocdSettings(Settings):
    """The table ``[flash.openocd]``.

    Attributes:
        scripts: Configuration files in order, as after ``-f``: of a board, or of a probe and a target.
        transport: ``"swd"`` or ``"jtag"`` where the probe's script leaves it open.
        speed_khz: Of the debug port; 0 leaves it to the scripts.
    """

    scripts: Annotated[tuple[str, ...], Field(min_length=1)]
    transport: Annotated[str, Field(pattern="^(swd|jtag|)$")] = ""
    speed_khz: Annotated[int, Field(ge=0, le=100_000)] = 0


class _Openocd(Tool):
    name = "openocd"
    title = "OpenOCD"
    settings = OpenocdSettings

    def lacks(self) -> str:
        return "" if find_program(["openocd"]) else "Install OpenOCD 0.12 or later (Debian: apt install openocd)."

    def load(self, job: Job, settings: OpenocdSettings) -> None:
        job = replace(job, probe=probe_serial(job.board, job.probe))
        job.progress("flash", 0, 1)
        try:
            self._run(job, settings, under_reset=False)
        except FlashError as first:
            # A crashed or sleeping firmware may not answer; where there is no probe, a second try fails alike.
            try:
                self._run(job, settings, under_reset=True)
            except FlashError:
                raise first from None
        job.progress("flash", 1, 1)

    def _run(self, job: Job, settings: OpenocdSettings, *, under_reset: bool) -> None:
        run_program(openocd_command(job, settings, under_reset=under_reset), title=self.title, causes=_CAUSES)


TOOL = _Openocd()


def openocd_command(job: Job, settings: OpenocdSettings, *, under_reset: bool) -> list[str]:
    """Program and arguments that load a job, verify it and let it run."""
    command = [find_program(["openocd"]) or "openocd"]
    for number, script in enumerate(settings.scripts):
        command += ["-f", script]
        if number == 0 and settings.transport:
            command += ["-c", f"transport select {settings.transport}"]
    # No servers: another OpenOCD may run, for another board.
    command += ["-c", "gdb_port disabled; tcl_port disabled; telnet_port disabled"]
    if settings.speed_khz:
        command += ["-c", f"adapter speed {settings.speed_khz}"]
    if job.probe is not None:
        command += ["-c", f"adapter serial {{{job.probe}}}"]
    if under_reset:
        command += ["-c", "reset_config srst_only srst_nogate connect_assert_srst"]
    return [*command, "-c", f"program {_quoted(job.elf)} verify reset exit"]


def _quoted(path: Path) -> str:
    """A path for Tcl, which reads backslashes and spaces in its own way."""
    return "{" + path.resolve().as_posix() + "}"
