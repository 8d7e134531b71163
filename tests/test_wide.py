"""Tensors of 16 bits: random graphs with random wide sets in C, under sanitizers, against the specification."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from conftest import UNSHRUNK
from gated_layers import grouped_gru, slim_attention
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from native.gated import assert_equal_runs, gate_sequences
from networks import (
    JITTERS,
    Drawn,
    Jitter,
    Network,
    features_for,
    gated_graphs,
    quantized_features,
    random_quantization,
)
from on_board import run_on_board
from spectral_networks import spectral_graphs
from test_attention import attentive_graphs
from test_component_gates import slimmable_graphs
from test_grouped_gru import grouped_graphs
from test_mixed_gates import mixed_networks

from slimse_mcu import cli
from slimse_mcu.emit import emit
from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import Graph, QuantizedGraph
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.plan import plan
from slimse_mcu.quantize import HEADROOM, quantize
from slimse_mcu.streaming import run_float, run_int8
from slimse_mcu.widths import widenable, with_changes

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")

FRAMES = 14


def some_wide(draw: st.DrawFn, graph: Graph) -> frozenset[str]:
    """One tensor, some or all."""
    names = widenable(graph)
    count = draw(st.sampled_from([1, 2, len(names) // 2, len(names)]))
    return frozenset(draw(st.permutations(names))[: max(1, count)])


@st.composite
def widened(draw: st.DrawFn, graphs: st.SearchStrategy[Drawn]) -> tuple[Drawn, frozenset[str]]:
    """A graph and tensors of it to widen."""
    drawn = draw(graphs)
    assume(widenable(drawn.graph))
    return drawn, some_wide(draw, drawn.graph)


def quantized_or_rejected(graph: Graph, jitter: Jitter, wide: frozenset[str]) -> QuantizedGraph:
    """Ranges far from calibrated ones may be refused."""
    try:
        return random_quantization(graph, jitter, wide=wide)
    except QuantizeError as error:
        assume(not any(words in str(error) for words in ("far too small", "too large", "can leave int32")))
        raise


FAMILIES = {
    "channel gates": gated_graphs(),
    "components": slimmable_graphs(),
    "recurrence": grouped_graphs(),
    "attention": attentive_graphs(),
    "along frequency": spectral_graphs(gated=True),
    "all kinds": mixed_networks().map(lambda network: Drawn(network, network.graph(network.output))),
}


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=6, phases=UNSHRUNK)
@given(data=st.data(), jitter=JITTERS, instrumented=st.booleans(), seed=st.integers(0, 2**31))
def test_generated_c_equals_specification(build, family, data, jitter, instrumented, seed):
    drawn, wide = data.draw(widened(FAMILIES[family]))
    quantized = quantized_or_rejected(drawn.graph, jitter, wide)
    native = build(plan(quantized, instrumented=instrumented))
    features = quantized_features(quantized, FRAMES, seed)
    for forced in gate_sequences(quantized, FRAMES, seed).values():
        assert_equal_runs(native, features, forced)


# ---- what is said, and what is refused ---------------------------------------------------------------------------


def small(channels: int = 4) -> Network:
    """Dense, depthwise with a ring, a sum, a softmax branch and a sigmoid."""
    network = Network(channels, seed=1)
    x = network.dense(network.input, 6, "relu", name="front")
    y = network.depthwise(x, 3, 2, name="past")
    x = network.combine("Add", x, y, name="sum")
    network.output = network.dense(x, 3, "sigmoid", name="back")
    return network


def graph_of(network: Network) -> Graph:
    return network.graph(network.output)


def calibrated(graph: Graph, wide: tuple[str, ...] = ()) -> QuantizedGraph:
    return quantize(graph, [features_for(graph, 40, 0)], wide=wide, calibration_hash="c" * 64)


def test_layers_around_a_wide_tensor_work_on_int16_and_the_others_do_not():
    quantized = calibrated(graph_of(small()), ("past",))
    kernels = {step.node.name: [call.function for call in step.calls] for step in plan(quantized).steps}
    assert kernels == {
        "front": ["slimse_dense_s8"],
        "front_widen": ["slimse_rescale_s8_s16"],
        "past": ["slimse_depthwise_conv1d_s16"],
        "sum": ["slimse_add_s16"],
        "sum_narrow": ["slimse_rescale_s16_s8"],
        "back": ["slimse_dense_s8"],
        "back_activation": ["slimse_lookup_s8"],
    }
    assert quantized.wide == ("past",)
    (ring,) = quantized.graph.states
    assert (ring.name, ring.tensor) == ("past_past", "front_wide")


def test_generated_c_tells_what_is_wide():
    files = emit(plan(calibrated(graph_of(small()), ("past", "back_activation")))).files
    header, source = files["model.h"], files["model.c"]
    assert "* int16   past, back_activation, and copies of others called *_wide; the rest is int8" in header
    assert "* output  int16 [3]" in header
    assert "#define MODEL_OUTPUT_IS_INT16" in header
    assert "MODEL_INPUT_IS_INT16" not in header
    assert "uint32_t model_frame(model_t *m, const int8_t *input, int16_t *output)" in source
    assert "int16_t *const past = &m->arena[" in source
    assert "int8_t *const front = (int8_t *)&m->arena[" in source
    assert "/* past: depthwise conv1d 6, kernel 3, dilation 2. 18 MACs. Works on int16. */" in source
    assert "/* front_widen: int8 to int16, 6. */" in source
    manifest = json.loads(files["project.json"])
    assert manifest["wide"] == ["past", "back_activation"]
    assert manifest["output"]["bits"] == 16


def test_nothing_wide_leaves_no_trace():
    graph = graph_of(small())
    assert emit(plan(calibrated(graph))).files == emit(plan(calibrated(graph, ()))).files
    assert with_changes(graph, ()) is graph
    assert "16" not in json.dumps(sorted(emit(plan(calibrated(graph))).files))


def test_another_choice_of_wide_tensors_is_another_calibration():
    graph = graph_of(small())
    hashes = {
        calibrated(graph, wide).provenance.calibration_hash for wide in ((), ("past",), ("sum",), ("past", "sum"))
    }
    assert len(hashes) == 4


def test_wide_tensors_represent_more_than_calibration_saw():
    graph = graph_of(small())
    narrow, wide = calibrated(graph), calibrated(graph, ("sum",))
    low, high = (wide.quantization["sum"].minimum, wide.quantization["sum"].maximum)
    assert (low, high) == (narrow.quantization["sum"].minimum, narrow.quantization["sum"].maximum)
    assert wide.quantization["sum"].real_range[1] == pytest.approx(HEADROOM * max(-low, high), rel=1e-3)


def test_wide_tensors_are_closer_to_the_float_model():
    graph = graph_of(small())
    features = features_for(graph, 40, 0)
    reference = run_float(graph, features).output

    def error(wide: tuple[str, ...]) -> float:
        quantized = calibrated(graph, wide)
        source, output = (quantized.quantization[name] for name in (graph.input, graph.output))
        trace = run_int8(quantized, quantize_values(features, source))
        return float(np.abs(dequantize_values(trace.output, output) - reference).max())

    assert error(widenable(graph)) < error(()) / 2


def test_copies_are_called_like_nothing_else():
    network = Network(4)
    x = network.dense(network.input, 4, name="x")
    for name in ("x_wide", "x_widen", "y_narrow", "y_wide"):
        x = network.combine("Add", network.dense(x, 4, name=name), x)
    graph = network.graph(network.dense(network.activation(network.dense(x, 4, name="y"), "tanh"), 2))
    for wide in widenable(graph):
        changed = with_changes(graph, {wide})
        names = [node.name for node in changed.nodes]
        assert len(set(names)) == len(names)
        assert set(graph.tensors) <= set(changed.tensors)


def test_a_layer_without_16_bits_is_named():
    network = Network(4)
    x = network.dense(network.input, 4, name="logits")
    network.output = network.dense(network.add("Softmax", {"axis": -1}, [x], 4, name="shares"), 3, name="last")
    graph = graph_of(network)
    assert widenable(graph) == (graph.input, "last")
    with pytest.raises(QuantizeError, match=r"Layer 'shares' \(softmax\) works on int8 only and reads 'logits'"):
        calibrated(graph, ("logits",))
    with pytest.raises(QuantizeError, match=r"Layer 'shares' \(softmax\) works on int8 only and writes 'shares'"):
        calibrated(graph, ("shares",))
    with pytest.raises(QuantizeError, match="There is no tensor 'nothing'"):
        calibrated(graph, ("nothing",))


def test_sums_of_a_recurrence_that_leave_int32_are_refused():
    network = Network(1200)
    policy = network.policy(network.input, ["a"])
    x = grouped_gru(network, network.input, policy, 4, [None, 0])
    for index, layer in enumerate(network.layers):
        if layer.kind == "slimse>GroupedGRU":
            weights = (np.ones_like(layer.weights[0]), *layer.weights[1:])
            network.layers[index] = replace(layer, weights=weights)
    graph = network.graph(network.dense(x, 2))
    with pytest.raises(QuantizeError, match="The sums over the input can leave int32"):
        random_quantization(graph, Jitter(0, 0.0), wide=(graph.input,))


# ---- boards ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("board_name", ["virtual-m4"])
def test_boards_equal_the_specification(tmp_path, board_name):
    """Channel gates, components of every rule, recurrence and attention, input and output in 16 bits."""
    network = Network(8, seed=5)
    gate = network.decide(network.dense(network.input, 6, "relu"), 16)
    x = network.close(network.dense(network.input, 16, "relu"), gate)
    x = network.close(network.depthwise(x, 3, 2), gate)
    policy = network.policy(network.input, ["a", "b", "c"], 4, recurrent=True)
    x = network.reshape(network.dense(x, 24), 3, 8)
    x = grouped_gru(network, x, policy, 8, [None, 0], "hold")
    x = slim_attention(network, x, policy, [None, 1], 3)
    y = network.gate_parts(network.dense(x, 8), policy, [None, 2], ["zero", "bypass"], x)
    graph = network.graph(network.dense(network.reshape(y, 0, 24), 5, "sigmoid"))
    names = widenable(graph)
    assert {graph.input, graph.output} <= set(names)
    quantized = random_quantization(graph, Jitter(3, 0.7), wide=[graph.input, graph.output, *names[2:-1:2]])
    run_on_board(plan(quantized), board_name, quantized_features(quantized, 20, 3), tmp_path)


# ---- the command line --------------------------------------------------------------------------------------------


def test_command_line_takes_names_and_files(tiny_model, tmp_path):
    out = tmp_path / "first"
    names = "encode,mask"
    assert cli.run(["compile", str(tiny_model), "--out", str(out), "--wide", names]) == 0
    assert json.loads((out / "project.json").read_text())["wide"] == ["encode", "mask"]
    again = tmp_path / "again"
    arguments = ["compile", str(tiny_model), "--out", str(again), "--wide-from", str(out / "project.json")]
    assert cli.run(arguments) == 0
    assert (again / "model.c").read_bytes() == (out / "model.c").read_bytes()


@pytest.mark.parametrize("text", ["", "[1]", '{"wide": "mask"}', '{"wide": [1]}', '{"narrow": []}', "[" * 100_000])
def test_files_that_say_no_tensors_are_refused(tiny_model, tmp_path, text, capsys):
    path = tmp_path / "wide.json"
    path.write_text(text)
    assert cli.run(["compile", str(tiny_model), "--wide-from", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "wide.json" in capsys.readouterr().err.replace("\n", "")
    assert not (tmp_path / "out").exists()


def test_a_tensor_that_does_not_exist_is_refused(tiny_model, tmp_path, capsys):
    assert cli.run(["compile", str(tiny_model), "--wide", "nonsense", "--out", str(tmp_path / "out")]) == 2
    assert "There is no tensor 'nonsense'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
