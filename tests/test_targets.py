"""Kernels and weight layouts of a target: found by their names, written into the project, refused elsewhere."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from conftest import needs_arm
from hypothesis import given, settings
from hypothesis import strategies as st
from native import write_project

from slimse_mcu import assets, kernels
from slimse_mcu.board import board, boards
from slimse_mcu.build import build
from slimse_mcu.emit import emit, read_project
from slimse_mcu.errors import BuildError
from slimse_mcu.kernels import PORTABLE
from slimse_mcu.layouts import layouts
from slimse_mcu.plan import plan
from slimse_mcu.project import write_project as write_folder
from slimse_mcu.runtime import kernel_files

TARGETS = sorted({one.kernels for one in boards()})


@pytest.fixture
def own_assets(tmp_path, monkeypatch):
    """A copy of the firmware in which a test may write."""
    folder = tmp_path / "assets"
    for part in ("firmware", "boards", "templates"):
        shutil.copytree(assets.path(part), folder / part)
    monkeypatch.setattr(assets, "root", lambda: folder)
    return folder


@pytest.mark.parametrize("target", TARGETS)
def test_a_project_says_what_it_was_compiled_for(tiny_compiled, target, tmp_path):
    project = emit(plan(tiny_compiled.quantized, kernels=target))
    assert project.kernels == target
    assert project.manifest["kernels"] == list(target)
    assert (f"Kernels     {', '.join(target[:-1]) or 'portable'}") in project.files["model.h"]
    write_folder(project, tmp_path / "project")
    assert read_project(tmp_path / "project") == project


def test_without_a_board_kernels_are_portable(tiny_compiled):
    assert tiny_compiled.project.kernels == (PORTABLE,)
    assert plan(tiny_compiled.quantized, board("virtual-m4")).kernels == board("virtual-m4").kernels


@pytest.mark.parametrize("name", ["host", "virtual-m3"])
def test_boards_without_the_extension_refuse_its_projects(tiny_compiled, name, tmp_path):
    project = emit(plan(tiny_compiled.quantized, board("virtual-m4")))
    with pytest.raises(BuildError, match=f"compiled for kernels_dsp, which the board {name} cannot run"):
        build(project, board(name), tmp_path / "out")


@needs_arm
@pytest.mark.parametrize(("target", "flags"), [("virtual-m4", "cortex-m3"), ("virtual-m55", "cortex-m33")])
def test_compilers_for_other_cores_refuse_its_header(tiny_compiled, target, flags, tmp_path):
    write_project(emit(plan(tiny_compiled.quantized, board(target))), tmp_path)
    command = ["arm-none-eabi-gcc", f"-mcpu={flags}", "-mthumb", "-fsyntax-only", str(tmp_path / "model.c")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "compile it again" in done.stderr


def test_a_kernel_replaces_the_portable_one_by_file_name(own_assets):
    fast = own_assets / "firmware" / "kernels_fast"
    fast.mkdir()
    (fast / "slimse_add_s8.c").write_text('#include "slimse_add_s8.h"\n#include "slimse_own.h"\n')
    (fast / "slimse_own.h").write_text("int own(void);\n")
    (fast / "slimse_own.S").write_text("own:\n")
    (fast / "slimse_lookup_s8.c").write_text("not used\n")
    portable = kernel_files(["slimse_add_s8", "slimse_zero_s8"])
    files = kernel_files(["slimse_add_s8", "slimse_zero_s8"], ("kernels_fast", PORTABLE))
    changed = {name for name, text in files.items() if portable.get(name) != text}
    assert changed == {"kernels/slimse_add_s8.c", "kernels/slimse_own.h", "kernels/slimse_own.S"}
    assert set(portable) - set(files) == {"kernels/slimse_arithmetic.h", "kernels/slimse_gate.h"} - set(files)


def test_a_module_of_the_kernels_name_says_what_it_reads(own_assets, tiny_compiled, tmp_path, monkeypatch):
    fast = own_assets / "firmware" / "kernels_fast"
    fast.mkdir()
    (fast / "slimse_fast_add_s8.c").write_text('#include "slimse_fast_add_s8.h"\n')
    (fast / "slimse_fast_add_s8.h").write_text("/* fast */\n")
    package = tmp_path / "modules" / "kernels_fast"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "slimse_add_s8.py").write_text(
        "from dataclasses import replace\n"
        "def adapt(call, node):\n"
        "    return replace(call, function='slimse_fast_add_s8', fields={'size': 1}, scratch=901)\n"
    )
    monkeypatch.setattr(kernels, "__path__", [*kernels.__path__, str(package.parent)])
    planned = plan(tiny_compiled.quantized, kernels=("kernels_fast", PORTABLE))
    called = {call.function for step in planned.steps for call in step.calls if step.node.op == "add"}
    assert called == {"slimse_fast_add_s8"}
    assert planned.scratch_elements == 901
    assert {"kernels/slimse_fast_add_s8.c", "kernels/slimse_fast_add_s8.h"} <= set(emit(planned).files)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_what_was_packed_can_be_unpacked(seed, rows, columns):
    matrix = np.random.default_rng(seed).integers(-127, 128, (rows, columns)).astype(np.int8)
    for name, layout in layouts().items():
        packed = layout.pack(matrix)
        np.testing.assert_array_equal(layout.unpack(packed, rows, columns), matrix, err_msg=name)
        assert layout.packed_bytes(rows, columns) == packed.nbytes
        note = layout.constant(matrix).note
        assert name in note
        assert f"[{rows}][{columns}]" in note
