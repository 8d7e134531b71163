"""Import of ``.keras`` files: what is supported, how the rest is refused, and files made to do harm."""

from __future__ import annotations

import copy
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras_file import functional_config, save, weights_store, write_archive
from networks import Network, Value, features_for

from slimse_mcu.errors import ModelError
from slimse_mcu.keras_archive import MAX_CONFIG_BYTES, KerasArchive
from slimse_mcu.load import MAX_LAYERS, load, read_graph
from slimse_mcu.streaming import run_float

RELAXED = settings(suppress_health_check=list(HealthCheck))


def usual_network() -> Network:
    """One of most layers, 6 features in, 4 out."""
    network = Network(6, seed=1)
    x = network.activation(network.batch_norm(network.conv(network.input, 8, 3, 2)), "relu")
    gate = network.decide(x, 8, 3)
    hidden = network.close(network.activation(network.depthwise(x, 3), "prelu"), gate)
    x = network.combine("Add", x, network.separable(hidden, 8, 2))
    network.output = network.dense(network.combine("Concatenate", x, hidden), 4, "sigmoid")
    return network


@pytest.fixture(scope="module")
def usual_file(tmp_path_factory) -> Path:
    return save(usual_network(), tmp_path_factory.mktemp("load") / "usual.keras")


def test_file_gives_the_graph_of_its_layers(usual_file):
    network = usual_network()
    expected = network.graph(network.output)
    graph = load(usual_file)
    assert [(node.name, node.op, node.inputs, node.row_gate) for node in graph.nodes] == [
        (node.name, node.op, node.inputs, node.row_gate) for node in expected.nodes
    ]
    features = features_for(graph, 20, 0)
    np.testing.assert_array_equal(run_float(graph, features).output, run_float(expected, features).output)


def test_plain_model_becomes_few_nodes(plain_model):
    graph = load(plain_model)
    assert [(node.name, node.op, node.activation) for node in graph.nodes] == [
        ("first", "conv1d", "relu"),
        ("depthwise", "depthwise_conv1d", "linear"),
        ("leaky", "lookup", "linear"),
        ("last", "dense", "linear"),
        ("last_activation", "lookup", "linear"),
    ]
    assert [(state.tensor, state.slots) for state in graph.states] == [("features", 2), ("first", 4)]


def test_gated_model_carries_its_front_end_and_gates(tiny_model):
    graph = load(tiny_model)
    assert graph.frontend is not None
    assert graph.frontend.bins == 257
    assert [gate.channels for gate in graph.gates.values()] == [32, 32]
    skipping = {node.name: (node.row_gate, node.column_gate) for node in graph.nodes if node.row_gate}
    assert len(skipping) == 4
    assert sum(node.column_gate is not None for node in graph.nodes) == 2


def test_layers_that_do_nothing_in_a_stream_leave_no_node(tmp_path):
    network = Network(5)
    x = network.add("Dropout", {"rate": 0.5}, [network.input], 5)
    x = network.add("Reshape", {"target_shape": [-1, 5]}, [x], 5)
    x = network.add("Activation", {"activation": "linear"}, [x], 5)
    network.output = network.dense(x, 3)
    graph = load(save(network, tmp_path / "m.keras"))
    assert [node.name for node in graph.nodes] == [network.output.layer]


def test_paddings_one_after_the_other_add_up(tmp_path):
    network = Network(3)
    x = network.add("ZeroPadding1D", {"padding": [1, 0]}, [network.input], 3)
    x = network.add("ZeroPadding1D", {"padding": [3, 0]}, [x], 3)
    kernel = network.normal(3, 3, 4)
    config = {"padding": "valid", "dilation_rate": [2], "strides": [1], "activation": "linear"}
    network.output = network.add("Conv1D", config, [x], 4, [kernel, np.zeros(4)])
    assert load(save(network, tmp_path / "m.keras")).states[0].slots == 4


