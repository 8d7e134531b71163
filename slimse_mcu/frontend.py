"""The audio front and back end of a model: what it may be, its constants, and what the device computes, bit for bit.

A hop of int16 samples becomes one frame of int8 (int16 where wide) features; one frame of int8 (int16) mask becomes
a hop of int16 samples, one hop later.  What :func:`audio_path` gives equals the C of ``firmware/dsp``, in single
precision or in integers; :mod:`slimse_mcu.dsp` specifies both.  :func:`float_analyse` and
:func:`float_synthesise` are the same transform in float64, for calibration and for the float model's audio.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu import spectral
from slimse_mcu.dsp.complex_f32 import Complex
from slimse_mcu.dsp.complex_s32 import ComplexInt
from slimse_mcu.dsp.features_f32 import features_f32
from slimse_mcu.dsp.features_s32 import features_s32
from slimse_mcu.dsp.mask_f32 import MaskF32
from slimse_mcu.dsp.mask_s32 import MaskS32, gain_exponent
from slimse_mcu.dsp.path import AudioPath
from slimse_mcu.dsp.stft_f32 import StftF32
from slimse_mcu.dsp.stft_s32 import StftS32
from slimse_mcu.errors import ModelError
from slimse_mcu.graph import FrontEnd, Provenance, Quantization
from slimse_mcu.spectral import FULL_SCALE
from slimse_mcu.version import ABI

ARITHMETICS = {"float": "single precision", "fixed": "integers"}
"""What a device's front and back end can compute in, and that in words; integers are for cores without an FPU."""

FFT_RANGE = (64, 2048)
"""Least and greatest transform length in samples."""

SAMPLE_RATES_HZ = (1000, 768000)
"""Least and greatest sampling rate."""

_SMALLEST_EXPONENT = 0.05


# ---- tables ------------------------------------------------------------------------------------------------


def check(frontend: FrontEnd) -> None:
    """Refuse a front end that the device code cannot compute.

    Raises:
        ModelError: Names the parameter, what is supported, and the way out.
    """
    low, high = FFT_RANGE
    fft = frontend.fft
    if not low <= fft <= high or fft & (fft - 1):
        raise ModelError(
            f"The front end's fft is {fft}, expected a power of two from {low} to {high}.",
            hint="Change the front end of the model and train it again.",
        )
    if frontend.hop * 2 != fft:
        raise ModelError(
            f"The front end's hop is {frontend.hop} with fft {fft}, expected half the fft, {fft // 2}.",
            hint="Change the front end of the model and train it again.",
        )
    for name, value, known in (
        ("window", frontend.window, ("sqrt_hann",)),
        ("features", frontend.features, spectral.FEATURES),
        ("mask", frontend.mask, spectral.MASKS),
    ):
        if value not in known:
            raise ModelError(
                f"The front end's {name} is {value!r}, expected {' or '.join(map(repr, known))}.",
                hint="Change the front end of the model and train it again.",
            )
    if not _SMALLEST_EXPONENT <= frontend.exponent <= 1.0:
        raise ModelError(
            f"The front end's exponent is {frontend.exponent}, expected {_SMALLEST_EXPONENT} to 1.",
            hint="The usual compression is 0.3; 1 means none.",
        )
    if not 0.0 <= frontend.epsilon < 1.0:
        raise ModelError(
            f"The front end's epsilon is {frontend.epsilon}, expected 0 <= epsilon < 1.",
            hint="The usual one is 1e-9.",
        )
    least, most = SAMPLE_RATES_HZ
    if not least <= frontend.sample_rate_hz <= most:
        raise ModelError(
            f"The front end's sample rate is {frontend.sample_rate_hz} Hz, expected {least} to {most} Hz.",
            hint="Give the rate of the training audio, such as 16000.",
        )


