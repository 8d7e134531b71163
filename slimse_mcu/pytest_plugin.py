"""Tests of firmware on a board, virtual or real, with pytest: options ``--slimse-*`` and fixtures.

The plugin comes with the package; ``docs/testing.md`` has an example.  Whatever needs time is imported by the fixtures
that need it, because every run of pytest in an environment with slimse-mcu loads this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from slimse_mcu.board import Board
    from slimse_mcu.build import Image
    from slimse_mcu.compile import Compiled
    from slimse_mcu.harness.session import Session
    from slimse_mcu.report import Report

_FIXTURES = frozenset({"slimse_session", "measure"})


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of ``slimse measure`` that say where."""
    group = parser.getgroup("slimse", "firmware on a board (slimse-mcu)")
    group.addoption(
        "--slimse-board",
        metavar="NAME",
        default="virtual-m4",
        help="A name from `slimse boards`, or a folder with a board.toml. [default: virtual-m4]",
    )
    group.addoption("--slimse-port", metavar="PORT", help="Where a real board is connected, as in `slimse measure`.")
    group.addoption("--slimse-baud", metavar="N", type=int, help="Speed of its serial port. [default: the board's]")
    group.addoption(
        "--slimse-update", action="store_true", help="Write what is measured as the new baseline, and fail nothing."
    )


@pytest.hookimpl(tryfirst=True)  # before xdist's own, which takes the groups over
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """There is one board behind a port: with xdist (``--dist loadgroup``) its tests go to one worker."""
    if config.getoption("--slimse-port") is None or not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        if _FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("slimse-board"))


@pytest.fixture(scope="session")
def slimse_board(request: pytest.FixtureRequest) -> Board:
    """The board of ``--slimse-board``."""
    from dataclasses import replace

    from slimse_mcu.board import board

    found = board(request.config.getoption("--slimse-board"))
    baud = request.config.getoption("--slimse-baud")
    return found if baud is None else replace(found, baud=baud)


@pytest.fixture(scope="session")
def slimse_build(
    slimse_board: Board, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[Compiled, Image]]:
    """``slimse_build(model, **options)``: a model compiled and built for the board, once per test run.

    The options are those of :func:`slimse_mcu.compile_model`.
    """
    from slimse_mcu.build import build
    from slimse_mcu.compile import compile_model

    known: dict[tuple[Any, ...], tuple[Compiled, Image]] = {}

    def get(model: str | Path, **options: Any) -> tuple[Compiled, Image]:
        key = (str(model), *sorted((name, repr(value)) for name, value in options.items()))
        if key not in known:
            compiled = compile_model(model, board=slimse_board, **options)
            image = build(compiled.project, slimse_board, tmp_path_factory.mktemp("firmware"))
            known[key] = compiled, image
        return known[key]

    return get


@pytest.fixture
def slimse_session(
    request: pytest.FixtureRequest,
    slimse_board: Board,
    slimse_build: Callable[..., tuple[Compiled, Image]],
) -> Iterator[Callable[..., Session]]:
    """``slimse_session(model, **options)``: an open session with the board, which runs the model.

    A virtual board is started; a real one must have been loaded with the firmware, and is asked whether it was.
    """
    from slimse_mcu.harness.session import Session

    with ExitStack() as stack:

        def open_session(model: str | Path, **options: Any) -> Session:
            _, image = slimse_build(model, **options)
            port = request.config.getoption("--slimse-port")
            return stack.enter_context(Session(slimse_board, image, port=port))

        yield open_session