def test_layer_called_twice_becomes_two_nodes(usual_file, tmp_path):
    network = Network(4)
    network.output = network.dense(network.input, 4, name="shared")
    config = functional_config(network)
    entry = config["config"]["layers"][1]
    again = copy.deepcopy(entry["inbound_nodes"][0])
    again["args"][0]["config"]["keras_history"] = ["shared", 0, 0]
    entry["inbound_nodes"].append(again)
    config["config"]["output_layers"] = [["shared", 1, 0]]
    graph = load(write_archive(tmp_path / "m.keras", config, weights_store(network.layers)))
    assert [node.name for node in graph.nodes] == ["shared", "shared_2"]


# ---- refused layers ----------------------------------------------------------------------------------------------


def conv(network: Network, x: Value, kernel: int = 3, **config) -> Value:
    settings = {"padding": "causal", "dilation_rate": [1], "strides": [1], "activation": "linear", **config}
    return network.add("Conv1D", settings, [x], 4, [network.normal(kernel, x.channels, 4), np.zeros(4)], name="bad")


def padded(network: Network, left: int, right: int) -> Value:
    return network.add("ZeroPadding1D", {"padding": [left, right]}, [network.input], 6, name="pad")


def plain(kind: str, **config) -> Callable[[Network], Value]:
    return lambda network: network.add(kind, config, [network.input], 6, name="bad")


def spoilt_dense(network: Network, kernel_value: float) -> Value:
    kernel = network.normal(6, 4)
    kernel[2, 1] = kernel_value
    return network.add("Dense", {"activation": "linear"}, [network.input], 4, [kernel, np.zeros(4)], name="bad")


def norm(network: Network, x: Value, **config) -> Value:
    weights = [np.ones(6), np.zeros(6), np.zeros(6), config.pop("variance", np.ones(6))]
    return network.add("BatchNormalization", {"axis": -1, "epsilon": 1e-3, **config}, [x], 6, weights, name="bad")


def prelu(network: Network) -> Value:
    return network.add("PReLU", {"shared_axes": None}, [network.input], 6, [np.ones((20, 6))], name="bad")


def mixed_rates(network: Network) -> Value:
    slow = network.conv(network.input, 6, 2, stride=2)
    return network.add("Add", {}, [network.input, slow], 6, name="bad")


def mixed_sizes(network: Network) -> Value:
    return network.add("Add", {}, [network.input, network.dense(network.input, 3)], 6, name="bad")


def gate_as_tensor(network: Network) -> Value:
    gate = network.decide(network.input, 6)
    return network.add("Multiply", {}, [network.input, gate], 6, name="bad")


def gate_of_other_size(network: Network) -> Value:
    return network.add("slimse>GateChannels", {}, [network.input, network.decide(network.input, 5)], 6, name="bad")


def gate_of_no_group(network: Network) -> Value:
    weights = [network.normal(6, 6), np.zeros(6)]
    gate = network.add("slimse>ChannelGate", {"channels": 6, "group": 0}, [network.input], 6, weights, name="bad")
    return network.close(network.input, gate)


def gate_of_a_huge_group(network: Network) -> Value:
    weights = [network.normal(6, 6), np.zeros(6)]
    gate = network.add("slimse>ChannelGate", {"channels": 6, "group": 10**6}, [network.input], 6, weights, name="bad")
    return network.close(network.input, gate)


def two_tensors_gated(network: Network) -> Value:
    return network.add("slimse>GateChannels", {}, [network.input, network.input], 6, name="bad")


def one_input_gated(network: Network) -> Value:
    return network.add("slimse>GateChannels", {}, [network.input], 6, name="bad")


def late_gate(network: Network) -> Value:
    slow = network.conv(network.input, 6, 2, stride=2)
    weights = [network.normal(6, 6), np.zeros(6)]
    gate = network.add("slimse>ChannelGate", {"channels": 6}, [slow], 6, weights, name="bad")
    return network.close(slow, gate)


