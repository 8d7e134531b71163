"""The generated sources: reproducible, free of warnings, and true in what their comments say."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from golden.make_golden import HERE as GOLDEN
from golden.make_golden import golden_files, slimmable_block
from native import WARNINGS, write_project
from networks import Jitter, Network, random_quantization

from slimse_mcu.emit import Project, emit
from slimse_mcu.graph import Graph
from slimse_mcu.plan import plan

COMPILERS = {
    "gcc": ["gcc"],
    "gcc without optimization": ["gcc", "-O0"],
    "clang": ["clang"],
    "Cortex-M0": ["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mfloat-abi=soft"],
    "Cortex-M4": ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
    "Cortex-M55": ["arm-none-eabi-gcc", "-mcpu=cortex-m55", "-mfloat-abi=hard", "-mfpu=auto"],
}


def gated() -> Graph:
    network = Network(6, seed=1)
    gate = network.decide(network.input, 9, 3)
    hidden = network.close(network.dense(network.input, 9, "relu"), gate)
    hidden = network.close(network.activation(network.depthwise(hidden, 3, 2), "prelu"), gate)
    return network.graph(network.combine("Add", network.input, network.dense(hidden, 6)))


def strided() -> Graph:
    network = Network(6, seed=2)
    slow = network.conv(network.input, 5, 3, stride=2)
    slower = network.depthwise(slow, 2, stride=3, multiplier=2)
    return network.graph(network.combine("Concatenate", slower, network.activation(slower, "sigmoid")))


def stateless() -> Graph:
    network = Network(3, seed=3)
    return network.graph(network.dense(network.input, 2))


def without_macs() -> Graph:
    network = Network(3, seed=4)
    return network.graph(network.activation(network.input, "tanh"))


def one_channel() -> Graph:
    network = Network(1, seed=5)
    gate = network.decide(network.input, 1)
    return network.graph(network.conv(network.close(network.dense(network.input, 1), gate), 1, 2))


#: What a careless choice of layer names can hit: C itself, the templates, the API, each other's arrays and parts.
NAMES = (
    *("int8_t", "memset", "double", "while", "main", "NULL", "INT8_MAX", "MODEL_INPUT_SIZE", "SLIMSE_ABI", "A"),
    *(
        "s",
        "m",
        "macs",
        "input",
        "output",
        "forced",
        "frame",
        "reset",
        "t",
        "state_t",
        "info",
        "gates",
        "tick",
        "arena",
    ),
    *("model_frame", "slimse_dense_s8", "audio_reset", "features", "class", "x/y z", "x_y_z", "9lives", "été", "_"),
    *("a", "a_weights", "a_bias", "a_multiplier", "a_past", "a_past_next", "join", "join_part0", "join_part0_size", ""),
)


def badly_named() -> Graph:
    network = Network(3, seed=6)
    x = network.input
    for name in NAMES:
        x = network.dense(x, 3, name=name)
    x = network.combine("Concatenate", network.depthwise(x, 3, name="a_2"), x, name="join")
    gate = network.decide(x, 6)
    return network.graph(network.conv(network.close(x, gate), 3, 2))


def slimmable() -> Graph:
    return slimmable_block().graph


def badly_named_components() -> Graph:
    """Components and layers named like macros of the header, like each other, and like the lists of open channels."""
    network = Network(4, seed=7)
    components = ["bytes", "Bytes", "b", "x y"]
    gate = network.policy(network.input, components, name="gate")
    other = network.policy(network.input, ["bytes_b"], name="gate2")
    x = network.gate_parts(network.dense(network.input, 8, name="wide"), gate, [0, 1, 2, 3], ["zero"] * 4)
    y = network.dense(x, 4, name="wide_open")
    y = network.gate_parts(y, other, [None, 0], ["hold", "hold"])
    return network.graph(network.dense(network.combine("Concatenate", x, y, name="wide_held"), 3))


GRAPHS = [gated, strided, stateless, without_macs, one_channel, badly_named, slimmable, badly_named_components]


def project_of(graph: Graph, *, instrumented: bool = False) -> Project:
    return emit(plan(random_quantization(graph, Jitter(0, 0.0)), instrumented=instrumented))


def compile_all(project: Project, folder: Path, compiler: list[str]) -> None:
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"{compiler[0]} is missing")
    write_project(project, folder)
    includes = [f"-I{folder}", f"-I{folder}/kernels", f"-I{folder}/dsp"]
    for source in sorted(folder.rglob("*.c")):
        command = [compiler[0], *WARNINGS, "-O2", *compiler[1:], *includes, "-c", str(source), "-o", os.devnull]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("compiler", COMPILERS)
def test_model_with_audio_and_gates_compiles_without_warnings(tiny_compiled, tmp_path, compiler):
    compile_all(tiny_compiled.project, tmp_path, COMPILERS[compiler])


@pytest.mark.parametrize(
    ("compiler", "instrumented"),
    [("gcc", False), ("clang", False), ("Cortex-M4", False), ("gcc", True)],
    ids=["gcc", "clang", "Cortex-M4", "instrumented"],
)
@pytest.mark.parametrize("graph", GRAPHS, ids=[graph.__name__ for graph in GRAPHS])
def test_odd_model_compiles_without_warnings(tmp_path, graph, instrumented, compiler):
    compile_all(project_of(graph(), instrumented=instrumented), tmp_path, COMPILERS[compiler])


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
def test_another_abi_of_the_runtime_is_an_error_of_the_compiler(tmp_path):
    project = project_of(stateless())
    write_project(project, tmp_path)
    header = tmp_path / "slimse.h"
    header.write_text(header.read_text().replace("#define SLIMSE_ABI 1", "#define SLIMSE_ABI 999"))
    command = ["gcc", "-std=c11", f"-I{tmp_path}", f"-I{tmp_path}/dsp", "-fsyntax-only", str(tmp_path / "model.c")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "compile the model again" in done.stderr


# ---- the same inputs give the same bytes -------------------------------------------------------------------------


def digest(project: Project) -> str:
    return hashlib.sha256(repr(sorted(project.files.items())).encode()).hexdigest()


def test_same_inputs_give_the_same_bytes():
    assert digest(project_of(gated())) == digest(project_of(gated()))


_SCRIPT = """
import sys; sys.path[:0] = {path!r}
from test_emit import digest; from slimse_mcu import compile_model
print(digest(compile_model(sys.argv[1]).project))
"""


def test_another_process_gives_the_same_bytes(tiny_compiled, tiny_model, tmp_path):
    script = _SCRIPT.format(path=[str(Path(__file__).parent), *sys.path])
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"}
        command = [sys.executable, "-c", script, str(tiny_model)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.stdout.strip() == digest(tiny_compiled.project), done.stderr


def test_sources_are_what_the_golden_files_say():
    """If the change is meant: ``python tests/golden/make_golden.py``, and read the difference."""
    files = golden_files()
    assert sorted(files) == sorted(path.relative_to(GOLDEN).as_posix() for path in GOLDEN.glob("*_block/*"))
    for name, text in files.items():
        assert text == (GOLDEN / name).read_text(encoding="utf-8"), name


# ---- what the comments say ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def block():
    """A plan and what was emitted from it."""
    planned = plan(random_quantization(gated(), Jitter(0, 0.0)))
    return planned, emit(planned)


def test_header_says_the_plans_numbers(block):
    planned, project = block
    header = project.files["model.h"]
    assert f"{planned.macs_all_open} with all gates open, {planned.macs_all_closed} with all closed" in header
    assert f"{planned.weight_bytes} bytes of constants" in header
    assert f"{planned.model_bytes} bytes: state {planned.state_bytes}, arena {planned.arena_bytes}" in header


def test_layer_comments_add_up_to_all_macs(block):
    planned, project = block
    text = re.sub(r"\s*\n\s*\* ", " ", project.files["model.c"])
    counts = [int(count) for count in re.findall(r"(\d+)(?: in all|(?: MACs(?! per)))", text)]
    assert sum(counts) == planned.macs_all_open


def test_every_layer_is_called_once_and_in_order(block):
    planned, project = block
    frame = project.files["model.c"]
    places = [frame.index(f"&model_{step.node.name}") for step in planned.steps]
    assert places == sorted(places)


def test_arrays_are_commented_with_shape_and_range(block):
    planned, project = block
    text = project.files["model_weights.c"]
    comments = re.findall(r"/\* (\w+): .*; ([\[\]\d]+), (-?\d+) to (-?\d+) \*/", text)
    assert len(comments) == text.count("_Alignas(4) const")
    parameters = planned.quantized.parameters
    for call, shape, low, high in comments:
        node = call.removesuffix("_limit")
        expected = {str(array.min()) + str(array.max()) for array in parameters[node].values() if hasattr(array, "min")}
        assert low + high in expected
        assert shape.startswith("[")


def test_sources_hold_no_trace_of_place_or_time(block):
    text = "".join(block[1].files.values())
    assert str(Path.home()) not in text
    assert not re.search(r"/(tmp|work|home)/|20\d\d-\d\d-\d\d", text)


def test_lines_stay_short(block):
    names = ("model.c", "model.h", "model_layers.c", "model_layers.h")
    long = [line for name in names for line in block[1].files[name].splitlines() if len(line) > 120]
    assert long == []