class Measurement:
    """What a board did with recordings.

    Attributes:
        report: Everything; ``report.json`` is in ``folder``.
        folder: Where the report and the board's audio are.
    """

    def __init__(self, report: Report, folder: Path, *, update: bool) -> None:
        self.report = report
        self.folder = folder
        self._update = update

    def assert_bit_exact(self) -> None:
        """Fail where the board differs from the specification."""
        __tracebackhide__ = True
        found = self.report.bit_exact.first_divergence
        if found is not None:
            told = ", ".join(f"{key} {value}" for key, value in found.items())
            pytest.fail(f"The board differs from the specification: {told}. `slimse diff` finds the layer.")

    def assert_no_regression(self, baseline: str | Path, **limits: Any) -> None:
        """Fail where the firmware got slower, larger or worse than when ``baseline`` was written.

        Args:
            baseline: A ``report.json``; ``--slimse-update`` writes it.
            **limits: See :class:`slimse_mcu.regression.Limits`.
        """
        __tracebackhide__ = True
        from slimse_mcu.errors import SlimseError
        from slimse_mcu.regression import Limits, read_report, regressions

        path = Path(baseline)
        if self._update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.report.json_text(), encoding="utf-8")
            return
        try:
            before = read_report(path)
            found = regressions(self.report.to_json(), before, Limits(**limits))
        except SlimseError as error:
            pytest.fail(f"{error} Or write the baseline with --slimse-update.")
        if found:
            pytest.fail("\n".join(["The firmware got worse:", *map(str, found)]))


@pytest.fixture
def measure(
    request: pytest.FixtureRequest,
    slimse_board: Board,
    slimse_build: Callable[..., tuple[Compiled, Image]],
    slimse_session: Callable[..., Session],
    record_property: Callable[[str, object], None],
    tmp_path: Path,
) -> Callable[..., Measurement]:
    """``measure(model, audio=..., reference=None, **options)``: recordings through the board.

    The numbers go to the JUnit file too, as properties of the test.
    """
    from slimse_mcu.harness.audio import read_pairs
    from slimse_mcu.measure import measure as run

    def measured(
        model: str | Path, *, audio: str | Path, reference: str | Path | None = None, **options: Any
    ) -> Measurement:
        compiled, image = slimse_build(model, **options)
        front_end = compiled.graph.frontend
        if front_end is None:
            raise pytest.UsageError(f"{model} has no front end; stream features with slimse_session.")
        clean = None if reference is None else Path(reference)
        recordings = read_pairs(Path(audio), clean, front_end.sample_rate_hz)
        session = slimse_session(model, **options)
        folder = tmp_path / f"report-{len(list(tmp_path.iterdir()))}"
        report = run(session, compiled.plan, image, slimse_board, recordings, folder)
        for name, value in _properties(report):
            record_property(name, value)
        return Measurement(report, folder, update=request.config.getoption("--slimse-update"))

    return measured


def _properties(report: Report) -> Iterator[tuple[str, object]]:
    """What a reader of a JUnit file wants to follow over time."""
    values: dict[str, object] = {
        "slimse.board": report.board,
        "slimse.model": report.provenance.get("model_name"),
        "slimse.model_hash": report.provenance.get("model_hash"),
        "slimse.frames": report.frames,
        "slimse.macs.mean": round(report.macs.mean),
        "slimse.flash_bytes": (report.memory.flash_weights or 0) + (report.memory.flash_code or 0),
        "slimse.ram_bytes": report.memory.ram_total,
        "slimse.stack_bytes": report.memory.stack_peak,
        "slimse.bit_exact": report.bit_exact.first_divergence is None,
        "slimse.link": str(report.link.errors) or "nothing to mend",
    }
    if report.count is not None:
        values[f"slimse.{report.counter}.mean"] = round(report.count.mean)
        values[f"slimse.{report.counter}.max"] = report.count.max
    if report.deadline.load_max is not None:
        values["slimse.load.max"] = round(report.deadline.load_max, 4)
        values["slimse.misses"] = report.deadline.misses
    scores = report.quality.get("device")
    for metric in ("pesq_wb", "stoi", "si_sdr_db"):
        score = getattr(scores, metric, None)
        if score is not None:
            values[f"slimse.{metric}"] = round(score, 4)
    yield from ((name, value) for name, value in values.items() if value is not None)