def dense_for(channels: int, units: int) -> Callable[[Network], Value]:
    weights = [np.ones((channels, units)), np.zeros(units)]
    return lambda network: network.add("Dense", {"activation": "linear"}, [network.input], units, weights, name="bad")


def norm_of(network: Network, channels: int) -> Value:
    weights = [np.ones(channels)] * 4
    return network.add("BatchNormalization", {"epsilon": 1e-3}, [network.input], 6, weights, name="bad")


REFUSED: dict[str, tuple[Callable[[Network], Value], str]] = {
    "unsupported layer": (
        plain("SimpleRNN", units=4),
        r"\(SimpleRNN\) is not supported\. Supported are .*Conv1D.*Dense",
    ),
    "lambda": (plain("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wEA"}}), "not supported"),
    "nested model": (plain("Functional", layers=[]), "Functional"),
    "padding same": (lambda n: conv(n, n.input, padding="same"), "future frames: not causal.*padding='causal'"),
    "valid without padding": (
        lambda n: conv(n, n.input, padding="valid"),
        r"reaches back 2.*ZeroPadding1D\(\(2, 0\)\)",
    ),
    "too little padding": (lambda n: conv(n, padded(n, 1, 0), padding="valid"), "behind 1 frames"),
    "causal behind padding": (lambda n: conv(n, padded(n, 2, 0)), "Remove the ZeroPadding1D"),
    "channels first": (lambda n: conv(n, n.input, data_format="channels_first"), "channels_first"),
    "groups": (lambda n: conv(n, n.input, groups=2), "groups"),
    "kernel too long": (lambda n: conv(n, n.input, 33), "33 frames; at most 32"),
    "endless memory": (lambda n: conv(n, n.input, dilation_rate=[10**9]), "frames"),
    "endless stride": (lambda n: conv(n, n.input, strides=[10**6]), "strides over"),
    "strides of two kinds": (lambda n: conv(n, n.input, strides=[1, 2]), "strides"),
    "unknown activation": (lambda n: conv(n, n.input, activation="mish"), "'mish'.*Supported are linear"),
    "activation of no kind": (lambda n: conv(n, n.input, activation=[1]), "activation"),
    "NaN weight": (lambda n: spoilt_dense(n, np.nan), "NaN"),
    "infinite weight": (lambda n: spoilt_dense(n, np.inf), "infinite"),
    "weights for fewer channels": (dense_for(5, 12), r"\(12, 5\), its input has 6 channels"),
    "no units": (dense_for(6, 0), "empty weight"),
    "normalization of other channels": (lambda n: norm_of(n, 4), "input has 6 channels"),
    "normalization by nothing": (lambda n: norm(n, n.input, variance=np.zeros(6), epsilon=0.0), "not finite"),
    "normalization of time": (lambda n: norm(n, n.input, axis=1), "axis 1"),
    "negative variance": (lambda n: norm(n, n.input, variance=-np.ones(6)), "negative moving variance"),
    "normalization behind padding": (lambda n: norm(n, padded(n, 2, 0)), "zero-padded"),
    "prelu per frame": (prelu, r"shared_axes=\[1\]"),
    "threshold": (plain("ReLU", threshold=0.5), "threshold"),
    "relu with another maximum": (plain("ReLU", max_value=1.0), r"ReLU\(6.0\)"),
    "reshape that mixes": (plain("Reshape", target_shape=[-1, 3]), "mixes time and channels"),
    "reshape to more axes": (plain("Reshape", target_shape=[-1, 3, 2, 1]), "mixes time and channels"),
    "tensors of different rates": (mixed_rates, "different frame rates"),
    "tensors of different sizes": (mixed_sizes, r"shapes \(6,\), \(3,\)"),
    "gate as a tensor": (gate_as_tensor, "reads a gate as if it were a tensor"),
    "gate of another size": (gate_of_other_size, "6 channels with a gate of 5"),
    "gate of a huge group": (gate_of_a_huge_group, "decides for 6000000 channels; at most 16384 are possible"),
    "gate of no group": (gate_of_no_group, "decides for groups of 0 channels"),
    "no gate to close with": (two_tensors_gated, "expects a tensor and the gate"),
    "one input instead of two": (one_input_gated, "expects a tensor and the gate"),
    "gate behind a strided layer": (late_gate, "strided"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_layer_is_named_with_a_way_out(tmp_path, case):
    make, expected = REFUSED[case]
    network = Network(6)
    network.output = make(network)
    with pytest.raises(ModelError, match=expected) as caught:
        load(save(network, tmp_path / "m.keras"))
    assert "Layer 'bad'" in str(caught.value)


def test_right_padding_is_not_causal(tmp_path):
    network = Network(6)
    network.output = network.dense(padded(network, 0, 2), 3)
    with pytest.raises(ModelError, match=r"'pad' .* pads 2 future frames: not causal"):
        load(save(network, tmp_path / "m.keras"))


def test_padding_in_front_of_another_layer_is_refused(tmp_path):
    network = Network(6)
    network.output = network.dense(padded(network, 2, 0), 3, name="bad")
    with pytest.raises(ModelError, match=r"'bad' .* zero-padded"):
        load(save(network, tmp_path / "m.keras"))


def test_second_input_is_refused(tmp_path):
    network = Network(6)
    network.output = network.dense(network.input, 6)
    config = functional_config(network)
    config["config"]["input_layers"].append(["other", 0, 0])
    with pytest.raises(ModelError, match="2 inputs and 1 outputs"):
        load(write_archive(tmp_path / "m.keras", config, weights_store(network.layers)))


def test_input_without_a_time_axis_is_refused(tmp_path):
    network = Network(6)
    network.output = network.dense(network.input, 6)
    config = functional_config(network)
    config["config"]["layers"][0]["config"]["batch_shape"] = [None, 6]
    with pytest.raises(ModelError, match=r"\(batch, time, channels\)"):
        load(write_archive(tmp_path / "m.keras", config, weights_store(network.layers)))


@pytest.mark.parametrize("kind", ["Sequential", "MyModel"])
def test_model_that_does_not_describe_its_input_is_refused(tmp_path, kind):
    network = Network(6)
    network.output = network.dense(network.input, 6)
    config = functional_config(network)
    config["class_name"] = kind
    del config["config"]["layers"][0]
    with pytest.raises(ModelError, match=r"MyModel model|keras\.Input"):
        load(write_archive(tmp_path / "m.keras", config, weights_store(network.layers)))


def test_tensor_given_by_keyword_is_refused(tmp_path):
    network = Network(6)
    network.output = network.dense(network.input, 6, name="bad")
    config = functional_config(network)
    node = config["config"]["layers"][1]["inbound_nodes"][0]
    node["kwargs"] = {"mask": node["args"][0]}
    with pytest.raises(ModelError, match=r"'bad' .*argument 'mask'"):
        load(write_archive(tmp_path / "m.keras", config, weights_store(network.layers)))


def deep_archive(count: int) -> KerasArchive:
    """``count`` layers in the worst order, whose names differ at the end only."""
    network = Network(2)
    x = network.input
    for index in range(count - 1):
        x = network.dense(x, 2, name=f"{'deep ' * 20}{index}")
    layers = tuple(reversed(network.layers))
    return KerasArchive("deep", "0" * 64, layers, (network.input.layer,), ((x.layer, 0),))


def lines_run(function: Callable[..., object], *arguments: object) -> int:
    """How many lines and turns of loops of its own module ``function`` runs: seconds that no machine changes."""
    count = 0

    def trace(frame: FrameType, event: str, _) -> Callable | None:
        nonlocal count
        count += event == "line"
        return trace if frame.f_code.co_filename == function.__code__.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return count


def test_work_to_read_layers_in_reversed_order_grows_as_their_number_does():
    few, many = (lines_run(read_graph, deep_archive(count)) for count in (MAX_LAYERS // 16, MAX_LAYERS // 4))
    # Four times the layers are four times the work, and a heap's depth; sixteen times if each is looked for in all.
    assert many < 5 * few


def test_largest_model_is_read():
    graph = read_graph(deep_archive(MAX_LAYERS))
    assert len({node.name for node in graph.nodes}) == MAX_LAYERS - 1
    assert max(len(node.name) for node in graph.nodes) < 70


def test_model_of_more_layers_is_refused():
    with pytest.raises(ModelError, match=f"{MAX_LAYERS + 1} layers; at most {MAX_LAYERS}"):
        read_graph(deep_archive(MAX_LAYERS + 1))


def test_cycle_is_refused(tmp_path):
    network = Network(6)
    first = network.dense(network.input, 6, name="first")
    network.output = network.dense(first, 6, name="second")
    config = functional_config(network)
    tensor = config["config"]["layers"][1]["inbound_nodes"][0]["args"][0]
    tensor["config"]["keras_history"] = ["second", 0, 0]
    with pytest.raises(ModelError, match=r"'first' .*cycle"):
        load(write_archive(tmp_path / "m.keras", config, weights_store(network.layers)))


# ---- files that are damaged, or made to do harm ------------------------------------------------------------------


@pytest.fixture
def parts() -> tuple[dict, bytes]:
    """Configuration and weights of a small valid model."""
    network = Network(6)
    network.output = network.dense(network.input, 4, name="only")
    return functional_config(network), weights_store(network.layers)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x89HDF\r\n\x1a\n" + bytes(100), b"no zip" * 100])
def test_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "m.keras"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"is not a \.keras file"):
        load(path)


def test_missing_file_and_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.keras", tmp_path):
        with pytest.raises(ModelError, match="Cannot read"):
            load(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_truncated_file_is_refused(usual_file, tmp_path, share):
    content = usual_file.read_bytes()
    path = tmp_path / "m.keras"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match="damaged"):
        load(path)


@pytest.mark.parametrize("missing", ["config.json", "model.weights.h5"])
def test_zip_without_a_member_is_refused(usual_file, tmp_path, missing):
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(usual_file) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            if name != missing:
                target.writestr(name, source.read(name))
    with pytest.raises(ModelError, match=f"without '{missing}'"):
        load(path)


@pytest.mark.parametrize(
    "config",
    [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"null", b"[]", b'{"class_name": "Functional"}', b'{"class_name": 1}'],
)
def test_configuration_that_is_none_is_refused(tmp_path, parts, config):
    with pytest.raises(ModelError, match=r"configuration|model"):
        load(write_archive(tmp_path / "m.keras", config, parts[1]))


def test_configuration_that_inflates_without_end_is_refused(tmp_path, parts):
    path = write_archive(tmp_path / "m.keras", b" " * (MAX_CONFIG_BYTES + 1), parts[1])
    assert path.stat().st_size < MAX_CONFIG_BYTES // 100
    with pytest.raises(ModelError, match="at most"):
        load(path)


def test_member_larger_than_it_claims_is_refused(tmp_path, parts):
    path = write_archive(tmp_path / "m.keras", b" " * (MAX_CONFIG_BYTES + 1), parts[1])
    content = path.read_bytes()
    path.write_bytes(content.replace((MAX_CONFIG_BYTES + 1).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    with pytest.raises(ModelError):
        load(path)


def bomb(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (2**16, 2**14), "f4", chunks=(2**8, 2**10), compression="gzip")


def many_bombs(file: h5py.File) -> None:
    del file["layers/dense/vars"]
    packed = {"chunks": (2**8, 2**10), "compression": "gzip"}
    for index in range(40):
        file.create_dataset(f"layers/dense/vars/{index}", (2**12, 2**13), "f4", **packed)


def external_link(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = h5py.ExternalLink("secret.h5", "/secret")


def external_group(file: h5py.File) -> None:
    del file["layers"]
    file["layers"] = h5py.ExternalLink("secret.h5", "/layers")


def soft_link(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    file["elsewhere"] = np.zeros((6, 4), np.float32)
    file["layers/dense/vars/0"] = h5py.SoftLink("/elsewhere")


def external_storage(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    external = [("secret.bin", 0, 96)]
    file.create_dataset("layers/dense/vars/0", (6, 4), "f4", external=external)


def virtual(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    layout = h5py.VirtualLayout((6, 4), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "secret", (6, 4))
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def text(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = "import os"


def references(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (6, 4), h5py.ref_dtype)


def integers(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = np.zeros((6, 4), np.int8)


def group_instead(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    file.create_group("layers/dense/vars/0")


@pytest.mark.parametrize(
    "spoil",
    [
        bomb,
        many_bombs,
        external_link,
        external_group,
        soft_link,
        external_storage,
        virtual,
        text,
        references,
        integers,
        group_instead,
    ],
)
def test_weights_that_are_no_plain_arrays_in_the_file_are_refused(tmp_path, monkeypatch, parts, spoil):
    monkeypatch.chdir(tmp_path)
    with h5py.File("secret.h5", "w") as secret:
        secret["secret"] = np.ones((6, 4), np.float32)
        secret["layers/dense/vars/0"] = np.ones((6, 4), np.float32)
        secret["layers/dense/vars/1"] = np.ones(4, np.float32)
    Path("secret.bin").write_bytes(bytes(96))
    network = Network(6)
    network.dense(network.input, 4, name="only")
    weights = weights_store(network.layers, spoil)
    with pytest.raises(ModelError, match="weight"):
        load(write_archive(tmp_path / "m.keras", parts[0], weights))


@settings(RELAXED, max_examples=150)
@given(st.data())
def test_changed_bytes_give_a_model_or_a_model_error(usual_file, tmp_path_factory, data):
    content = bytearray(usual_file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "fuzzed.keras"
    path.write_bytes(content)
    load_or_refuse(path)


@settings(RELAXED, max_examples=150)
@given(st.data())
def test_changed_bytes_of_the_weights_give_a_model_or_a_model_error(tmp_path_factory, data):
    network = usual_network()
    content = bytearray(weights_store(network.layers))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "fuzzed_weights.keras"
    load_or_refuse(write_archive(path, functional_config(network), bytes(content)))


JSON = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([[], {}, [[]], {"class_name": "x"}, [1, 2, 3], "causal", "Dense", "features", ["a", 0, 0]]),
)


def places(value, path=()):
    """Every path into nested JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


@settings(RELAXED, max_examples=400)
@given(st.data())
def test_changed_configuration_gives_a_model_or_a_model_error(tmp_path_factory, data):
    network = usual_network()
    config = functional_config(network)
    for _ in range(data.draw(st.integers(1, 2))):
        *parents, key = data.draw(st.sampled_from(list(places(config))))
        target = config
        for parent in parents:
            target = target[parent]
        if data.draw(st.booleans()) and isinstance(target, dict):
            del target[key]
        else:
            target[key] = data.draw(JSON)
    path = tmp_path_factory.getbasetemp() / "fuzzed_config.keras"
    load_or_refuse(write_archive(path, config, weights_store(network.layers)))


def load_or_refuse(path: Path) -> None:
    """Load a file; a graph that comes out runs, and nothing but ModelError comes out else."""
    try:
        graph = load(path)
    except ModelError:
        return
    with np.errstate(all="ignore"):
        run_float(graph, features_for(graph, 3, 0))


def test_front_end_beside_that_of_the_model(tiny_model):
    carried = load(tiny_model).frontend
    assert carried is not None
    assert load(tiny_model, front_end=carried).frontend == carried
    with pytest.raises(ModelError, match="carries a front end of its own"):
        load(tiny_model, front_end=replace(carried, exponent=0.5))
    with pytest.raises(ModelError):
        load(tiny_model, front_end=replace(carried, fft=500))
