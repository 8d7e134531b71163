"""The dynamically slimmable frequency-time-frequency network: :func:`slimse_mcu.models.dsn_ftf`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from slimse_mcu.errors import SlimseError
from slimse_mcu.training.architectures.architecture import Architecture, Network


class DsnFtfTable(Network):
    """Sizes of the network and of its policy.

    Attributes:
        bands: Bands inside, a multiple of 4.
        encoder: Channels of the first convolution and of the decoder's last but one, a multiple of 4.
        channels: Channels of the bottleneck, a multiple of 6.
        key_dim: Channels of an attention head; there are three heads.
        window: Frames that attention along time sees; 0 is a network without it.
        policy_features: Features that the policy reads.
        policy_hidden: Units of the policy's GRU.
        feature_noise: Standard deviation of the noise on the compressed spectrum and on the bands in training.
        features: What the network sees of a bin: ``"magnitude"`` or ``"complex"``.
        mask: What it gives for a bin: a gain, ``"magnitude"``, or a ``"complex"`` one.
    """

    bands: Annotated[int, Field(ge=8, le=256, multiple_of=4)] = 64
    encoder: Annotated[int, Field(ge=4, le=1024, multiple_of=4)] = 16
    channels: Annotated[int, Field(ge=6, le=1536, multiple_of=6)] = 48
    key_dim: Annotated[int, Field(ge=1, le=512)] = 8
    window: Annotated[int, Field(ge=0, le=1024)] = 0
    policy_features: Annotated[int, Field(ge=1, le=1024)] = 16
    policy_hidden: Annotated[int, Field(ge=0, le=1024)] = 16
    feature_noise: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    features: Annotated[str, Field(pattern="^(magnitude|complex)$")] = "magnitude"
    mask: Annotated[str, Field(pattern="^(magnitude|complex)$")] = "magnitude"


def _build(network: DsnFtfTable, *, seed: int, name: str) -> Any:
    from slimse_mcu.models import SpectralFrontEnd, dsn_ftf

    sizes = network.model_dump(exclude={"features", "mask"})
    front_end = SpectralFrontEnd(features=network.features, mask=network.mask, name="front_end")
    try:
        return dsn_ftf(**sizes, front_end=front_end, seed=seed, name=name)
    except ValueError as error:
        raise SlimseError(f"A network of these sizes cannot be built: {error}", hint="Correct [network].") from error


# The written-out recurrences would take XLA longer to compile than a training lasts.
ARCHITECTURE = Architecture(network=DsnFtfTable, build=_build, jit=False)
