"""Speech enhancement as a Keras training task: mixtures in, mask and gates out, losses between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from slimse_mcu.models.conv_fsenet import MASK_LOGITS
from slimse_mcu.models.layers import ChannelGate
from slimse_mcu.training.losses import compressed_spectral_loss, distortion_db, excess_loss, magnitude, ratio_loss

#: A mask of 0.0025 or 0.9975: what lies beyond is heard by nobody, and coarsens int8.
LOGIT_LIMIT = 6.0
EXCESS_WEIGHT = 1e-3


@dataclass(frozen=True, slots=True)
class Gating:
    """How the share of open channels is led to its target.

    Attributes:
        target: Share of open channels at the end of the ramp.
        start: Target at the first step.
        ramp_steps: Steps over which the target moves from ``start`` to ``target``, linearly.
        weight: Weight of the ratio loss.
    """

    target: float = 0.25
    start: float = 0.5
    ramp_steps: int = 1000
    weight: float = 10.0


class EnhancementTask(keras.Model):
    """Trains a mask network; works with ``fit`` on any Keras backend.

    Args:
        network: Linear magnitudes to a mask, see :func:`slimse_mcu.models.conv_fsenet`.
        gating: Target of the open ratio; None where the network has no gates.
        distortion_weight: Weight of :func:`distortion_db` beside the compressed spectral loss.
    """

    def __init__(self, network: keras.Model, gating: Gating | None = None, *, distortion_weight: float = 0.002) -> None:
        super().__init__(name="enhancement")
        gates = [layer.output for layer in network.layers if isinstance(layer, ChannelGate)]
        self.network = network
        self.gating = gating if gates else None
        self.distortion_weight = distortion_weight
        self.observed = keras.Model(network.input, [network.output, network.get_layer(MASK_LOGITS).output, *gates])
        self.spectral = keras.metrics.Mean(name="spectral")
        self.distortion_db = keras.metrics.Mean(name="distortion_db")
        self.open_ratio = keras.metrics.Mean(name="open_ratio")

    def call(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Mix, and return ``mask``, its ``logits``, ``noisy``, ``clean`` and ``open_ratio``."""
        noisy = inputs["speech"] + inputs["noise"]
        mask, logits, *gates = self.observed(magnitude(noisy) * inputs["gain"], training=training)
        share = ops.mean(ops.stack([ops.mean(gate) for gate in gates])) if gates else ops.ones(())
        return {
            "mask": mask,
            "logits": logits,
            "noisy": noisy,
            "clean": inputs["speech"],
            "open_ratio": share,
        }

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Spectral losses, and with gates the weighted ratio loss."""
        spectra = y_pred["noisy"], y_pred["clean"], y_pred["mask"]
        spectral, distortion = compressed_spectral_loss(*spectra), distortion_db(*spectra)
        loss = spectral + self.distortion_weight * distortion
        loss = loss + EXCESS_WEIGHT * excess_loss(y_pred["logits"], LOGIT_LIMIT)
        self.spectral.update_state(spectral)
        self.distortion_db.update_state(distortion)
        self.open_ratio.update_state(y_pred["open_ratio"])
        if self.gating is not None:
            loss = loss + self.gating.weight * ratio_loss(y_pred["open_ratio"], self._target())
        return loss

    def _target(self) -> Any:
        """The open ratio asked for at this step."""
        gating = self.gating
        assert gating is not None
        done = ops.cast(self.optimizer.iterations, "float32") / max(1, gating.ramp_steps)
        return gating.start + (gating.target - gating.start) * ops.minimum(done, 1.0)
