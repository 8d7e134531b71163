"""dfu-util: boot loaders that speak USB Device Firmware Upgrade, such as the one in the ROM of STM32."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import Field

from slimse_mcu.errors import FlashError
from slimse_mcu.flash.formats import segments, to_bin
from slimse_mcu.flash.tool import Job, Settings, Tool, find_program, run_program

_CAUSES = {
    "no dfu capable usb device available": (
        "dfu-util finds no board in boot mode.",
        "Set the board's boot pin or jumper, reset it, and plug its USB connector (not that of the probe) in.",
    ),
    "more than one dfu capable usb device": ("There are several boards in boot mode.", "Choose one with --probe."),
    "libusb_error_access": (
        "dfu-util may not use the board.",
        "On Linux a udev rule must let you use it, or run it as root.",
    ),
}


class DfuSettings(Settings):
    """The table ``[flash.dfu]``.

    Attributes:
        id: USB vendor and product number of the boot loader.
        address: Where the flash begins.
        alternate: Which memory of the boot loader is meant.
    """

    id: Annotated[str, Field(pattern="^[0-9a-f]{4}:[0-9a-f]{4}$")]
    address: Annotated[int, Field(ge=0, lt=2**32)]
    alternate: Annotated[int, Field(ge=0, le=255)] = 0


class _Dfu(Tool):
    name = "dfu"
    title = "dfu-util"
    settings = DfuSettings
    verifies = False

    def lacks(self) -> str:
        return "" if find_program(["dfu-util"]) else "Install dfu-util (Debian: apt install dfu-util)."

    def load(self, job: Job, settings: DfuSettings) -> None:
        image = segments(job.elf)
        if image[0].address != settings.address:
            raise FlashError(
                f"The image begins at {image[0].address:#010x}, the flash at {settings.address:#010x}.",
                hint="Correct [flash.dfu] in board.toml.",
            )
        job.progress("flash", 0, 1)
        with tempfile.TemporaryDirectory(prefix="slimse-") as folder:
            file = Path(folder) / "firmware.bin"
            file.write_bytes(to_bin(image))
            run_program(dfu_command(job, settings, file), title=self.title, causes=_CAUSES)
        job.progress("flash", 1, 1)


TOOL = _Dfu()


def dfu_command(job: Job, settings: DfuSettings, file: Path) -> list[str]:
    """Program and arguments that load a file and let it run."""
    command = [find_program(["dfu-util"]) or "dfu-util", "-d", f",{settings.id}", "-a", str(settings.alternate)]
    command += ["-S", f",{job.probe}"] if job.probe else []
    return [*command, "-s", f"{settings.address:#010x}:leave", "-D", str(file)]
