"""What is measured: the networks, the layers, and the settings of the gates."""

from __future__ import annotations

import multiprocessing
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from networks import Jitter, Network, Value, quantized_features, random_quantization
from numpy.typing import NDArray

from bench.results import BoardResults, Count
from bench.tables import SHARE
from slimse_mcu.board import Board
from slimse_mcu.build import Image, build
from slimse_mcu.compile import compile_model
from slimse_mcu.emit import emit
from slimse_mcu.graph import Graph, QuantizedGraph
from slimse_mcu.harness.audio import read_audio
from slimse_mcu.plan import Plan, plan
from slimse_mcu.profile import LayerProfile, PartProfile, Profile, Setting, profiles, random_pattern

STATIC, GATED, COMPONENTS = "zoo:convfsenet-static", "zoo:convfsenet-dyncp25", "zoo:dsn-mgt"
SHARES = (100, 75, 50, 25, 10)
DILATIONS = (1, 2, 4, 8)
UNITS = (64, 128, 256)
CLIP = Path(__file__).resolve().parents[1] / "data" / "noisy" / "clip04.wav"
FRAMES = 4
#: Models of the cycles that give a bound, by core.
WITHOUT_OVERLAP = {"cortex-m55": "cortex-m55-serial"}


def measure_all(targets: Sequence[Board], jobs: int) -> Iterator[tuple[str, BoardResults]]:
    """Measure boards, ``jobs`` at once; yield each one's name and results in the given order.

    The models are compiled before the processes are forked, so that none does it again.
    """
    for model in (STATIC, GATED, COMPONENTS):
        _quantized(model)
    _layers_network()
    with ProcessPoolExecutor(min(jobs, len(targets)), multiprocessing.get_context("fork")) as pool:
        yield from zip([target.name for target in targets], pool.map(measure, targets), strict=True)


def measure(target: Board) -> BoardResults:
    """Measure everything on one board."""
    results = BoardResults(target.core)
    with tempfile.TemporaryDirectory(prefix="slimse-bench-") as folder:
        for part in (_static, _gated, _layers, _components):
            part(target, Path(folder), results)
    return results


def compiler_version(target: Board) -> str:
    """First line of what the compiler says of itself."""
    said = subprocess.run([target.compiler, "--version"], capture_output=True, text=True, check=True).stdout
    return said.partition("\n")[0]


