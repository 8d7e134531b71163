"""Speech enhancement as a Keras training task: mixtures in, mask and gates out, losses between."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from slimse_mcu.models.conv_fsenet import MASK_LOGITS
from slimse_mcu.models.policy import Policy
from slimse_mcu.training.gated_work import Weights, in_order, open_share
from slimse_mcu.training.gating import Guidance, gate_layers
from slimse_mcu.training.losses import compressed_spectral_loss, distortion_db, excess_loss, magnitude

#: A mask of 0.0025 or 0.9975: what lies beyond is heard by nobody, and coarsens int8.
LOGIT_LIMIT = 6.0
EXCESS_WEIGHT = 1e-3


class EnhancementTask(keras.Model):
    """Trains a mask network; works with ``fit`` on any Keras backend.

    Args:
        network: Linear magnitudes or complex spectra to a mask, such as :func:`slimse_mcu.models.conv_fsenet`; its
            gates are those of any :class:`ChannelGate` and :class:`Policy` in it.
        gating: Leads how much is open; None where the network has no gates.
        weights: What each decision counts, see :func:`slimse_mcu.training.gated_work.gate_weights`; None: all alike.
        distortion_weight: Weight of :func:`distortion_db` beside the compressed spectral loss.
    """

    def __init__(
        self,
        network: keras.Model,
        gating: Guidance | None = None,
        weights: Weights | None = None,
        *,
        distortion_weight: float = 0.002,
    ) -> None:
        super().__init__(name="enhancement")
        gates = [layer.output for layer in gate_layers(network)]
        self.gate_weights = in_order(network, weights)
        self.network = network
        self.gating = gating if gates else None
        self.distortion_weight = distortion_weight
        self.observed = keras.Model(network.input, [network.output, network.get_layer(MASK_LOGITS).output, *gates])
        for layer in network.layers:
            if isinstance(layer, Policy) and gating is not None:
                layer.annealed = self._annealing
        self.spectral = keras.metrics.Mean(name="spectral")
        self.distortion_db = keras.metrics.Mean(name="distortion_db")
        self.open_ratio = keras.metrics.Mean(name="open_ratio")

    def call(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Mix, and return ``mask``, its ``logits``, ``noisy``, ``clean`` and the ``share`` that is open by frame."""
        noisy = inputs["speech"] + inputs["noise"]
        is_complex = len(self.network.input.shape) == 4
        spectra = noisy * inputs["gain"][..., None] if is_complex else magnitude(noisy) * inputs["gain"]
        mask, logits, *gates = self.observed(spectra, training=training)
        return {
            "mask": mask,
            "logits": logits,
            "noisy": noisy,
            "clean": inputs["speech"],
            "share": open_share(gates, self.gate_weights) if gates else ops.ones(ops.shape(mask)[:2]),
        }

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Spectral losses, and with gates the guidance's loss, weighted."""
        spectra = y_pred["noisy"], y_pred["clean"], y_pred["mask"]
        spectral, distortion = compressed_spectral_loss(*spectra), distortion_db(*spectra)
        loss = spectral + self.distortion_weight * distortion
        loss = loss + EXCESS_WEIGHT * excess_loss(y_pred["logits"], LOGIT_LIMIT)
        self.spectral.update_state(spectral)
        self.distortion_db.update_state(distortion)
        self.open_ratio.update_state(y_pred["share"])
        if self.gating is not None:
            distance = self.gating.loss(y_pred["share"], x, self._step())
            loss = loss + self.gating.weight * distance
        return loss

    def _step(self) -> Any:
        """Number of the optimizer's step."""
        return ops.cast(self.optimizer.iterations, "float32")

    def _annealing(self) -> tuple[Any, Any]:
        """Temperature of the policy's softmax at this step, and the factor of its noise."""
        return (1.0, 1.0) if self.gating is None else self.gating.annealing(self._step())
