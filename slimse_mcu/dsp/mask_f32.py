"""How an integer mask changes a spectrum in single precision: specification of
``slimse_magnitude_mask_s8_f32.c``, ``slimse_complex_mask_s8_f32.c`` and their int16 forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.dsp.c_text import CPart, c_float
from slimse_mcu.dsp.complex_f32 import Complex, FloatArray, product
from slimse_mcu.dsp.stft_f32 import SpectrumF32
from slimse_mcu.graph import FrontEnd, Quantization


@dataclass(frozen=True, slots=True)
class MaskF32:
    """``slimse_mask_s8_f32_t``, ``slimse_mask_s16_f32_t``.

    Attributes:
        spectrum: How a spectrum is joined to a transform.
        zero_point: Mask value that means gain 0.
        gain: Gain per step of the mask, times ``1 / (4 * hop)``, the scale of the inverse transform.
        is_complex: Two values per bin, (re, im); else one.
        bits: Of the mask, 8 or 16.
    """

    spectrum: SpectrumF32
    zero_point: int
    gain: np.float32
    is_complex: bool
    bits: int

    @classmethod
    def of(cls, frontend: FrontEnd, mask: Quantization) -> MaskF32:
        """How the device applies a mask of the given quantization."""
        gain = np.float32(np.float32(mask.scale) / np.float32(4 * frontend.hop))
        spectrum = SpectrumF32.of(frontend.hop)
        return cls(spectrum, mask.zero_point, gain, frontend.mask == "complex", mask.bits)

    def apply(self, mask: NDArray[Any], spectrum: Complex) -> Complex:
        """``slimse_magnitude_mask_s8_f32``, ``slimse_complex_mask_s8_f32`` and their int16 forms.

        Args:
            mask: int8 or int16 ``[frames, bins]``, or ``[frames, 2 * bins]`` for a complex one.
            spectrum: ``[frames, hop]``.

        Returns:
            The transform ``[frames, hop]`` of the masked sample pairs, times ``1 / (4 * hop)``.
        """
        gains: FloatArray = (mask.astype(np.int32) - self.zero_point).astype(np.float32) * self.gain
        if self.is_complex:
            masked = product(spectrum, Complex(gains[:, 0:-2:2], gains[:, 1:-2:2]))
            first, last = gains[:, 0], gains[:, -2]
        else:
            masked = spectrum.scaled(gains[:, :-1])
            first, last = gains[:, 0], gains[:, -1]
        masked.re[:, 0], masked.im[:, 0] = spectrum.re[:, 0] * first, spectrum.im[:, 0] * last
        return self.spectrum.join(masked)

    def c(self) -> CPart:
        """The structure and its arrays, of which the features have the first."""
        spectrum, turns = self.spectrum.c()
        fields = {"spectrum": spectrum, "gain": c_float(self.gain)}
        if self.bits == 8:
            fields["zero_point"] = str(self.zero_point)
        header = f"slimse_mask_s{self.bits}_f32"
        kind = "complex" if self.is_complex else "magnitude"
        name = f"slimse_{kind}_mask_s{self.bits}_f32"
        return CPart(header, name, name, f"{header}_t", fields, (turns,))
