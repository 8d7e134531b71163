"""From sources to an image: sizes, reuse, kernels by file name, errors."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import probe
import pytest
from conftest import needs_arm

from slimse_mcu import assets
from slimse_mcu.board import board
from slimse_mcu.build import OBJECTS_VARIABLE, build, read_image
from slimse_mcu.errors import BuildError, PlanError

BOARDS = [
    "host",
    *(
        pytest.param(name, marks=needs_arm)
        for name in (
            "virtual-m3",
            "virtual-m4",
            "virtual-m7",
            "virtual-m33",
            "virtual-m55",
            "netduinoplus2",
            "microbit",
        )
    ),
]


@pytest.mark.parametrize("name", BOARDS)
def test_sizes_are_those_of_the_file(name, tmp_path):
    target = board(name)
    image = build(probe.project(), target, tmp_path)

    assert image.elf == tmp_path / "firmware.elf"
    assert (tmp_path / "firmware.map").is_file()
    assert (image.board, image.name, image.provenance) == (name, "probe", probe.PROVENANCE)
    assert 17 <= image.flash_weights_bytes <= 20
    assert image.audio_bytes == 2
    assert image.model_bytes == image.symbols["app_model"].size_bytes >= 24
    assert image.symbols["probe_bias"].size_bytes == 17
    thumb_bit = 0 if target.core == "host" else 1
    assert image.function_at(image.symbols["model_frame"].address & ~thumb_bit) == "model_frame"
    assert image.function_at(0xDEADBEEF) == ""
    if name != "host":
        sections = image.sections
        assert image.flash_weights_bytes == sections[".weights"]
        assert sections[".stack"] == target.stack_bytes == image.stack_bytes
        ram = ("." + part for part in ("stack", "fault_stack", "data", "bss"))
        assert image.ram_total_bytes == sum(sections.get(part, 0) for part in ram)
        flash = ("." + part for part in ("vectors", "text", "data", "ARM.exidx"))
        assert image.flash_code_bytes == sum(sections.get(part, 0) for part in flash)
    assert read_image(image.elf, target, name="probe", provenance=probe.PROVENANCE) == image


@needs_arm
def test_sizes_equal_those_of_the_toolchain(tmp_path):
    image = build(probe.project(), board("virtual-m4"), tmp_path)
    text, data, bss = (
        int(number)
        for number in subprocess.run(["arm-none-eabi-size", str(image.elf)], capture_output=True, text=True, check=True)
        .stdout.splitlines()[1]
        .split()[:3]
    )

    assert image.flash_weights_bytes + image.flash_code_bytes == text + data
    assert image.ram_total_bytes == data + bss


@needs_arm
def test_helium_boards_weights_lie_in_their_own_memory(tmp_path):
    image = build(probe.project(), board("virtual-m55"), tmp_path)

    assert image.symbols["probe_bias"].address >> 24 == 0x31


def test_objects_are_used_again_and_only_what_changed_is_compiled(tmp_path, monkeypatch):
    monkeypatch.delenv(OBJECTS_VARIABLE)
    target = board("host")
    build(probe.project(), target, tmp_path)
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "obj").iterdir()}
    build(probe.project(), target, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "obj").iterdir()} == first

    text = probe.project().files["model_audio.c"]
    build(probe.project(model_audio_c=text + "\n"), target, tmp_path)
    second = {path: path.stat().st_mtime_ns for path in (tmp_path / "obj").iterdir()}
    assert len(second) == len(first)
    assert len(first.keys() - second.keys()) == 1


def test_a_header_makes_only_those_anew_that_include_it(tmp_path):
    """Through other headers too; objects that several builds share are those of any model, where none is included."""
    target, shared = board("host"), tmp_path / "objects"
    build(probe.project(), target, tmp_path / "out", objects=shared)
    first = set(shared.iterdir())
    text = probe.project().files["model.h"]
    build(probe.project(model_h=text + "\n"), target, tmp_path / "out", objects=shared)
    anew = {path.name.rpartition("-")[0] for path in set(shared.iterdir()) - first}

    assert {"model", "engine"} <= anew
    assert anew.isdisjoint(Path(name).stem for name in target.hal)
    assert len(first) > len(anew)


def test_builds_share_the_objects_of_the_folder_that_the_environment_names(tmp_path, monkeypatch):
    monkeypatch.setenv(OBJECTS_VARIABLE, str(tmp_path / "objects"))
    build(probe.project(), board("host"), tmp_path / "one")
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "objects").iterdir()}
    build(probe.project(), board("host"), tmp_path / "another")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "objects").iterdir()} == first
    assert not (tmp_path / "another" / "obj").exists()


@needs_arm
def test_the_same_sources_give_the_same_image(tmp_path, monkeypatch):
    monkeypatch.delenv(OBJECTS_VARIABLE)
    target = board("virtual-m4")
    images = [build(probe.project(), target, tmp_path / name).elf.read_bytes() for name in ("one", "another")]

    assert images[0] == images[1]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_all_firmware_is_clean_with_every_compiler(compiler, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is missing")
    build(probe.project(), board("host"), tmp_path, compiler=compiler)


def test_sanitizers_can_be_added(tmp_path):
    flags = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    assert build(probe.project(), board("host"), tmp_path, flags=flags).elf.is_file()


@needs_arm
def test_an_overflowing_region_says_by_how_many_bytes(tmp_path):
    source = probe.project().files["model.c"]
    huge = source.replace(
        "static volatile uint32_t sink;", "static volatile uint32_t sink;\nstatic volatile uint8_t huge[200000];"
    )
    huge = huge.replace("sink = pad[7];", "sink = pad[7] + huge[pad[7]];")
    with pytest.raises(PlanError, match=r"probe does not fit the board netduinoplus2: RAM is \d+ bytes too small"):
        build(probe.project(model_c=huge), board("netduinoplus2"), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_compiler_is_named_with_how_to_install_it(tmp_path):
    with pytest.raises(BuildError, match="arm-none-eabi-none was not found") as caught:
        build(probe.project(), replace(board("host"), compiler="arm-none-eabi-none"), tmp_path / "out")
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


def test_the_first_message_of_the_compiler_is_told(tmp_path):
    with pytest.raises(BuildError, match=r"model\.c does not compile: .*model\.c:1:.*error") as caught:
        build(probe.project(model_c="this is no C\n"), board("host"), tmp_path)
    assert "\n" not in caught.value.message
    assert not (tmp_path / "firmware.elf").exists()


def test_the_compiler_speaks_english_in_every_country(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    compiler = tmp_path / "echo-language"
    compiler.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "error: in $LC_ALL" >&2\nexit 1\n')
    compiler.chmod(0o755)
    with pytest.raises(BuildError, match=r"error: in C$"):
        build(probe.project(), board("host"), tmp_path / "out", compiler=str(compiler))


def test_a_missing_function_is_named(tmp_path):
    with pytest.raises(BuildError, match=r"probe does not link for host: .*model_"):
        build(probe.project(model_audio_c="typedef int nothing;\n"), board("host"), tmp_path)


@pytest.mark.parametrize("name", ["../model.c", "/etc/model.c", "a/../../model.c", "-o.c", ""])
def test_a_file_name_that_leaves_the_folder_is_refused(tmp_path, name):
    project = probe.project()
    project.files[name] = "int x;\n"
    with pytest.raises(BuildError, match="unfit name"):
        build(project, board("host"), tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(BuildError, match="cannot be written"):
        build(probe.project(), board("host"), blocked / "out")


@pytest.fixture
def own_assets(tmp_path, monkeypatch):
    """A copy of the firmware in which a test may write."""
    folder = tmp_path / "assets"
    for part in ("firmware", "boards"):
        shutil.copytree(assets.path(part), folder / part)
    monkeypatch.setattr(assets, "root", lambda: folder)
    return folder


def test_a_project_for_other_kernels_is_refused(tmp_path):
    project = replace(probe.project(), kernels=("kernels_dsp", "kernels"))
    with pytest.raises(BuildError, match=r"probe was compiled for kernels_dsp, which the board host cannot run") as one:
        build(project, board("host"), tmp_path / "out")
    assert "--board host" in one.value.hint
    assert not (tmp_path / "out").exists()


@needs_arm
def test_a_board_of_the_users_own_brings_its_own_sources(own_assets, tmp_path):
    folder = tmp_path / "my-board"
    shutil.copytree(own_assets / "boards" / "virtual-m4", folder)
    shutil.move(own_assets / "firmware" / "hal" / "mps2.c", folder / "mps2.c")

    assert build(probe.project(), board(folder), tmp_path / "out").board == "my-board"
    (folder / "mps2.c").unlink()
    with pytest.raises(BuildError, match=r"my-board needs mps2\.c"):
        build(probe.project(), board(folder), tmp_path / "out")


def test_what_is_no_image_is_refused(tmp_path):
    file = tmp_path / "firmware.elf"
    with pytest.raises(BuildError, match="no firmware image"):
        read_image(file, board("host"), name="probe", provenance=probe.PROVENANCE)
    file.write_bytes(b"\x7fELF")
    with pytest.raises(BuildError, match="no firmware image"):
        read_image(file, board("host"), name="probe", provenance=probe.PROVENANCE)


def test_sources_that_slimse_did_not_write_are_never_replaced(tmp_path):
    mine = tmp_path / "src" / "model.c"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(BuildError, match="did not write"):
        build(probe.project(), board("host"), tmp_path)
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [mine]
    assert mine.read_text() == "mine"
