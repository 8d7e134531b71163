"""Writes the expected C of a small network: ``python tests/golden/make_golden.py`` after a change that is meant.

Read the difference before you commit it: it is the product.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "gated_block"
VERSION_MARK = "VERSION"


def golden_files() -> Mapping[str, str]:
    """The generated files of a fixed network, the tool's version replaced by a word."""
    import numpy as np
    from networks import Network

    from slimse_mcu.emit import emit
    from slimse_mcu.plan import plan
    from slimse_mcu.quantize import quantize
    from slimse_mcu.version import VERSION

    network = Network(4, seed=0)
    # Weights of few digits: the files must not depend on the machine's floating-point library.
    network.normal = lambda *shape, fan_in=1: network.rng.integers(-8, 9, shape) / 8.0
    network.bias = lambda channels: network.rng.integers(-4, 5, channels) / 4.0
    x = network.dense(network.input, 6, "relu", name="front")
    gate = network.add(
        "slimse>ChannelGate",
        {"channels": 10},
        [network.dense(x, 3, "relu", name="b0_gate_hidden")],
        10,
        [network.normal(3, 10), network.bias(10)],
        name="b0_gate",
    )
    hidden = network.close(network.dense(x, 10, "relu", name="b0_expand"), gate)
    hidden = network.close(network.depthwise(hidden, 3, 2, activation="relu", name="b0_depthwise"), gate)
    x = network.combine("Add", x, network.dense(hidden, 6, name="b0_project"), name="b0_add")
    graph = network.graph(network.dense(x, 4, "sigmoid", name="back"))
    features = (np.arange(80).reshape(20, 4) * 7 % 17 / 16.0).astype(np.float32)
    project = emit(plan(quantize(graph, [features], calibration_hash="c" * 64)))
    return {
        name: text.replace(VERSION, VERSION_MARK)
        for name, text in project.files.items()
        if name.startswith("model") or name == "project.json"
    }


def main() -> None:
    """Write the files."""
    sys.path[:0] = [str(HERE.parent), str(HERE.parents[1])]
    for name, text in golden_files().items():
        (EXPECTED / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
