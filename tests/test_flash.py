"""Loading boards: image formats, tools as far as they go without a probe, and the question what the board runs."""

from __future__ import annotations

import importlib.util
import io
import re
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import probe
import pytest
from conftest import needs_arm

from slimse_mcu.board import Board, board, boards
from slimse_mcu.build import Image, build
from slimse_mcu.errors import BoardError, BuildError, FlashError, LinkError
from slimse_mcu.flash.formats import Segment, segments, to_bin, to_hex, to_uf2, write_format
from slimse_mcu.flash.load import choose_tool, load
from slimse_mcu.flash.probes import Device, devices, probe_serial
from slimse_mcu.flash.tool import Job, check_tables, settings_of, tools
from slimse_mcu.flash.tools.dfu import dfu_command
from slimse_mcu.flash.tools.jlink import jlink_script
from slimse_mcu.flash.tools.openocd import openocd_command
from slimse_mcu.flash.tools.stm32cubeprogrammer import cube_command

HARDWARE = [one for one in boards() if one.flash]


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is missing")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """``images(name)`` gives a board and the probe's image for it, built once."""
    made: dict[str, tuple[Board, Image]] = {}

    def get(name: str) -> tuple[Board, Image]:
        if shutil.which("arm-none-eabi-gcc") is None:
            pytest.skip("arm-none-eabi-gcc is missing")
        if name not in made:
            made[name] = board(name), build(probe.project(), board(name), tmp_path_factory.mktemp(name))
        return made[name]

    return get


# ---- formats ----


def objcopy(elf: Path, *arguments: str) -> bytes:
    out = elf.with_name("objcopy.out")
    subprocess.run(["arm-none-eabi-objcopy", *arguments, str(elf), str(out)], check=True)
    return out.read_bytes()


@pytest.mark.parametrize("name", ["nucleo-f446re", "frdm-k64f"])
def test_bin_and_hex_are_what_objcopy_makes(images, name):
    _, image = images(name)
    parts = segments(image.elf)
    flat = to_bin(parts)

    assert flat == objcopy(image.elf, "-O", "binary", "--gap-fill", "0xff")
    assert memory_of_hex(to_hex(parts).decode()) == memory_of_hex(objcopy(image.elf, "-O", "ihex").decode())


def memory_of_hex(text: str) -> dict[int, int]:
    """Address -> byte of an Intel HEX file, checked by its checksums."""
    memory, upper = {}, 0
    lines = text.split()
    for line in lines:
        assert line[0] == ":"
        record = bytes.fromhex(line[1:])
        assert sum(record) % 256 == 0
        assert len(record) == record[0] + 5
        address, kind, data = int.from_bytes(record[1:3], "big"), record[3], record[4:-1]
        if kind == 4:
            upper = int.from_bytes(data, "big") << 16
        elif kind == 0:
            memory |= {upper + address + i: byte for i, byte in enumerate(data)}
    assert lines[-1] == ":00000001FF"
    return memory


def test_hex_is_read_by_another_implementation(images):
    intelhex = pytest.importorskip("intelhex")
    _, image = images("nucleo-f446re")
    parts = segments(image.elf)
    found = intelhex.IntelHex(io.StringIO(to_hex(parts).decode()))

    assert found.segments() == [(part.address, part.end) for part in parts]
    assert all(found.tobinstr(part.address, part.end - 1) == part.data for part in parts)


