"""SEGGER's J-Link Commander."""

from __future__ import annotations

import tempfile
from pathlib import Path

from slimse_mcu.flash.formats import segments, to_hex
from slimse_mcu.flash.probes import probe_serial
from slimse_mcu.flash.tool import Job, Settings, Tool, find_program, run_program

_PROGRAMS = ("JLinkExe", "JLink.exe")
_PLACES = (Path("/opt/SEGGER/JLink"), Path("/Applications/SEGGER/JLink"), Path("C:/Program Files/SEGGER/JLink"))
_CAUSES = {
    "failed to connect to emulator": ("J-Link Commander finds no J-Link.", "Plug it in, or name it with --probe."),
    "connecting to j-link via usb...failed": (
        "J-Link Commander finds no J-Link.",
        "Plug it in, or name it with --probe.",
    ),
    "cannot connect to target": ("The J-Link finds no microcontroller.", "Check the board's power and the cable."),
    "unknown device": (
        "J-Link Commander does not know the part.",
        "Install a later J-Link software, or correct [flash.jlink] in board.toml.",
    ),
}


class JlinkSettings(Settings):
    """The table ``[flash.jlink]``.

    Attributes:
        device: SEGGER's name of the part.
        speed_khz: Of the debug port.
    """

    device: str
    speed_khz: int = 4000


class _Jlink(Tool):
    name = "jlink"
    title = "J-Link Commander"
    settings = JlinkSettings

    def lacks(self) -> str:
        if find_program(_PROGRAMS, _PLACES):
            return ""
        return "Install the J-Link software from segger.com/downloads/jlink."

    def load(self, job: Job, settings: JlinkSettings) -> None:
        probe = probe_serial(job.board, job.probe)
        job.progress("flash", 0, 1)
        with tempfile.TemporaryDirectory(prefix="slimse-") as folder:
            image = Path(folder) / "firmware.hex"
            image.write_bytes(to_hex(segments(job.elf)))
            script = Path(folder) / "load.jlink"
            script.write_text(jlink_script(image), encoding="utf-8")
            command = [find_program(_PROGRAMS, _PLACES) or _PROGRAMS[0]]
            command += ["-NoGui", "1", "-ExitOnError", "1", "-AutoConnect", "1", "-If", "SWD"]
            command += ["-Device", settings.device, "-Speed", str(settings.speed_khz)]
            # On the bus the number has leading zeros, in the program it is a number.
            command += ["-USB", probe.lstrip("0")] if probe else []
            run_program([*command, "-CommandFile", str(script)], title=self.title, causes=_CAUSES)
        job.progress("flash", 1, 1)


TOOL = _Jlink()


def jlink_script(image: Path) -> str:
    """Commands that load a file, which compares what it wrote, and let it run."""
    return "\n".join(["connect", "RSetType 2", "r", f'loadfile "{image}"', "r", "g", "exit", ""])
