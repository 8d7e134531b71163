"""Sensitivity search: it finds the tensor that needs 16 bits and no other, and says honestly when bits do not help."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import Network, features_for
from test_recurrent import recurrent_graph

from slimse_mcu import cli
from slimse_mcu.errors import QuantizeError, SlimseError
from slimse_mcu.graph import Graph
from slimse_mcu.harness.audio import read_pairs
from slimse_mcu.load import load
from slimse_mcu.ops.arithmetic import dequantize_values, quantize_values
from slimse_mcu.plan import plan
from slimse_mcu.quantize import quantize
from slimse_mcu.report_sensitivity import sensitivity_section
from slimse_mcu.sensitivity import find
from slimse_mcu.sensitivity.file import check_out, read_result, result_for, to_json, write_result
from slimse_mcu.sensitivity.find import find_wide
from slimse_mcu.sensitivity.picture import tradeoff
from slimse_mcu.sensitivity.results import Budget, Sensitivity
from slimse_mcu.sensitivity.runs import Sample, sample_of_features, sample_of_pair, with_coarse_weights
from slimse_mcu.sensitivity.samples import read_samples, spread
from slimse_mcu.sensitivity.terminal import print_result, range_hint
from slimse_mcu.streaming import run_float, run_int8
from slimse_mcu.widths import widenable


def weak_graph(handed_on: bool = False) -> Graph:
    """Five dense layers.  The third's first channel is a thousand times the others, and its reader does not want it."""
    network = Network(6, seed=4)
    x = network.dense(network.input, 8, "relu", name="first")
    x = network.dense(x, 8, name="second")
    kernel, bias = network.normal(8, 8, fan_in=8), np.zeros(8)
    kernel[:, 0] *= 1000.0
    x = network.add("Dense", {"activation": "linear"}, [x], 8, [kernel, bias], name="weak")
    if handed_on:
        x = network.add("ReLU", {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}, [x], 8, name="relu")
    after = network.normal(8, 8, fan_in=8)
    after[0] = 0.0
    x = network.add("Dense", {"activation": "linear"}, [x], 8, [after, network.bias(8)], name="reader")
    return network.graph(network.dense(x, 4, name="y"))


def samples_for(graph: Graph, frames: int = 60, count: int = 2) -> list[Sample]:
    return [sample_of_features(f"clip{seed}", 0.8 * features_for(graph, frames, 10 + seed)) for seed in range(count)]


def sqnr_db(graph: Graph, calibration: list[np.ndarray], samples: list[Sample], wide: tuple[str, ...]) -> float:
    quantized = quantize(graph, calibration, wide=wide)
    first, last = (quantized.quantization[name] for name in (graph.input, graph.output))
    signal = noise = 0.0
    for one in samples:
        real = run_float(graph, one.features).output.astype(np.float64)
        ours = dequantize_values(run_int8(quantized, quantize_values(one.features, first)).output, last)
        signal, noise = signal + np.sum(real**2), noise + np.sum((ours - real) ** 2)
    return float(10 * np.log10(signal / noise))


@pytest.fixture(scope="module")
def found() -> Sensitivity:
    """The search on the network with one weak tensor."""
    graph = weak_graph()
    return find_wide(graph, [features_for(graph, 200, 0)], samples_for(graph), Budget("sqnr", 15.0))


def test_the_weak_tensor_is_found_and_no_other(found: Sensitivity) -> None:
    assert found.is_met
    assert found.chosen.wide == ("weak",)
    assert found.tensors[0].tensor == "weak"
    assert found.tensors[0].share > 0.9
    assert found.before.sqnr_db < 10.0
    assert found.chosen.sqnr_db > 15.0
    assert "1 tensor needs 16 bits" in found.describe()


def test_measured_points_are_those_of_the_specification(found: Sensitivity) -> None:
    graph = weak_graph()
    for point in found.points:
        wanted = sqnr_db(graph, [features_for(graph, 200, 0)], samples_for(graph), point.wide)
        assert point.sqnr_db == pytest.approx(wanted, abs=1e-6)
        planned = plan(quantize(graph, [features_for(graph, 200, 0)], wide=point.wide))
        assert (point.model_bytes, point.weight_bytes) == (planned.model_bytes, planned.weight_bytes)
    assert found.widest.wide == widenable(graph)
    assert found.before.wide == ()


