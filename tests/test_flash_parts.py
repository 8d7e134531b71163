"""Real flash tools load real firmware into a modelled part, over its debug port, and the part then answers.

The part is an STM32F103 of 256 KiB, which pyOCD brings a flash algorithm for; OpenOCD has its own.  Both run on the
modelled core and write through the modelled flash controller, which refuses what the part's manual forbids.
"""

from __future__ import annotations

import shutil
from dataclasses import replace

import probe
import pytest
from conftest import needs_arm

from slimse_mcu.board import board
from slimse_mcu.build import build
from slimse_mcu.errors import FlashError
from slimse_mcu.flash.formats import segments
from slimse_mcu.flash.load import load

pytest.importorskip("unicorn")
from silicon.chip import SerialWire
from silicon.debug import DebugPort, JtagWire, pyocd_probe
from silicon.stm32 import Stm32F103RC

SERIAL = "bench-0001"
pytestmark = needs_arm
needs_openocd = pytest.mark.skipif(shutil.which("openocd") is None, reason="openocd is missing")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return build(probe.project(), board("nucleo-f103rb"), tmp_path_factory.mktemp("image"))


@pytest.fixture
def part():
    return Stm32F103RC(None, "cortex-m3")


@pytest.fixture
def pyocd_board(monkeypatch):
    """``pyocd_board(port)`` plugs a probe in that is wired to a port and gives the board it belongs to."""
    aggregator = pytest.importorskip("pyocd.probe.aggregator")

    def plug_in(port):
        monkeypatch.setitem(aggregator.PROBE_CLASSES, "bench", pyocd_probe(port, SERIAL))
        return replace(board("nucleo-f103rb"), flash={"pyocd": {"target": "stm32f103rc"}})

    return plug_in


@pytest.fixture
def openocd_board(tmp_path):
    """``openocd_board(wire)`` gives a board whose probe is wired to a port."""

    def plug_in(wire):
        script = tmp_path / "bench.cfg"
        script.write_text(wire.script)
        scripts = [str(script), "target/stm32f1x.cfg"]
        return replace(board("nucleo-f103rb"), flash={"openocd": {"scripts": scripts}})

    return plug_in


def check_memory(part, image):
    for one in segments(image.elf):
        assert part.bytes(one.address, len(one.data)) == one.data


def test_pyocd_loads_a_part_which_then_says_what_it_runs(image, part, pyocd_board):
    steps = []
    with SerialWire(part) as wire:
        target = pyocd_board(DebugPort(part))
        done = load(
            target, image, probe=SERIAL, port=wire.url, progress=lambda name, done, total: steps.append((name, total))
        )

    check_memory(part, image)
    assert (done.tool, done.verified) == ("pyocd", True)
    assert done.info.model_hash == probe.PROVENANCE.model_hash
    assert {"flash", "verify"} == {name for name, _ in steps}
    assert part.written_half_words >= sum(len(one.data) for one in segments(image.elf)) / 2


def test_pyocd_finds_a_byte_that_is_not_what_was_written(image, part, pyocd_board):
    port = DebugPort(part)
    at = segments(image.elf)[0].address + 0x123
    port.worn[at] = segments(image.elf)[0].data[0x123] ^ 4
    with pytest.raises(FlashError, match=f"another byte than was written at {at:#010x}") as caught:
        load(pyocd_board(port), image, probe=SERIAL, ask=False)
    assert "worn or protected" in caught.value.hint


def test_pyocd_reaches_a_silent_part_under_reset(image, part, pyocd_board):
    port = DebugPort(part, silent=True)
    assert load(pyocd_board(port), image, probe=SERIAL, ask=False).verified
    assert port.pulled_low
    check_memory(part, image)


def test_pyocd_gives_a_dead_part_up(image, part, pyocd_board):
    with pytest.raises(FlashError, match="pyOCD could not load nucleo-f103rb: Target not detected") as caught:
        load(pyocd_board(DebugPort(part, dead=True)), image, probe=SERIAL, ask=False)
    assert "power" in caught.value.hint


@needs_openocd
def test_openocd_loads_a_part_which_then_says_what_it_runs(image, part, openocd_board):
    with SerialWire(part) as wire, JtagWire(DebugPort(part)) as jtag:
        done = load(openocd_board(jtag), image, port=wire.url)

    check_memory(part, image)
    assert (done.tool, done.verified) == ("openocd", True)
    assert done.info.model_hash == probe.PROVENANCE.model_hash


@needs_openocd
def test_openocd_reaches_a_silent_part_under_reset(image, part, openocd_board):
    port = DebugPort(part, silent=True)
    with JtagWire(port) as jtag:
        load(openocd_board(jtag), image, ask=False)
    assert port.pulled_low
    check_memory(part, image)


@needs_openocd
def test_openocd_gives_a_dead_part_up(image, part, openocd_board):
    with (
        JtagWire(DebugPort(part, dead=True)) as jtag,
        pytest.raises(FlashError, match="does not answer OpenOCD's debug probe") as caught,
    ):
        load(openocd_board(jtag), image, ask=False)
    assert "power" in caught.value.hint
