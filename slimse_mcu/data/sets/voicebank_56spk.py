"""VoiceBank+DEMAND with the larger training part; asked for by name where both parts lie in one folder."""

from __future__ import annotations

from pathlib import Path

from slimse_mcu.data.sets.voicebank import VoiceBank


class _VoiceBank56(VoiceBank):
    kind = "voicebank-56spk"
    title = "VoiceBank+DEMAND, 56 speakers"
    looks_like = "clean_trainset_56spk_wav/, noisy_trainset_56spk_wav/, clean_testset_wav/ and noisy_testset_wav/"
    speakers = "56"

    def recognises(self, path: Path) -> bool:
        return False  # "voicebank" recognises the folder


LAYOUT = _VoiceBank56()