def check_model(frontend: FrontEnd, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
    """Refuse a model whose frames are not what the front end gives and takes.

    Args:
        frontend: Checked by :func:`check`.
        inputs: Shape of the model's input per frame.
        outputs: Shape of its output.

    Raises:
        ModelError: Says both shapes.
    """
    for what, kind, shape in (("features", frontend.features, inputs), ("mask", frontend.mask, outputs)):
        bins = frontend.bins
        fitting = {"magnitude": ((bins,), (bins, 1), (1, bins)), "complex": ((bins, 2), (2 * bins,))}[kind]
        if shape not in fitting:
            side = "input" if what == "features" else "output"
            raise ModelError(
                f"The front end has {bins} bins and {what}={kind!r}; the model's {side} is "
                f"(time, {', '.join(map(str, shape))}).",
                hint=f"Make it (time, {', '.join(map(str, fitting[0]))}), or compile with features in and outputs out.",
            )


def audio_path(
    frontend: FrontEnd, feature: Quantization, mask: Quantization, arithmetic: str = "float"
) -> AudioPath[Complex] | AudioPath[ComplexInt]:
    """The device's front and back end, with all its constants.

    Args:
        frontend: What the model was trained with.
        feature: Quantization of the graph's input (the compressed features).
        mask: Quantization of the graph's output (the gains).
        arithmetic: What the device computes in, see :data:`ARITHMETICS`.

    Raises:
        ModelError: The front end is not supported, or the mask's gains are absurd.
    """
    check(frontend)
    spectral.mask_reach(mask)
    hop = frontend.hop
    if arithmetic == "fixed":
        stft = StftS32.of(hop, gain_exponent(frontend, mask))
        return AudioPath(hop, arithmetic, stft, features_s32(frontend, feature), MaskS32.of(frontend, mask))
    return AudioPath(hop, arithmetic, StftF32.of(hop), features_f32(frontend, feature), MaskF32.of(frontend, mask))


# ---- the float twin ----------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _float_window(fft: int) -> NDArray[np.float64]:
    return np.asarray(np.sin(np.pi * np.arange(fft) / fft))


def float_analyse(frontend: FrontEnd, pcm: NDArray[np.int16]) -> tuple[NDArray[np.float32], NDArray[np.complex128]]:
    """Features and spectrum of int16 samples in double precision, from a silent history.

    Args:
        frontend: What the model was trained with.
        pcm: int16 ``[samples]``; the end is padded with zeros to whole hops.

    Returns:
        float32 compressed features ``[frames, inputs]`` and the STFT ``[frames, bins]`` of ``pcm / 32768``.

    Raises:
        ModelError: The front end is not supported.
    """
    check(frontend)
    hops = pad_to_hops(pcm, frontend.hop).reshape(-1, frontend.hop) / FULL_SCALE
    before = np.concatenate([np.zeros((1, frontend.hop)), hops[:-1]])
    window = _float_window(frontend.fft)
    spectrum = np.fft.rfft(np.concatenate([before, hops], axis=1) * window, axis=1)
    return spectral.compress(frontend, spectrum), spectrum


def float_synthesise(
    frontend: FrontEnd, mask: NDArray[np.floating[Any]], spectrum: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """Audio of a masked spectrum in double precision.

    Args:
        frontend: What the model was trained with.
        mask: Gains ``[frames, outputs]``; complex ones as (re, im) per bin.
        spectrum: ``[frames, bins]`` from :func:`float_analyse`.

    Returns:
        ``[frames * hop]`` in [-1, 1), one hop behind the input, like the device's.
    """
    gains = mask[:, 0::2] + 1j * mask[:, 1::2] if frontend.mask == "complex" else mask
    frames = np.fft.irfft(spectrum * gains, frontend.fft, axis=1) * _float_window(frontend.fft)
    first, second = frames[:, : frontend.hop], frames[:, frontend.hop :]
    first[1:] += second[:-1]
    return first.reshape(-1)


def pad_to_hops(pcm: NDArray[np.int16], hop: int) -> NDArray[np.int16]:
    """Samples followed by zeros up to a whole number of hops."""
    return np.pad(pcm, (0, -len(pcm) % hop))


# ---- what the templates need -------------------------------------------------------------------------------


def render_context(
    path: AudioPath[Any],
    frontend: FrontEnd,
    feature: Quantization,
    mask: Quantization,
    provenance: Provenance | None = None,
) -> dict[str, Any]:
    """All values that ``model_audio.h.j2`` and ``model_audio.c.j2`` print, under the keys ``audio`` and ``abi``.

    Args:
        path: From :func:`audio_path`.
        frontend: What the model was trained with.
        feature: Quantization of the graph's input.
        mask: Quantization of the graph's output.
        provenance: What the generated file says it was made of.
    """
    hop, fft = path.hop, frontend.fft
    parts = path.c()
    arrays = {array.name: array for part in parts.values() for array in part.tables}
    made_of = "no model" if provenance is None else f"{provenance.model_name}, sha256 {provenance.model_hash}"
    return {
        "abi": ABI,
        "audio": {
            "made_of": made_of,
            "tool": "slimse-mcu" if provenance is None else f"slimse-mcu {provenance.tool_version}",
            "sample_rate_hz": frontend.sample_rate_hz,
            "fft": fft,
            "hop": hop,
            "bins": frontend.bins,
            "hop_ms": f"{1000 * hop / frontend.sample_rate_hz:g}",
            "inputs": frontend.inputs,
            "outputs": frontend.outputs,
            "arithmetic_words": ARITHMETICS[path.arithmetic],
            "complex_ctype": path.stft.complex_ctype,
            "overlap_ctype": path.stft.overlap_ctype,
            "headers": [part.header for part in parts.values()],
            "structures": [{"name": name, "part": part} for name, part in parts.items()],
            **parts,
            **_meanings(frontend),
            "feature_scale": f"{feature.scale:.9g}",
            "feature_zero_point": feature.zero_point,
            "mask_scale": f"{mask.scale:.9g}",
            "mask_zero_point": mask.zero_point,
            "features_ctype": feature.ctype,
            "mask_ctype": mask.ctype,
            "arrays": list(arrays.values()),
        },
    }


def _meanings(frontend: FrontEnd) -> dict[str, str]:
    """What the header says about features and mask."""
    magnitude = f"(|X| + {frontend.epsilon:g})^{frontend.exponent:g}"
    parts = f"X |X|^{frontend.exponent - 1.0:g}, with {frontend.epsilon:g}^2 added to |X|^2"
    return {
        "features_meaning": parts if frontend.features == "complex" else magnitude,
        "features_shape": f"[{frontend.bins}][re, im]" if frontend.features == "complex" else f"[{frontend.bins}]",
        "mask_shape": f"[{frontend.bins}][re, im]" if frontend.mask == "complex" else f"[{frontend.bins}]",
    }
