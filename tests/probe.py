"""The model of tests/device/probe: its project, and what it computes, in Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from slimse_mcu import assets
from slimse_mcu.graph import Provenance

FOLDER = Path(__file__).parent / "device" / "probe"
PROVENANCE = Provenance("0.0.0", "probe", "1" * 64, "2" * 64)
SIZE = 17
HOP = 16


@dataclass(frozen=True)
class ProbeProject:
    name: str
    files: dict[str, str]
    provenance: Provenance
    kernels: tuple[str, ...] = ("kernels",)


def project(**replaced: str) -> ProbeProject:
    """The probe's sources; ``replaced`` gives other texts for files, dots and slashes as ``_``."""
    files = {path.name: path.read_text() for path in sorted(FOLDER.glob("*.[ch]"))}
    files["slimse.h"] = assets.read_text("firmware/slimse.h")
    files.update({name.replace("_c", ".c").replace("_h", ".h"): text for name, text in replaced.items()})
    return ProbeProject("probe", files, PROVENANCE)


class Probe:
    """What the probe's C says."""

    def __init__(self) -> None:
        self.last = np.zeros(SIZE, np.int64)
        self.last_sample = 0
        self.forced: NDArray[np.uint8] | None = None
        self.limit: int | None = None

    def features(self, values: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.uint8], int]:
        gates = np.zeros(3, np.uint8)
        for first, channels, start in ((0, 10, 0), (10, 5, 16)):
            opened = np.flatnonzero(values[first : first + channels] > 0)[: self.limit]
            for bit in start + opened:
                gates[bit // 8] |= 1 << bit % 8
        if self.forced is not None:
            gates = self.forced
        opened = int(np.unpackbits(gates).sum())
        wide = values.astype(np.int64)
        out = np.trunc(wide / 2) + np.trunc(self.last / 4) + np.arange(-8, 9) + opened
        self.last = wide
        return out.astype(np.int64).astype(np.int8), gates, 17 + 10 * opened

    def pcm(self, samples: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.uint8], int]:
        wide = np.concatenate([[self.last_sample], samples.astype(np.int64)])
        mask, gates, macs = self.features(np.trunc(wide / 256).astype(np.int8))
        self.last_sample = int(samples[-1])
        wide_mask = mask.astype(np.int64)
        return (wide_mask[:-1] * 256 + wide_mask[1:]).astype(np.int16), gates, macs
