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

from slimse_mcu import assets, cli, compile_model
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
    """What operators name in their own files, and what the generated code of a model calls."""
    kernels_of = layers_page().kernels_of
    for op in operators().values():
        source = Path(inspect.getfile(type(op))).read_text(encoding="utf-8")
        named = set(re.findall(r'KernelCall\(\s*"(\w+)"', source))
        assert named <= set(kernels_of(op)), f"{op.name}: set Op.kernels"
    for step in tiny_compiled.plan.steps:
        assert {call.function for call in step.calls} <= set(kernels_of(operators()[step.node.op]))


def test_every_board_field_is_documented():
    text = (ROOT / "docs" / "porting.md").read_text(encoding="utf-8")
    documented = {name for line in text.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line)}
    fields = set(re.findall(r"^(\w+) =", assets.read_text("boards/virtual-m4/board.toml"), flags=re.MULTILINE))
    assert fields <= documented


@pytest.mark.parametrize(
    "document", ["README.md", "docs/diff.md", "docs/models.md", "docs/porting.md", "docs/testing.md"]
)
def test_commands_in_documents_have_existing_options(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for command, rest in re.findall(r"^ +(?:\d\. `)?slimse (\w+)([^\n`#]*)", text, flags=re.MULTILINE):
        found = cli.slimse.get_command(click.Context(cli.slimse), command)
        assert found is not None, command
        known = {name for option in found.params for name in option.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= known


def test_links_between_documents_resolve():
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
