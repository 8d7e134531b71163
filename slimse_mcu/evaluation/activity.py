"""What happens in a frame: speech, a pause in it, or silence; by level alone, so that anyone can check it.

A network's frame sees a window of two hops.  Levels are those of that window, root mean square relative to full scale.

- **silence**: the noisy input's level is below ``silence_dbfs``, whatever the reference holds.
- **speech**: the clean reference's level is within 30 dB of the recording's 95th percentile of levels, and -70 dB or
  more.
- **pause**: all else: something is to be heard, and it is not speech.

Without a clean reference nothing says where speech is: every frame that is not silence is ``sound``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

KINDS = ("speech", "pause", "silence", "sound")
"""What a frame can be."""

SILENCE_DBFS = -60.0
"""Where silence begins unless another level is given."""

SPEECH_RANGE_DB = 30.0
"""How far below the loud parts of the clean reference speech still counts as such."""

LEAST_SPEECH_DBFS = -70.0
"""Level of the clean reference that nobody takes for speech if it stays below."""

_LOUD_PERCENTILE = 95.0
_LEAST_DBFS = -120.0


def frame_levels_dbfs(samples: NDArray[np.int16], hop: int) -> NDArray[np.float64]:
    """Level of each frame's window, the hop and the one before it, in dB relative to full scale.

    Args:
        samples: int16 ``[samples]``; the end is padded with zeros to whole hops.
        hop: Samples per frame.

    Returns:
        ``[frames]``, at least -120.
    """
    padded = np.pad(samples.astype(np.float64) / 32768.0, (hop, -len(samples) % hop))
    power = np.mean(padded.reshape(-1, hop) ** 2, axis=1)
    return np.asarray(10.0 * np.log10(np.maximum((power[:-1] + power[1:]) / 2.0, 10.0 ** (_LEAST_DBFS / 10.0))))


def frame_kinds(
    noisy: NDArray[np.int16], clean: NDArray[np.int16] | None, hop: int, silence_dbfs: float = SILENCE_DBFS
) -> Mapping[str, NDArray[np.bool_]]:
    """Which frames are of which kind; see the module's text for the definitions.

    Args:
        noisy: int16 ``[samples]``.
        clean: The reference, as long; None where there is none.
        hop: Samples per frame.
        silence_dbfs: Level of the noisy window below which it is silence.

    Returns:
        By kind bool ``[frames]``; each frame is of exactly one kind.
    """
    silence = frame_levels_dbfs(noisy, hop) < silence_dbfs
    nothing = np.zeros(len(silence), bool)
    if clean is None:
        return {"speech": nothing, "pause": nothing, "silence": silence, "sound": ~silence}
    levels = frame_levels_dbfs(clean, hop)
    loud = float(np.percentile(levels, _LOUD_PERCENTILE)) if len(levels) else _LEAST_DBFS
    speech = ~silence & (levels >= max(loud - SPEECH_RANGE_DB, LEAST_SPEECH_DBFS))
    return {"speech": speech, "pause": ~silence & ~speech, "silence": silence, "sound": nothing}
