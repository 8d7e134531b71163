"""Speech quality of enhanced audio: PESQ, STOI, SI-SDR, and DNSMOS where it is installed.

A score that cannot be had (package missing, recording too short or silent) is None, never a made-up number.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

Audio = NDArray[np.floating[Any]] | NDArray[np.int16]

SI_SDR_LIMIT_DB = 100.0
"""SI-SDR is reported within plus and minus this."""

_METRIC_RATE_HZ = 16000
_PIECE_S = 30
_LEAST_S = 0.5


@dataclass(frozen=True, slots=True)
class Scores:
    """Quality of one recording; None where a score cannot be had.

    Attributes:
        pesq_wb: PESQ wide band (ITU-T P.862.2), 1 to 4.64, greater is better.
        stoi: Short-time objective intelligibility (Taal et al. 2011), 0 to 1.
        si_sdr_db: Scale-invariant signal-to-distortion ratio.
        dnsmos_ovrl: DNSMOS P.835 overall quality, 1 to 5; needs no reference.
        dnsmos_sig: DNSMOS P.835 quality of the speech.
        dnsmos_bak: DNSMOS P.835 quality of the background.
    """

    pesq_wb: float | None = None
    stoi: float | None = None
    si_sdr_db: float | None = None
    dnsmos_ovrl: float | None = None
    dnsmos_sig: float | None = None
    dnsmos_bak: float | None = None


METRICS = tuple(field.name for field in fields(Scores))
"""Names of all scores, in the order of reports."""


def si_sdr_db(clean: Audio, estimate: Audio) -> float | None:
    """Scale-invariant signal-to-distortion ratio (Le Roux et al. 2019), after removing each signal's mean.

    ``10 log10(|a s|^2 / |a s - e|^2)`` with ``a = <e, s> / <s, s>``, within ``SI_SDR_LIMIT_DB``.

    Args:
        clean: ``[samples]`` reference s.
        estimate: ``[samples]`` estimate e.

    Returns:
        The ratio in dB; None when either signal is silent.
    """
    s = np.asarray(clean, np.float64) - np.mean(clean, dtype=np.float64)
    e = np.asarray(estimate, np.float64) - np.mean(estimate, dtype=np.float64)
    energy = float(s @ s)
    if energy == 0.0 or not np.any(e):
        return None
    target = (float(e @ s) / energy) * s
    wanted, rest = float(target @ target), float((target - e) @ (target - e))
    limit = 10.0 ** (SI_SDR_LIMIT_DB / 10.0)
    return float(10.0 * np.log10(np.clip(wanted / max(rest, wanted / limit, 1e-300), 1.0 / limit, limit)))


def pesq_wb(clean: Audio, estimate: Audio) -> float | None:
    """PESQ wide band at 16 kHz; recordings over 30 s are scored in equal pieces and averaged.

    None when ``pesq`` is not installed, or no piece holds an utterance.
    """
    package = _optional("pesq")
    if package is None:
        return None
    pieces = -(-len(clean) // (_PIECE_S * _METRIC_RATE_HZ))
    scores = []
    for one, other in zip(np.array_split(clean, pieces), np.array_split(estimate, pieces), strict=True):
        if not np.any(one) or not np.any(other):
            continue
        try:
            scores.append(float(package.pesq(_METRIC_RATE_HZ, one, other, "wb")))
        except (package.PesqError, ValueError, ZeroDivisionError):
            continue
    return _finite_mean(scores)


def stoi(clean: Audio, estimate: Audio) -> float | None:
    """Short-time objective intelligibility at 16 kHz; None when too little speech is there to judge."""
    package = _optional("pystoi")
    if package is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return _finite_mean([float(package.stoi(clean, estimate, _METRIC_RATE_HZ, extended=False))])
        except (RuntimeWarning, ValueError):
            return None


def dnsmos(estimate: Audio) -> tuple[float | None, float | None, float | None]:
    """DNSMOS P.835 overall, speech and background at 16 kHz; all None when ``speechmos`` is not installed."""
    package = _optional("speechmos.dnsmos")
    if package is None:
        return None, None, None
    _prepare_dnsmos(package)
    result = package.run(np.clip(np.asarray(estimate, np.float64) / 32768.0, -1.0, 1.0), _METRIC_RATE_HZ)
    ovrl, sig, bak = (_finite_mean([float(result[f"{name}_mos"])]) for name in ("ovrl", "sig", "bak"))
    return ovrl, sig, bak


def _prepare_dnsmos(package: Any) -> None:
    """Have the package run the one network that is asked for, P.835, in one thread.

    By itself it runs P.808 too, which takes as long, and in as many threads as there are cores: the last digits then
    depend on the computer, and recordings that are scored in several processes get in each other's way.
    """
    runtime = _optional("onnxruntime")
    if runtime is None or not hasattr(package, "DNSMOS") or getattr(package, "dnsmos", None) is not None:
        return
    network = Path(package.__file__).absolute().parent / "dnsmos_models" / "sig_bak_ovr.onnx"
    if not network.is_file():
        return
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    made = package.DNSMOS.__new__(package.DNSMOS)
    made.primary_model_path = str(network)
    made.onnx_sess = runtime.InferenceSession(str(network), options)
    made.p808_onnx_sess = _NoSecondOpinion()
    made.audio_melspec = lambda audio: np.zeros((1, 1))
    package.dnsmos = made


class _NoSecondOpinion:
    """Stands in for the network whose answer is not used."""

    def run(self, outputs: None, inputs: Mapping[str, Any]) -> Any:
        return np.zeros((1, 1, 1))


def has_pesq() -> bool:
    """Whether PESQ can be computed here."""
    return _optional("pesq") is not None


def has_dnsmos() -> bool:
    """Whether DNSMOS can be computed here."""
    return _optional("speechmos.dnsmos") is not None


def score(clean: Audio | None, estimate: Audio, sample_rate_hz: int, *, opinion: bool = True) -> Scores:
    """All scores of one recording.

    Args:
        clean: ``[samples]`` reference in int16 units, aligned with the estimate; None when there is none.
        estimate: ``[samples]`` in int16 units (float values are allowed).
        sample_rate_hz: Rate of both; they are resampled to 16 kHz for the metrics that need it.
        opinion: Ask DNSMOS too, which takes longer than all others together.
    """
    estimate_16k = _at_metric_rate(estimate, sample_rate_hz)
    ovrl, sig, bak = dnsmos(estimate_16k) if opinion and _long_enough(estimate_16k) else (None, None, None)
    if clean is None:
        return Scores(dnsmos_ovrl=ovrl, dnsmos_sig=sig, dnsmos_bak=bak)
    clean_16k = _at_metric_rate(clean, sample_rate_hz)
    judged = _long_enough(clean_16k) and bool(np.any(clean_16k)) and bool(np.any(estimate_16k))
    return Scores(
        pesq_wb=pesq_wb(clean_16k, estimate_16k) if judged else None,
        stoi=stoi(clean_16k, estimate_16k) if judged else None,
        si_sdr_db=si_sdr_db(clean, estimate),
        dnsmos_ovrl=ovrl,
        dnsmos_sig=sig,
        dnsmos_bak=bak,
    )


def score_all(
    jobs: Sequence[tuple[Audio | None, Audio]],
    sample_rate_hz: int,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Scores]:
    """Scores of many recordings, in order.

    Args:
        jobs: (clean or None, estimate) per recording, see :func:`score`.
        sample_rate_hz: Rate of all.
        progress: Called with (done, all) after each recording.
    """
    done = []
    for clean, estimate in jobs:
        done.append(score(clean, estimate, sample_rate_hz))
        if progress is not None:
            progress(len(done), len(jobs))
    return done


def averages(rows: Sequence[Mapping[str, Scores]]) -> dict[str, Scores]:
    """Mean scores per signal over the files in which every signal has the score, so that means compare.

    Args:
        rows: Per file: name of the signal (``noisy``, ``float``, ``device``) to its scores.

    Returns:
        Name of the signal to mean scores; None where no file counts.
    """
    names = list(rows[0]) if rows else []
    means: dict[str, dict[str, float | None]] = {name: {} for name in names}
    for metric in METRICS:
        columns = [[getattr(row[name], metric) for name in names] for row in rows]
        whole = [column for column in columns if None not in column]
        for place, name in enumerate(names):
            means[name][metric] = _finite_mean(column[place] for column in whole)
    return {name: Scores(**values) for name, values in means.items()}


def _finite_mean(values: Iterable[float]) -> float | None:
    kept = [value for value in values if np.isfinite(value)]
    return float(np.mean(kept)) if kept else None


def _long_enough(samples: Audio) -> bool:
    return len(samples) >= _LEAST_S * _METRIC_RATE_HZ


def _at_metric_rate(samples: Audio, sample_rate_hz: int) -> NDArray[np.float64]:
    wide = np.asarray(samples, np.float64)
    if sample_rate_hz == _METRIC_RATE_HZ:
        return wide
    return np.asarray(soxr.resample(wide, sample_rate_hz, _METRIC_RATE_HZ, quality="HQ"))


def _optional(module: str) -> Any | None:
    """A package that may be absent, or whose own imports may be."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None