def test_what_a_tensor_takes_is_told(found: Sensitivity) -> None:
    graph = weak_graph()
    calibration = [features_for(graph, 200, 0)]
    both = [plan(quantize(graph, calibration, wide=wide)) for wide in ((), ("weak",))]
    row = found.tensors[0]
    assert row.ram_bytes == both[1].model_bytes - both[0].model_bytes
    assert row.flash_bytes == both[1].weight_bytes - both[0].weight_bytes
    assert row.wide_macs == 8 * 8 + 8 * 8  # the layer that writes it and the one that reads it
    assert found.chosen.wide_macs == row.wide_macs
    assert found.before.wide_macs == 0


def test_expected_curve_begins_where_int8_is_and_ends_at_what_bits_can_mend(found: Sensitivity) -> None:
    assert found.expected_db[0] == pytest.approx(found.before.sqnr_db)
    assert found.expected_db[-1] == pytest.approx(found.floor_db, abs=0.5)
    assert list(found.expected_db) == sorted(found.expected_db)
    assert found.weights_db >= found.floor_db
    assert sum(one.share for one in found.tensors) == pytest.approx(1.0)
    assert found.tensors[0].gain_db == pytest.approx(found.expected_db[1] - found.expected_db[0])


def test_a_tensor_that_is_only_handed_on_needs_its_twin() -> None:
    """A clamp behind a layer keeps the layer's scale: 16 bits for one of the two alone gain nothing."""
    graph = weak_graph(handed_on=True)
    fitting = [name for name in graph.tensors if name.startswith(("weak", "relu"))]
    result = find_wide(graph, [features_for(graph, 200, 0)], samples_for(graph), Budget("sqnr", 15.0))
    assert result.is_met
    assert set(result.chosen.wide) <= set(fitting)
    assert set(result.chosen.wide)


def test_nothing_is_chosen_where_int8_is_enough() -> None:
    graph = weak_graph()
    result = find_wide(graph, [features_for(graph, 200, 0)], samples_for(graph), Budget("sqnr", -10.0))
    assert result.is_met
    assert result.chosen.wide == ()
    assert "No tensor needs 16 bits" in result.describe()


@pytest.mark.parametrize(("db", "most", "count"), [(15.0, 0, 0), (15.0, 1, 1), (200.0, 2, None), (200.0, None, None)])
def test_a_budget_that_cannot_be_met_gives_the_best_that_was_seen(db: float, most: int | None, count: int) -> None:
    graph = weak_graph()
    result = find_wide(graph, [features_for(graph, 200, 0)], samples_for(graph), Budget("sqnr", db), max_tensors=most)
    assert result.is_met == (count == 1)
    assert len(result.chosen.wide) <= (99 if most is None else most)
    if not result.is_met:
        allowed = [point for point in result.points if most is None or len(point.wide) <= most]
        assert result.chosen.sqnr_db == max(point.sqnr_db for point in allowed)
        assert "cannot be had" in result.describe()


def test_tensors_that_cannot_be_wide_are_ranked_and_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = weak_graph()
    fitting = tuple(name for name in widenable(graph) if name != "weak")
    monkeypatch.setattr(find, "widenable", lambda graph: fitting)
    result = find_wide(graph, [features_for(graph, 200, 0)], samples_for(graph), Budget("sqnr", 15.0))
    assert not result.is_met
    assert result.tensors[0].tensor == "weak"
    assert not result.tensors[0].can_be_wide
    assert result.tensors[0].ram_bytes is None
    assert set(result.order) == set(fitting)
    assert all("weak" not in point.wide for point in result.points)


def test_a_range_that_is_too_small_is_told_from_too_few_bits() -> None:
    graph = weak_graph()
    quiet = [0.4 * features_for(graph, 200, 0)]
    result = find_wide(graph, quiet, samples_for(graph), Budget("sqnr", 30.0))
    assert not result.is_met
    first = next(one for one in result.tensors if one.tensor == graph.input)
    assert first.range_db < 26.0
    assert result.floor_db < 26.0
    assert result.weights_db > 30.0
    assert "beyond the calibrated range" in range_hint(result)


def test_result_is_the_same_for_any_number_of_processes(found: Sensitivity) -> None:
    graph = weak_graph()
    told: dict[str, tuple[int, int]] = {}
    again = find_wide(
        graph,
        [features_for(graph, 200, 0)],
        samples_for(graph),
        Budget("sqnr", 15.0),
        jobs=2,
        progress=lambda stage, done, total: told.update({stage: (done, total)}),
    )
    assert again == found
    assert set(told) == {"float model", "each tensor alone", "choices"}
    assert all(done == total for done, total in told.values())


class Fatal:
    """Ends the process that unpacks it."""

    def __reduce__(self) -> tuple:
        return os._exit, (3,)


