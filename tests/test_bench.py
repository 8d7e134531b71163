"""The benchmark's file of results, what counts as growth, and its tables; what it measures is checked by running it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bench import cases, results, tables
from bench.references import AIMS, PEERS
from bench.results import BoardResults, Count, Results
from networks import Network
from rich.console import Console

from slimse_mcu.board import boards
from slimse_mcu.streaming import count_macs


@pytest.fixture(scope="module")
def committed() -> Results:
    return results.read()


def sample(instructions: int = 1000, size: int = 5000) -> Results:
    return Results(
        "gcc 1", {"a": BoardResults("cortex-m4", {"static": Count(instructions, 1500, 10)}, {"flash": size})}
    )


def test_growth_of_more_than_a_hundredth_is_found():
    before = sample()
    assert results.grown(before, sample(1010, 5050)) == []
    assert results.grown(before, sample(500, 100)) == []
    (change,) = results.grown(before, sample(1011))
    assert str(change) == "a: static, instructions 1,000 -> 1,011 (+1.1%)"
    (change,) = results.grown(before, sample(size=5051))
    assert change.what == "flash, bytes"
    assert [one.what for one in results.grown(before, sample(2000, 6000))] == ["static, instructions", "flash, bytes"]


def test_cycles_are_not_compared():
    now = sample()
    now.boards["a"].counts["static"] = replace(now.boards["a"].counts["static"], cycles=9000)
    assert results.grown(sample(), now) == []


def test_cases_that_one_side_lacks_are_named():
    now = sample()
    now.boards["a"].counts["new"] = Count(1, 1)
    now.boards["b"] = BoardResults("cortex-m3")
    assert results.missing(sample(), now) == ["a: new, instructions", "b: all"]
    assert results.missing(now, sample()) == ["a: new, instructions"]
    assert results.missing(sample(), sample()) == []


def test_written_results_are_read_back(tmp_path):
    path = tmp_path / "bench.json"
    results.write(sample(), path)
    assert results.read(path) == sample()
    other = Results("gcc 2", {"b": BoardResults("cortex-m3", {"static": Count(1, None)}, {})})
    results.write(other, path)
    assert results.read(path).compiler == "gcc 2"
    assert results.read(path).boards == {**sample().boards, **other.boards}
    path.write_text('{"format": 99}')
    with pytest.raises(ValueError, match="another version"):
        results.read(path)


def test_the_committed_file_knows_every_virtual_board(committed):
    assert committed.boards.keys() == {one.name for one in boards() if one.name.startswith("virtual-")}
    for board in committed.boards.values():
        assert board.counts["static"].macs == 662_528
        assert board.counts["open 25%"].macs < board.counts["open 100%"].macs
        cases_ = {what for what in board.counts if not what.endswith("no overlap")}
        assert cases_ == committed.boards["virtual-m4"].counts.keys()


def test_the_committed_page_is_that_of_the_file(committed):
    page = results.FILE.with_suffix(".md").read_text(encoding="utf-8")
    assert page == tables.markdown(committed), "run: make bench-accept"


def test_every_aim_and_peer_has_a_row(committed):
    named = {(row.what, board.core) for board in committed.boards.values() for row in tables.rows(board)}
    for aim in AIMS:
        assert all((aim.what.removesuffix(", cycles"), core) in named for core in aim.cores), aim
    assert all((what, core) in named for what, cores in PEERS.items() for core in cores)


def test_tables_say_what_is_met(committed):
    screen = Console(width=170, record=True, file=None, quiet=True)
    for name, board in committed.boards.items():
        screen.print(tables.table(name, board))
    static = next(row for row in tables.rows(committed.boards["virtual-m4"]) if row.what == "static")
    aims, marks = tables._aims(replace(static, value=760_000, cycles=1_080_001), *_both("static", "cortex-m4"))
    assert aims == "<= 760,000, <= 1,080,000 cycles"
    assert marks == "met, missed"


def _both(what: str, core: str):
    from bench.references import aim

    return aim(what, core), aim(f"{what}, cycles", core)


def test_gating_subnets_are_what_only_decides_gates():
    network = Network(8, seed=1)
    x = network.dense(network.input, 8, "relu", name="encode")
    gate = network.decide(network.dense(x, 4, "relu", name="hidden"), 8)
    y = network.close(network.dense(x, 8, name="expand"), gate)
    graph = network.graph(network.dense(y, 4, name="project"))
    subnets = set(cases.gating_subnets(graph))
    assert "hidden" in subnets
    assert not subnets & {"encode", "expand", "project"}
    assert subnets < {node.name for node in graph.nodes}
    assert count_macs(
        graph, cases.plan(cases.random_quantization(graph, cases.Jitter(1, 0.0))).gates.constant(True)[None]
    )