def memory_of_uf2(data: bytes, family: int) -> dict[int, bytes]:
    """Page -> bytes, by the words of the specification (github.com/microsoft/uf2, "File format")."""
    assert len(data) % 512 == 0
    pages = {}
    for number in range(len(data) // 512):
        block = data[512 * number : 512 * number + 512]
        first, second, flags, address, size, block_number, blocks, found = struct.unpack_from("<8I", block)
        assert (first, second) == (0x0A324655, 0x9E5D5157)
        assert struct.unpack_from("<I", block, 508) == (0x0AB16F30,)
        assert flags == 0x2000
        assert found == family
        assert (size, address % 256) == (256, 0)
        assert (block_number, blocks) == (number, len(data) // 512)
        assert address not in pages
        pages[address] = block[32 : 32 + size]
    return pages


@pytest.mark.parametrize(("name", "words"), [("pico", "RP2040"), ("pico2", "RP2350")])
def test_uf2_holds_the_image_and_is_known_to_others(images, name, words):
    target, image = images(name)
    family = int(target.flash["uf2"]["family"], 16)
    path = write_format(image.elf, "uf2", family=family)
    pages = memory_of_uf2(path.read_bytes(), family)

    for part in segments(image.elf):
        for address in range(part.address, part.end):
            assert pages[address & ~255][address & 255] == part.data[address - part.address]
    if shutil.which("file") is not None:
        said = subprocess.run(["file", "-b", str(path)], capture_output=True, text=True, check=True).stdout
        assert said.startswith("UF2 firmware image")
        assert f"address {min(pages):#x}" in said
        assert f"{len(pages)} total blocks" in said
        if words == "RP2040":  # older versions of file do not know RP2350
            assert "RP2040" in said


@pytest.mark.parametrize(("name", "family"), [("pico", "RP2040"), ("pico2", "rp2350-arm-s")])
def test_uf2_is_read_by_another_implementation(images, name, family):
    uf2utils = pytest.importorskip("uf2utils")
    target, image = images(name)
    path = write_format(image.elf, "uf2", family=int(target.flash["uf2"]["family"], 16))
    blocks = list(uf2utils.UF2File(str(path)))

    assert {one.header.family.name for one in blocks} == {family}
    assert [one.header.block_number for one in blocks] == list(range(len(blocks)))
    memory = {one.header.address + i: byte for one in blocks for i, byte in enumerate(one.payload)}
    for part in segments(image.elf):
        assert bytes(memory[address] for address in range(part.address, part.end)) == part.data


def test_parts_that_share_a_page_are_one_block():
    data = to_uf2((Segment(0x1000, b"a"), Segment(0x10FF, b"bc")), 7)

    assert memory_of_uf2(data, 7) == {0x1000: b"a" + bytes(254) + b"b", 0x1100: b"c" + bytes(255)}


@pytest.mark.parametrize("name", ["apollo3-evb", "stm32n6570-dk", "frdm-k64f"])
def test_an_elf_file_loads_nothing_below_its_first_section(images, name):
    """Its own header in front of the code would overwrite the boot loader of an Apollo3."""
    from elftools.elf.elffile import ELFFile

    target, image = images(name)
    origin = int(re.search(r"FLASH \(rx\) : ORIGIN = (\w+)", target.linker_script.read_text()).group(1), 16)
    with image.elf.open("rb") as stream:
        loaded = [one["p_paddr"] for one in ELFFile(stream).iter_segments("PT_LOAD") if one["p_filesz"]]
    assert min(loaded) == origin == segments(image.elf)[0].address


def test_memories_far_apart_are_no_bin_file(images):
    with pytest.raises(BuildError, match="too far for one file"):
        to_bin((Segment(0x10000000, b"a"), Segment(0x31000000, b"b")))
    assert to_bin((Segment(16, b"a"), Segment(20, b"b"))) == b"a\xff\xff\xffb"
    with pytest.raises(BuildError, match="no boot loader that takes UF2"):
        write_format(images("nucleo-f446re")[1].elf, "uf2")


def test_what_is_no_image_is_refused(tmp_path):
    (tmp_path / "firmware.elf").write_bytes(b"no")
    with pytest.raises(BuildError, match="no firmware image"):
        segments(tmp_path / "firmware.elf")


# ---- boards and tools ----


@pytest.mark.parametrize("one", HARDWARE, ids=lambda one: one.name)
def test_every_real_board_can_be_loaded_and_found(one):
    check_tables(one)
    assert one.usb.probe or one.usb.bootloader
    assert "[" not in one.name


def test_no_real_board_lacks_a_tool():
    assert [one.name for one in boards() if not one.virtual and not one.flash] == []


def test_a_wrong_table_is_named_with_what_is_allowed():
    target = board("nucleo-f446re")
    with pytest.raises(BoardError, match=r"flash\.avrdude is no flash tool"):
        check_tables(replace(target, flash={"avrdude": {}}))
    with pytest.raises(BoardError, match=r"flash\.avrdude is no flash tool"):
        choose_tool(replace(target, flash={"avrdude": {}}))
    with pytest.raises(BoardError, match=r"flash\.pyocd\.target: field required") as caught:
        check_tables(replace(target, flash={"pyocd": {}}))
    assert "[flash.pyocd] holds target" in caught.value.hint
    with pytest.raises(BoardError, match=r"flash\.uf2\.family: string should match"):
        check_tables(replace(target, flash={"uf2": {"family": "RP2040", "drive": "RPI-RP2"}}))
    with pytest.raises(BoardError, match=r"does not say how dfu-util loads it"):
        settings_of(board("pico"), tools()["dfu"])


def test_a_virtual_board_is_not_loaded():
    with pytest.raises(FlashError, match="is virtual") as caught:
        choose_tool(board("virtual-m4"))
    assert "measure" in caught.value.hint


def test_a_missing_tool_is_named_with_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    target = board("nucleo-f446re")
    for name in ("openocd", "jlink", "stm32cubeprogrammer", "dfu"):
        with pytest.raises(FlashError, match="is not installed") as caught:
            choose_tool(target, name)
        assert caught.value.hint.startswith("Install ")
    only = replace(target, flash={"openocd": target.flash["openocd"], "jlink": target.flash["jlink"]})
    with pytest.raises(FlashError, match=r"None of the tools .* OpenOCD, J-Link Commander"):
        choose_tool(only)
    with pytest.raises(FlashError, match="no flash tool avrdude"):
        choose_tool(target, "avrdude")
    with pytest.raises(FlashError, match="names no flash tool"):
        choose_tool(replace(target, flash={}))


def test_the_boards_first_tool_that_is_installed_is_taken():
    target = board("pico")
    assert choose_tool(target).name == "uf2"
    if shutil.which("openocd"):
        only = {name: target.flash[name] for name in ("jlink", "openocd") if name in target.flash}
        assert choose_tool(replace(target, flash=only)).name in ("jlink", "openocd")


def test_commands_name_probe_and_image(tmp_path, images):
    target, image = images("nucleo-f446re")
    job = Job(target, image.elf, probe="0669FF")
    found = openocd_command(job, settings_of(target, tools()["openocd"]), under_reset=True)
    assert found[1:3] == ["-f", "board/st_nucleo_f4.cfg"]
    assert "adapter serial {0669FF}" in found
    assert found[-1] == f"program {{{image.elf}}} verify reset exit"
    assert "connect_assert_srst" in found[found.index("adapter serial {0669FF}") + 2]

    found = dfu_command(job, settings_of(target, tools()["dfu"]), tmp_path / "f.bin")
    assert found[1:] == [
        "-d",
        ",0483:df11",
        "-a",
        "0",
        "-S",
        ",0669FF",
        "-s",
        "0x08000000:leave",
        "-D",
        str(tmp_path / "f.bin"),
    ]

    found = cube_command(job, settings_of(target, tools()["stm32cubeprogrammer"]))
    assert found[1:] == ["-c", "port=SWD", "mode=UR", "sn=0669FF", "-w", str(image.elf), "-v", "-rst"]
    ram, loaded = images("stm32n6570-dk")
    found = cube_command(Job(ram, loaded.elf), settings_of(ram, tools()["stm32cubeprogrammer"]))
    assert found[1:] == ["-c", "port=SWD", "mode=HOTPLUG", "-w", str(loaded.elf), "-v", "-g", "0x34180400"]

    assert jlink_script(Path("x.hex")).splitlines()[-5:] == ["r", 'loadfile "x.hex"', "r", "g", "exit"]


# ---- which probe ----


def test_what_is_on_the_bus_is_read_where_linux_lists_it(tmp_path):
    for place, files in {
        "1-1": {"idVendor": "0483", "idProduct": "374b", "serial": "0669FF38", "product": "STM32 STLink"},
        "1-1:1.0": {"bInterfaceNumber": "00"},
        "usb1": {"idVendor": "1d6b", "idProduct": "0002"},
    }.items():
        (tmp_path / place).mkdir()
        for name, text in files.items():
            (tmp_path / place / name).write_text(f"{text}\n")

    assert devices(tmp_path) == (Device("0483:374b", "0669FF38", "STM32 STLink"), Device("1d6b:0002", "", ""))
    assert isinstance(devices(tmp_path / "no such folder"), tuple)


def test_the_probe_of_the_board_is_chosen():
    target = board("nucleo-f446re")
    one, two = Device("0483:374b", "0669FF38", "STLink"), Device("0483:374e", "0669AA11", "STLink")
    hub, other = Device("1d6b:0002", "", "Hub"), Device("1366:0101", "000683", "J-Link")

    assert probe_serial(target, None, ()) is None
    assert probe_serial(target, None, (hub, one, other)) is None  # no tool can take another
    assert probe_serial(target, "FF38", (hub, one, two)) == "0669FF38"
    assert probe_serial(target, "683", (one, other)) == "000683"
    assert probe_serial(target, "elsewhere", (one,)) == "elsewhere"
    with pytest.raises(FlashError, match=r"2 debug probes that fit: 0669FF38 \(STLink\), 0669AA11") as caught:
        probe_serial(target, None, (one, two))
    assert "--probe" in caught.value.hint
    with pytest.raises(FlashError, match="2 debug probes that fit"):
        probe_serial(target, "0669", (one, two))


def test_a_probe_of_the_same_kind_on_another_board_is_not_taken():
    ours, other = (
        Device("0d28:0204", "0240", "DAPLink CMSIS-DAP"),
        Device("2e8a:000c", "E660", "Debug Probe (CMSIS-DAP)"),
    )
    assert probe_serial(board("frdm-k64f"), None, (ours, other)) == "0240"
    assert probe_serial(board("frdm-k64f"), None, (other,)) is None


# pyOCD's names of boards where they are not ours in capital letters.
PYOCD_BOARDS = {"stm32f4-discovery": "DISCO-F407VG", "stm32f746g-disco": "DISCO-F746NG", "microbit": "micro:bit"}


@pytest.mark.parametrize("one", HARDWARE, ids=lambda one: one.name)
def test_pyocd_has_the_same_part_for_a_board_that_it_knows(one):
    table = pytest.importorskip("pyocd.board.board_ids").BOARD_ID_TO_INFO
    builtin = pytest.importorskip("pyocd.target").TARGET
    known = {info.name.upper(): info.target for info in table.values()}
    theirs = known.get(PYOCD_BOARDS.get(one.name, one.name).upper())
    if theirs is None or "pyocd" not in one.flash:
        pytest.skip("pyOCD does not know the board")
    ours = one.flash["pyocd"]["target"]
    assert ours == theirs or (ours in builtin and theirs.startswith(ours))


# ---- real tools without a probe ----


def openocd_boards() -> list[Board]:
    return [one for one in HARDWARE if "openocd" in one.flash]


# What OpenOCD calls the driver of a part's flash memory (OpenOCD User's Guide, chapter Flash Commands).
DRIVERS = {
    "STM32F1": "stm32f1x", "STM32F2": "stm32f2x", "STM32F4": "stm32f2x", "STM32F7": "stm32f2x", "STM32H7": "stm32h7x",
    "STM32L4": "stm32l4x", "STM32G0": "stm32l4x", "STM32G4": "stm32l4x", "STM32U5": "stm32l4x",
    "nRF51": "nrf51", "nRF52": "nrf5",
    "RP2040": "rp2040_flash", "MK64": "kinetis", "TM4C": "stellaris", "LM3S": "stellaris", "EFM32": "efm32",
}  # fmt: skip


@needs("openocd")
@pytest.mark.parametrize("target", openocd_boards(), ids=lambda one: one.name)
def test_openocd_knows_the_scripts_of_a_board_and_its_flash(target):
    command = openocd_command(Job(target, Path("x.elf")), settings_of(target, tools()["openocd"]), under_reset=False)
    command[-1] = 'puts "banks: [flash list]"; shutdown'
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr

    banks = re.search(r"^banks: (.*)$", said, re.MULTILINE)
    assert banks is not None, said
    driver = next(driver for mcu, driver in DRIVERS.items() if target.mcu.startswith(mcu))
    assert f"driver {driver} " in banks.group(1)


@needs("openocd")
@pytest.mark.parametrize("name", ["nucleo-f446re", "pico", "nrf52840-dk"])
def test_openocd_without_a_probe_is_a_named_error(images, name):
    target, image = images(name)
    with pytest.raises(FlashError, match=r"OpenOCD finds no (debug probe|CMSIS-DAP probe|J-Link)") as caught:
        load(target, image, tool="openocd", ask=False)
    assert "Plug the board in" in caught.value.hint


@needs("openocd")
def test_a_script_that_openocd_lacks_is_named(images):
    target, image = images("nucleo-f446re")
    wrong = replace(target, flash={"openocd": {"scripts": ["board/none_such.cfg"]}})
    with pytest.raises(FlashError, match="lacks a script"):
        load(wrong, image, ask=False)


@needs("dfu-util")
def test_dfu_util_without_a_board_is_a_named_error(images):
    target, image = images("nucleo-f446re")
    with pytest.raises(FlashError, match="finds no board in boot mode") as caught:
        load(target, image, tool="dfu", ask=False)
    assert "boot pin" in caught.value.hint
    wrong = replace(target, flash={"dfu": {"id": "0483:df11", "address": 0}})
    with pytest.raises(FlashError, match="begins at 0x08000000, the flash at 0x00000000"):
        load(wrong, image, ask=False)


@pytest.mark.skipif(importlib.util.find_spec("pyocd") is None, reason="pyOCD is missing")
def test_pyocd_without_a_probe_is_a_named_error(images):
    target, image = images("nucleo-f446re")
    with pytest.raises(FlashError, match=r"no debug probe with none-such in its serial number"):
        load(target, image, tool="pyocd", probe="none-such", ask=False)


@pytest.mark.parametrize("target", HARDWARE, ids=lambda one: one.name)
def test_pyocd_has_the_same_memory_where_it_knows_the_part(target):
    builtin = pytest.importorskip("pyocd.target").TARGET
    known = builtin.get(target.flash.get("pyocd", {}).get("target", ""))
    if known is None:
        pytest.skip("pyOCD gets this part from a pack, or does not know it")
    regions = [(one.start, one.end, one.is_flash) for one in known.MEMORY_MAP if one.is_flash or one.is_ram]
    script = target.linker_script.read_text()
    sizes = {"K": 1024, "M": 1024**2}
    ours = {
        name: (int(origin, 16), int(origin, 16) + int(size) * sizes[unit] - 1)
        for name, origin, size, unit in re.findall(
            r"^\s*(\w+) \(\w+\) : ORIGIN = (\w+), LENGTH = (\d+)([KM])$", script, re.M
        )
    }
    if target.mcu == "RP2350":  # pyOCD 0.46 takes its RAM for that of RP2040
        ours["RAM"] = (ours["RAM"][0], 0x20041FFF)
    for name, is_flash in (("FLASH", True), ("RAM", False)):
        start, end = ours[name]
        inside = [one for one in regions if one[2] == is_flash and one[0] <= start <= one[1]]
        assert inside, f"pyOCD has no {name} at {start:#x}"
        last = inside[0][1]
        for one in sorted(regions):  # neighbours continue it
            last = one[1] if one[2] == is_flash and one[0] == last + 1 else last
        assert end <= last


# ---- UF2, and what the board says afterwards ----

PICO_INFO = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n"


def test_a_uf2_file_is_copied_to_the_drive_of_the_board(images, tmp_path):
    target, image = images("pico")
    with pytest.raises(FlashError, match="has no INFO_UF2"):
        load(target, image, drive=tmp_path, ask=False)
    (tmp_path / "INFO_UF2.TXT").write_text(PICO_INFO.replace("RPI-RP2", "nRF52840-Feather-revF"))
    with pytest.raises(FlashError, match=r"of another board \(nRF52840-Feather-revF\), not RPI-RP2"):
        load(target, image, drive=tmp_path, ask=False)
    (tmp_path / "INFO_UF2.TXT").write_text(PICO_INFO)
    steps = []
    done = load(target, image, drive=tmp_path, ask=False, progress=lambda *step: steps.append(step))

    assert (done.tool, done.verified, done.info) == ("uf2", False, None)
    written = (tmp_path / "firmware.uf2").read_bytes()
    assert written == write_format(image.elf, "uf2", family=0xE48BFF56).read_bytes()
    assert steps[-1] == ("flash", len(written), len(written))


@needs_arm
def test_the_board_is_asked_what_it_runs(images, tmp_path):
    """The whole way of a Pico, whose part is the one of ``silicon/primecell.py``."""
    pytest.importorskip("unicorn")
    from silicon.chip import SerialWire
    from silicon.primecell import Rp2040

    target, image = images("pico")
    (tmp_path / "INFO_UF2.TXT").write_text(PICO_INFO)
    with SerialWire(Rp2040(image.elf, target.core)) as wire:
        port = wire.url
        done = load(target, image, drive=tmp_path, port=port)
    assert done.info.model_hash == probe.PROVENANCE.model_hash
    assert (done.tool, done.port) == ("uf2", port)

    other = replace(image, provenance=replace(image.provenance, model_hash="3" * 64))
    with (
        SerialWire(Rp2040(image.elf, target.core)) as wire,
        pytest.raises(
            LinkError, match=r"has loaded pico, but then: .* runs the model probe \(111111111111\), not probe"
        ),
    ):
        load(target, other, drive=tmp_path, port=wire.url)


def test_a_port_that_is_not_there_is_named(images, monkeypatch):
    from slimse_mcu.flash import load as module

    target, _ = images("pico")
    with pytest.raises(FlashError, match="No serial port of the board pico was found"):
        module.wait_for_port(target, "no such probe", seconds=0)
