"""Board descriptions: found by folder, checked field by field."""

from __future__ import annotations

import re
import shutil

import pytest

from slimse_mcu import assets
from slimse_mcu.board import DEFAULT_BOARD, board, boards
from slimse_mcu.errors import BoardError
from slimse_mcu.new_board import new_board


def test_boards_are_the_folders():
    folders = {path.name for path in assets.path("boards").iterdir() if path.is_dir()}

    assert {found.name for found in boards()} == folders
    assert {"host", "virtual-m3", "virtual-m4", "virtual-m7", "virtual-m33", "virtual-m55", "netduinoplus2"} <= folders
    assert board().name == DEFAULT_BOARD == "virtual-m4"


@pytest.mark.parametrize("found", [b for b in boards() if b.core != "host"], ids=lambda found: found.name)
def test_memory_of_the_description_is_that_of_the_linker_script(found):
    sizes = {"K": 1024, "M": 1024**2}
    text = found.linker_script.read_text()
    regions = dict(re.findall(r"^\s*(\w+) \(\w+\) : ORIGIN = \w+, LENGTH = (\d+[KM])$", text, re.MULTILINE))
    lengths = {name: int(size[:-1]) * sizes[size[-1]] for name, size in regions.items()}

    assert found.ram_bytes == lengths.pop("RAM")
    assert found.flash_bytes == sum(lengths.values())


def test_boards_of_a_core_run_the_kernels_that_its_virtual_board_is_tested_with():
    tested = {found.core: found.kernels for found in boards() if found.name.startswith("virtual-")}
    tested["cortex-m0"] = tested["cortex-m0plus"]

    for found in boards():
        if found.core != "host":
            assert found.kernels == tested[found.core], found.name


def test_every_virtual_board_counts_at_two_ticks_an_instruction_or_more():
    for found in boards():
        if found.emulator == "qemu":
            ticks = found.counter_hz * 2**found.counter_shift / 1e9
            assert ticks >= 2
            assert [found.counts(round(ticks * n)) for n in (0, 1, 1000, 1_000_001)] == [0, 1, 1000, 1_000_001]


@pytest.fixture
def own_board(tmp_path):
    """A copy of the default board that a user made."""
    folder = tmp_path / "my-board"
    shutil.copytree(assets.path("boards/virtual-m4"), folder)
    return folder


def test_a_users_folder_is_a_board(own_board):
    assert board(own_board).name == "my-board"
    assert board(str(own_board / "board.toml")) == board(own_board)


def test_an_unknown_board_is_named_with_the_known_ones():
    with pytest.raises(BoardError, match="no board virtual-m5") as caught:
        board("virtual-m5")
    assert "virtual-m55" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stack_bytes = 8192", "", "stack_bytes is missing"),
        ("stack_bytes = 8192", "stack_bytes = 100", "stack_bytes must be a multiple of 256"),
        ("clock_hz = 25_000_000", 'clock_hz = "fast"', "clock_hz must be a whole number"),
        ("clock_hz = 25_000_000", "clock_hz = -1", "clock_hz must be a whole number"),
        ("clock_hz = 25_000_000", "clock_hz = true", "clock_hz must be a whole number"),
        ('counter = "instructions"', 'counter = "time"', "counter must be one of 'instructions'"),
        ('emulator = "qemu"', 'emulator = "bochs"', "emulator must be one of 'qemu'"),
        ('emulator = "qemu"', 'emulator = ""', "serial_semihosting.c in hal needs the emulator"),
        ('machine = "mps2-an386"', 'machine = ""', "machine must name the QEMU machine"),
        ('hal = ["cortex_m_start.S"', 'hal = ["../../etc/passwd"', "hal must be a list of file names"),
        ('kernels = ["kernels_dsp", "kernels"]', "kernels = []", "kernels must be a list of file names"),
        ('core = "cortex-m4"', "core = 4", "core must be one of 'host', 'cortex-m0'"),
        ('core = "cortex-m4"', 'core = "cortex-m5"', "core must be one of .* not 'cortex-m5'"),
        ('checked = "emulated"', 'checked = "on silicon"', "checked must be one of 'native', 'emulated'"),
        ('checked = "emulated"', 'checked = "native"', "checked 'native' belongs to core 'host'"),
        ('title = "', 'title = "\\n', "title must be one line of text"),
        ("baud = 115200", 'baud = 115200\n[usb]\nprobe = ["483:374B"]', "usb.probe must be a list of USB vendor"),
        ("baud = 115200", "baud = 115200\n[usb]\nsensor = []", "usb.sensor is no field"),
        ("baud = 115200", "baud = 115200\nusb = 3", "usb must be a table"),
        ("baud = 115200", 'baud = 115200\npath = "/"', "path is no field"),
        ("baud = 115200", "baud = 115200\nspeed = 3", "speed is no field"),
        ("baud = 115200", "baud = = 3", "cannot be read"),
    ],
)
def test_a_wrong_field_is_named(own_board, old, new, message):
    file = own_board / "board.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))

    with pytest.raises(BoardError, match=message) as caught:
        board(own_board)
    assert str(file) in caught.value.message


