"""What a measurement says: the numbers, and ``report.json`` and ``report.html`` made of them.

The keys of ``report.json`` are stable; a number that was not measured is null, never estimated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.deadline import Deadline as Deadline
from slimse_mcu.decisions import Decisions
from slimse_mcu.fidelity import QuantizationErrors
from slimse_mcu.flips import FlipAudit
from slimse_mcu.harness.link import LinkErrors
from slimse_mcu.harness.quality import METRICS, Scores
from slimse_mcu.run import Run
from slimse_mcu.sensitivity.file import to_json as sensitivity_json
from slimse_mcu.sensitivity.results import Sensitivity

BITS_PER_BYTE = 10
"""On a serial line: start bit, eight bits, stop bit."""

SIGNALS = ("noisy", "float", "device")
"""Signals that are scored: the input, the float model's output, the board's output."""

COUNT_TOTAL = ("mean", "p50", "p95", "p99", "max")
"""What is told of instructions or cycles with front and back end."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a count per frame is distributed over all frames.

    Attributes:
        all_open: Mean per frame with all gates forced open; None when not measured.
        mean: Mean per frame, gates decided by the model.
        p50: Median.
        p95: 95th percentile, a value that occurred.
        p99: 99th percentile, a value that occurred.
        max: Greatest.
        saved_ratio: ``1 - mean / all_open``.
    """

    all_open: float | None
    mean: float
    p50: int
    p95: int
    p99: int
    max: int
    saved_ratio: float | None

    @classmethod
    def of(cls, values: NDArray[np.int64], all_open: float | None) -> Spread:
        """Spread of a count over frames ``[frames]``."""
        mean = float(np.mean(values))
        p50, p95, p99 = (int(v) for v in np.percentile(values, (50, 95, 99), method="inverted_cdf"))
        saved = None if not all_open else 1.0 - mean / all_open
        return cls(all_open, mean, p50, p95, p99, int(np.max(values)), saved)


@dataclass(frozen=True, slots=True)
class GateUse:
    """How often a gate's channels, or a component of a policy, were open.

    Attributes:
        open_ratio: Share of open channels over all frames and channels, of open frames for a component.
        per_file: The same per file.
        channels: Channels of the gate; 1 for a component.
        is_component: Whether it is one.
        macs: MACs of a frame that closing all of it saves while everything else is open; None when not known.
    """

    open_ratio: float
    per_file: Mapping[str, float]
    channels: int
    is_component: bool = False
    macs: int | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on the board; None where the board cannot tell.

    Attributes:
        flash_weights: Constants of the model.
        flash_code: Everything else in flash.
        ram_arena: The network's activations and lists of open channels.
        ram_state: What the network keeps between frames.
        ram_total: All of RAM that the image claims, the reserved stack included.
        stack_peak: Deepest stack seen in the run.
    """

    flash_weights: int | None
    flash_code: int | None
    ram_arena: int | None
    ram_state: int | None
    ram_total: int | None
    stack_peak: int | None


@dataclass(frozen=True, slots=True)
class LinkUse:
    """What the way to the board carried, and what was mended on it.

    Attributes:
        errors: What was mended.
        sent_bytes: Bytes per frame to the board, everything else that was said included.
        received_bytes: Bytes per frame from the board.
        baud: Speed of the line; None for a virtual board.
        real_time: How many times faster than real time the line is by these numbers, if the board takes no time and
            both directions work at once; None for a virtual board, or without a front end.
    """

    errors: LinkErrors
    sent_bytes: float
    received_bytes: float
    baud: int | None
    real_time: float | None

    @classmethod
    def of(
        cls, errors: LinkErrors, traffic: tuple[int, int], frames: int, baud: int | None, hop_ms: float | None
    ) -> LinkUse:
        """Use of a link by ``frames`` frames; ``traffic`` is in bytes, to the board and from it."""
        sent, received = (count / frames for count in traffic)
        longest = max(sent, received)
        fast = None if not baud or not hop_ms or not longest else baud / BITS_PER_BYTE / longest * hop_ms / 1000.0
        return cls(errors, sent, received, baud, fast)


@dataclass(frozen=True, slots=True)
class BitExact:
    """The board's frames against the NumPy specification.

    Attributes:
        reference: What was compared with.
        frames_compared: Frames of which output, gates and MACs were compared.
        first_divergence: None, or file, frame, what differs, and both values.
    """

    reference: str
    frames_compared: int
    first_divergence: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class FileReport:
    """One recording.

    Attributes:
        name: File name without suffix.
        notes: What was done to the file's samples before the run.
        run: What the board did.
        audio: int16 samples per signal (``noisy``, ``float``, ``device``, ``clean``), aligned; empty without
            audio.
        scores: Quality per signal of ``SIGNALS``; empty without audio.
        decisions: What the run's gate bytes say.
    """

    name: str
    notes: tuple[str, ...]
    run: Run
    audio: Mapping[str, NDArray[np.int16]]
    scores: Mapping[str, Scores]
    decisions: Decisions

    def patterns(self) -> dict[str, NDArray[np.bool_]]:
        """Bool ``[frames, channels]`` of every channel gate, ``[frames, 1]`` of every component."""
        return self.decisions.unpack(self.run.gates)


