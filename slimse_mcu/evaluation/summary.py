"""What an evaluation says: means over recordings, over groups of them, and over kinds of frames.

MACs and open ratios are means over frames, with intervals over recordings; scores are means over recordings.  A
score's mean counts only recordings for which every signal of the model has it, so that the signals compare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from slimse_mcu.evaluation import groups, statistics
from slimse_mcu.evaluation.activity import KINDS
from slimse_mcu.evaluation.groups import CLEAN_DB, Group
from slimse_mcu.evaluation.records import SignalRecord, Work
from slimse_mcu.evaluation.signals import BOARD, FLIPPED, FLOAT, INT8
from slimse_mcu.evaluation.statistics import Difference, Estimate
from slimse_mcu.evaluation.worker import NOISY
from slimse_mcu.harness.quality import METRICS

SIGNALS = (NOISY, FLOAT, FLIPPED, INT8, BOARD)
"""All signals, in the order of tables."""

SNR = "snr"
"""Name of the grouping by signal-to-noise ratio."""

SITUATIONS = (
    "speech in noise",
    "pauses in noise",
    "clean speech",
    "pauses in clean speech",
    "silence",
    "sound without reference",
)
"""Kinds of frames of noisy recordings, of clean ones (40 dB or more), and silence, whatever it is in."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording with all its records.

    Attributes:
        name: Unique in the set.
        tags: The set's word.
        snr_db: Signal-to-noise ratio, see :func:`slimse_mcu.evaluation.groups.snr_of`.
        noisy: Scores of the input.
        models: Records of every signal by the model's label; a model that failed on it is missing.
    """

    name: str
    tags: Mapping[str, str | float]
    snr_db: float | None
    noisy: SignalRecord
    models: Mapping[str, Mapping[str, SignalRecord]]

    def signals(self, model: str) -> dict[str, SignalRecord]:
        """The input's record and the model's."""
        return {NOISY: self.noisy, **self.models[model]}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a model before it runs.

    Attributes:
        label: What it is called here.
        model_name: Its own name.
        model_hash: SHA-256 of its file.
        calibration_hash: SHA-256 of what its ranges were measured on.
        method: How ranges were chosen.
        macs_all_open: MACs of a frame with all gates open; of a model that strides over time the mean.
        channels: Channels by gate, 1 for a component; empty: nothing is decided.
    """

    label: str
    model_name: str
    model_hash: str
    calibration_hash: str
    method: str
    macs_all_open: float
    channels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Load:
    """Work per frame.

    Attributes:
        macs: MACs per frame.
        saved: Share of the MACs with all gates open that were not executed.
        opened: Share of channels, or of components, that were open; None where nothing is decided.
        frames: Over how many frames.
    """

    macs: Estimate
    saved: float
    opened: Estimate | None
    frames: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A model on some of the recordings.

    Attributes:
        name: Which.
        place: Where they lie on the axis of signal-to-noise ratios; None elsewhere.
        files: How many.
        scores: Mean scores by metric, by signal.
        loads: Work by signal; without the input's.
    """

    name: str
    place: float | None
    files: int
    scores: Mapping[str, Mapping[str, Estimate]]
    loads: Mapping[str, Load]


@dataclass(frozen=True, slots=True)
class ModelResult:
    """A model on the whole set.

    Attributes:
        facts: What it is.
        overall: All recordings.
        by: Groups of recordings: by ``snr`` and by tag.
        gates: Share of open channels by gate or component, by signal.
        situations: Work of the int8 model by kind of frame, those of ``SITUATIONS`` that occur.
        silence_ratio: MACs per frame in silence over those of speech in noise; None where one does not occur.
        snr_correlation_bins: Spearman's coefficient of the open ratio with the ratio of ``by["snr"]``.
        snr_correlation_files: The same over recordings.
        costs: What a signal's scores are above the float model's, by signal and metric.
        flipped: Share of the int8 model's decisions that differ from the float model's; None where nothing is decided.
        counts: Per frame on the board: unit, and estimates of ``network`` and ``total``; None where nothing counts.
        differing_frames: Frames in which the board differs from the int8 model; None without a board.
    """

    facts: Facts
    overall: Summary
    by: Mapping[str, tuple[Summary, ...]]
    gates: Mapping[str, Mapping[str, Estimate]]
    situations: Mapping[str, Load]
    silence_ratio: float | None
    snr_correlation_bins: float | None
    snr_correlation_files: float | None
    costs: Mapping[str, Mapping[str, Difference]]
    flipped: Estimate | None
    counts: tuple[str, Estimate, Estimate] | None
    differing_frames: int | None

    @property
    def label(self) -> str:
        """What the model is called here."""
        return self.facts.label


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model beside another one, over the recordings that both have.

    Attributes:
        model: Label.
        baseline: Label of the other.
        files: Recordings.
        scores: What the model's scores are above the other's, by signal and metric.
        macs: What its int8 MACs per frame are above the other's.
        by_snr: The scores' differences by group of ``by["snr"]``: name, and the same as ``scores``.
    """

    model: str
    baseline: str
    files: int
    scores: Mapping[str, Mapping[str, Difference]]
    macs: Difference | None
    by_snr: tuple[tuple[str, Mapping[str, Mapping[str, Difference]]], ...]


