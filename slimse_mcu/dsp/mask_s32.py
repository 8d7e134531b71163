"""How an integer mask changes a spectrum in integers: specification of ``slimse_magnitude_mask_s8_s32.c``,
``slimse_complex_mask_s8_s32.c`` and their int16 forms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.dsp.c_text import CPart
from slimse_mcu.dsp.complex_s32 import FACTOR_BITS, ComplexInt, half_product, half_turned
from slimse_mcu.dsp.stft_s32 import SpectrumS32
from slimse_mcu.errors import ModelError
from slimse_mcu.graph import FrontEnd, Quantization
from slimse_mcu.spectral import mask_reach

GAIN_LIMIT = 128.0
"""Greatest gain of a mask: beyond, samples would have no binary fraction left to round by."""

_PRODUCT_BITS = 31
_LARGEST_GAIN = (1 << FACTOR_BITS) - 1


def gain_exponent(frontend: FrontEnd, mask: Quantization) -> int:
    """Binary exponent, 0 or more, of what no gain exceeds in magnitude.

    Raises:
        ModelError: There is none small enough.
    """
    reach = mask_reach(mask) * (math.sqrt(2.0) if frontend.mask == "complex" else 1.0)
    if reach > GAIN_LIMIT:
        raise ModelError(
            f"The mask reaches a gain of {reach:g}, expected at most {GAIN_LIMIT:g} on cores without an FPU.",
            hint="End the model with a bounded activation, such as sigmoid or tanh.",
        )
    exponent = 0
    while reach * (1 << FACTOR_BITS) > _LARGEST_GAIN << exponent:
        exponent += 1
    return exponent


@dataclass(frozen=True, slots=True)
class MaskS32:
    """``slimse_mask_s8_s32_t``, ``slimse_mask_s16_s32_t``.

    Attributes:
        spectrum: How a spectrum is joined to a transform.
        zero_point: Mask value that means gain 0.
        multiplier: Gain per step of the mask, in steps of ``2**-shift`` of a step of the gain.
        shift: See there.
        is_complex: Two values per bin, (re, im); else one.
        bits: Of the mask, 8 or 16.
    """

    spectrum: SpectrumS32
    zero_point: int
    multiplier: int
    shift: int
    is_complex: bool
    bits: int

    @classmethod
    def of(cls, frontend: FrontEnd, mask: Quantization) -> MaskS32:
        """How the device applies a mask of the given quantization."""
        step = math.ldexp(mask.scale, FACTOR_BITS - gain_exponent(frontend, mask))
        widest = max(abs(mask.lowest - mask.zero_point), abs(mask.highest - mask.zero_point))
        shift = min(30, max(1, _PRODUCT_BITS - 1 - math.frexp(widest * step)[1]))
        multiplier = math.floor(math.ldexp(step, shift) + 0.5)
        kind = frontend.mask == "complex"
        return cls(SpectrumS32.of(frontend.hop), mask.zero_point, multiplier, shift, kind, mask.bits)

    def apply(self, mask: NDArray[Any], spectrum: ComplexInt) -> ComplexInt:
        """``slimse_magnitude_mask_s8_s32``, ``slimse_complex_mask_s8_s32`` and their int16 forms.

        Args:
            mask: int8 or int16 ``[frames, bins]``, or ``[frames, 2 * bins]`` for a complex one.
            spectrum: ``[frames, hop]``.

        Returns:
            The transform ``[frames, hop]`` of the masked sample pairs, halved.
        """
        gains = ((mask.astype(np.int64) - self.zero_point) * self.multiplier + (1 << (self.shift - 1))) >> self.shift
        re, im = spectrum
        if self.is_complex:
            masked = half_turned(spectrum, ComplexInt(gains[:, 0:-2:2], gains[:, 1:-2:2]))
            first, last = gains[:, 0], gains[:, -2]
        else:
            masked = ComplexInt(half_product(re, gains[:, :-1]), half_product(im, gains[:, :-1]))
            first, last = gains[:, 0], gains[:, -1]
        masked.re[:, 0], masked.im[:, 0] = half_product(re[:, 0], first), half_product(im[:, 0], last)
        return self.spectrum.join(masked)

    def c(self) -> CPart:
        """The structure and its arrays, of which the features have the first."""
        spectrum, turns = self.spectrum.c()
        fields = {"spectrum": spectrum, "multiplier": str(self.multiplier), "shift": str(self.shift)}
        if self.bits == 8:
            fields["zero_point"] = str(self.zero_point)
        header = f"slimse_mask_s{self.bits}_s32"
        kind = "complex" if self.is_complex else "magnitude"
        name = f"slimse_{kind}_mask_s{self.bits}_s32"
        return CPart(header, name, name, f"{header}_t", fields, (turns,))