def host_seconds() -> dict[str, float]:
    """Processor time in seconds of `slimse compile` and `slimse build` of the largest model, each on its own."""
    seconds = {}
    with tempfile.TemporaryDirectory(prefix="slimse-bench-") as folder:
        for command in (["compile", STATIC, "--out", "project"], ["build", "project", "--board", "virtual-m4"]):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            run = [sys.executable, "-m", "slimse_mcu.cli", *command]
            subprocess.run(run, cwd=folder, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds[command[0]] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds


def _static(target: Board, folder: Path, results: BoardResults) -> None:
    (profile,), _ = _run(_quantized(STATIC), target, folder, lambda planned: [Setting("none", "model")])
    results.counts["static"] = _count(profile.network, profile.macs)
    if target.core in WITHOUT_OVERLAP:
        (profile,), _ = _run(
            _quantized(STATIC), target, folder, lambda planned: [Setting("none", "model")], serial=True
        )
        results.counts["static, no overlap"] = _count(profile.network, profile.macs)
    results.counts["front and back end"] = _count(_sum(list(profile.audio.values())))


def _gated(target: Board, folder: Path, results: BoardResults) -> None:
    quantized = _quantized(GATED)

    def settings(planned: Plan) -> list[Setting]:
        return [Setting(f"open {share}%", random_pattern(planned.gates, share / 100)) for share in SHARES]

    found, image = _run(quantized, target, folder, settings)
    for profile in found:
        results.counts[profile.gates] = _count(profile.network, profile.macs)
    if target.core in WITHOUT_OVERLAP:
        for profile in _run(quantized, target, folder, settings, serial=True)[0]:
            results.counts[f"{profile.gates}, no overlap"] = _count(profile.network, profile.macs)
    subnets = set(gating_subnets(quantized.graph))
    layers = [layer for layer in found[0].layers if layer.name in subnets]
    results.counts["gating subnets"] = _count(_sum(layers), sum(layer.macs for layer in layers))
    memory, front_end = found[0].memory, quantized.graph.frontend
    assert front_end is not None, "the zoo's models carry their front end"
    buffers = 2 * front_end.hop + sum(
        quantized.graph.tensors[name].size for name in (quantized.graph.input, quantized.graph.output)
    )
    results.sizes["flash, weights"] = image.flash_weights_bytes
    results.sizes["flash, code"] = image.flash_code_bytes
    results.sizes["parameters"] = memory.parameters
    results.sizes["RAM without stack"] = memory.ram_model + memory.ram_audio + buffers


def gating_subnets(graph: Graph) -> Iterator[str]:
    """Layers that do nothing but decide gates."""
    only: set[str] = set()
    for node in reversed(graph.nodes):
        readers = [other.name for other in graph.nodes if node.output in other.tensors_read]
        if node.output in graph.gates or (readers and node.output != graph.output and only.issuperset(readers)):
            only.add(node.name)
            yield node.name


def _layers(target: Board, folder: Path, results: BoardResults) -> None:
    quantized = _layers_network()
    (profile,), _ = _run(quantized, target, folder, lambda planned: [Setting("none", "model")])
    layers = {layer.name: layer for layer in profile.layers}
    for units in UNITS:
        results.counts[f"gru {units}"] = _of_layer(layers[f"gru_{units}"])
    counted = [_of_layer(layers[f"depthwise_{dilation}"]) for dilation in DILATIONS]
    results.counts["depthwise 256"] = max(counted, key=lambda one: one.instructions)
    results.counts["add 256"] = _of_layer(layers["sum"])


@cache
def _layers_network() -> QuantizedGraph:
    """GRUs of as many inputs as units, depthwise convolutions of 3 taps with several dilations, a residual sum."""
    network = Network(UNITS[0], seed=1)
    x = network.input
    for units in UNITS:
        x = _gru(network, x if x.channels == units else network.dense(x, units), units)
    first = x
    for dilation in DILATIONS:
        x = network.depthwise(x, 3, dilation, activation="relu6", name=f"depthwise_{dilation}")
    return random_quantization(network.graph(network.combine("Add", first, x, name="sum")), Jitter(1, 0.0))


def _gru(network: Network, x: Value, units: int) -> Value:
    weights = [network.normal(x.channels, 3 * units, fan_in=x.channels)]
    weights += [network.normal(units, 3 * units, fan_in=units), network.rng.normal(0, 0.3, (2, 3 * units))]
    config = {"units": units, "return_sequences": True, "use_bias": True, "reset_after": True}
    return network.add("GRU", config, [x], units, weights, name=f"gru_{units}")


def _components(target: Board, folder: Path, results: BoardResults) -> None:
    found, _ = _run(_quantized(COMPONENTS), target, folder, component_settings)
    for profile in found:
        results.counts[f"dsn {profile.gates}"] = _count(profile.network, profile.macs)
    for profile in found[1:-1]:
        results.counts[f"dsn {profile.gates}{SHARE}"] = _share(found[0], profile)


def _share(opened: Profile, without: Profile) -> Count:
    """What the MACs that a component closes take while it is open: their share of the layers that have them."""
    layers = [
        (one, 1 - other.macs / one.macs)
        for one, other in zip(opened.layers, without.layers, strict=True)
        if one.macs > other.macs
    ]
    return Count(
        round(sum(layer.instructions * share for layer, share in layers)),
        round(sum(layer.cycles * share for layer, share in layers)),
        round(sum(layer.macs * share for layer, share in layers)),
    )


def component_settings(planned: Plan) -> list[Setting]:
    """All open, each component closed alone, all closed."""
    layout = planned.gates
    opened = {name: np.ones(count, bool) for name, count in layout.channels.items()}
    settings = [Setting("open", layout.pack(opened))]
    for gate in planned.quantized.graph.gates.values():
        for bit, component in enumerate(gate.components):
            without = np.arange(gate.channels) != bit
            settings.append(Setting(f"without {component}", layout.pack({**opened, gate.name: without})))
    return [*settings, Setting("closed", layout.constant(False))]


@cache
def _quantized(model: str) -> QuantizedGraph:
    return compile_model(model).quantized


def _run(
    quantized: QuantizedGraph,
    target: Board,
    folder: Path,
    settings: Callable[[Plan], Sequence[Setting]],
    *,
    serial: bool = False,
) -> tuple[list[Profile], Image]:
    """Profiles for each setting; ``serial``: cycles as if no vector instructions overlapped."""
    planned = plan(quantized, target)
    project = emit(planned)
    image = build(project, target, folder / project.name)
    model = WITHOUT_OVERLAP[target.core] if serial else ""
    return profiles(planned, project, image, target, _frames(quantized), settings(planned), model=model), image


def _frames(quantized: QuantizedGraph) -> list[NDArray[Any]]:
    front_end = quantized.graph.frontend
    if front_end is None:
        return list(quantized_features(quantized, FRAMES, 1))
    samples = read_audio(CLIP, front_end.sample_rate_hz).samples
    first = len(samples) // 2 // front_end.hop
    return list(samples[first * front_end.hop :][: FRAMES * front_end.hop].reshape(FRAMES, front_end.hop))


def _of_layer(layer: LayerProfile) -> Count:
    return Count(round(layer.instructions), round(layer.cycles), round(layer.macs))


def _sum(parts: Sequence[PartProfile | LayerProfile]) -> PartProfile:
    return PartProfile(sum(one.instructions for one in parts), sum(one.cycles for one in parts))


def _count(part: PartProfile, macs: float = 0.0) -> Count:
    return Count(round(part.instructions), round(part.cycles), round(macs))
