"""ST's STM32CubeProgrammer, its command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from slimse_mcu.flash.formats import segments
from slimse_mcu.flash.probes import probe_serial
from slimse_mcu.flash.tool import Job, Settings, Tool, find_program, run_program

_PROGRAMS = ("STM32_Programmer_CLI", "STM32_Programmer_CLI.exe", "STM32_Programmer.sh")
_HOME = Path("STMicroelectronics/STM32Cube/STM32CubeProgrammer/bin")
_PLACES = (
    Path("/usr/local") / _HOME,
    Path.home() / _HOME,
    Path("C:/Program Files") / _HOME,
    Path("/Applications/STMicroelectronics/STM32Cube/STM32CubeProgrammer")
    / "STM32CubeProgrammer.app/Contents/MacOs/bin",
)
_CAUSES = {
    "error: no debug probe detected": ("STM32CubeProgrammer finds no ST-LINK.", "Plug the board in."),
    "error: no stm32 target found": (
        "The ST-LINK finds no microcontroller.",
        "Check the board's power and its jumpers.",
    ),
    "error: st-link not detected": ("STM32CubeProgrammer finds no such ST-LINK.", "Correct --probe."),
}


class CubeSettings(Settings):
    """The table ``[flash.stm32cubeprogrammer]``.

    Attributes:
        ram: The part has no flash: the image is put into RAM, and run there.
    """

    ram: bool = False


class _Cube(Tool):
    name = "stm32cubeprogrammer"
    title = "STM32CubeProgrammer"
    settings = CubeSettings

    def lacks(self) -> str:
        if find_program(_PROGRAMS, _PLACES):
            return ""
        return "Install STM32CubeProgrammer from st.com, and put its folder bin on the PATH."

    def load(self, job: Job, settings: CubeSettings) -> None:
        job = replace(job, probe=probe_serial(job.board, job.probe))
        job.progress("flash", 0, 1)
        run_program(cube_command(job, settings), title=self.title, causes=_CAUSES)
        job.progress("flash", 1, 1)


TOOL = _Cube()


def cube_command(job: Job, settings: CubeSettings) -> list[str]:
    """Program and arguments that load a job, verify it and let it run."""
    connect = ["-c", "port=SWD", "mode=HOTPLUG" if settings.ram else "mode=UR"]
    connect += [f"sn={job.probe}"] if job.probe else []
    program = find_program(_PROGRAMS, _PLACES) or _PROGRAMS[0]
    start = segments(job.elf)[0].address
    end = ["-g", f"{start:#010x}"] if settings.ram else ["-rst"]
    return [program, *connect, "-w", str(job.elf.resolve()), "-v", *end]
