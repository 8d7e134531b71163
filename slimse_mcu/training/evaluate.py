"""Scores a Keras model on held-out clips: ``python -m slimse_mcu.training.evaluate MODEL.keras``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from slimse_mcu.errors import AudioError, SlimseError
from slimse_mcu.harness.quality import score
from slimse_mcu.training.clips import Clip, held_out_clips
from slimse_mcu.training.gating import gate_layers
from slimse_mcu.training.spectra import istft, stft
from slimse_mcu.training.speech import SAMPLE_RATE_HZ

METRICS = ("pesq_wb", "stoi", "si_sdr_db")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Means over all clips.

    Attributes:
        clips: How many.
        noisy: Score of the noisy audio by metric.
        enhanced: Score of the model's audio by metric.
        open_ratio: Share of open channels over all frames and gates; 1 without gates.
        open_ratio_by_clip: The same per clip.
        varying: Share of the channels whose gate is open in 2 to 98 % of all frames; 0 without gates.
    """

    clips: int
    noisy: Mapping[str, float]
    enhanced: Mapping[str, float]
    open_ratio: float
    open_ratio_by_clip: tuple[float, ...]
    varying: float


def evaluate(model: keras.Model, clips: Iterable[Clip]) -> Evaluation:
    """Enhance clips with the float model and score them.

    Args:
        model: Linear magnitudes or complex spectra to a mask.
        clips: Noisy and clean audio at 16 kHz.
    """
    gate_outputs = [layer.output for layer in gate_layers(model)]
    observed = keras.Model(model.input, [model.output, *gate_outputs])
    noisy_scores, enhanced_scores, opened = [], [], []
    for clip in clips:
        spectra = stft(clip.noisy.astype(np.float32) / 32768)
        is_complex = len(model.input.shape) == 4
        seen = np.stack([spectra.real, spectra.imag], axis=-1) if is_complex else np.abs(spectra)
        outputs = observed.predict(seen[None], verbose=0)
        mask, *gates = outputs if isinstance(outputs, list) else [outputs]
        gains = mask[0] if mask.ndim == 3 else mask[0, ..., 0] + 1j * mask[0, ..., 1]
        enhanced = istft(gains * spectra) * 32768
        clean, noisy = (audio[: len(enhanced)] for audio in (clip.clean, clip.noisy))
        noisy_scores.append(_scores(clean, noisy))
        enhanced_scores.append(_scores(clean, np.clip(np.round(enhanced), -32768, 32767).astype(np.int16)))
        opened.append(np.concatenate([gate[0] for gate in gates], axis=1) if gates else np.ones((1, 1)))
    frames = np.concatenate(opened)
    share = frames.mean(axis=0)
    return Evaluation(
        clips=len(opened),
        noisy=_means(noisy_scores),
        enhanced=_means(enhanced_scores),
        open_ratio=float(frames.mean()),
        open_ratio_by_clip=tuple(float(gates.mean()) for gates in opened),
        varying=float(np.mean((share > 0.02) & (share < 0.98))),
    )


def _scores(clean: NDArray[np.int16], audio: NDArray[np.int16]) -> dict[str, float]:
    """The three metrics of one clip; what cannot be had is not a number."""
    scores = score(clean, audio, SAMPLE_RATE_HZ)
    values = {metric: getattr(scores, metric) for metric in METRICS}
    return {metric: float("nan") if value is None else value for metric, value in values.items()}


def _means(scores: list[dict[str, float]]) -> dict[str, float]:
    """Mean by metric."""
    return {metric: float(np.mean([one[metric] for one in scores])) for metric in METRICS}


def read_clips(folder: Path) -> list[Clip]:
    """Read pairs of the same name from ``folder/noisy`` and ``folder/clean``.

    Raises:
        AudioError: There is no pair, or a clip is not 16 kHz mono.
    """
    clips = []
    for noisy in sorted((folder / "noisy").glob("*.wav")):
        pair = [soundfile.read(path, dtype="int16") for path in (noisy, folder / "clean" / noisy.name)]
        if any(rate != SAMPLE_RATE_HZ or audio.ndim != 1 for audio, rate in pair):
            raise AudioError(f"{noisy} is not 16 kHz mono.", hint="Resample it.")
        clips.append(Clip(pair[0][0], pair[1][0], float("nan"), "", noisy.stem))
    if not clips:
        raise AudioError(f"{folder} holds no noisy/*.wav.", hint="Run python -m slimse_mcu.training.clips.")
    return clips


@click.command()
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Folder with noisy/ and clean/.  [default: tests/data]")
@click.option(
    "--synthesize",
    type=click.IntRange(min=1),
    metavar="CLIPS",
    help="Instead of a folder: fresh held-out clips, 0 to 15 dB.",
)
@click.option("--seed", default=1000, show_default=True, help="Of the fresh clips.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(model: Path, data: Path | None, synthesize: int | None, seed: int, as_json: bool) -> None:
    """Score the float MODEL on held-out clips."""
    try:
        clips = held_out_clips(synthesize, seed=seed) if synthesize else read_clips(data or Path("tests/data"))
        result = evaluate(keras.models.load_model(model, compile=False), clips)
    except SlimseError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({name: getattr(result, name) for name in Evaluation.__slots__}, indent=1))
        return
    Console().print(_table(result))


def _table(result: Evaluation) -> Table:
    """Noisy and enhanced, metric by metric."""
    table = Table(title=f"{result.clips} clips, open {result.open_ratio:.1%}, varying {result.varying:.1%}")
    rows: list[tuple[str, Any, Any]] = [(m, result.noisy[m], result.enhanced[m]) for m in METRICS]
    for heading in ("metric", "noisy", "float", "gain"):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for metric, noisy, enhanced in rows:
        table.add_row(metric, f"{noisy:.3f}", f"{enhanced:.3f}", f"{enhanced - noisy:+.3f}")
    return table


if __name__ == "__main__":
    main()
