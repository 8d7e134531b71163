"""Tensors of 16 bits: random graphs with random wide sets in C, under sanitizers, against the specification."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from native.gated import assert_equal_runs, gate_sequences
from networks import JITTERS, Drawn, Jitter, gated_graphs, quantized_features, random_quantization

from slimse_mcu.errors import QuantizeError
from slimse_mcu.graph import Graph, QuantizedGraph
from slimse_mcu.plan import plan
from slimse_mcu.widths import widenable

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")

FRAMES = 14
#: Every example runs a C compiler, so a failing one is not shrunk.
RELAXED = settings(
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


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
    except QuantizeError:
        assume(jitter.octaves < 1.0)
        raise


@settings(RELAXED, max_examples=45)
@given(widened(gated_graphs()), JITTERS, st.booleans(), st.integers(0, 2**31))
def test_channel_gates(build, case, jitter, instrumented, seed):
    drawn, wide = case
    quantized = quantized_or_rejected(drawn.graph, jitter, wide)
    native = build(plan(quantized, instrumented=instrumented))
    features = quantized_features(quantized, FRAMES, seed)
    for forced in gate_sequences(quantized, FRAMES, seed).values():
        assert_equal_runs(native, features, forced)
