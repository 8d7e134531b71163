"""pyOCD as a library: CMSIS-DAP, ST-LINK, J-Link and Picoprobe probes (pyocd.io)."""

from __future__ import annotations

import importlib.util
from typing import Any

from slimse_mcu.errors import FlashError
from slimse_mcu.flash.formats import Segment, segments
from slimse_mcu.flash.probes import devices
from slimse_mcu.flash.tool import Job, Settings, Tool

_CONNECT_MODES = ("halt", "under-reset", "under-reset")
_READ_BYTES = 16384
_PERCENT = 100


class PyocdSettings(Settings):
    """The table ``[flash.pyocd]``.

    Attributes:
        target: pyOCD's name of the part; parts that it does not bring itself come as packs.
    """

    target: str


class _Pyocd(Tool):
    name = "pyocd"
    title = "pyOCD"
    settings = PyocdSettings

    def lacks(self) -> str:
        if importlib.util.find_spec("pyocd") is None:
            return "Install it with: pip install 'slimse-mcu[flash]'."
        return ""

    def load(self, job: Job, settings: PyocdSettings) -> None:
        from pyocd.core.exceptions import Error, TargetSupportError

        probe = _only_probe(job)
        image = segments(job.elf)
        failure: Exception | None = None
        for mode in _CONNECT_MODES:  # a crashed firmware may hold the part's debug port: then under reset
            try:
                _program(job, settings.target, probe, mode, image)
                return
            except TargetSupportError as error:
                raise FlashError(
                    f"pyOCD does not know the part {settings.target} of the board {job.board.name}.",
                    hint=f"Get its pack with: pyocd pack install {settings.target}.",
                ) from error
            except Error as error:
                failure = error
        raise FlashError(
            f"pyOCD could not load {job.board.name}: {str(failure).rstrip('.')}.",
            hint="Check the cable and the board's power, unplug and plug it in again.",
        ) from failure


TOOL = _Pyocd()


def _only_probe(job: Job) -> Any:
    from pyocd.core.exceptions import Error
    from pyocd.core.helpers import ConnectHelper

    try:
        found = ConnectHelper.get_all_connected_probes(blocking=False, unique_id=job.probe, print_wait_message=False)
    except (Error, OSError, ValueError) as error:
        raise FlashError(f"pyOCD cannot look for probes: {error}.", hint="See pyocd list.") from error
    if len(found) > 1:
        serials = {one.serial for one in devices() if one.id in job.board.usb.probe}
        ours = [one for one in found if one.unique_id in serials]
        found = ours if len(ours) == 1 else found
    if not found:
        which = f" with {job.probe} in its serial number" if job.probe else ""
        raise FlashError(
            f"There is no debug probe{which} for the board {job.board.name}.",
            hint="Plug it in; on Linux a udev rule must let you use it (pyocd.io says which).",
        )
    if len(found) > 1:
        names = ", ".join(f"{one.unique_id} ({one.description})" for one in found)
        raise FlashError(f"There are {len(found)} debug probes: {names}.", hint="Choose one with --probe.")
    return found[0]


def _program(job: Job, target: str, probe: Any, mode: str, image: tuple[Segment, ...]) -> None:
    from pyocd.core.session import Session
    from pyocd.flash.file_programmer import FileProgrammer

    options = {
        "target_override": target,
        "connect_mode": mode,
        "hide_programming_progress": True,
        "resume_on_disconnect": True,
    }
    with Session(probe, options=options) as session:
        session.target.reset_and_halt()

        def programmed(share: float) -> None:
            job.progress("flash", round(share * _PERCENT), _PERCENT)

        FileProgrammer(session, progress=programmed).program(str(job.elf), file_format="elf")
        session.target.reset_and_halt()
        _verify(job, session.target, image)
        session.target.reset()


def _verify(job: Job, target: Any, image: tuple[Segment, ...]) -> None:
    total = sum(len(part.data) for part in image)
    done = 0
    for part in image:
        for start in range(0, len(part.data), _READ_BYTES):
            expected = part.data[start : start + _READ_BYTES]
            found = bytes(target.read_memory_block8(part.address + start, len(expected)))
            if found != expected:
                at = next(i for i, (is_, should) in enumerate(zip(found, expected, strict=True)) if is_ != should)
                raise FlashError(
                    f"The board {job.board.name} holds another byte than was written at "
                    f"{part.address + start + at:#010x}.",
                    hint="Load it again; if it happens again, the flash is worn or protected.",
                )
            done += len(expected)
            job.progress("verify", done, total)
