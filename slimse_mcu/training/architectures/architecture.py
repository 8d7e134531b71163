"""What an architecture is to the training: a table of sizes and a builder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from slimse_mcu.training.tables import Table


class Network(Table):
    """The table ``[network]``; architectures add their sizes to it.

    Attributes:
        gates: Whether the network has gates; without, it is the static twin of the same sizes.
    """

    gates: bool = True


@dataclass(frozen=True, slots=True)
class Architecture:
    """A family of networks.

    Attributes:
        network: The table of its sizes, a subclass of :class:`Network`.
        build: Makes the untrained Keras model from such a table, ``seed`` and ``name``.
        jit: Whether TensorFlow trains it faster when XLA compiles a step; other backends always compile.
    """

    network: type[Network]
    build: Callable[..., Any]
    jit: bool
