"""What DNS-MOS thinks of the noisy clips that a network is trained on: computed once, kept in a file.

The score of a clip (OVRL of DNSMOS P.835) is the mean over windows of 9.01 s, a second apart.  A clip of two seconds is
repeated until it fills exactly one window, which takes an eighth of the time of the usual doubling and says the same.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from slimse_mcu.data import SAMPLE_RATE_HZ, Mixture
from slimse_mcu.errors import SlimseError
from slimse_mcu.harness.quality import has_dnsmos

Scorer = Callable[[NDArray[np.float32]], float]

_WINDOW = int(9.01 * SAMPLE_RATE_HZ)
_SAVE_EVERY = 100


class Fingerprinted(Protocol):
    """What :class:`slimse_mcu.data.Mixer` is."""

    fingerprint: str

    def mixture(self, index: int) -> Mixture:
        """Mixture ``index``, the same whenever it is asked for."""
        ...


def ovrl_of_inputs(
    mixer: Fingerprinted,
    count: int,
    folder: Path,
    *,
    jobs: int | None = None,
    advance: Callable[[int, int], None] | None = None,
    scorer: Scorer | None = None,
) -> NDArray[np.float32]:
    """DNS-MOS OVRL of the inputs ``gain * (speech + noise)`` of the first mixtures.

    Args:
        mixer: Makes the mixtures.
        count: How many.
        folder: Where scores are kept, in a file with the mixer's fingerprint in its name; made if it is missing.  What
            was scored before an interruption is not scored again.
        jobs: Processes; None is one for every two cores, for the scorer keeps two busy.
        advance: Called with how many are scored, and of how many.
        scorer: Scores audio ``[samples]`` in [-1, 1]; must be importable by its name.  None is :func:`dnsmos_ovrl`.

    Returns:
        ``[count]``, 1 to 5.

    Raises:
        SlimseError: DNS-MOS is not installed.
    """
    stamp = hashlib.sha256(
        f"{mixer.fingerprint} {'dnsmos' if scorer is None else scorer.__name__}".encode()
    ).hexdigest()
    path = folder / f"ovrl-{stamp[:32]}.npy"
    scores = _known(path, count)
    missing = [int(index) for index in np.flatnonzero(np.isnan(scores[:count]))]
    if not missing:
        return scores[:count]
    if scorer is None and not has_dnsmos():
        raise SlimseError(
            "Metric guidance scores its clips by DNS-MOS, and the Python package speechmos is missing.",
            hint="pip install 'slimse-mcu[dnsmos]', or let the signal-to-noise ratio stand for the score: "
            "--set guidance.metric=snr.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    done = count - len(missing)
    unsaved = 0
    try:
        jobs = jobs or max(1, (os.cpu_count() or 1) // 2)
        with _pool(jobs) as pool:
            for index, score in _scored(pool, 4 * jobs, mixer, missing, scorer or dnsmos_ovrl):
                scores[index] = score
                done, unsaved = done + 1, unsaved + 1
                if advance is not None:
                    advance(done, count)
                if unsaved == _SAVE_EVERY:
                    _save(path, scores)
                    unsaved = 0
    finally:
        _save(path, scores)
    return scores[:count]


def dnsmos_ovrl(audio: NDArray[np.float32]) -> float:
    """OVRL of a clip in [-1, 1], by one window."""
    from speechmos import dnsmos

    window = np.clip(np.resize(audio, max(_WINDOW, len(audio))), -1.0, 1.0)
    return float(dnsmos.run(window, SAMPLE_RATE_HZ)["ovrl_mos"])


def _scored(
    pool: ProcessPoolExecutor, ahead: int, mixer: Fingerprinted, indices: list[int], scorer: Scorer
) -> Iterator[tuple[int, float]]:
    """Number and score of mixtures, in the order in which they are done; ``ahead`` of them wait at most."""
    waiting = {}
    left = iter(indices)
    while True:
        for index in left:
            mixture = mixer.mixture(index)
            audio = np.float32(mixture.gain) * (mixture.speech + mixture.noise)
            waiting[pool.submit(scorer, audio)] = index
            if len(waiting) >= ahead:
                break
        if not waiting:
            return
        for done in wait(waiting, return_when=FIRST_COMPLETED).done:
            yield waiting.pop(done), done.result()


@contextmanager
def _pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that ignore Ctrl-C, which ends this one and thereby them."""
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_ignore_interrupts)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _known(path: Path, count: int) -> NDArray[np.float32]:
    """The scores in a file; NaN for what is not there, in a damaged file for all."""
    scores = np.full(count, np.nan, np.float32)
    try:
        saved = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return scores
    if saved.ndim != 1 or saved.dtype != np.float32:
        return scores
    return np.concatenate([saved, scores[len(saved) :]])


def _save(path: Path, scores: NDArray[np.float32]) -> None:
    """Write a file that appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with temporary.open("wb") as file:
            np.save(file, scores)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
