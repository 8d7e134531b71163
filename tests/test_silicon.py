"""Boards whose parts no emulator models: the firmware's set-up against the manuals, and the firmware whole."""

from __future__ import annotations

import importlib.util
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import probe
import pytest
from conftest import needs_arm

from slimse_mcu.board import board, boards
from slimse_mcu.build import build
from slimse_mcu.harness.session import Session

pytest.importorskip("unicorn")
from silicon import others, primecell, stm32
from silicon.chip import SerialWire

FRAMES = 3
CHIPS = {
    "apollo3-evb": primecell.Apollo3,
    "efm32gg-stk3700": others.Efm32gg,
    "ek-tm4c123gxl": primecell.Tiva,
    "frdm-k64f": others.K64f,
    "lm3s6965evb": primecell.Stellaris,
    "microbit": others.Nrf,
    "microbit-v2": others.Microbit2,
    "netduino2": stm32.Stm32F205,
    "netduinoplus2": stm32.Stm32F405,
    "nrf52840-dk": others.Nrf52840Dk,
    "nucleo-f103rb": stm32.Stm32F1,
    "nucleo-f207zg": stm32.NucleoF207ZG,
    "nucleo-f411re": stm32.NucleoF411RE,
    "nucleo-f446re": stm32.NucleoF446RE,
    "nucleo-f767zi": stm32.NucleoF767ZI,
    "nucleo-g0b1re": stm32.Stm32G0B1,
    "nucleo-g474re": stm32.Stm32G474,
    "nucleo-h743zi": stm32.Stm32H743,
    "nucleo-l4r5zi": stm32.Stm32L4R5,
    "nucleo-u575zi-q": stm32.Stm32U575,
    "pico": primecell.Rp2040,
    "pico2": primecell.Rp2350,
    "stm32f4-discovery": stm32.Stm32F407Discovery,
    "stm32f746g-disco": stm32.Stm32F746Discovery,
    "stm32n6570-dk": stm32.Stm32N657,
    "stm32vldiscovery": stm32.Stm32F100Discovery,
}
# What Unicorn does not model runs the same C, compiled for the nearest core that it does.
NEAREST = {"cortex-m55": replace(board("nucleo-u575zi-q"), kernels=("kernels",))}


@needs_arm
@pytest.mark.parametrize("name", CHIPS)
def test_the_firmware_sets_up_the_part_as_its_manual_says_and_computes(name, tmp_path):
    target = board(name)
    if target.core in NEAREST:
        nearest = NEAREST[target.core]
        target = replace(target, core=nearest.core, flags=nearest.flags, kernels=nearest.kernels)
    image = build(probe.project(), target, tmp_path)
    chip = CHIPS[name](image.elf, target.core)
    chip.mark_pins = mark_pins(target)
    rng = np.random.default_rng(3)
    frames = [rng.integers(-128, 128, probe.SIZE).astype(np.int8) for _ in range(FRAMES)]
    on_port = replace(target, counter="cycles")
    with SerialWire(chip) as wire:
        with Session(on_port, image, port=wire.url) as session:
            session.configure("features")
            results = list(session.frames(frames))
            info = session.info
            status = session.status()
        # After bye a part restarts; what a restart would lose begins anew by itself.
        if "HAL_IMAGE_IN_RAM=1" in target.defines:
            with Session(on_port, image, port=wire.url) as session:
                assert session.info == info
    assert (("AIRCR", 0x05FA0004) in chip.log) == ("HAL_IMAGE_IN_RAM=1" not in target.defines)
    check_marks(target, chip)
    assert chip.core_hz() == target.clock_hz == info.clock_hz
    assert chip.baud() == pytest.approx(target.baud, rel=0.015)
    assert chip.pins_lead_out()
    assert (info.counter, info.window) == ("cycles", 1)
    assert chip.interrupts > 0
    assert status.lost_bytes == 0
    assert status.stack_peak_bytes < status.stack_bytes
    expected = probe.Probe()
    for frame, result in zip(frames, results, strict=True):
        output, gates, macs = expected.features(frame)
        np.testing.assert_array_equal(result.output, output)
        np.testing.assert_array_equal(result.gates, gates)
        assert result.macs == macs
        assert result.count > 0


