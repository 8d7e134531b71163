"""The short-time Fourier transform in integers: specification of ``slimse_stft_s32.c`` and its tables.

For cores without an FPU.  Numbers have 32 bits with a binary fraction, factors 16; every shift cuts off downwards, so
that the C and this are equal on every core, and a product is one multiplication, or two of a Cortex-M0+.

- Samples are int16, the window is in steps of ``2**-15``; their product is cut to a fraction of 9 bits.
- The transform of ``hop`` sample pairs is one pass of radix 4, then passes of radix 4 (and one of radix 2 where ``hop``
  is an odd power of two), all but the first halved.  A pass of radix 4 that halves keeps the sum of all squares; one of
  radix 2 halves it.  Behind the first pass that sum is at most ``4 * sum((2**24 * window)**2)``, which is below
  ``2**60``: so no number exceeds ``2**30`` in magnitude, and no sum of two ``2**30.5``.  Nothing can overflow, and
  there is no search for the greatest number.
- The spectrum is the transform of the samples times ``2**(10 - P)``, P being the number of passes.
- Gains are int16 in steps of ``2**(exponent - 15)``, where ``2**exponent`` is the mask's reach.  Masking halves, which
  is the room that the sums of four in the inverse need.
- The inverse is the mirror image.  Samples behind it have a fraction of ``9 - exponent`` bits, one less where there is
  a pass of radix 2; the sum with the last frame's half is rounded to nearest and saturated.

What is lost is almost all in the factors' 16 bits: noise 90 dB below the signal or less, while the steps of the samples
are at -98 dB of full scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.dsp import roots
from slimse_mcu.dsp.c_text import CPart, CTable, complex_table, table
from slimse_mcu.dsp.complex_s32 import (
    ComplexInt,
    IntArray,
    butterfly,
    butterfly_inverse,
    difference,
    factors,
    half,
    half_product,
    half_turned,
    half_turned_back,
    total,
)
from slimse_mcu.dsp.state import StftState

FIRST_RADIX = 4

SAMPLE_BITS = 9
"""Binary fraction of windowed samples."""

_WINDOW_SHIFT = 15 - SAMPLE_BITS


def radices(hop: int) -> tuple[int, ...]:
    """Radices of the passes after the first for ``hop`` points, 32 to 1024."""
    bits = hop.bit_length() - 1 - 2
    return (2,) * (bits % 2) + (4,) * (bits // 2)


def spectrum_bits(hop: int) -> int:
    """Binary fraction of the spectrum, in int16 units."""
    return SAMPLE_BITS - len(radices(hop))


@dataclass(frozen=True, slots=True)
class StftS32:
    """``slimse_stft_s32_t``.

    Attributes:
        hop: Samples per frame.
        fraction: Binary fraction of samples behind a mask, in bits.
        window: int16 ``[hop + 1]`` rising half of the window in steps of ``2**-15``.
        places: uint8 ``[hop / 4]``, where the first pass writes, in blocks of 4.
        passes: Per pass after the first: int16 ``[points, radix - 1, 2]`` twiddles (re, im).
    """

    hop: int
    fraction: int
    window: NDArray[np.int16]
    places: NDArray[np.uint8]
    passes: tuple[NDArray[np.int16], ...]

    complex_ctype: ClassVar[str] = "slimse_complex_s32_t"
    overlap_ctype: ClassVar[str] = "int32_t"

    @classmethod
    def of(cls, hop: int, exponent: int) -> StftS32:
        """The tables for a frame of ``hop`` samples and gains up to ``2**exponent``."""
        points, passes = FIRST_RADIX, []
        for radix in radices(hop):
            passes.append(factors(roots.twiddles(points, radix)))
            points *= radix
        fraction = SAMPLE_BITS - exponent - int(2 in radices(hop))
        window = factors(roots.rising_window(2 * hop))
        return cls(hop, fraction, window, roots.places(FIRST_RADIX, radices(hop)), tuple(passes))

    def start(self) -> StftState:
        """The state after reset."""
        return StftState.zero(self.hop, np.int32)

    def analyse(self, state: StftState, pcm: NDArray[np.int16]) -> ComplexInt:
        """``slimse_stft_analyse_s32``.

        Args:
            state: ``history`` is read and replaced.
            pcm: int16 ``[frames * hop]``.

        Returns:
            Transforms ``[frames, hop]`` of the sample pairs.
        """
        first, second = state.windows(pcm)
        window = self.window.astype(np.int64)
        samples = np.concatenate([first * window[:-1], second * window[:0:-1]], axis=1) >> _WINDOW_SHIFT
        pairs = samples.reshape(len(first), FIRST_RADIX, -1, 2)
        outputs = butterfly([ComplexInt.of(pairs[:, j]) for j in range(FIRST_RADIX)])
        packed = np.empty((len(first), len(self.places), FIRST_RADIX, 2), np.int64)
        packed[:, self.places] = np.stack([one.pairs for one in outputs], axis=2)
        packed = packed.reshape(len(first), self.hop, 2)
        for twiddles in self.passes:
            packed = _pass(packed, twiddles)
        return ComplexInt.of(packed)

    def synthesise(self, state: StftState, packed: ComplexInt) -> NDArray[np.int16]:
        """``slimse_stft_synthesise_s32``.

        Args:
            state: ``overlap`` is read and replaced.
            packed: ``[frames, hop]``.

        Returns:
            int16 ``[frames * hop]``, one hop behind the input.
        """
        values = packed.pairs
        for twiddles in reversed(self.passes):
            values = _inverse_pass(values, twiddles)
        blocks = values.reshape(len(values), -1, FIRST_RADIX, 2)[:, self.places]
        outputs = butterfly_inverse([ComplexInt.of(blocks[:, :, k]) for k in range(FIRST_RADIX)])
        samples = np.stack([one.pairs for one in outputs], axis=1).reshape(len(values), 2 * self.hop)
        window = self.window.astype(np.int64)
        first = half_product(samples[:, : self.hop], window[:-1])
        second = half_product(samples[:, self.hop :], window[:0:-1]).astype(np.int32)
        value = state.overlapped(first, second) + (1 << (self.fraction - 1)) >> self.fraction
        return value.clip(-32768, 32767).astype(np.int16).reshape(-1)

    def spectrum(self, pairs: NDArray[Any]) -> ComplexInt:
        """A spectrum from its pairs."""
        return ComplexInt.of(pairs)

    def c(self) -> CPart:
        """The structure and its arrays."""
        found = radices(self.hop)
        twiddles = np.concatenate([one.reshape(-1, 2) for one in self.passes])
        passes = ", ".join(f"[{len(one)}][{one.shape[1]}]" for one in self.passes)
        window = f"rising half of the {2 * self.hop}-sample square-root Hann window, in 2^-15"
        fields = {
            "hop": "MODEL_AUDIO_HOP",
            "passes": str(len(found)),
            "radices": f"{{{', '.join(map(str, found))}}}",
            "fraction": str(self.fraction),
            "window": "audio_window",
            "places": "audio_places",
            "twiddles": "audio_twiddles",
        }
        tables = (
            table("audio_window", "int16_t", self.window, window),
            table("audio_places", "uint8_t", self.places, "where the first pass writes, in blocks of 4"),
            complex_table(
                "audio_twiddles", "slimse_turn_t", twiddles, f"FFT passes after the first, in 2^-15: {passes}"
            ),
        )
        return CPart("slimse_stft_s32", "slimse_stft_s32", "slimse_stft_{}_s32", "slimse_stft_s32_t", fields, tables)


def _parts(packed: IntArray, twiddles: NDArray[np.int16]) -> list[ComplexInt]:
    """``[frames, hop, 2]`` as one ``[frames, groups, points]`` per part of a butterfly."""
    points, others, _ = twiddles.shape
    parts = packed.reshape(len(packed), -1, others + 1, points, 2)
    return [ComplexInt.of(parts[:, :, j]) for j in range(others + 1)]


def _whole(parts: list[ComplexInt], shape: tuple[int, ...]) -> IntArray:
    return np.stack([one.pairs for one in parts], axis=2).reshape(shape)


def _turned(
    parts: list[ComplexInt], twiddles: NDArray[np.int16], turn: Callable[[ComplexInt, ComplexInt], ComplexInt]
) -> list[ComplexInt]:
    """Parts halved, all but the first of them and all but the first points turned."""
    result = [half(parts[0])]
    for j, part in enumerate(parts[1:]):
        turned, plain = turn(part, ComplexInt.of(twiddles[:, j])), half(part)
        turned.re[..., 0], turned.im[..., 0] = plain.re[..., 0], plain.im[..., 0]
        result.append(turned)
    return result


def _pass(packed: IntArray, twiddles: NDArray[np.int16]) -> IntArray:
    """``slimse_stft_s32.c: pass4``, ``pass2``."""
    return _whole(butterfly(_turned(_parts(packed, twiddles), twiddles, half_turned)), packed.shape)


def _inverse_pass(packed: IntArray, twiddles: NDArray[np.int16]) -> IntArray:
    """``slimse_stft_s32.c: inverse_pass4``, ``inverse_pass2``."""
    return _whole(_turned(butterfly_inverse(_parts(packed, twiddles)), twiddles, half_turned_back), packed.shape)


# ---- spectrum ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpectrumS32:
    """``slimse_spectrum_s32_t``: from the transform of sample pairs to the spectrum of the samples, and back.

    Attributes:
        turns: int16 ``[hop / 2, 2]``, ``-i exp(-2 pi i k / fft)`` for k = 1 ...
    """

    turns: NDArray[np.int16]

    @classmethod
    def of(cls, hop: int) -> SpectrumS32:
        """The table for a frame of ``hop`` samples."""
        return cls(factors(roots.turns(2 * hop)))

    def split(self, packed: ComplexInt) -> ComplexInt:
        """``slimse_split_ends_s32``, ``slimse_split_s32``: ``[frames, hop]``, bins 0 and hop in one."""
        re, im = packed.re[:, :1], packed.im[:, :1]
        return self._pairs(packed, ComplexInt(re + im, re - im), half_turned)

    def join(self, spectrum: ComplexInt) -> ComplexInt:
        """``slimse_join_ends_s32``, ``slimse_join_s32``: the reverse."""
        re, im = spectrum.re[:, :1], spectrum.im[:, :1]
        return self._pairs(spectrum, half(ComplexInt(re + im, re - im)), half_turned_back)

    def _pairs(
        self, values: ComplexInt, ends: ComplexInt, turn: Callable[[ComplexInt, ComplexInt], ComplexInt]
    ) -> ComplexInt:
        middle = values.re.shape[1] // 2
        low = ComplexInt(values.re[:, 1 : middle + 1], values.im[:, 1 : middle + 1])
        high = ComplexInt(values.re[:, : middle - 1 : -1], values.im[:, : middle - 1 : -1])
        even = half(ComplexInt(low.re + high.re, low.im - high.im))
        turned = turn(ComplexInt(low.re - high.re, low.im + high.im), ComplexInt.of(self.turns))
        first, second = total(even, turned), difference(even, turned)
        return ComplexInt(
            np.concatenate([ends.re, first.re, second.re[:, -2::-1]], axis=1),
            np.concatenate([ends.im, first.im, -second.im[:, -2::-1]], axis=1),
        )

    def c(self) -> tuple[str, CTable]:
        """Initializer of the structure, and its array."""
        comment = f"-i exp(-2 pi i k / {4 * len(self.turns)}) from k = 1, in 2^-15"
        return "{MODEL_AUDIO_HOP, audio_turns}", complex_table("audio_turns", "slimse_turn_t", self.turns, comment)
