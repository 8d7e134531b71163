"""Boards whose parts no emulator models: the firmware's set-up against the manuals, and the firmware whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import probe
import pytest
from conftest import needs_arm

from slimse_mcu.board import board, boards
from slimse_mcu.build import build
from slimse_mcu.harness.session import Session

pytest.importorskip("unicorn")
from silicon import others, primecell, stm32
from silicon.chip import Wire

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
    rng = np.random.default_rng(3)
    frames = [rng.integers(-128, 128, probe.SIZE).astype(np.int8) for _ in range(3)]
    with Wire(chip) as wire, Session(replace(target, counter="cycles"), image, port=wire.url) as session:
        session.configure("features")
        results = list(session.frames(frames))
        info = session.info
        status = session.status()

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


def test_a_board_is_called_register_tested_exactly_if_it_is_tested_here():
    assert {one.name for one in boards() if one.checked == "register-tested"} == {
        name for name in CHIPS if board(name).checked != "emulated"
    }