def mark_pins(target):
    """Port and bit of a board's marks; families without letters number all their pins."""
    found = {}
    for define in target.defines:
        parts = re.fullmatch(r"HAL_PIN_(INFERENCE|BUSY)=(?:PIN_(\w)\()?(\d+)\)?", define)
        if parts:
            found[parts[2] or "", int(parts[3])] = parts[1].lower()
    return found


def check_marks(target, chip):
    """The pins of a board with marks: busy while awake, inference high within busy, once for each frame."""
    if not chip.mark_pins:
        return
    assert [mark for mark, high in chip.marks if high and mark == "inference"] == ["inference"] * FRAMES
    state = {"inference": False, "busy": False}
    for mark, high in chip.marks:
        assert state[mark] != high, f"{mark} is set to what it is"
        state[mark] = high
        assert state["busy"] or not state["inference"], "inference while the core sleeps"
    assert [mark for mark, _ in chip.marks].count("busy") > 2


# Of pyOCD's archive of System View Description files, which vendors write.
SVD = {
    "apollo3-evb": "apollo3.svd",
    "frdm-k64f": "MK64F12.svd",
    "microbit": "nrf51.svd",
    "microbit-v2": "nrf52833.svd",
    "netduinoplus2": "STM32F41x.svd",
    "nrf52840-dk": "nrf52840.svd",
    "nucleo-f103rb": "STM32F103xx.svd",
    "stm32f4-discovery": "STM32F41x.svd",
}


def vendor_registers(name):
    """Address -> names, of all registers in a vendor's description of a part."""
    archive = Path(importlib.util.find_spec("pyocd").origin).parent / "debug" / "svd" / "svd_data.zip"
    with zipfile.ZipFile(archive) as opened:
        root = ElementTree.fromstring(opened.read(name))
    peripherals = {one.findtext("name"): one for one in root.iter("peripheral")}
    found: dict[int, set[str]] = {}
    for one in peripherals.values():
        source = peripherals.get(one.get("derivedFrom"), one)
        collect(source.find("registers"), int(one.findtext("baseAddress"), 0), one.findtext("name"), found)
    return found


def collect(parent, base, prefix, found):
    """The registers and clusters of registers below an element."""
    for one in parent if parent is not None else ():
        if one.tag not in ("register", "cluster"):
            continue
        step = int(one.findtext("dimIncrement") or "4", 0)
        for index in range(int(one.findtext("dim") or "1", 0)):
            address = base + int(one.findtext("addressOffset"), 0) + index * step
            label = f"{prefix}_{one.findtext('name').replace('%s', str(index))}"
            if one.tag == "register":
                found.setdefault(address, set()).add(label)
            else:
                collect(one, address, label, found)


# What the vendor calls a register otherwise than its book, or the PrimeCell's.
ALIASES = {"UART_IMSC": "IER", "UART_RIS": "IES", "UART_ICR": "IEC"}


def plain(name):
    return re.sub(r"[^A-Z0-9]", "", name.upper())


@pytest.mark.parametrize("name", SVD)
def test_registers_are_where_the_vendor_says(name):
    """The models of this bench against descriptions that the vendors wrote."""
    pytest.importorskip("pyocd")
    vendor = vendor_registers(SVD[name])
    part = CHIPS[name].__new__(CHIPS[name])
    for address, register in part.registers.items():
        if register != "FICR_RESERVED":
            ours = plain(ALIASES.get(register, register.partition("_")[2]))
            theirs = vendor.get(address, ())
            assert any(plain(one).endswith(ours) for one in theirs), f"{register} at {address:#x}: {theirs}"


def test_a_board_is_called_register_tested_exactly_if_it_is_tested_here():
    assert {one.name for one in boards() if one.checked == "register-tested"} == {
        name for name in CHIPS if board(name).checked != "emulated"
    }
