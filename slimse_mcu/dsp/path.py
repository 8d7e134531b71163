"""What the arithmetics of the front and back end have in common: three stages, and the whole that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.dsp.c_text import CPart
from slimse_mcu.dsp.state import StftState


class Pairs(Protocol):
    """Arrays of complex numbers."""

    @property
    def pairs(self) -> NDArray[Any]:
        """``[..., 2]``, (re, im)."""


C = TypeVar("C", bound=Pairs)


class Stft(Protocol[C]):
    """The transform."""

    @property
    def complex_ctype(self) -> str:
        """C type of a complex number."""

    @property
    def overlap_ctype(self) -> str:
        """C type of what is kept of a frame of output."""

    def start(self) -> StftState:
        """The state after reset."""

    def analyse(self, state: StftState, pcm: NDArray[np.int16]) -> C:
        """Transforms ``[frames, hop]`` of sample pairs from int16 ``[frames * hop]``."""

    def synthesise(self, state: StftState, packed: C) -> NDArray[np.int16]:
        """int16 ``[frames * hop]`` from transforms ``[frames, hop]``."""

    def spectrum(self, pairs: NDArray[Any]) -> C:
        """A spectrum from its pairs."""

    def c(self) -> CPart:
        """The structure and its arrays."""


class Features(Protocol[C]):
    """Compression."""

    def quantize(self, packed: C) -> tuple[NDArray[Any], C]:
        """Features ``[frames, inputs]``, and the spectrum ``[frames, hop]``."""

    def c(self) -> CPart:
        """The structure and its arrays."""


class Mask(Protocol[C]):
    """The model's output, applied."""

    def apply(self, mask: NDArray[Any], spectrum: C) -> C:
        """Transforms ``[frames, hop]`` from gains ``[frames, outputs]`` and a spectrum."""

    def c(self) -> CPart:
        """The structure and its arrays."""


@dataclass(frozen=True, slots=True)
class AudioPath(Generic[C]):
    """The front and back end of one model in one arithmetic, with all its constants.

    Attributes:
        hop: Samples per frame; ``fft = 2 * hop``, ``bins = hop + 1``.
        arithmetic: ``"float"`` or ``"fixed"``.
        stft: The transform.
        features: How a spectrum is compressed.
        mask: How the mask is applied.
    """

    hop: int
    arithmetic: str
    stft: Stft[C]
    features: Features[C]
    mask: Mask[C]

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the sources and headers of ``firmware/dsp`` that it needs, without ending."""
        parts = self.c().values()
        return tuple(sorted({name for part in parts for name in (part.source, part.header)}))

    def c(self) -> dict[str, CPart]:
        """Structures and arrays by stage."""
        return {"stft": self.stft.c(), "features": self.features.c(), "mask": self.mask.c()}

    def start(self) -> StftState:
        """The state after reset."""
        return self.stft.start()

    def analyse(self, state: StftState, pcm: NDArray[np.int16]) -> tuple[NDArray[Any], NDArray[Any]]:
        """What ``model_audio_analyse`` does, over whole hops.

        Args:
            state: ``history`` is read and replaced.
            pcm: int16 ``[frames * hop]``.

        Returns:
            int8 or int16 features ``[frames, inputs]`` (complex ones flat, (re, im) per bin) and the spectrum
            ``[frames, hop, 2]`` as the device holds it, bin 0 holding the real bins 0 and ``hop`` as (re, im).
        """
        features, spectrum = self.features.quantize(self.stft.analyse(state, pcm))
        return features, spectrum.pairs

    def synthesise(self, state: StftState, mask: NDArray[Any], spectrum: NDArray[Any]) -> NDArray[np.int16]:
        """What ``model_audio_synthesise`` does, over whole frames.

        Args:
            state: ``overlap`` is read and replaced.
            mask: int8 or int16 ``[frames, outputs]``.
            spectrum: ``[frames, hop, 2]`` from :meth:`analyse`.

        Returns:
            int16 ``[frames * hop]``, one hop behind the input.
        """
        return self.stft.synthesise(state, self.mask.apply(mask, self.stft.spectrum(spectrum)))
