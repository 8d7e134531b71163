"""Runs models over a test set, several recordings at once, and goes on where it was interrupted."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slimse_mcu.board import Board, board
from slimse_mcu.build import build
from slimse_mcu.compile import Compiled
from slimse_mcu.data.sources import Item, TestSet
from slimse_mcu.decisions import Decisions
from slimse_mcu.emit import Project, emit
from slimse_mcu.errors import AudioError, ModelError, SlimseError
from slimse_mcu.evaluation import groups
from slimse_mcu.evaluation.activity import SILENCE_DBFS
from slimse_mcu.evaluation.cache import Cache, digest_of_files, digest_of_text
from slimse_mcu.evaluation.crew import Crew, Lost, Retired
from slimse_mcu.evaluation.records import SignalRecord
from slimse_mcu.evaluation.signals import BOARD, FLIPPED, FLOAT, INT8, Asked, Job, Target
from slimse_mcu.evaluation.summary import Comparison, Facts, ModelResult, Recording, compare, summarise
from slimse_mcu.evaluation.worker import NOISY, Answer, Task, Worker, write_job
from slimse_mcu.harness import quality
from slimse_mcu.kernels import PORTABLE
from slimse_mcu.plan import plan
from slimse_mcu.streaming import count_macs, gate_layout
from slimse_mcu.version import VERSION

Progress = Callable[[str, int, int], None]
"""Told how far a stage is: its name (``noisy`` or a model's label), recordings done, of how many."""

SHORT_PATIENCE_S = 20.0
"""How long a board is waited for where others can take over its work."""

_HOST = "host"


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to evaluate.

    Attributes:
        label: What it is called in tables; unique.
        compiled: The model through the compiler's stages; it takes audio.
    """

    label: str
    compiled: Compiled


@dataclass(frozen=True, slots=True)
class Settings:
    """How to evaluate.

    Attributes:
        jobs: Recordings at once; the results do not depend on it.
        target: The board whose audio is judged too; None: none.
        ports: Where boards of this kind are connected, for hardware; each takes one recording after the other, and
            the results do not depend on how many there are.
        opinion: Ask DNSMOS, where it is installed.
        silence_dbfs: Level of the noisy input below which a frame is silence.
        flips: Also judge the float model with the int8 model's decisions: what those that differ cost by themselves.
        limit: At most so many recordings, evenly spread over the set; None: all.
        baseline: Label of the model that the others are compared with; None: no comparison.
    """

    jobs: int = 1
    target: Board | None = None
    ports: tuple[str, ...] = ()
    opinion: bool = True
    silence_dbfs: float = SILENCE_DBFS
    flips: bool = False
    limit: int | None = None
    baseline: str | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A recording that does not count.

    Attributes:
        name: Its file.
        reason: Why.
        model: Label of the model that it failed with; empty: with all.
    """

    name: str
    reason: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out.

    Attributes:
        kind: Layout of the test set.
        fingerprint: SHA-256 over the contents of all recordings that were evaluated.
        settings: How it was done.
        has_opinion: Whether DNSMOS was asked.
        recordings: What counts, in the set's order.
        models: Results, in the order given; a model for which nothing counts is missing.
        comparisons: With the baseline.
        left_out: What does not count, and why.
        lost_boards: Boards that failed while others took over, and why, in words.
        tool_version: Version of slimse-mcu.
    """

    kind: str
    fingerprint: str
    settings: Settings
    has_opinion: bool
    recordings: tuple[Recording, ...]
    models: tuple[ModelResult, ...]
    comparisons: tuple[Comparison, ...]
    left_out: tuple[LeftOut, ...]
    lost_boards: tuple[str, ...] = ()
    tool_version: str = VERSION

    @property
    def differing_frames(self) -> int:
        """Frames in which the board differs from the int8 model."""
        return sum(one.differing_frames or 0 for one in self.models)


def evaluate(
    subjects: Sequence[Subject],
    test_set: TestSet,
    settings: Settings = Settings(),
    *,
    cache: Path,
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate models on a test set.

    Every recording goes through each model's float form, its int8 form and the board, and all that came out is
    scored.  What was done before with the same model, recording and settings is read from ``cache``.

    Args:
        subjects: The models.
        test_set: The recordings.
        settings: How.
        cache: Folder of the records; the records of many evaluations may lie in one.
        progress: See :data:`Progress`.

    Raises:
        ModelError: A model takes no audio, or the models take audio of different rates.
        SlimseError: No recording can be used, or a board failed.  The records so far are kept.
    """
    rate_hz = _common_rate(subjects)
    labels = [one.label for one in subjects]
    if len(set(labels)) < len(labels) or (settings.baseline is not None and settings.baseline not in labels):
        raise ValueError("labels are unique, and the baseline's is one of them")
    tell = progress or (lambda stage, done, total: None)
    asked = Asked(settings.opinion and quality.has_dnsmos(), settings.silence_dbfs)
    chosen = _Chosen.of(test_set, settings.limit, rate_hz)
    book = _Book(Cache(cache), asked, chosen)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slimse-")))
        crew = stack.enter_context(Crew(Worker, work, asked, jobs=settings.jobs))
        book.run(None, crew, tell)
        if settings.ports:
            crew = stack.enter_context(Crew(Worker, work, asked, seats=settings.ports, retired=book.lose))
        for number, subject in enumerate(subjects):
            book.run(_Model.of(number, subject, settings, work), crew, tell)
    return _conclude(subjects, test_set, settings, asked, chosen, book)


def _common_rate(subjects: Sequence[Subject]) -> int:
    rates = {}
    for one in subjects:
        settings = one.compiled.graph.frontend
        if settings is None:
            raise ModelError(
                f"{one.label} has no audio front end, so there is no audio to judge.",
                hint="Give the front end that it was trained with (--frontend).",
            )
        rates[one.label] = settings.sample_rate_hz
    if len(set(rates.values())) != 1:
        told = ", ".join(f"{label} {rate} Hz" for label, rate in rates.items()) or "none"
        raise ModelError(f"The models take audio of different rates: {told}.", hint="Evaluate them one by one.")
    return next(iter(rates.values()))


# ---- the recordings -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The recordings to evaluate, with the digest of their contents; those that cannot be read have a reason."""

    items: tuple[Item, ...]
    digests: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    rate_hz: int

    @classmethod
    def of(cls, test_set: TestSet, limit: int | None, rate_hz: int) -> _Chosen:
        items, digests, left_out = [], [], []
        for item in _spread(test_set.items, limit):
            try:
                digests.append(digest_of_files(item.noisy, item.clean))
                items.append(item)
            except AudioError as error:
                left_out.append(LeftOut(item.name, error.message.rstrip(".")))
        return cls(tuple(items), tuple(digests), tuple(left_out), rate_hz)


def _spread(items: Sequence[Item], limit: int | None) -> list[Item]:
    """At most ``limit`` of the items, evenly spread."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[int(place)] for place in np.floor((np.arange(limit) + 0.5) * len(items) / limit)]


# ---- the models -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Model:
    """A model that is ready to run, and what its records depend on."""

    number: int
    label: str
    key: str
    board_key: str | None
    flips: bool
    prepare: Callable[[], None]

    @classmethod
    def of(cls, number: int, subject: Subject, settings: Settings, work: Path) -> _Model:
        """Builds for the board, whose firmware is in its records' key; for this computer only when something runs."""
        # The board runs kernels of its own; this computer the portable ones, with the same bits.
        audio = subject.compiled.plan.audio_arithmetic
        project = emit(plan(subject.compiled.quantized, kernels=(PORTABLE,), audio_arithmetic=audio))
        # All C and all weights: whatever changes in compiler or kernels changes the key.  The float model is the file.
        parts = itertools.chain.from_iterable(sorted(project.files.items()))
        key = digest_of_text(project.provenance.model_hash, *parts)
        folder = work / f"model{number}"
        target = None
        if settings.target is not None:
            image = build(subject.compiled.project, settings.target, folder / "target")
            target = Target(settings.target, image, patience_s=SHORT_PATIENCE_S if len(settings.ports) > 1 else None)
        board_key = None if target is None else digest_of_text(key, target.board.name, _digest(target.image.elf))

        def prepare() -> None:
            host = target if target is not None and target.board.emulator == "process" else _host(project, folder)
            write_job(work, number, Job(subject.compiled.quantized, host, target, audio))

        flips = settings.flips and bool(subject.compiled.graph.gates)
        return cls(number, subject.label, key, board_key, flips, prepare)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Signals of the model."""
        flips = (FLIPPED,) if self.flips else ()
        return (FLOAT, *flips, INT8, *(() if self.board_key is None else (BOARD,)))


def _digest(path: Path) -> str:
    return digest_of_files(path)


def _host(project: Project, folder: Path) -> Target | None:
    """The model as C for this computer; None where nothing compiles that."""
    target = board(_HOST)
    if shutil.which(target.compiler) is None:
        return None
    return Target(target, build(project, target, folder / _HOST))


# ---- the work -------------------------------------------------------------------------------------------------------

_Signals = tuple[str, ...]


class _Book:
    """All records by what they are of: those of before, and those to come.

    Attributes:
        inputs: The input's record by number of the recording.
        models: Every signal's record by label of the model and number of the recording.
        left_out: What does not count, with the number of the recording.
        lost_boards: Why a board failed, by its port.
    """

    def __init__(self, cache: Cache, asked: Asked, chosen: _Chosen) -> None:
        self._cache = cache
        self._asked = asked
        self._chosen = chosen
        self.inputs: dict[int, SignalRecord] = {}
        self.models: dict[str, dict[int, Mapping[str, SignalRecord]]] = {}
        self.lost_boards: dict[str, str] = {}
        self.left_out: list[tuple[int, LeftOut]] = []

    def run(self, model: _Model | None, crew: Crew, tell: Progress) -> None:
        """Score the inputs (``model`` is None), or run a model on every recording whose input could be scored.

        Raises:
            SlimseError: A board failed, or the records cannot be written.
        """
        stage = NOISY if model is None else model.label
        numbers = range(len(self._chosen.items)) if model is None else sorted(self.inputs)
        found = {number: self._known(model, number) for number in numbers}
        tasks = [task for number in numbers if (task := self._task(model, number, found[number])) is not None]
        for number in set(numbers) - {one.item for one in tasks}:
            self._enter(model, number, found[number])
        if tasks and model is not None:
            model.prepare()
        done = len(found) - len(tasks)
        tell(stage, done, len(found))
        with closing(crew.run(tasks)) as answers:
            for index, answer in answers:
                self._take(model, tasks[index], answer)
                done += 1
                tell(stage, done, len(found))

    def lose(self, seat: Retired) -> None:
        """A board failed while there are others."""
        self.lost_boards[seat.seat] = seat.message

    def _keys(self, model: _Model | None, number: int, opinion: bool) -> dict[_Signals, str]:
        """Under which key the records of which signals lie."""
        asked = f"opinion {opinion}, silence {self._asked.silence_dbfs:g}, pesq {quality.has_pesq()}"
        common = (VERSION, asked, f"{self._chosen.rate_hz} Hz", self._chosen.digests[number])
        if model is None:
            return {(NOISY,): digest_of_text(NOISY, *common)}
        keys: dict[_Signals, str] = {(FLOAT, INT8): digest_of_text(model.key, *common)}
        if model.flips:
            keys[(FLIPPED,)] = digest_of_text(FLIPPED, model.key, *common)
        if model.board_key is not None:
            keys[(BOARD,)] = digest_of_text(model.board_key, *common)
        return keys

    def _known(self, model: _Model | None, number: int) -> dict[str, SignalRecord]:
        """Records of before; where no opinion is asked for, those with one will do."""
        known: dict[str, SignalRecord] = {}
        for opinion in (True,) if self._asked.opinion else (False, True):
            for signals, key in self._keys(model, number, opinion).items():
                found = self._cache.find(key)
                if found is not None and set(signals) <= found.keys():
                    known |= {one: found[one] for one in signals if one not in known}
        return known if self._asked.opinion else {name: one.without_opinion() for name, one in known.items()}

    def _task(self, model: _Model | None, number: int, known: Mapping[str, SignalRecord]) -> Task | None:
        """What is to be done for a recording; None: nothing."""
        signals = (NOISY,) if model is None else model.wanted
        wanted = tuple(one for one in signals if one not in known)
        item = self._chosen.items[number]
        if not wanted:
            return None
        return Task(
            number, item.noisy, item.clean, self._chosen.rate_hz, None if model is None else model.number, wanted, known
        )

    def _enter(self, model: _Model | None, number: int, signals: Mapping[str, SignalRecord]) -> None:
        if model is None:
            self.inputs[number] = signals[NOISY]
        else:
            self.models.setdefault(model.label, {})[number] = signals

    def _take(self, model: _Model | None, task: Task, answer: Answer | Lost | Retired) -> None:
        """Keep what a worker found."""
        item = self._chosen.items[task.item]
        if isinstance(answer, Retired) or (isinstance(answer, Answer) and answer.message):
            raise SlimseError(answer.message, hint=f"{answer.hint} What is done is kept.".strip())
        reason = str(answer) if isinstance(answer, Lost) else answer.failure
        if isinstance(answer, Lost) or answer.failure:
            label = "" if model is None else model.label
            self.left_out.append((task.item, LeftOut(item.name, reason, label)))
            return
        for signals, key in self._keys(model, task.item, self._asked.opinion).items():
            if set(signals) <= answer.signals.keys():
                self._cache.keep(key, {one: answer.signals[one] for one in signals})
        self._enter(model, task.item, {**task.known, **answer.signals})

    def recordings(self) -> tuple[Recording, ...]:
        """Everything that counts, in the set's order."""
        found = []
        for number, noisy in sorted(self.inputs.items()):
            item = self._chosen.items[number]
            models = {label: records[number] for label, records in self.models.items() if number in records}
            snr_db = groups.snr_of(item.tags, noisy.scores.si_sdr_db)
            if models:
                found.append(Recording(item.name, item.tags, snr_db, noisy, models))
        return tuple(found)


def _conclude(
    subjects: Sequence[Subject], test_set: TestSet, settings: Settings, asked: Asked, chosen: _Chosen, book: _Book
) -> Evaluation:
    """Means, groups and comparisons of all records."""
    recordings = book.recordings()
    late = tuple(one for _, one in sorted(book.left_out, key=lambda both: both[0]))
    early = tuple(LeftOut(one.path.name, one.reason) for one in test_set.rejected)
    left_out = early + chosen.left_out + late
    if not recordings:
        why = f": {left_out[0].name} {left_out[0].reason}" if left_out else ""
        raise SlimseError(
            f"No recording of the set could be evaluated{why}.", hint="Check it with `slimse data check`."
        )
    results = []
    for subject in subjects:
        own = [one for one in recordings if subject.label in one.models]
        if own:
            results.append(summarise(_facts(subject), own))
    baseline = next((one for one in results if one.label == settings.baseline), None)
    others = [one for one in results if baseline is not None and one.label != baseline.label]
    return Evaluation(
        kind=test_set.kind,
        fingerprint=digest_of_text(*chosen.digests),
        settings=settings,
        has_opinion=asked.opinion,
        recordings=recordings,
        models=tuple(results),
        comparisons=tuple(compare(one, baseline, recordings) for one in others if baseline is not None),
        left_out=left_out,
        lost_boards=tuple(f"{port}: {why}" for port, why in book.lost_boards.items()),
    )


def _facts(subject: Subject) -> Facts:
    graph, made_of = subject.compiled.graph, subject.compiled.quantized.provenance
    opened = np.tile(gate_layout(graph).constant(True), (graph.period, 1))
    decisions = Decisions.of(graph)
    return Facts(
        label=subject.label,
        model_name=made_of.model_name,
        model_hash=made_of.model_hash,
        calibration_hash=made_of.calibration_hash,
        method=subject.compiled.quantized.method,
        macs_all_open=float(count_macs(graph, opened).mean()),
        channels={name: span.stop - span.start for name, (_, span) in decisions.places.items()},
    )