def test_a_process_that_ends_is_told_in_a_sentence() -> None:
    graph = weak_graph()
    samples = [dataclasses.replace(one, spectrum=Fatal()) for one in samples_for(graph)]
    with pytest.raises(SlimseError, match="ended") as caught:
        find_wide(graph, [features_for(graph, 50, 0)], samples, Budget("sqnr", 15.0), jobs=2)
    assert "--jobs" in caught.value.hint


def test_weights_of_the_estimate_are_those_of_the_specification() -> None:
    graph = recurrent_graph("gru", 4, 5, seed=3)
    quantized = quantize(graph, [features_for(graph, 100, 0)])
    coarse = {node.name: node for node in with_coarse_weights(graph).nodes}
    for node in graph.nodes:
        parameters = quantized.parameters[node.name]
        for name, array in coarse[node.name].weights.items():
            integers = parameters.get("weights" if name == "kernel" else name.replace("_kernel", "_weights"))
            if integers is None or not name.endswith("kernel"):
                assert array is node.weights[name]
                continue
            # Rows on one scale: the ratio of value and integer is the same wherever the integer is not 0.
            rows, whole = array.reshape(-1, array.shape[-1]), integers.reshape(-1, array.shape[-1])
            for row, numbers in zip(rows, whole, strict=True):
                ratios = (row / np.where(numbers, numbers, 1))[numbers != 0]
                np.testing.assert_allclose(ratios, ratios[0], rtol=1e-5)
                assert not row[numbers == 0].any()


# ---- audio ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(tiny_model: Path) -> Graph:
    return load(tiny_model)


def clips(graph: Graph, frames: int) -> list[Sample]:
    """The first clip of the test data, its beginning left out, so long that PESQ can judge it."""
    (pair, *_) = read_pairs(DATA / "noisy", DATA / "clean", 16000)
    part = slice(16000, 16000 + 256 * frames)
    cut = [dataclasses.replace(one, samples=one.samples[part]) for one in (pair.noisy, pair.clean)]
    return [sample_of_pair(graph, dataclasses.replace(pair, noisy=cut[0], clean=cut[1]))]


def test_loss_of_pesq_is_measured_and_ranks(tiny: Graph) -> None:
    pytest.importorskip("pesq")
    samples = clips(tiny, 90)
    features = [samples[0].features]
    result = find_wide(tiny, features, samples, Budget("pesq", 0.5), metric="pesq", max_tensors=1)
    assert result.float_pesq is not None
    assert 1.0 < result.float_pesq < 4.7
    assert result.is_met
    assert result.chosen.wide == ()
    losses = [one.pesq_loss for one in result.tensors]
    assert losses == sorted(losses, key=lambda loss: -loss)
    assert result.before.pesq_loss is not None
    assert abs(result.before.pesq_loss) < 0.5


def test_pesq_needs_a_clean_reference(tiny: Graph) -> None:
    samples = [dataclasses.replace(one, clean=None) for one in clips(tiny, 40)]
    with pytest.raises(QuantizeError, match="PESQ") as caught:
        find_wide(tiny, [samples[0].features], samples, Budget("pesq", 0.01))
    assert "--budget-sqnr" in str(caught.value.hint)
    with pytest.raises(QuantizeError, match="no recordings"):
        find_wide(tiny, [samples[0].features], [], Budget("sqnr", 1.0))


def test_recordings_are_read_as_pairs_folders_and_files(tiny: Graph, tmp_path: Path) -> None:
    pairs = read_samples(tiny, DATA, split="test", limit=2)
    assert [one.name for one in pairs] == ["clip02", "clip05"]
    assert all(one.clean is not None for one in pairs)
    (alone,) = read_samples(tiny, DATA / "noisy" / "clip02.wav", split="test", limit=5)
    np.testing.assert_array_equal(alone.features, pairs[0].features)
    assert alone.clean is None
    assert len(read_samples(tiny, DATA / "noisy", split="test", limit=3)) == 3
    with pytest.raises(SlimseError):
        read_samples(tiny, tmp_path, split="test", limit=3)
    assert spread(list(range(10)), 3) == [1, 5, 8]
    assert spread(list(range(3)), 3) == [0, 1, 2]


# ---- file, report, command ------------------------------------------------------------------------------


