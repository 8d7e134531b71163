"""How what is open is led to its target: one for all frames, or one for each clip by how noisy it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import keras
from keras import ops

from slimse_mcu.models.layers import ChannelGate
from slimse_mcu.models.policy import Policy
from slimse_mcu.training.losses import ratio_loss
from slimse_mcu.training.spectra import FFT


class Guidance(Protocol):
    """Leads how much is open in training, by the share of :mod:`slimse_mcu.training.gated_work`."""

    @property
    def weight(self) -> float:
        """Of the loss, beside the spectral ones."""
        ...

    @property
    def weigh(self) -> str:
        """``"macs"``: a decision counts as much of what is open as it saves; ``"decisions"``: all count alike."""
        ...

    def loss(self, share: Any, inputs: Mapping[str, Any], step: Any) -> Any:
        """Distance from the target, a scalar.

        Args:
            share: What is open in each frame, ``[batch, time]``.
            inputs: A batch of :class:`slimse_mcu.training.batches.Batches`.
            step: Number of the optimizer's step, float.
        """
        ...

    def annealing(self, step: Any) -> tuple[Any, Any]:
        """Temperature of the softmax in :class:`Policy` at this step, and the factor of its noise."""
        ...


@dataclass(frozen=True, slots=True)
class Gating:
    """One target for the mean of all frames (DynCP).

    Left to itself, training finds out which channels matter, but hardly which frames: every frame has about the same
    share.  So frames without speech may be asked for less; those with speech get what that saves, and the mean stays.
    In frames in which nearly nothing is to be heard (:class:`FrameKinds`) nothing shall run then.

    Attributes:
        target: Share that is open at the end of the ramp, mean of all frames.
        pause: Share in frames without speech, relative to that in frames with; None asks for the mean only.
        start: Target at the first step.
        ramp_steps: Steps over which the target moves from ``start`` to ``target``, linearly.
        weight: Weight of the loss.
        warm: Temperature of a policy's softmax at the first step.
        cold: Temperature from ``cool_steps`` on; it falls exponentially.
        cool_steps: Steps from ``warm`` to ``cold``.
        fade_steps: Steps over which a policy's noise fades to nothing, linearly; 0: it stays.
        weigh: What the share is of: see :class:`Guidance`.
    """

    target: float = 0.25
    pause: float | None = None
    start: float = 0.5
    ramp_steps: int = 1000
    weight: float = 10.0
    warm: float = 1.0
    cold: float = 1.0
    cool_steps: int = 0
    fade_steps: int = 0
    weigh: Literal["macs", "decisions"] = "macs"

    def loss(self, share: Any, inputs: Mapping[str, Any], step: Any) -> Any:
        """Squared distance of the batch's mean share from the target, or of the share in each kind of frame."""
        if self.pause is None:
            return ratio_loss(ops.mean(share), _ramp(self.start, self.target, step, self.ramp_steps))
        kinds = FrameKinds.of(inputs)
        audible = ops.mean(kinds.speech) + self.pause * ops.mean(kinds.pause)
        speech = ops.minimum(self.target / ops.maximum(audible, 1e-3), 1.0)
        goals = speech, self.pause * speech, 0.0
        return _distance(share, kinds, [_ramp(self.start, goal, step, self.ramp_steps) for goal in goals], axis=(0, 1))

    def annealing(self, step: Any) -> tuple[Any, Any]:
        """The temperature falls from ``warm`` to ``cold``, the noise from 1 to 0."""
        return _cooling(self.warm, self.cold, step, self.cool_steps), _fading(step, self.fade_steps)