@dataclass(frozen=True, slots=True)
class Report:
    """A measurement; :meth:`to_json` is ``report.json``.

    Attributes:
        board: Name of the board.
        board_title: One line about it for people.
        board_flash_bytes: Room for code and constants; 0 = no limit.
        board_ram_bytes: Room for data and stack; 0 = no limit.
        counter: ``"instructions"``, ``"cycles"`` or ``"none"``.
        provenance: What was measured, and how.
        macs: MACs per frame.
        count: Instructions or cycles per frame, network only; None where nothing is counted.
        count_total: The keys of ``COUNT_TOTAL`` with front and back end; None where nothing is counted.
        gates: Use of each channel gate and of each component of a policy.
        memory: Bytes on the board.
        deadline: Load.
        link: The way to the board.
        quality: Mean scores per signal; empty without audio.
        bit_exact: Comparison with the specification.
        quantization: The specification against the float model; None when it was not measured.
        flips: Its decisions against the float model's; None for a model without gates, or when not measured.
        sensitivity: The search that chose the tensors of 16 bits; None where none did.
        limit: Most channels of each gate that the model could open; None: all.
        unseen: A warning about what stayed closed through all of the calibration; empty: nothing did.
        files: Every recording.
        sample_rate_hz: Of the audio; None without a front end.
    """

    board: str
    board_title: str
    board_flash_bytes: int
    board_ram_bytes: int
    counter: str
    provenance: Mapping[str, Any]
    macs: Spread
    count: Spread | None
    count_total: Mapping[str, float] | None
    gates: Mapping[str, GateUse]
    memory: Memory
    deadline: Deadline
    link: LinkUse
    quality: Mapping[str, Scores]
    bit_exact: BitExact
    files: tuple[FileReport, ...]
    sample_rate_hz: int | None
    quantization: QuantizationErrors | None = None
    flips: FlipAudit | None = None
    sensitivity: Sensitivity | None = None
    limit: int | None = None
    unseen: str = ""

    @property
    def frames(self) -> int:
        """Frames of all files."""
        return sum(one.run.frames for one in self.files)

    @property
    def per_mac(self) -> float | None:
        """Instructions or cycles per executed MAC."""
        return self.count.mean / self.macs.mean if self.count is not None and self.macs.mean else None

    @property
    def eta(self) -> float | None:
        """How much of the saved MACs is saved in executed instructions or cycles; None without saving."""
        if self.count is None or self.count.saved_ratio is None or not self.macs.saved_ratio:
            return None
        return self.count.saved_ratio / self.macs.saved_ratio

    def to_json(self) -> dict[str, Any]:
        """The content of ``report.json``: plain values under stable keys."""
        nothing = dict.fromkeys(Spread.__dataclass_fields__)
        return {
            "board": self.board,
            "counter": self.counter,
            "provenance": dict(self.provenance),
            "frames": self.frames,
            "files": len(self.files),
            "macs": asdict(self.macs),
            "count": {**(asdict(self.count) if self.count else nothing), "per_mac": self.per_mac},
            "count_total": dict(self.count_total or dict.fromkeys(COUNT_TOTAL)),
            "eta": self.eta,
            "gates": {
                name: {"open_ratio": use.open_ratio, "per_file": dict(use.per_file)} for name, use in self.gates.items()
            },
            "memory": asdict(self.memory),
            "deadline": asdict(self.deadline),
            "limit": self.limit,
            "link": asdict(self.link),
            "quality": {signal: self._quality(signal) for signal in SIGNALS},
            "bit_exact": {
                "reference": self.bit_exact.reference,
                "frames_compared": self.bit_exact.frames_compared,
                "first_divergence": self.bit_exact.first_divergence,
            },
            "quantization": None if self.quantization is None else self.quantization.to_json(),
            "flips": None if self.flips is None else self.flips.to_json(),
            "sensitivity": None if self.sensitivity is None else sensitivity_json(self.sensitivity),
            "warnings": [self.unseen] if self.unseen else [],
        }

    def _quality(self, signal: str) -> dict[str, Any]:
        per_file = {one.name: asdict(one.scores[signal]) for one in self.files if signal in one.scores}
        return {**asdict(self.quality.get(signal, Scores())), "per_file": per_file}

    def json_text(self) -> str:
        """``report.json`` as text; keys in a fixed order, no NaN."""
        return json.dumps(self.to_json(), indent=2, allow_nan=False) + "\n"


def gate_use(files: Sequence[FileReport], macs: Mapping[str, int] | None = None) -> dict[str, GateUse]:
    """Use of every channel gate and every component over all files.

    Args:
        files: All recordings.
        macs: What closing each of them saves; see :class:`GateUse`.
    """
    patterns = [one.patterns() for one in files]
    frames = np.array([one.run.frames for one in files])
    uses = {}
    for name in patterns[0] if files else ():
        ratios = [float(one[name].mean()) for one in patterns]
        uses[name] = GateUse(
            open_ratio=float(np.average(ratios, weights=frames)),
            per_file={one.name: ratio for one, ratio in zip(files, ratios, strict=True)},
            channels=patterns[0][name].shape[1],
            is_component=files[0].decisions.is_component(name),
            macs=(macs or {}).get(name),
        )
    return uses


def metric_table(report: Report) -> list[tuple[str, dict[str, float | None]]]:
    """Mean scores as rows (metric, value per signal); metrics that no signal has are left out."""
    rows = []
    for metric in METRICS:
        values = {signal: getattr(report.quality.get(signal, Scores()), metric) for signal in SIGNALS}
        if any(value is not None for value in values.values()):
            rows.append((metric, values))
    return rows
