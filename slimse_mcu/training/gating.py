"""How the share of open gates is led to its target: one for all clips, or one for each by how noisy it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import keras
from keras import ops

from slimse_mcu.models.layers import ChannelGate
from slimse_mcu.models.policy import Policy
from slimse_mcu.training.losses import ratio_loss


class Guidance(Protocol):
    """Leads the share of open gates in training."""

    @property
    def weight(self) -> float:
        """Of the loss, beside the spectral ones."""
        ...

    def loss(self, share: Any, inputs: Mapping[str, Any], step: Any) -> Any:
        """Distance from the target, a scalar.

        Args:
            share: Share of open gates per clip, ``[batch]``.
            inputs: A batch of :class:`slimse_mcu.training.corpus.Mixtures`.
            step: Number of the optimizer's step, float.
        """
        ...

    def temperature(self, step: Any) -> Any:
        """Of the softmax in :class:`Policy` at this step."""
        ...


@dataclass(frozen=True, slots=True)
class Gating:
    """One target for the whole batch (DynCP).

    Attributes:
        target: Share of open gates at the end of the ramp.
        start: Target at the first step.
        ramp_steps: Steps over which the target moves from ``start`` to ``target``, linearly.
        weight: Weight of the loss.
    """

    target: float = 0.25
    start: float = 0.5
    ramp_steps: int = 1000
    weight: float = 10.0

    def loss(self, share: Any, inputs: Mapping[str, Any], step: Any) -> Any:
        """Squared distance of the batch's mean share from the target."""
        return ratio_loss(ops.mean(share), _ramp(self.start, self.target, step, self.ramp_steps))

    def temperature(self, step: Any) -> Any:
        """Always 1."""
        return 1.0


@dataclass(frozen=True, slots=True)
class MetricGuidance:
    """A target for each clip: the worse its input, the more may run (metric-guided training, arXiv 2510.11395).

    The paper takes the target from the DNS-MOS OVRL score of the noisy clip; so does this where the mixtures carry it.
    Scoring a random mixture costs more than training on it, so otherwise the signal-to-noise ratio of the crop stands
    for the score, of which it is the main cause.  Either way the share falls linearly from ``most`` for hard clips to
    ``least`` for easy ones, and is constant beyond.  A crop without speech counts as hard, as DNS-MOS counts it.

    Attributes:
        least: Share of open gates for easy clips.
        most: Share for hard clips.
        easy_db: Signal-to-noise ratio over the whole crop from which on it is easy.
        hard_db: Ratio up to which it is hard.
        easy_ovrl: OVRL from which on a clip is easy, where it is known.
        hard_ovrl: OVRL up to which it is hard.
        start: Share asked of all clips at the first step.
        ramp_steps: Steps over which the target moves from ``start`` to that of the clip, linearly.
        weight: Weight of the loss.
        warm: Temperature of the policy's softmax at the first step.
        cold: Temperature from ``cool_steps`` on; it falls exponentially.
        cool_steps: Steps from ``warm`` to ``cold``.
    """

    least: float = 0.2
    most: float = 0.8
    easy_db: float = 20.0
    hard_db: float = -5.0
    easy_ovrl: float = 3.0
    hard_ovrl: float = 1.2
    start: float = 0.9
    ramp_steps: int = 1000
    weight: float = 4.0
    warm: float = 2.0
    cold: float = 0.5
    cool_steps: int = 3000

    def loss(self, share: Any, inputs: Mapping[str, Any], step: Any) -> Any:
        """Mean over clips of the squared distance of the share from the clip's target."""
        return ratio_loss(share, _ramp(self.start, self.target(inputs), step, self.ramp_steps))

    def target(self, inputs: Mapping[str, Any]) -> Any:
        """Share of open gates asked of each clip at the end of the ramp, ``[batch]``."""
        if "ovrl" in inputs:
            easiness = (inputs["ovrl"][:, 0, 0] - self.hard_ovrl) / (self.easy_ovrl - self.hard_ovrl)
        else:
            spectra = inputs["speech"], inputs["noise"]
            energies = (ops.sum(ops.square(one), axis=(1, 2, 3)) + 1e-6 for one in spectra)
            speech_db, noise_db = (10.0 * ops.log10(energy) for energy in energies)
            easiness = (speech_db - noise_db - self.hard_db) / (self.easy_db - self.hard_db)
        return self.most + (self.least - self.most) * ops.clip(easiness, 0.0, 1.0)

    def temperature(self, step: Any) -> Any:
        """Falls from ``warm`` to ``cold``."""
        return self.warm * (self.cold / self.warm) ** ops.minimum(step / max(1, self.cool_steps), 1.0)


def gate_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """The layers that decide: gating subnets' last layers and policies."""
    return [layer for layer in network.layers if isinstance(layer, ChannelGate | Policy)]


def _ramp(start: float, end: Any, step: Any, steps: int) -> Any:
    """From ``start`` to ``end`` in a straight line."""
    return start + (end - start) * ops.minimum(step / max(1, steps), 1.0)