@dataclass(frozen=True, slots=True)
class MetricGuidance:
    """A target for each clip: the worse its input, the more may run (metric-guided training, arXiv 2510.11395).

    The paper takes the target from the DNS-MOS OVRL score of the noisy clip; so does this where the mixtures carry it.
    Without scores the signal-to-noise ratio of the crop, the score's main cause, stands for it.  Either way the share
    falls linearly from ``most`` for hard clips to ``least`` for easy ones, and is constant beyond.

    A clip's target is that of its frames with speech.  Frames without have a share of it, and frames in which nearly
    nothing is to be heard shall run nothing (:class:`FrameKinds`): that is ours, not the paper's.

    Attributes:
        least: Share that is open for easy clips.
        most: Share for hard clips.
        easy_db: Signal-to-noise ratio over the whole crop from which on it is easy.
        hard_db: Ratio up to which it is hard.
        easy_ovrl: OVRL from which on a clip is easy, where it is known.
        hard_ovrl: OVRL up to which it is hard.
        pause: Target of frames without speech, as a share of the clip's.
        start: Share asked of all frames at the first step.
        ramp_steps: Steps over which the target moves from ``start`` to that of the frame, linearly.
        weight: Weight of the loss.
        warm: Temperature of the policy's softmax at the first step.
        cold: Temperature from ``cool_steps`` on; it falls exponentially.
        cool_steps: Steps from ``warm`` to ``cold``.
        fade_steps: Steps over which the policy's noise fades to nothing, linearly; 0: it stays.
        weigh: What the share is of: see :class:`Guidance`.
    """

    least: float = 0.2
    most: float = 0.8
    easy_db: float = 20.0
    hard_db: float = -5.0
    easy_ovrl: float = 3.0
    hard_ovrl: float = 1.2
    pause: float = 1.0
    start: float = 0.9
    ramp_steps: int = 1000
    weight: float = 4.0
    warm: float = 2.0
    cold: float = 0.5
    cool_steps: int = 3000
    fade_steps: int = 0
    weigh: Literal["macs", "decisions"] = "macs"

    def loss(self, share: Any, inputs: Mapping[str, Any], step: Any) -> Any:
        """Squared distance of the share from its target, for each clip and kind of frame, weighted by frames."""
        target = self.target(inputs)
        goals = target, self.pause * target, ops.zeros_like(target)
        ramped = [_ramp(self.start, goal, step, self.ramp_steps) for goal in goals]
        return _distance(share, FrameKinds.of(inputs), ramped, axis=1)

    def target(self, inputs: Mapping[str, Any]) -> Any:
        """Share asked of each clip's frames with speech at the end of the ramp, ``[batch]``."""
        if "ovrl" in inputs:
            easiness = (inputs["ovrl"][:, 0, 0] - self.hard_ovrl) / (self.easy_ovrl - self.hard_ovrl)
        else:
            spectra = inputs["speech"], inputs["noise"]
            energies = (ops.sum(ops.square(one), axis=(1, 2, 3)) + 1e-6 for one in spectra)
            speech_db, noise_db = (10.0 * ops.log10(energy) for energy in energies)
            easiness = (speech_db - noise_db - self.hard_db) / (self.easy_db - self.hard_db)
        return self.most + (self.least - self.most) * ops.clip(easiness, 0.0, 1.0)

    def annealing(self, step: Any) -> tuple[Any, Any]:
        """The temperature falls from ``warm`` to ``cold``, the noise from 1 to 0."""
        return _cooling(self.warm, self.cold, step, self.cool_steps), _fading(step, self.fade_steps)


#: Level of a frame of the model's input below which nearly nothing is to be heard.
QUIET_DBFS = -60.0
#: Frames of the speech within this of the clip's loudest one, and above the least level, count as speech.
ACTIVE_DB = 35.0
LEAST_ACTIVE_DBFS = -70.0


@dataclass(frozen=True, slots=True)
class FrameKinds:
    """What is to be heard in each frame: 0 or 1, ``[batch, time]``, exactly one of the three.

    Attributes:
        speech: Somebody speaks.
        pause: Nobody speaks, but there is noise.
        quiet: The model's input is below :data:`QUIET_DBFS`.
    """

    speech: Any
    pause: Any
    quiet: Any

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> FrameKinds:
        """Those of a batch of mixtures."""
        speech_dbfs = _frame_dbfs(inputs["speech"])
        input_dbfs = _frame_dbfs((inputs["speech"] + inputs["noise"]) * inputs["gain"][..., None])
        quiet = input_dbfs < QUIET_DBFS
        loudest = ops.max(speech_dbfs, axis=1, keepdims=True)
        speaking = ops.logical_and(speech_dbfs > loudest - ACTIVE_DB, speech_dbfs > LEAST_ACTIVE_DBFS)
        speaking = ops.logical_and(speaking, ops.logical_not(quiet))
        pausing = ops.logical_not(ops.logical_or(speaking, quiet))
        speech, pause, silence = (ops.cast(kind, "float32") for kind in (speaking, pausing, quiet))
        return cls(speech, pause, silence)


def _distance(share: Any, kinds: FrameKinds, goals: Sequence[Any], axis: int | tuple[int, ...]) -> Any:
    """Squared distance of the mean share over ``axis`` from its goal for each kind of frame, weighted by frames."""
    total = 0.0
    for kind, goal in zip((kinds.speech, kinds.pause, kinds.quiet), goals, strict=True):
        count = ops.sum(kind, axis=axis)
        mean = ops.sum(kind * share, axis=axis) / ops.maximum(count, 1.0)
        total = total + ops.mean(ops.square(mean - goal) * ops.mean(kind, axis=axis))
    return total


def _frame_dbfs(spectra: Any) -> Any:
    """Level of the audio in each frame, ``[batch, time, bins, 2]`` to ``[batch, time]``.

    By Parseval, with a window whose squares sum to ``FFT / 2`` and the bins of one side.
    """
    power = 2.0 * ops.sum(ops.square(spectra), axis=(2, 3)) / (FFT * FFT / 2)
    return 10.0 * ops.log10(power + 1e-12)


def gate_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The layers that decide: gating subnets' last layers and policies."""
    return [layer for layer in network.layers if isinstance(layer, ChannelGate | Policy)]


def _cooling(warm: float, cold: float, step: Any, steps: int) -> Any:
    """From ``warm`` to ``cold``, exponentially."""
    return warm * (cold / warm) ** ops.minimum(step / max(1, steps), 1.0)


def _fading(step: Any, steps: int) -> Any:
    """From 1 to 0 in a straight line; 1 where nothing fades."""
    return ops.maximum(1.0 - step / steps, 0.0) if steps else 1.0


def _ramp(start: float, end: Any, step: Any, steps: int) -> Any:
    """From ``start`` to ``end`` in a straight line."""
    return start + (end - start) * ops.minimum(step / max(1, steps), 1.0)
