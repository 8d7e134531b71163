"""Speech and noise: making a corpus, reading the field's data sets, mixing.  No Keras in here.

:func:`open_sources` and :class:`Mixer` serve training, :func:`open_test_set` serves evaluation.
"""

from slimse_mcu.data.audio_files import Rejected
from slimse_mcu.data.levels import SAMPLE_RATE_HZ, active_rms
from slimse_mcu.data.mixing import Mixer, Mixing, Mixture
from slimse_mcu.data.sets import kinds, open_sources, open_test_set
from slimse_mcu.data.sources import Item, Pairs, Sources, SpeechAndNoise, TestSet

__all__ = [
    "SAMPLE_RATE_HZ",
    "Item",
    "Mixer",
    "Mixing",
    "Mixture",
    "Pairs",
    "Rejected",
    "Sources",
    "SpeechAndNoise",
    "TestSet",
    "active_rms",
    "kinds",
    "open_sources",
    "open_test_set",
]
