"""Audio to STFT frames and back, as the models are trained on.

Frame ``t`` covers the samples of the hops ``t - 1`` and ``t`` (before the first hop is silence), weighted by
the periodic square-root Hann window; ``X = rfft(window * x)`` without normalisation.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

FFT = 512
HOP = 256
BINS = FFT // 2 + 1


def window() -> NDArray[np.float64]:
    """The periodic square-root Hann window ``[512]``, for analysis and synthesis."""
    return np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT))


_WINDOW = window().astype(np.float32)


def stft(audio: NDArray[np.float32]) -> NDArray[np.complex64]:
    """``[samples]`` to ``[samples // 256, 257]`` in single precision; what does not fill a hop is dropped."""
    frames = len(audio) // HOP
    padded = np.zeros((frames + 1) * HOP, np.float32)
    padded[HOP:] = audio[: frames * HOP]
    framed = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    spectra: NDArray[np.complex64] = scipy.fft.rfft(framed * _WINDOW, axis=1, overwrite_x=True)
    return spectra


def istft(spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
    """``[frames, 257]`` to ``[frames * 256]`` by overlap-add, aligned with the audio given to :func:`stft`.

    The last hop is completed only by a following frame, so it fades out.
    """
    framed = np.fft.irfft(spectra, FFT, axis=1) * window()
    audio = np.zeros((len(framed) + 1) * HOP)
    audio[: len(framed) * HOP] += framed[:, :HOP].ravel()
    audio[HOP:] += framed[:, HOP:].ravel()
    return audio[HOP:].astype(np.float32)


def parts(spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Complex ``[frames, bins]`` to real and imaginary part ``[frames, bins, 2]``."""
    return np.ascontiguousarray(spectra).view(np.float32).reshape(*spectra.shape, 2)
