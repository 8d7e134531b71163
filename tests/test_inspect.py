"""``slimse inspect``: what gates and components skip, and what that saves."""

from __future__ import annotations

import pytest
from networks import Network

from slimse_mcu import screen
from slimse_mcu.inspect import ModelSummary, PartSummary, summarize
from slimse_mcu.load import load


@pytest.fixture
def parted() -> ModelSummary:
    """A dense layer over three positions with a static part, one that holds and one that is zero, and a reader."""
    network = Network(12, seed=8)
    x = network.dense(network.input, 12, "relu", name="front")
    policy = network.policy(x, ["low", "high"])
    y = network.dense(network.reshape(x, 3, 4), 6, name="wide")
    y = network.gate_parts(y, policy, [None, 0, 1], ["zero", "hold", "zero"])
    y = network.dense(y, 5, name="reader")
    return summarize(network.graph(network.dense(network.reshape(y, 0, 15), 5, name="after")))


def test_components_parts_and_positions(parted):
    layers = {one.name: one for one in parted.layers}
    wide, reader = layers["wide"], layers["reader"]
    assert (wide.positions, wide.channels) == (3, 6)
    assert wide.parts == (PartSummary(2, "", ""), PartSummary(2, "low", "hold"), PartSummary(2, "high", "zero"))
    assert reader.blocks == ("high",)  # what holds is not zero, so it must be read
    assert reader.parts == ()
    assert layers["after"].positions == 1


def test_what_each_component_saves(parted):
    low, high = parted.components
    assert (low.name, low.layers, low.macs_saved) == ("low", ("wide",), 3 * 2 * 4)
    assert (high.name, high.layers, high.macs_saved) == ("high", ("wide",), 3 * 2 * 4 + 3 * 2 * 5)
    assert parted.macs_open - parted.macs_closed == low.macs_saved + high.macs_saved


def test_the_printed_summary_names_components_and_rules(parted, capsys):
    screen.print_model(parted)
    out = capsys.readouterr().out
    assert "1 policy with 2 components" in out
    assert "low 2 hold, high 2 zero" in out
    assert "3 x 6" in out
    assert "54" in next(line for line in out.splitlines() if line.strip().startswith("high"))


def test_channel_gates_have_no_components(tiny_model, capsys):
    summary = summarize(load(tiny_model))
    assert summary.components == ()
    assert all(one.parts == () and one.blocks == () for one in summary.layers)
    screen.print_model(summary)
    assert "2 gates with 64 channels" in capsys.readouterr().out


def test_a_compiled_project_shows_components(capsys):
    manifest = {
        "name": "model",
        "provenance": {"tool_version": "1", "model_hash": "0", "calibration_hash": "1"},
        "method": "minmax",
        "memory": {"weight_bytes": 1, "model_bytes": 2, "state_bytes": 3, "arena_bytes": 4},
        "macs": {"all_open": 10, "all_closed": 5},
        "gates": [{"name": "policy", "channels": 2, "offset": 0, "components": ["low", "high"]}],
        "layers": [
            {
                "name": "wide",
                "title": "dense 4 -> 6",
                "activation": "linear",
                "row_gate": None,
                "column_gate": None,
                "parts": [
                    {"channels": 2, "component": None, "on_skip": None},
                    {"channels": 2, "component": "low", "on_skip": "hold"},
                ],
                "weight_bytes": 1,
                "macs": 2,
            }
        ],
    }
    screen.print_manifest(manifest)
    out = capsys.readouterr().out
    assert "low 2 hold" in out
    assert "5 with all closed; 2 components" in out