def test_file_is_read_back_as_it_was(found: Sensitivity, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "result.json"
    write_result(found, path)
    assert read_result(path) == found
    assert json.loads(path.read_text())["wide"] == ["weak"]
    assert [one.name for one in path.parent.iterdir()] == ["result.json"]
    exact = dataclasses.replace(found, floor_db=math.inf)
    write_result(exact, path)
    assert read_result(path) == exact


def test_a_result_belongs_to_its_model(found: Sensitivity, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_result(found, path)
    graph = weak_graph()
    assert result_for(path, graph) == found
    other = dataclasses.replace(graph, provenance=dataclasses.replace(graph.provenance, model_hash="f" * 64))
    with pytest.raises(QuantizeError, match="not about"):
        result_for(path, other)
    path.write_text('{"wide": ["weak"]}')
    assert result_for(path, graph) is None


def paths_of(value: object, path: tuple = ()) -> list[tuple]:
    """Where every value of a JSON document lies."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(one for key, child in inner for one in paths_of(child, (*path, key)))]


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_a_file_that_was_changed_is_refused_or_read(
    found: Sensitivity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    monkeypatch.setattr("slimse_mcu.sensitivity.picture.png", lambda figure: b"")  # drawing takes most of the time
    document = json.loads(json.dumps(to_json(found)))
    where = data.draw(st.sampled_from(paths_of(document)))
    value = data.draw(st.sampled_from([None, True, -1, 1e400, "x", [], {}, [["a"]], {"b": 1}, 3.5, 1 << 70]))
    if where:
        holder = document
        for key in where[:-1]:
            holder = holder[key]
        if data.draw(st.booleans()):
            holder[where[-1]] = value
        else:
            del holder[where[-1]]
    else:
        document = value
    path = tmp_path / "result.json"
    path.write_text(json.dumps(document))
    try:
        result = read_result(path)
    except QuantizeError:
        return
    tradeoff(result)
    sensitivity_section(result)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00", "[" * 100_000, '{"format": ["slimse-sensitivity", 99]}'])
def test_what_is_no_result_is_refused_in_one_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(QuantizeError, match="not the result"):
        read_result(path)
    with pytest.raises(QuantizeError, match="cannot be read"):
        read_result(tmp_path)


def test_other_files_are_not_replaced(found: Sensitivity, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    check_out(out)
    write_result(found, out)
    check_out(out)
    out.write_text("mine")
    with pytest.raises(SlimseError, match="did not write"):
        check_out(out)
    out.unlink()
    out.with_suffix(".png").write_text("mine")
    with pytest.raises(SlimseError, match=r"result\.png"):
        check_out(out)
    with pytest.raises(SlimseError, match=r"end in \.json"):
        check_out(tmp_path / "result.png")


def test_picture_and_section_show_the_answer(found: Sensitivity, capsys: pytest.CaptureFixture[str]) -> None:
    assert tradeoff(found) == tradeoff(found)
    section = sensitivity_section(found)
    assert section is not None
    assert "Chosen: weak." in section["text"]
    assert section["tensors"].rows[0][0] == "weak"
    assert [row[0] for row in section["points"].rows] == [str(len(point.wide)) for point in found.points]
    assert sensitivity_section(None) is None
    print_result(found)
    said = capsys.readouterr().out
    assert "chosen" in said
    assert found.describe() in " ".join(said.split())


def test_command_writes_what_compile_takes(tiny_model: Path, short_clip: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "result.json"
    common = ["--calibration", str(short_clip), "--jobs", "1", "--out", str(out)]
    arguments = ["sensitivity", str(tiny_model), "--data", str(short_clip), *common]
    code = cli.run([*arguments, "--budget-sqnr", "900", "--max-tensors", "1", "--json"])
    assert code == 1
    value = json.loads(capsys.readouterr().out)
    assert value == json.loads(out.read_text())
    assert value["is_met"] is False
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert cli.run([*arguments, "--budget-sqnr", "-50"]) == 0
    assert "No tensor needs 16 bits" in capsys.readouterr().out
    value["wide"] = value["order"][:1]
    out.write_text(json.dumps(value))
    folder = tmp_path / "project"
    assert cli.run(["compile", str(tiny_model), "--wide-from", str(out), "--out", str(folder)]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--budget-pesq", "0.1", "--budget-sqnr", "3"], "either"),
        (["--out", "result.txt"], "end in .json"),
        ([], "PESQ"),
    ],
)
def test_command_says_in_a_line_what_is_wrong(
    options: list[str], message: str, tiny_model: Path, short_clip: Path, capsys, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["sensitivity", str(tiny_model), "--data", str(short_clip), "--jobs", "1", *options]
    assert cli.run([*arguments, "--calibration", str(short_clip)]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: ")
    assert message in said
    assert list(tmp_path.rglob("*.json")) == []
