"""The audio front and back end: specification of ``firmware/dsp`` in NumPy, its tables, and the float twin.

A hop of int16 samples becomes one frame of int8 (int16 where wide) features; one frame of int8 (int16) mask becomes
a hop of int16 samples, one hop later.  :func:`analyse` and :func:`synthesise` do the float32 operations of the C code
in the same order, so that both agree bit for bit; :func:`float_analyse` and :func:`float_synthesise` are the same
transform in float64, for calibration and for the float model's audio.  What lies between spectrum and integers,
compression and mask, is in :mod:`slimse_mcu.spectral`.

Powers of two are exact in float and are folded into tables: samples stay in int16 units (not divided by
32768), the spectrum is twice the transform (the real FFT's halvings are left out), and the mask's scale holds
the ``1 / (4 * hop)`` of the inverse.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu import spectral
from slimse_mcu.errors import ModelError
from slimse_mcu.graph import FrontEnd, Provenance, Quantization
from slimse_mcu.spectral import FULL_SCALE, FloatArray
from slimse_mcu.version import ABI

FFT_RANGE = (64, 2048)
"""Least and greatest transform length in samples."""

SAMPLE_RATES_HZ = (1000, 768000)
"""Least and greatest sampling rate."""

_SMALLEST_EXPONENT = 0.05


@dataclass(frozen=True, slots=True)
class StftTables:
    """All constants of firmware/dsp (``slimse_dsp.h``), for one front end and its quantization.

    Attributes:
        hop: Samples per frame; ``fft = 2 * hop``, ``bins = hop + 1``.
        window: ``[hop + 1]`` rising half of the window.
        reversed: uint16 ``[hop]``, bit-reversed indices.
        passes: Per radix-4 pass after the first: ``[quarter, 3, 2]`` twiddles (re, im).
        split: ``[hop // 2 - 1, 2]``, ``exp(-2 pi i k / fft)`` for k = 1 ...
        features: How a spectrum is compressed.
        mask: How the mask is applied.
    """

    hop: int
    window: FloatArray
    reversed: NDArray[np.uint16]
    passes: tuple[FloatArray, ...]
    split: FloatArray
    features: spectral.Features
    mask: spectral.Mask

    @property
    def twiddles(self) -> FloatArray:
        """All passes' twiddles one after the other, ``[sum(3 * quarter), 2]``."""
        flat = [one.reshape(-1, 2) for one in self.passes]
        return np.concatenate(flat)


@dataclass(slots=True)
class StftState:
    """What the device keeps between frames.  Mutable: :func:`analyse` and :func:`synthesise` move it on.

    Attributes:
        history: int16 ``[hop]``, samples of the previous hop.
        overlap: float32 ``[hop]``, second half of the previous output frame.
    """

    history: NDArray[np.int16]
    overlap: FloatArray

    @classmethod
    def zero(cls, hop: int) -> StftState:
        """The state after reset."""
        return cls(np.zeros(hop, np.int16), np.zeros(hop, np.float32))


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


def _exact_twiddle(numerator: int, denominator: int) -> tuple[float, float]:
    """``exp(-2 pi i numerator / denominator)``, with exact zeros, ones and symmetry on the octants."""
    eighth, rest = divmod(8 * (numerator % denominator), denominator)
    angle = 2.0 * math.pi * rest / (8 * denominator)
    if eighth % 2:
        mirrored = 2.0 * math.pi * (denominator - rest) / (8 * denominator)
        c, s = math.sin(mirrored), math.cos(mirrored)
    else:
        c, s = math.cos(angle), math.sin(angle)
    for _ in range(eighth // 2):
        c, s = -s, c
    return c + 0.0, 0.0 - s


def _twiddles(numerators: Iterable[int], denominator: int) -> FloatArray:
    return np.array([_exact_twiddle(n, denominator) for n in numerators], np.float32).reshape(-1, 2)


def _bit_reversed(points: int) -> NDArray[np.uint16]:
    bits = points.bit_length() - 1
    return np.array([int(f"{n:0{bits}b}"[::-1], 2) for n in range(points)], np.uint16)


def _radix4_passes(points: int) -> tuple[FloatArray, ...]:
    quarter = 4 if points.bit_length() % 2 else 2
    passes = []
    while quarter < points:
        numerators = [j * k for k in range(quarter) for j in (1, 2, 3)]
        passes.append(_twiddles(numerators, 4 * quarter).reshape(quarter, 3, 2))
        quarter *= 4
    return tuple(passes)


def tables(frontend: FrontEnd, feature: Quantization, mask: Quantization) -> StftTables:
    """All constants of the device's front and back end.

    Args:
        frontend: What the model was trained with.
        feature: Quantization of the graph's input (the compressed features).
        mask: Quantization of the graph's output (the gains).

    Raises:
        ModelError: The front end is not supported, or the mask's gains are absurd.
    """
    check(frontend)
    hop = frontend.hop
    rising = [math.sin(math.pi * n / frontend.fft) for n in range(hop)] + [1.0]
    return StftTables(
        hop=hop,
        window=np.array(rising, np.float32),
        reversed=_bit_reversed(hop),
        passes=_radix4_passes(hop),
        split=_twiddles(range(1, hop // 2), frontend.fft),
        features=spectral.features(frontend, feature),
        mask=spectral.mask(frontend, mask),
    )


# ---- the specification -------------------------------------------------------------------------------------


def _butterfly4(re: FloatArray, im: FloatArray, x: Sequence[tuple[FloatArray, FloatArray]]) -> None:
    """``slimse_fft.c: butterfly4``; re, im ``[..., 4, quarter]`` out, x: four (re, im) ``[..., quarter]``."""
    (r0, i0), (r1, i1), (r2, i2), (r3, i3) = x
    sum02_re, sum02_im = r0 + r2, i0 + i2
    dif02_re, dif02_im = r0 - r2, i0 - i2
    sum13_re, sum13_im = r1 + r3, i1 + i3
    dif13_re, dif13_im = r1 - r3, i1 - i3
    re[..., 0, :], im[..., 0, :] = sum02_re + sum13_re, sum02_im + sum13_im
    re[..., 1, :], im[..., 1, :] = dif02_re + dif13_im, dif02_im - dif13_re
    re[..., 2, :], im[..., 2, :] = sum02_re - sum13_re, sum02_im - sum13_im
    re[..., 3, :], im[..., 3, :] = dif02_re - dif13_im, dif02_im + dif13_re


def _first_pass(re: FloatArray, im: FloatArray) -> tuple[FloatArray, FloatArray]:
    points = re.shape[-1]
    radix = 4 if points.bit_length() % 2 else 2
    r = re.reshape(*re.shape[:-1], points // radix, radix, 1)
    i = im.reshape(r.shape)
    out_re, out_im = np.empty_like(r), np.empty_like(i)
    if radix == 4:
        _butterfly4(out_re, out_im, [(r[..., n, :], i[..., n, :]) for n in (0, 2, 1, 3)])
    else:
        out_re[..., 0, :], out_im[..., 0, :] = r[..., 0, :] + r[..., 1, :], i[..., 0, :] + i[..., 1, :]
        out_re[..., 1, :], out_im[..., 1, :] = r[..., 0, :] - r[..., 1, :], i[..., 0, :] - i[..., 1, :]
    return out_re.reshape(re.shape), out_im.reshape(im.shape)


def _pass_radix4(re: FloatArray, im: FloatArray, twiddle: FloatArray) -> tuple[FloatArray, FloatArray]:
    quarter = twiddle.shape[0]
    r = re.reshape(*re.shape[:-1], re.shape[-1] // (4 * quarter), 4, quarter)
    i = im.reshape(r.shape)
    x: list[tuple[FloatArray, FloatArray]] = [(r[..., 0, :], i[..., 0, :])]
    for j, place in enumerate((2, 1, 3)):
        w_re: FloatArray = twiddle[:, j, 0]
        w_im: FloatArray = twiddle[:, j, 1]
        x_re, x_im = r[..., place, :], i[..., place, :]
        turned: tuple[FloatArray, FloatArray] = (x_re * w_re - x_im * w_im, x_re * w_im + x_im * w_re)
        x.append(turned)
    out_re, out_im = np.empty_like(r), np.empty_like(i)
    _butterfly4(out_re, out_im, x)
    return out_re.reshape(re.shape), out_im.reshape(im.shape)


def fft_f32(table: StftTables, re: FloatArray, im: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``slimse_fft_f32``: ``[..., hop]`` in bit-reversed order to natural order, not scaled."""
    re, im = _first_pass(re, im)
    for twiddle in table.passes:
        re, im = _pass_radix4(re, im, twiddle)
    return re, im


def _split_spectrum(table: StftTables, re: FloatArray, im: FloatArray) -> tuple[FloatArray, FloatArray]:
    half = table.hop // 2
    two = np.float32(2)
    out_re, out_im = np.empty_like(re), np.empty_like(im)
    out_re[:, 0] = two * (re[:, 0] + im[:, 0])
    out_im[:, 0] = two * (re[:, 0] - im[:, 0])
    lo_re, lo_im = re[:, 1:half], im[:, 1:half]
    hi_re, hi_im = re[:, :half:-1], im[:, :half:-1]
    w_re, w_im = table.split[:, 0], table.split[:, 1]
    a, b = lo_re + hi_re, lo_im - hi_im
    c, d = lo_im + hi_im, hi_re - lo_re
    t_re, t_im = c * w_re - d * w_im, c * w_im + d * w_re
    out_re[:, 1:half], out_im[:, 1:half] = a + t_re, b + t_im
    out_re[:, :half:-1], out_im[:, :half:-1] = a - t_re, t_im - b
    out_re[:, half], out_im[:, half] = two * re[:, half], -two * im[:, half]
    return out_re, out_im


def _join_spectrum(table: StftTables, re: FloatArray, im: FloatArray) -> tuple[FloatArray, FloatArray]:
    half = table.hop // 2
    two = np.float32(2)
    out_re, out_im = np.empty_like(re), np.empty_like(im)
    out_re[:, 0], out_im[:, 0] = re[:, 0] - im[:, 0], re[:, 0] + im[:, 0]
    lo_re, lo_im = re[:, 1:half], im[:, 1:half]
    hi_re, hi_im = re[:, :half:-1], im[:, :half:-1]
    w_re, w_im = table.split[:, 0], table.split[:, 1]
    a, b = lo_re + hi_re, lo_im - hi_im
    c, d = lo_re - hi_re, lo_im + hi_im
    t_re, t_im = c * w_re + d * w_im, d * w_re - c * w_im
    out_re[:, 1:half], out_im[:, 1:half] = b + t_re, a - t_im
    out_re[:, :half:-1], out_im[:, :half:-1] = t_re - b, a + t_im
    out_re[:, half], out_im[:, half] = -two * im[:, half], two * re[:, half]
    return out_re, out_im


def analyse(table: StftTables, state: StftState, pcm: NDArray[np.int16]) -> tuple[NDArray[Any], NDArray[np.complex64]]:
    """``slimse_stft_analyse`` and compression, over whole hops.

    Args:
        table: From :func:`tables`.
        state: ``history`` is read and replaced.
        pcm: int16 ``[frames * hop]``.

    Returns:
        int8 or int16 features ``[frames, inputs]`` (complex ones flat, (re, im) per bin) and the spectrum
        ``[frames, hop]``: twice the transform in int16 units, bin 0 holding the real bins 0 and ``hop`` as (re, im).
    """
    hops = pcm.astype(np.int16, copy=False).reshape(-1, table.hop)
    with_history = np.concatenate([state.history[None], hops])
    state.history = with_history[-1].copy()
    rising = with_history[:-1].astype(np.float32) * table.window[:-1]
    falling = hops.astype(np.float32) * table.window[:0:-1]
    samples = np.concatenate([rising, falling], axis=1)
    re, im = fft_f32(table, samples[:, 0::2][:, table.reversed], samples[:, 1::2][:, table.reversed])
    re, im = _split_spectrum(table, re, im)
    spectrum = np.empty(re.shape, np.complex64)
    spectrum.real, spectrum.imag = re, im
    return table.features.quantize(re, im), spectrum


def synthesise(
    table: StftTables, state: StftState, mask: NDArray[Any], spectrum: NDArray[np.complex64]
) -> NDArray[np.int16]:
    """Mask and ``slimse_stft_synthesise``, over whole frames.

    Args:
        table: From :func:`tables`.
        state: ``overlap`` is read and replaced.
        mask: int8 or int16 ``[frames, outputs]``.
        spectrum: ``[frames, hop]`` from :func:`analyse`.

    Returns:
        int16 ``[frames * hop]``, one hop behind the input.
    """
    hop = table.hop
    re, im = table.mask.apply(mask, spectrum.real, spectrum.imag)
    re, im = _join_spectrum(table, re, im)
    re, im = fft_f32(table, re[:, table.reversed], im[:, table.reversed])
    samples = np.empty((len(re), 2 * hop), np.float32)
    samples[:, 0::2], samples[:, 1::2] = im, re

    tail = samples[:, hop:] * table.window[:0:-1]
    before = np.concatenate([state.overlap[None], tail])
    state.overlap = before[-1].copy()
    value = samples[:, :hop] * table.window[:-1] + before[:-1]
    return _to_samples(value).reshape(-1)


def _to_samples(value: FloatArray) -> NDArray[np.int16]:
    """Nearest integer, saturated; a half goes up (the sum's rounding moves that half by up to 1 / 512)."""
    clamped = np.clip(value, np.float32(-32768), np.float32(32767))
    return ((clamped + np.float32(32768.5)).astype(np.int32) - 32768).astype(np.int16)


# ---- the float twin ----------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _float_window(fft: int) -> NDArray[np.float64]:
    return np.asarray(np.sin(np.pi * np.arange(fft) / fft))


def float_analyse(frontend: FrontEnd, pcm: NDArray[np.int16]) -> tuple[FloatArray, NDArray[np.complex128]]:
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


@dataclass(frozen=True, slots=True)
class CTable:
    """One constant array of the generated C.

    Attributes:
        name: C identifier.
        ctype: Element type.
        length: Elements.
        comment: Shape, unit, range.
        lines: Elements as C text, a few per line, no trailing comma at the very end.
    """

    name: str
    ctype: str
    length: int
    comment: str
    lines: tuple[str, ...]


def c_float(value: float | np.floating[Any]) -> str:
    """A float32 value as an exact C constant, for example ``0x1.8p-1f``."""
    text = float(np.float32(value)).hex()
    mantissa, power = text.split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{power}f"


def _lines(items: Sequence[str], width: int = 96) -> tuple[str, ...]:
    lines = [""]
    for n, item in enumerate(items):
        text = item + ("," if n + 1 < len(items) else "")
        if lines[-1] and len(lines[-1]) + 1 + len(text) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {text}" if lines[-1] else text
    return tuple(lines)


def _float_table(name: str, values: FloatArray, comment: str) -> CTable:
    flat = values.reshape(-1)
    return CTable(name, "float", len(flat), comment, _lines([c_float(v) for v in flat]))


def render_context(
    frontend: FrontEnd, feature: Quantization, mask: Quantization, provenance: Provenance | None = None
) -> dict[str, Any]:
    """All values that ``model_audio.h.j2`` and ``model_audio.c.j2`` print, under the keys ``audio`` and ``abi``.

    Args:
        frontend: What the model was trained with.
        feature: Quantization of the graph's input.
        mask: Quantization of the graph's output.
        provenance: What the generated file says it was made of.

    Raises:
        ModelError: The front end is not supported.
    """
    table = tables(frontend, feature, mask)
    hop, fft = table.hop, frontend.fft
    places = [str(int(n)) for n in table.reversed]
    arrays = (
        _float_table("audio_window", table.window, f"rising half of the {fft}-sample square-root Hann window"),
        CTable("audio_reversed", "uint16_t", hop, "bit-reversed indices", _lines(places)),
        _float_table("audio_twiddles", table.twiddles, "FFT passes: [pass][k][j = 1, 2, 3][re, im]"),
        _float_table("audio_split", table.split, f"exp(-2 pi i k / {fft}) from k = 1: [k][re, im]"),
        *_feature_arrays(table.features),
    )
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
            "features": _features_structure(table.features),
            "mask": _mask_structure(table.mask, mask),
            **_meanings(frontend),
            "feature_scale": f"{feature.scale:.9g}",
            "feature_zero_point": feature.zero_point,
            "mask_scale": f"{mask.scale:.9g}",
            "mask_zero_point": mask.zero_point,
            "features_ctype": feature.ctype,
            "mask_ctype": mask.ctype,
            "arrays": arrays,
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


def _feature_arrays(features: spectral.Features) -> tuple[CTable, ...]:
    if isinstance(features, spectral.MagnitudeFeatures):
        comment = "power (4 x, in int16 units) at which the feature becomes -127, -126, ..., 127"
        return (_float_table("audio_thresholds", features.thresholds, comment),)
    if isinstance(features, spectral.WideMagnitudeFeatures):
        return (
            *_power_arrays("root", features.root, "magnitude", "power"),
            *_power_arrays("exponent", features.exponent, "steps of the feature", "magnitude"),
        )
    if isinstance(features, spectral.WideComplexFeatures):
        return _power_arrays("exponent", features.exponent, "steps of the feature per unit of the spectrum", "power")
    octaves = "steps of the feature per unit of the spectrum, by the power's biased binary exponent"
    segments = f"power's fraction, {spectral.SEGMENTS} lines per octave: [line][value, slope per 2^-18 of the line]"
    return (
        _float_table("audio_octaves", features.octaves, octaves),
        _float_table("audio_segments", features.segments, segments),
    )


def _power_arrays(name: str, power: spectral.Power, result: str, source: str) -> tuple[CTable, CTable]:
    lines = f"{source}'s fraction, {spectral.LINES} lines per octave: [line][value, slope per 2^-16 of the line]"
    return (
        _float_table(f"audio_{name}_octaves", power.octaves, f"{result} by the {source}'s biased binary exponent"),
        _float_table(f"audio_{name}_lines", power.lines, lines),
    )


def _features_structure(features: spectral.Features) -> dict[str, Any]:
    """Function that makes the features, and its constants."""
    if isinstance(features, spectral.MagnitudeFeatures):
        return _structure("slimse_magnitude_features", (("thresholds", "audio_thresholds", ""),))
    exponent = ("exponent", "{audio_exponent_octaves, audio_exponent_lines}", "")
    if isinstance(features, spectral.WideMagnitudeFeatures):
        floor = ("floor", c_float(features.floor), "epsilon, 2 x, in int16 units")
        root = ("root", "{audio_root_octaves, audio_root_lines}", "")
        return _structure("slimse_magnitude_features", (floor, root, exponent), wide=True)
    floor = ("floor", c_float(features.floor), "epsilon squared, 4 x, in int16 units")
    if isinstance(features, spectral.WideComplexFeatures):
        return _structure("slimse_complex_features", (floor, exponent), wide=True)
    fields = (
        floor,
        ("offset", c_float(features.offset), "zero point + 128.5"),
        ("octaves", "audio_octaves", ""),
        ("segments", "audio_segments", ""),
    )
    return _structure("slimse_complex_features", fields)


def _mask_structure(mask: spectral.Mask, quantization: Quantization) -> dict[str, Any]:
    """Function that applies the mask, and its constants."""
    fields = (
        ("zero_point", str(mask.zero_point), ""),
        ("gain", c_float(mask.gain), f"{quantization.scale:.9g} / (4 * MODEL_AUDIO_HOP)"),
    )
    found = _structure("slimse_mask", fields)
    kind = "complex" if mask.is_complex else "magnitude"
    return {**found, "function": f"slimse_{kind}_mask_s{quantization.bits}"}


def _structure(name: str, fields: Iterable[tuple[str, str, str]], *, wide: bool = False) -> dict[str, Any]:
    lines = [f".{key} = {value},{f' /* {note} */' if note else ''}" for key, value, note in fields]
    ctype = f"{name}_s16_t" if wide else f"{name}_t"
    return {"ctype": ctype, "function": f"{name}_s{16 if wide else 8}", "fields": lines}
