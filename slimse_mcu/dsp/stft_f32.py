"""The short-time Fourier transform in single precision: specification of ``slimse_stft_f32.c``, its passes and tables.

The C's float32 operations in the C's order, over whole frames.  The sign of a zero is the one thing that is left open
(a multiplication by one may or may not be done); no feature and no sample depends on it.

Powers of two are exact in float and are folded into tables: samples stay in int16 units (not divided by 32768), the
spectrum is twice the transform (the real FFT's halvings are left out), and the mask's scale holds the
``1 / (4 * hop)`` of the inverse.

The transform of ``hop`` sample pairs is one pass of radix 8 and one to three of radix 8 or 4, decimated in time.  The
inverse is the mirror image, decimated in frequency, so that samples are in order on both sides and no pass over the
data does nothing but reorder them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.dsp import roots
from slimse_mcu.dsp.c_text import CPart, CTable, complex_table, table
from slimse_mcu.dsp.complex_f32 import (
    Complex,
    FloatArray,
    butterfly4,
    butterfly4_inverse,
    butterfly8,
    butterfly8_inverse,
    difference,
    product,
    product_conjugate,
    total,
)
from slimse_mcu.dsp.state import StftState

FIRST_RADIX = 8


def radices(hop: int) -> tuple[int, ...]:
    """Radices of the passes after the first for ``hop`` points, 32 to 1024: 8 where 4 would not come out even."""
    rest, found = hop // FIRST_RADIX, []
    while rest > 1:
        found.append(4 if rest in (4, 16) else 8)
        rest //= found[-1]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class StftF32:
    """``slimse_stft_f32_t``.

    Attributes:
        hop: Samples per frame.
        window: ``[hop + 1]`` rising half of the window.
        places: uint8 ``[hop / 8]``, where the first pass writes, in blocks of 8.
        passes: Per pass after the first: ``[points, radix - 1, 2]`` twiddles (re, im).
    """

    hop: int
    window: FloatArray
    places: NDArray[np.uint8]
    passes: tuple[FloatArray, ...]

    complex_ctype: ClassVar[str] = "slimse_complex_t"
    overlap_ctype: ClassVar[str] = "float"

    @classmethod
    def of(cls, hop: int) -> StftF32:
        """The tables for a frame of ``hop`` samples."""
        points, passes = FIRST_RADIX, []
        for radix in radices(hop):
            passes.append(roots.twiddles(points, radix).astype(np.float32))
            points *= radix
        window = roots.rising_window(2 * hop).astype(np.float32)
        return cls(hop, window, roots.places(FIRST_RADIX, radices(hop)), tuple(passes))

    def start(self) -> StftState:
        """The state after reset."""
        return StftState.zero(self.hop, np.float32)

    def analyse(self, state: StftState, pcm: NDArray[np.int16]) -> Complex:
        """``slimse_stft_analyse_f32``.

        Args:
            state: ``history`` is read and replaced.
            pcm: int16 ``[frames * hop]``.

        Returns:
            Transforms ``[frames, hop]`` of the sample pairs.
        """
        first, second = state.windows(pcm)
        rising = first.astype(np.float32) * self.window[:-1]
        falling = second.astype(np.float32) * self.window[:0:-1]
        pairs = np.concatenate([rising, falling], axis=1).reshape(len(first), FIRST_RADIX, -1, 2)
        outputs = butterfly8([Complex.of(pairs[:, j]) for j in range(FIRST_RADIX)])
        packed = np.empty((len(first), len(self.places), FIRST_RADIX, 2), np.float32)
        packed[:, self.places] = np.stack([one.pairs for one in outputs], axis=2)
        packed = packed.reshape(len(first), self.hop, 2)
        for twiddles in self.passes:
            packed = _pass(packed, twiddles)
        return Complex.of(packed)

    def synthesise(self, state: StftState, packed: Complex) -> NDArray[np.int16]:
        """``slimse_stft_synthesise_f32``.

        Args:
            state: ``overlap`` is read and replaced.
            packed: ``[frames, hop]``, times ``1 / (4 * hop)``.

        Returns:
            int16 ``[frames * hop]``, one hop behind the input.
        """
        values = packed.pairs
        for twiddles in reversed(self.passes):
            values = _inverse_pass(values, twiddles)
        blocks = values.reshape(len(values), -1, FIRST_RADIX, 2)[:, self.places]
        outputs = butterfly8_inverse([Complex.of(blocks[:, :, k]) for k in range(FIRST_RADIX)])
        samples = np.stack([one.pairs for one in outputs], axis=1).reshape(len(values), 2 * self.hop)
        first = samples[:, : self.hop] * self.window[:-1]
        second = samples[:, self.hop :] * self.window[:0:-1]
        return to_samples(state.overlapped(first, second)).reshape(-1)

    def spectrum(self, pairs: NDArray[Any]) -> Complex:
        """A spectrum from its pairs."""
        return Complex.of(pairs)

    def c(self) -> CPart:
        """The structure and its arrays."""
        found = radices(self.hop)
        twiddles = roots.flat(one.astype(np.float64) for one in self.passes).astype(np.float32)
        passes = ", ".join(f"[{len(one)}][{one.shape[1]}]" for one in self.passes)
        window = f"rising half of the {2 * self.hop}-sample square-root Hann window"
        fields = {
            "hop": "MODEL_AUDIO_HOP",
            "passes": str(len(found)),
            "radices": f"{{{', '.join(map(str, found))}}}",
            "window": "audio_window",
            "places": "audio_places",
            "twiddles": "audio_twiddles",
        }
        tables = (
            table("audio_window", "float", self.window, window),
            table("audio_places", "uint8_t", self.places, "where the first pass writes, in blocks of 8"),
            complex_table("audio_twiddles", "slimse_complex_t", twiddles, f"FFT passes after the first: {passes}"),
        )
        return CPart("slimse_stft_f32", "slimse_stft_f32", "slimse_stft_{}_f32", "slimse_stft_f32_t", fields, tables)


def _parts(packed: FloatArray, twiddles: FloatArray) -> FloatArray:
    """``[frames, hop, 2]`` as ``[frames, groups, radix, points, 2]``."""
    points, others, _ = twiddles.shape
    return packed.reshape(len(packed), -1, others + 1, points, 2)


def _pass(packed: FloatArray, twiddles: FloatArray) -> FloatArray:
    """``slimse_stft_passes_f32.c``, forward."""
    parts = _parts(packed, twiddles)
    x = [Complex.of(parts[:, :, 0])]
    x += [product(Complex.of(parts[:, :, j]), Complex.of(twiddles[:, j - 1])) for j in range(1, parts.shape[2])]
    outputs = butterfly8(x) if len(x) == 8 else butterfly4(x)
    return np.stack([one.pairs for one in outputs], axis=2).reshape(packed.shape)


def _inverse_pass(packed: FloatArray, twiddles: FloatArray) -> FloatArray:
    """``slimse_stft_passes_f32.c``, back."""
    parts = _parts(packed, twiddles)
    y = [Complex.of(parts[:, :, k]) for k in range(parts.shape[2])]
    x = butterfly8_inverse(y) if len(y) == 8 else butterfly4_inverse(y)
    turned = [x[0], *(product_conjugate(x[j], Complex.of(twiddles[:, j - 1])) for j in range(1, len(x)))]
    return np.stack([one.pairs for one in turned], axis=2).reshape(packed.shape)


def to_samples(values: FloatArray) -> NDArray[np.int16]:
    """Nearest integer, saturated; a half goes up (the sum's rounding moves that half by up to 1 / 512)."""
    return ((values + np.float32(32768.5)).astype(np.int32) - 32768).clip(-32768, 32767).astype(np.int16)


# ---- spectrum ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpectrumF32:
    """``slimse_spectrum_f32_t``: from the transform of sample pairs to the spectrum of the samples, and back.

    Attributes:
        turns: ``[hop / 2, 2]``, ``-i exp(-2 pi i k / fft)`` for k = 1 ...
    """

    turns: FloatArray

    @classmethod
    def of(cls, hop: int) -> SpectrumF32:
        """The table for a frame of ``hop`` samples."""
        return cls(roots.turns(2 * hop).astype(np.float32))

    def split(self, packed: Complex) -> Complex:
        """``slimse_split_ends``, ``slimse_split``: ``[frames, hop]``, twice the transform, bins 0 and hop in one."""
        two = np.float32(2)
        re, im = packed.re[:, :1], packed.im[:, :1]
        return self._pairs(packed, Complex(two * (re + im), two * (re - im)), product)

    def join(self, spectrum: Complex) -> Complex:
        """``slimse_join_ends``, ``slimse_join``: the reverse, times four."""
        re, im = spectrum.re[:, :1], spectrum.im[:, :1]
        return self._pairs(spectrum, Complex(re + im, re - im), product_conjugate)

    def _pairs(self, values: Complex, ends: Complex, turn: Callable[[Complex, Complex], Complex]) -> Complex:
        half = values.re.shape[1] // 2
        low = Complex(values.re[:, 1 : half + 1], values.im[:, 1 : half + 1])
        high = Complex(values.re[:, : half - 1 : -1], values.im[:, : half - 1 : -1])
        even = Complex(low.re + high.re, low.im - high.im)
        odd = Complex(low.re - high.re, low.im + high.im)
        turned = turn(odd, Complex.of(self.turns))
        first, second = total(even, turned), difference(even, turned)
        return Complex(
            np.concatenate([ends.re, first.re, second.re[:, -2::-1]], axis=1),
            np.concatenate([ends.im, first.im, -second.im[:, -2::-1]], axis=1),
        )

    def c(self) -> tuple[str, CTable]:
        """Initializer of the structure, and its array."""
        comment = f"-i exp(-2 pi i k / {4 * len(self.turns)}) from k = 1"
        return "{MODEL_AUDIO_HOP, audio_turns}", complex_table("audio_turns", "slimse_complex_t", self.turns, comment)