def summarise(facts: Facts, recordings: Sequence[Recording]) -> ModelResult:
    """Everything about one model.

    Args:
        facts: The model.
        recordings: Those that it was run on, 1 or more.
    """
    ratios = [one.snr_db for one in recordings]
    grouped = {SNR: groups.by_snr(ratios), **groups.by_tags([one.tags for one in recordings])}
    everything = Group("all", None, tuple(range(len(recordings))))
    overall = _summary(facts, recordings, everything)
    by = {tag: tuple(_summary(facts, recordings, one) for one in found) for tag, found in grouped.items() if found}
    situations = _situations(facts, recordings)
    speech, silence = situations.get("speech in noise"), situations.get("silence")
    bins = [(one.place, one.loads[INT8].opened) for one in by.get(SNR, ())]
    return ModelResult(
        facts=facts,
        overall=overall,
        by=by,
        gates=_gates(facts, recordings),
        situations=situations,
        silence_ratio=silence.macs.mean / speech.macs.mean if speech and silence and speech.macs.mean else None,
        snr_correlation_bins=_correlation([(place, None if one is None else one.mean) for place, one in bins]),
        snr_correlation_files=_correlation(
            [(one.snr_db, _open_ratio(facts, one.models[facts.label][INT8].total)) for one in recordings]
        ),
        costs=_costs(facts, recordings),
        flipped=_flipped(facts, recordings),
        counts=_counts(facts, recordings),
        differing_frames=_differing(facts, recordings),
    )


def _correlation(pairs: Sequence[tuple[float | None, float | None]]) -> float | None:
    whole = [(one, other) for one, other in pairs if one is not None and other is not None]
    return statistics.rank_correlation([one for one, _ in whole], [other for _, other in whole]) if whole else None


def _open_ratio(facts: Facts, work: Work) -> float | None:
    bits = work.frames * sum(facts.channels.values())
    return sum(work.opened.values()) / bits if bits else None


def _summary(facts: Facts, recordings: Sequence[Recording], group: Group) -> Summary:
    chosen = [recordings[number] for number in group.members]
    signals = [one.signals(facts.label) for one in chosen]
    loads = {
        name: load
        for name in SIGNALS
        if name in signals[0] and (load := _load(facts, [one[name].total for one in signals])) is not None
    }
    return Summary(group.name, group.place, len(chosen), _scores(signals), loads)


def _scores(signals: Sequence[Mapping[str, SignalRecord]]) -> dict[str, dict[str, Estimate]]:
    names = [name for name in SIGNALS if name in signals[0]]
    found: dict[str, dict[str, Estimate]] = {name: {} for name in names}
    for metric in METRICS:
        rows = [[getattr(one[name].scores, metric) for name in names] for one in signals]
        whole = [row for row in rows if statistics.finite(row)]
        for name, values in zip(names, zip(*whole, strict=True), strict=False):
            estimate = statistics.mean(values)
            if estimate is not None:
                found[name][metric] = estimate
    return found


def _load(facts: Facts, works: Sequence[Work]) -> Load | None:
    frames = [one.frames for one in works]
    macs = statistics.ratio([one.macs for one in works], frames)
    if macs is None:
        return None
    bits = [count * sum(facts.channels.values()) for count in frames]
    opened = statistics.ratio([sum(one.opened.values()) for one in works], bits)
    saved = 1.0 - macs.mean / facts.macs_all_open if facts.macs_all_open else 0.0
    return Load(macs, saved, opened, sum(frames))


def _gates(facts: Facts, recordings: Sequence[Recording]) -> dict[str, dict[str, Estimate]]:
    """Share of open channels by signal and gate."""
    found: dict[str, dict[str, Estimate]] = {}
    for signal in (FLOAT, INT8):
        works = [one.models[facts.label][signal].total for one in recordings]
        for gate, channels in facts.channels.items():
            opened = [one.opened.get(gate, 0) for one in works]
            estimate = statistics.ratio(opened, [one.frames * channels for one in works])
            if estimate is not None:
                found.setdefault(signal, {})[gate] = estimate
    return found


