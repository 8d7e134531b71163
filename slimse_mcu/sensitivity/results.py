"""What a sensitivity search finds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

BudgetKind = Literal["pesq", "sqnr"]
Metric = Literal["sqnr", "pesq"]
METRICS: tuple[Metric, ...] = ("sqnr", "pesq")


@dataclass(frozen=True, slots=True)
class Budget:
    """What quantization may cost.

    Attributes:
        kind: ``"pesq"``: mean PESQ lost against the float model; ``"sqnr"``: SQNR of the output against it.
        value: The greatest loss; the least SQNR in dB.
    """

    kind: BudgetKind
    value: float

    def is_met(self, point: Point) -> bool:
        """Whether a choice of tensors keeps within it."""
        if self.kind == "sqnr":
            return point.sqnr_db >= self.value
        return point.pesq_loss is not None and point.pesq_loss <= self.value

    def goodness(self, point: Point) -> float:
        """What the budget looks at, greater is better."""
        if self.kind == "sqnr":
            return point.sqnr_db
        return -math.inf if point.pesq_loss is None else -point.pesq_loss

    def __str__(self) -> str:
        if self.kind == "sqnr":
            return f"an SQNR of {self.value:g} dB at least"
        return f"at most {self.value:g} PESQ lost"


@dataclass(frozen=True, slots=True)
class Point:
    """A choice of wide tensors, measured with the specification, and what it takes.

    Attributes:
        wide: The tensors, in execution order.
        sqnr_db: Of the output against the float model, each with its own decisions; infinite: no difference.
        pesq_loss: Mean PESQ of the float model less that of the quantized one; None without clean references.
        model_bytes: RAM of the network.
        weight_bytes: Its constants in flash, without code.
        wide_macs: MACs of a frame, all gates open, that are carried out on 16-bit activations.
    """

    wide: tuple[str, ...]
    sqnr_db: float
    pesq_loss: float | None
    model_bytes: int
    weight_bytes: int
    wide_macs: int


@dataclass(frozen=True, slots=True)
class TensorNoise:
    """What holding a tensor in 8 bits costs, all else in float.

    Attributes:
        tensor: Name.
        elements: Values per frame.
        along: Tensors of the same scale that only hand these values on: they need 16 bits with it.
        can_be_wide: Whether all layers that it meets have 16-bit arithmetic.
        alone_db: SQNR of the output where this tensor alone is rounded to 8 bits, with those along, and all others to
            16, against all in 16 bits; infinite: no difference.
        range_db: SQNR of the output where this tensor alone keeps to its calibrated range and nothing is rounded to 8
            bits: low where values lie beyond the range, which better calibration mends.
        share: Of the noise of all tensors, each alone in 8 bits.
        gain_db: SQNR that 16 bits for it are expected to gain, all other tensors in 8 bits.
        pesq_loss: PESQ that this tensor alone costs; None where it was not asked for.
        ram_bytes: More RAM with it, alone, in 16 bits; None where it cannot be wide.
        flash_bytes: More constants, without the code of 16-bit layers.
        wide_macs: MACs of a frame that are then carried out on 16-bit activations.
    """

    tensor: str
    elements: int
    along: tuple[str, ...]
    can_be_wide: bool
    alone_db: float
    range_db: float
    share: float
    gain_db: float
    pesq_loss: float | None
    ram_bytes: int | None
    flash_bytes: int | None
    wide_macs: int | None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What a search found.

    Attributes:
        tool_version: Of slimse-mcu.
        model_name: Name of the model.
        model_hash: SHA-256 of its file.
        calibration_hash: SHA-256 of the calibration and its method.
        method: How ranges were chosen.
        budget: What was asked for.
        metric: What the tensors are ranked by.
        recordings: How many recordings it was measured on.
        frames: Their frames.
        float_pesq: Mean PESQ of the float model; None without clean references.
        weights_db: SQNR, by the estimate, with 8-bit weights and tensors in float.
        floor_db: SQNR, by the estimate, with 8-bit weights and every tensor in 16 bits, also those that cannot be.
        tensors: All tensors, the ones that cost most first.
        points: All choices that were measured, by their number of tensors.
        expected_db: SQNR that is expected with the first 0, 1, 2, ... ranked tensors in 16 bits, see ``order``.
        order: Tensors that can be wide, in the order in which the search takes them.
        chosen: The answer: the fewest tensors; where the budget cannot be met, the best that was seen.
        is_met: Whether it can.
    """

    tool_version: str
    model_name: str
    model_hash: str
    calibration_hash: str
    method: str
    budget: Budget
    metric: Metric
    recordings: int
    frames: int
    float_pesq: float | None
    weights_db: float
    floor_db: float
    tensors: tuple[TensorNoise, ...]
    points: tuple[Point, ...]
    expected_db: tuple[float, ...]
    order: tuple[str, ...]
    chosen: Point
    is_met: bool

    @property
    def before(self) -> Point:
        """All tensors in 8 bits."""
        return self.points[0]

    @property
    def widest(self) -> Point:
        """The choice with the most wide tensors that was measured."""
        return self.points[-1]

    def describe(self) -> str:
        """The answer in one or two sentences."""
        count = len(self.chosen.wide)
        what = "no tensor needs" if count == 0 else "1 tensor needs" if count == 1 else f"{count} tensors need"
        if self.is_met:
            text = f"{what} 16 bits for {self.budget}: {_numbers(self.chosen)}"
        else:
            text = f"{self.budget} cannot be had with 16-bit tensors: {count} of them give {_numbers(self.chosen)}"
        if count:
            text += f"; without: {_numbers(self.before)}"
        return text[0].upper() + text[1:] + "."


def _numbers(point: Point) -> str:
    text = f"SQNR {point.sqnr_db:.1f} dB" if math.isfinite(point.sqnr_db) else "no difference"
    return text if point.pesq_loss is None else f"{text}, {round(point.pesq_loss, 3) + 0.0:.3f} PESQ lost"
