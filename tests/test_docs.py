"""The documentation says what the code does."""

from __future__ import annotations

import importlib.util
import inspect
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import click
import pytest

from slimse_mcu import cli, compile_model
from slimse_mcu.board import boards, field_rules
from slimse_mcu.flash.tool import tools
from slimse_mcu.ops import importers, operators

ROOT = Path(__file__).resolve().parent.parent


def code_blocks(name: str, language: str) -> list[str]:
    """Fenced blocks of a document."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)


def test_readme_excerpts_are_what_the_generator_writes(tiny_compiled):
    channels, components = code_blocks("README.md", "c")[:2]
    assert channels.rstrip() in tiny_compiled.project.files["model.c"]
    assert components.rstrip() in compile_model("zoo:dsn-mgt").project.files["model.c"]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
def test_readme_application_compiles(tiny_compiled, tmp_path):
    for name, text in tiny_compiled.project.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    static, _, body = code_blocks("README.md", "c")[2].partition("\n\n")
    (tmp_path / "application.c").write_text(
        '#include "model.h"\n#include "model_audio.h"\n'
        "void read_microphone(int16_t *pcm, int count);\nvoid write_speaker(const int16_t *pcm, int count);\n"
        f"_Noreturn void application(void);\nstatic int16_t pcm[MODEL_HOP];\n{static}\n"
        f"_Noreturn void application(void)\n{{\n{body}\n}}\n"
    )
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only", "application.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def layers_page() -> ModuleType:
    """``docs/make_layers.py``."""
    spec = importlib.util.spec_from_file_location("make_layers", ROOT / "docs" / "make_layers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_layers_is_up_to_date():
    maker = layers_page()
    assert maker.PAGE.read_text(encoding="utf-8") == maker.page(), "run: make docs"


def test_every_layer_is_on_the_page():
    text = layers_page().page()
    assert all(f"`{name}`" in text for name in importers())


def test_the_kernels_on_the_page_exist():
    for op in operators().values():
        for kernel in layers_page().kernels_of(op):
            missing = f"{op.name} names {kernel}: set Op.kernels"
            assert (ROOT / "firmware" / "kernels" / f"{kernel}.c").is_file(), missing


def test_the_page_names_the_kernels_that_are_called(tiny_compiled):
    """What operators name in their own files, and what they call for a model."""
    kernels_of = layers_page().kernels_of
    for op in operators().values():
        source = Path(inspect.getfile(type(op))).read_text(encoding="utf-8")
        named = set(re.findall(r'KernelCall\(\s*"(\w+)"', source))
        assert named <= set(kernels_of(op)), f"{op.name}: set Op.kernels"
    for step in tiny_compiled.plan.steps:
        operator, parameters = operators()[step.node.op], tiny_compiled.quantized.parameters[step.node.name]
        assert {call.function for call in operator.calls(step.node, parameters)} <= set(kernels_of(operator))


def test_every_board_field_is_documented():
    text = (ROOT / "docs" / "porting.md").read_text(encoding="utf-8")
    documented = {name for line in text.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line)}
    assert {name for name in field_rules() if "." not in name} <= documented
    assert all(f"`{name.partition('.')[2]}`" in text for name in field_rules() if "." in name)
    for tool in tools().values():
        assert f"`[flash.{tool.name}]`" in text
        assert set(tool.settings.model_fields) <= documented | {"ram"}, tool.name


def test_every_flash_tool_is_documented():
    text = (ROOT / "docs" / "flashing.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)) == set(tools())


def test_the_page_of_boards_names_all_boards_and_their_labels():
    """Sizes are compared by `make boards-check`, which builds everything."""
    text = (ROOT / "docs" / "boards.md").read_text(encoding="utf-8")
    rows = {
        cells[1].strip(" `"): cells for cells in (line.split("|") for line in text.splitlines()) if len(cells) == 11
    }
    for one in boards():
        assert rows[one.name][9].strip() == one.checked, "run: make boards"
        assert rows[one.name][3].strip() == one.mcu, "run: make boards"


@pytest.mark.parametrize(
    "document",
    ["README.md", "docs/diff.md", "docs/flashing.md", "docs/models.md", "docs/porting.md", "docs/testing.md"],
)
def test_commands_in_documents_have_existing_options(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for command, rest in re.findall(r"^ +(?:\d\. `)?slimse (\w+)([^\n`#]*)", text, flags=re.MULTILINE):
        found = cli.slimse.get_command(click.Context(cli.slimse), command)
        assert found is not None, command
        if isinstance(found, click.Group) and rest.split()[:1]:
            found = found.commands.get(rest.split()[0], found)
        known = {name for option in found.params for name in option.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= known


def test_links_between_documents_resolve():
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