def test_what_is_no_text_or_has_no_linker_script_is_refused(own_board):
    (own_board / "link.ld").unlink()
    with pytest.raises(BoardError, match=r"no link\.ld"):
        board(own_board)
    (own_board / "board.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BoardError, match="cannot be read"):
        board(own_board)
    (own_board / "board.toml").write_text("#" * 100_000)
    with pytest.raises(BoardError, match="too large"):
        board(own_board)
    (own_board / "board.toml").write_text("hal = " + "[" * 60_000)
    with pytest.raises(BoardError, match="cannot be read"):
        board(own_board)


def test_a_folder_whose_name_is_no_word_is_refused(own_board):
    odd = own_board.rename(own_board.with_name('my "board"'))
    with pytest.raises(BoardError, match="is no name for a board"):
        board(odd)


# ---- a board of the user's own ----


@pytest.mark.parametrize("like", ["nucleo-h743zi", "pico", "virtual-m4"])
def test_a_new_board_is_like_another_but_says_that_nobody_checked_it(tmp_path, like):
    made = new_board(tmp_path / "here" / "my-board", board(like))
    base = board(like)

    assert made == board(tmp_path / "here" / "my-board")
    assert (made.name, made.checked, made.title) == ("my-board", "built", f"Mine, like {like}")
    assert (made.core, made.hal, made.defines, made.flash, made.usb) == (
        base.core, base.hal, base.defines, base.flash, base.usb,
    )  # fmt: skip
    assert (made.path / "link.ld").read_text() == (base.path / "link.ld").read_text()
    assert [one.name for one in (tmp_path / "here").iterdir()] == ["my-board"]


def test_a_new_boards_title_may_be_any_line(tmp_path):
    assert new_board(tmp_path / "one", board("pico"), title='a "b" \\ c').title == 'a "b" \\ c'
    with pytest.raises(BoardError, match="title must be one line"):
        new_board(tmp_path / "two", board("pico"), title="x" * 300)
    assert [one.name for one in tmp_path.iterdir()] == ["one"]


def test_a_new_board_replaces_nothing_and_has_a_boards_name(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(BoardError, match="is there already"):
        new_board(tmp_path / "mine", board("pico"))
    with pytest.raises(BoardError, match="is no name for a board"):
        new_board(tmp_path / "my board", board("pico"))
    with pytest.raises(BoardError, match="no other board is like it"):
        new_board(tmp_path / "pc", board("host"))
    assert [one.name for one in tmp_path.iterdir()] == ["mine"]


def test_there_are_real_boards_of_many_vendors_and_cores():
    real = [one for one in boards() if not one.virtual]
    assert len(real) >= 16
    assert len({one.vendor for one in real}) >= 6
    assert {one.core for one in real} >= {f"cortex-m{core}" for core in ("0plus", "3", "4", "7", "33", "55")}


def test_labels_say_no_more_than_is_true():
    """What an emulator runs is emulated, and only the host is native; test_silicon.py has the others."""
    for one in boards():
        assert (one.checked == "emulated") == (one.emulator == "qemu")
        assert (one.checked == "native") == (one.name == "host")