def _situations(facts: Facts, recordings: Sequence[Recording]) -> dict[str, Load]:
    found = {}
    for situation in SITUATIONS:
        works = [_work_in(situation, one, facts.label) for one in recordings]
        some = [one for one in works if one.frames]
        load = _load(facts, some) if some else None
        if load is not None:
            found[situation] = load
    return found


def situation_of(kind: str, snr_db: float | None) -> str:
    """A kind of frame of a recording among ``SITUATIONS``."""
    assert kind in KINDS, kind
    if kind in ("silence", "sound"):
        return "silence" if kind == "silence" else "sound without reference"
    is_clean = snr_db is not None and snr_db >= CLEAN_DB
    if kind == "speech":
        return "clean speech" if is_clean else "speech in noise"
    return "pauses in clean speech" if is_clean else "pauses in noise"


def _work_in(situation: str, recording: Recording, model: str) -> Work:
    total = Work.nothing()
    for kind, work in recording.models[model][INT8].work.items():
        if situation_of(kind, recording.snr_db) == situation:
            total = total.plus(work)
    return total


def _costs(facts: Facts, recordings: Sequence[Recording]) -> dict[str, dict[str, Difference]]:
    """What int8, and the board, change of the float model's scores."""
    signals = [one.models[facts.label] for one in recordings]
    return {
        name: differences
        for name in (FLIPPED, INT8, BOARD)
        if name in signals[0] and (differences := _differences([(one[name], one[FLOAT]) for one in signals]))
    }


def _flipped(facts: Facts, recordings: Sequence[Recording]) -> Estimate | None:
    records = [one.models[facts.label][INT8] for one in recordings]
    bits = [one.total.frames * sum(facts.channels.values()) for one in records]
    return statistics.ratio([one.flipped or 0 for one in records], bits)


def _differences(pairs: Sequence[tuple[SignalRecord, SignalRecord]]) -> dict[str, Difference]:
    found = {}
    for metric in METRICS:
        values = [(getattr(one.scores, metric), getattr(other.scores, metric)) for one, other in pairs]
        whole = [pair for pair in values if statistics.finite(pair)]
        difference = statistics.difference([one for one, _ in whole], [other for _, other in whole])
        if difference is not None:
            found[metric] = difference
    return found


def _counts(facts: Facts, recordings: Sequence[Recording]) -> tuple[str, Estimate, Estimate] | None:
    records = [one.models[facts.label].get(BOARD) for one in recordings]
    counts = [(one.count, one.total.frames) for one in records if one is not None and one.count is not None]
    if not counts:
        return None
    # A frame more than the recording has: the one of silence that brings out the last hop.
    frames = [count + 1 for _, count in counts]
    network = statistics.ratio([one.network for one, _ in counts if one], frames)
    total = statistics.ratio([one.total for one, _ in counts if one], frames)
    unit = counts[0][0]
    return (unit.unit, network, total) if unit and network and total else None


def _differing(facts: Facts, recordings: Sequence[Recording]) -> int | None:
    found = [one.models[facts.label][BOARD].differing for one in recordings if BOARD in one.models[facts.label]]
    known = [one for one in found if one is not None]
    return sum(known) if known else None


def compare(model: ModelResult, baseline: ModelResult, recordings: Sequence[Recording]) -> Comparison:
    """A model beside its baseline.

    Args:
        model: The one.
        baseline: The other.
        recordings: All of the evaluation; those that one of the two lacks do not count.
    """
    both = [one for one in recordings if {model.label, baseline.label} <= one.models.keys()]
    ours, theirs = (_macs_per_frame(both, one.label) for one in (model, baseline))
    found = groups.by_snr([one.snr_db for one in both])
    return Comparison(
        model=model.label,
        baseline=baseline.label,
        files=len(both),
        scores=_score_differences(both, model.label, baseline.label),
        macs=statistics.difference(ours, theirs),
        by_snr=tuple(
            (one.name, _score_differences([both[number] for number in one.members], model.label, baseline.label))
            for one in found
        ),
    )


def _macs_per_frame(recordings: Sequence[Recording], model: str) -> list[float]:
    """MACs of each recording over the mean number of frames, such that their mean is the MACs per frame."""
    works = [one.models[model][INT8].total for one in recordings]
    frames = sum(one.frames for one in works) / max(1, len(works))
    return [one.macs / frames if frames else 0.0 for one in works]


def _score_differences(recordings: Sequence[Recording], model: str, baseline: str) -> dict[str, dict[str, Difference]]:
    found = {}
    for signal in (FLOAT, INT8, BOARD):
        pairs = [
            (one.models[model][signal], one.models[baseline][signal])
            for one in recordings
            if signal in one.models[model] and signal in one.models[baseline]
        ]
        if pairs:
            found[signal] = _differences(pairs)
    return found
