"""Batches of mixtures as spectra, as :class:`slimse_mcu.training.task.EnhancementTask` takes them."""

from __future__ import annotations

from typing import Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from slimse_mcu.data import Mixture
from slimse_mcu.training.spectra import parts, stft

Inputs = dict[str, NDArray[np.float32]]

_SNR_LIMIT_DB = 100.0


class MixtureSource(Protocol):
    """What :class:`slimse_mcu.data.Mixer` is."""

    def mixture(self, index: int) -> Mixture:
        """Mixture ``index``, the same whenever it is asked for."""
        ...


class Batches(keras.utils.PyDataset):
    """A run of batches; batch ``i`` depends on the mixer, the seed and ``i`` only.

    Each item is a dict of float32 arrays, and zeros that stand for targets which nobody reads: ``speech`` and ``noise``
    ``[batch, frames, bins, 2]`` (real and imaginary part; the noise already scaled to its ratio), ``gain``
    ``[batch, 1, 1]``, the factor on the model's input, ``snr_db`` ``[batch, 1, 1]``, within 100 dB either way, and with
    ``ovrl`` also that, ``[batch, 1, 1]``.

    Args:
        mixer: Makes the mixtures.
        batch: Mixtures per batch.
        first: Number of the first batch of the run.
        last: Number of the batch behind the last one.
        seed: Of the order of a pool.
        pool: Number of different mixtures; every round through them has an order of its own.  0 is no end of them.
        ovrl: ``[pool]``, score of each mixture's input by DNS-MOS; None leaves it out.
        threads: Threads that make batches ahead.
    """

    def __init__(
        self,
        mixer: MixtureSource,
        *,
        batch: int,
        first: int = 0,
        last: int,
        seed: int,
        pool: int = 0,
        ovrl: NDArray[np.float32] | None = None,
        threads: int = 2,
    ) -> None:
        super().__init__(workers=threads, use_multiprocessing=False, max_queue_size=8)
        self.mixer = mixer
        self.batch = batch
        self.first = first
        self.last = last
        self.seed = seed
        self.pool = pool
        self.ovrl = ovrl

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, index: int) -> tuple[Inputs, NDArray[np.float32]]:
        return self.slice(index, 0, 1)

    def slice(self, index: int, part: int, of: int) -> tuple[Inputs, NDArray[np.float32]]:
        """One of equal parts of a batch."""
        size = self.batch // of
        begin = (self.first + index) * self.batch + part * size
        numbers = [pooled(self.seed, self.pool, draw) for draw in range(begin, begin + size)]
        mixtures = [self.mixer.mixture(number) for number in numbers]
        snr_db = np.clip([one.snr_db for one in mixtures], -_SNR_LIMIT_DB, _SNR_LIMIT_DB)
        inputs = {
            "speech": np.stack([parts(stft(one.speech)) for one in mixtures]),
            "noise": np.stack([parts(stft(one.noise)) for one in mixtures]),
            "gain": np.array([one.gain for one in mixtures], np.float32)[:, None, None],
            "snr_db": snr_db.astype(np.float32)[:, None, None],
        }
        if self.ovrl is not None:
            inputs["ovrl"] = self.ovrl[numbers].astype(np.float32)[:, None, None]
        return inputs, np.zeros((size, 1), np.float32)


_orders: dict[tuple[int, int, int], NDArray[np.int64]] = {}


def pooled(seed: int, pool: int, draw: int) -> int:
    """Number of the mixture of a draw: a permutation of the pool for each time round, or ``draw`` without a pool."""
    if not pool:
        return draw
    key = seed, pool, draw // pool
    if key not in _orders:
        if len(_orders) > 4:
            _orders.clear()
        _orders[key] = np.random.default_rng([seed, key[2], 7]).permutation(pool)
    return int(_orders[key][draw % pool])
