"""Makes the small models of the tests, untrained: ``python tests/data/make_models.py`` (needs Keras)."""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from slimse_mcu.models import conv_fsenet

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Write ``tiny.keras`` (gated, with a front end) and ``plain.keras`` (a user's own, features in)."""
    conv_fsenet(bottleneck=16, hidden=32, stacks=1, dilations=(1, 2), gating_width=8, seed=3, name="tiny").save(
        HERE / "tiny.keras"
    )
    keras.utils.set_random_seed(5)
    plain = keras.Sequential(
        [
            keras.Input((None, 12)),
            layers.Conv1D(16, 3, padding="causal", activation="relu", name="first"),
            layers.ZeroPadding1D((4, 0), name="past"),
            layers.DepthwiseConv1D(3, dilation_rate=2, name="depthwise"),
            layers.BatchNormalization(name="norm"),
            layers.LeakyReLU(0.1, name="leaky"),
            layers.Dense(12, activation="sigmoid", name="last"),
        ],
        name="plain",
    )
    plain.save(HERE / "plain.keras")


if __name__ == "__main__":
    main()
