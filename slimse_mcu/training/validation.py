"""What a network in training is worth: a few recordings of the validation set, enhanced and scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import keras
import numpy as np
from numpy.typing import NDArray

from slimse_mcu.data import Mixer, Mixing, Sources
from slimse_mcu.harness.quality import pesq_wb
from slimse_mcu.training.losses import compressed_spectral_loss
from slimse_mcu.training.spectra import HOP, istft, parts, stft

_SEED = 4711

Enhance = Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.float32]]]


@dataclass(frozen=True, slots=True)
class Validation:
    """Recordings to validate on, as spectra.

    Attributes:
        noisy: ``[clips, frames, bins, 2]``.
        clean: Likewise.
        references: Clean audio of each in int16 units, for PESQ.
        levels: Factor that brings each recording's speech to the common level that losses are taken at, ``[clips]``.
    """

    noisy: NDArray[np.float32]
    clean: NDArray[np.float32]
    references: tuple[NDArray[np.float32], ...]
    levels: NDArray[np.float32]

    def scores(self, enhance: Enhance) -> dict[str, float]:
        """Score a network.

        Args:
            enhance: The model's input to mask and the share that is open in each frame ``[clips, frames]``.

        Returns:
            ``val_spectral``, the compressed spectral loss; ``val_open_ratio``; ``pesq``, if it can be had.
        """
        mask, share = enhance(self.noisy)
        factors = self.levels[:, None, None, None]
        tensors = (keras.ops.convert_to_tensor(one) for one in (self.noisy * factors, self.clean * factors, mask))
        spectral = float(compressed_spectral_loss(*tensors))
        result = {"val_spectral": spectral, "val_open_ratio": float(np.mean(share))}
        pesq = [pesq_wb(clean, self._audio(mask[clip], clip)) for clip, clean in enumerate(self.references)]
        known = [one for one in pesq if one is not None]
        return {**result, "pesq": float(np.mean(known))} if known else result

    def _audio(self, mask: NDArray[np.float32], clip: int) -> NDArray[np.float32]:
        """Enhanced audio of one recording in int16 units."""
        gains = _complex(mask) if mask.ndim == 3 else mask
        audio = istft(gains * _complex(self.noisy[clip])) * np.float32(32768)
        return np.clip(np.round(audio), -32768, 32767).astype(np.float32)


def draw_validation(sources: Sources, mixing: Mixing, clips: int, seconds: float) -> Validation:
    """Draw recordings to validate on, the same every time.

    Args:
        sources: The validation split of a data set: pairs are taken as they are, speech and noise are mixed.
        mixing: How training mixes; here nothing is silent, nearly clean or equalised, and levels stay nominal.
        clips: How many.
        seconds: Length of each.

    Raises:
        SlimseError: The recordings are damaged.
    """
    plain = replace(mixing, clean=0.0, speechless=0.0, silent=0.0, tilt_db=0.0, level_db=(0.0, 0.0), remix_pairs=False)
    mixer = Mixer(sources, plain, seconds=seconds, seed=_SEED)
    mixtures = [mixer.mixture(index) for index in range(clips)]
    noisy, clean = (
        [one.gain * audio for one, audio in zip(mixtures, side, strict=True)]
        for side in zip(*((one.speech + one.noise, one.speech) for one in mixtures), strict=True)
    )
    return Validation(
        noisy=np.stack([parts(stft(audio)) for audio in noisy]),
        clean=np.stack([parts(stft(audio)) for audio in clean]),
        references=tuple(audio[: len(audio) // HOP * HOP] * np.float32(32768) for audio in clean),
        levels=np.array([1.0 / one.gain for one in mixtures], np.float32),
    )


def _complex(parts: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Real and imaginary parts ``[..., 2]`` to complex."""
    return np.ascontiguousarray(parts).view(np.complex64)[..., 0]
