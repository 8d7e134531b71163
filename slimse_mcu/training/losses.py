"""What training minimises: distances of spectra, and that of the open ratio from its target."""

from __future__ import annotations

from typing import Any

from keras import ops

EXPONENT = 0.3
MAGNITUDE_SHARE = 0.7
_QUIET_ENERGY = 100.0


def magnitude(spectra: Any) -> Any:
    """Real and imaginary part ``[..., 2]`` to magnitude ``[...]``; silence is 1e-6, so that it may divide."""
    return ops.sqrt(ops.sum(ops.square(spectra), axis=-1) + 1e-12)


def masked(spectra: Any, mask: Any) -> Any:
    """Spectra ``[..., bins, 2]`` times a real mask ``[..., bins]`` or a complex one ``[..., bins, 2]``."""
    if len(mask.shape) < len(spectra.shape):
        return mask[..., None] * spectra
    real, imaginary = spectra[..., 0], spectra[..., 1]
    return ops.stack(
        [real * mask[..., 0] - imaginary * mask[..., 1], real * mask[..., 1] + imaginary * mask[..., 0]], axis=-1
    )


def compressed_spectral_loss(noisy: Any, clean: Any, mask: Any) -> Any:
    """Mean squared distance of power-law compressed spectra.

    With ``Y = mask * noisy`` and ``c(Z) = |Z|**0.3 * exp(j * angle(Z))`` this is the mean over all bins of
    ``0.7 * (|Y|**0.3 - |S|**0.3)**2 + 0.3 * |c(Y) - c(S)|**2``.

    Args:
        noisy: ``[batch, time, bins, 2]``, real and imaginary part, at a common level of active speech.
        clean: Likewise.
        mask: ``[batch, time, bins]``, real gains, or ``[batch, time, bins, 2]``, complex ones.
    """
    enhanced = masked(noisy, mask)
    enhanced_magnitude, clean_magnitude = magnitude(enhanced), magnitude(clean)
    cosine = ops.sum(enhanced * clean, axis=-1) / (enhanced_magnitude * clean_magnitude)
    estimate = ops.power(enhanced_magnitude + 1e-4, EXPONENT)
    target = ops.power(clean_magnitude + 1e-4, EXPONENT)
    product = estimate * target
    distance = ops.square(estimate - target)
    # |c(Y) - c(S)|^2 = (|Y|^0.3 - |S|^0.3)^2 + 2 |Y|^0.3 |S|^0.3 (1 - cos(angle between Y and S))
    return ops.mean(distance + (1.0 - MAGNITUDE_SHARE) * 2.0 * product * (1.0 - cosine))


def distortion_db(noisy: Any, clean: Any, mask: Any) -> Any:
    """Energy of the error over the energy of the speech, in dB, per clip in the STFT domain, averaged over clips.

    The compressed loss looks at quiet and loud bins nearly alike; this looks at the loud ones, so that speech is not
    thinned out.  Clips saturate at -30 dB, and silence counts as a little speech.

    Args:
        noisy: ``[batch, time, bins, 2]``, real and imaginary part, at a common level of active speech.
        clean: Likewise.
        mask: ``[batch, time, bins]``, real gains, or ``[batch, time, bins, 2]``, complex ones.
    """
    speech = ops.sum(ops.square(clean), axis=(1, 2, 3))
    error = ops.sum(ops.square(masked(noisy, mask) - clean), axis=(1, 2, 3))
    ratio = (error + 1e-3 * speech + _QUIET_ENERGY) / (speech + _QUIET_ENERGY)
    return 10.0 * ops.mean(ops.log10(ratio))


def excess_loss(logits: Any, limit: float) -> Any:
    """Mean square of what exceeds ``limit`` either way: keeps the range that int8 has to cover small."""
    return ops.mean(ops.square(ops.relu(ops.abs(logits) - limit)))


def ratio_loss(open_ratio: Any, target: Any) -> Any:
    """Mean squared distance of the share that is open from its target (DynCP's auxiliary loss).

    Args:
        open_ratio: Mean over all gates and frames: of a batch, a scalar, or of each clip, ``[batch]``.
        target: In [0, 1]; a scalar or ``[batch]``.
    """
    return ops.mean(ops.square(open_ratio - target))
