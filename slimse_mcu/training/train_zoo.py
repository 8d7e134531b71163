"""Trains the zoo's checkpoints from nothing but a seed: ``python -m slimse_mcu.training.train_zoo``."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
from numpy.typing import NDArray
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from slimse_mcu.errors import SlimseError
from slimse_mcu.harness.quality import dnsmos
from slimse_mcu.models import conv_fsenet, dsn_ftf
from slimse_mcu.training.accelerate import training_twin
from slimse_mcu.training.compact import rounded, save_compact
from slimse_mcu.training.corpus import Corpus, Mixing, Mixtures, synthesize_corpus
from slimse_mcu.training.gating import Gating, Guidance, MetricGuidance
from slimse_mcu.training.task import EnhancementTask

log = logging.getLogger(__name__)

SNAPSHOT_STEPS = 2000


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides how a checkpoint comes out, next to the seed.

    Attributes:
        network: Arguments of ``architecture``.
        architecture: Builds the network, :func:`slimse_mcu.models.conv_fsenet` or :func:`slimse_mcu.models.dsn_ftf`.
        gating: Leads the share of open gates; None for a static network.
        mixing: Ratios and levels of the mixtures.
        utterances: Synthetic sentences to train on.
        noise_clips: Noise clips of 10 s to train on.
        steps: Optimizer steps.
        batch: Mixtures per step.
        frames: Frames per mixture, 16 ms each.
        learning_rate: At the peak; it rises linearly for ``warmup_steps`` and falls to zero as a cosine.
        warmup_steps: Steps to the peak.
        weight_decay: Of AdamW.
        clip_norm: Greatest norm of the whole gradient.
        distortion_weight: Of the energy of the error in dB, beside the compressed spectral loss.
        opinion: Whether DNS-MOS scores every mixture for :class:`MetricGuidance`, at two seconds a clip.
        jit: Whether XLA compiles a step; it speeds up convolutions and cannot compile these recurrences.
    """

    network: Mapping[str, Any]
    architecture: Callable[..., keras.Model] = conv_fsenet
    gating: Guidance | None = None
    mixing: Mixing = field(default_factory=Mixing)
    utterances: int = 3000
    noise_clips: int = 500
    steps: int = 6000
    batch: int = 10
    frames: int = 125
    learning_rate: float = 2e-3
    warmup_steps: int = 300
    weight_decay: float = 1e-3
    clip_norm: float = 5.0
    distortion_weight: float = 0.002
    opinion: bool = False
    jit: bool = True


_DSN: Mapping[str, Any] = {"architecture": dsn_ftf, "batch": 8, "frames": 125, "jit": False}

RECIPES: Mapping[str, Recipe] = {
    "convfsenet-dyncp25": Recipe(
        network={"gates": True, "gating_width": 16, "gate_noise": 0.05},
        gating=Gating(target=0.25, start=0.5, ramp_steps=1500, weight=10.0),
    ),
    "convfsenet-static": Recipe(network={"gates": False}),
    "dsn-mgt": Recipe(network={"gates": True}, gating=MetricGuidance(), **_DSN),
    "dsn-static": Recipe(network={"gates": False}, **_DSN),
}


def train(recipe: Recipe, corpus: Corpus, *, seed: int, name: str, save_to: Path) -> dict[str, Any]:
    """Train one network and save it, without optimizer state, weights rounded to float16.

    A snapshot is saved on the way, every 2000 steps.

    Args:
        recipe: What to train and how.
        corpus: What to train on.
        seed: Seed of weights and mixtures.
        name: Name of the Keras model.
        save_to: A ``.keras`` file; written at the end, and next to it the history as ``history.json``.

    Returns:
        Steps, seconds, and the history of losses and open ratios.
    """
    keras.utils.set_random_seed(seed)
    model = recipe.architecture(**recipe.network, seed=seed, name=name.replace("-", "_"))
    twin = training_twin(model)
    task = EnhancementTask(twin, recipe.gating, distortion_weight=recipe.distortion_weight)
    warmup = min(recipe.warmup_steps, recipe.steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, recipe.steps - warmup, warmup_target=recipe.learning_rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, global_clipnorm=recipe.clip_norm)
    task.compile(optimizer=optimizer, jit_compile=recipe.jit)
    mixtures = Mixtures(
        corpus,
        recipe.mixing,
        batch=recipe.batch,
        frames=recipe.frames,
        steps=recipe.steps,
        seed=seed,
        opinion=_overall_opinion if recipe.opinion else None,
    )
    save_to.parent.mkdir(parents=True, exist_ok=True)

    def save(batch: int, logs: Any = None) -> None:
        if batch % SNAPSHOT_STEPS == SNAPSHOT_STEPS - 1 or batch == recipe.steps - 1:
            model.set_weights([rounded(weight) for weight in twin.get_weights()])
            save_compact(model, save_to)

    watch = Watch(name, recipe.steps)
    snapshots = keras.callbacks.LambdaCallback(on_train_batch_end=save)
    task.fit(mixtures, verbose=0, shuffle=False, callbacks=[watch, snapshots])
    result = {"steps": recipe.steps, "seconds": round(watch.seconds, 1), "history": watch.history}
    (save_to.parent / "history.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def _overall_opinion(audio: NDArray[np.float32]) -> float:
    """DNS-MOS OVRL of noisy audio in int16 units.

    Raises:
        SlimseError: ``speechmos`` is not installed.
    """
    overall = dnsmos(audio)[0]
    if overall is None:
        raise SlimseError("DNS-MOS cannot score the mixtures.", hint="Install speechmos, or train without --dnsmos.")
    return overall


class Watch(keras.callbacks.Callback):
    """Shows progress, and keeps the losses of every 100 steps."""

    def __init__(self, name: str, steps: int, every: int = 100) -> None:
        super().__init__()
        self.every = every
        self.history: list[dict[str, float]] = []
        self.seconds = 0.0
        self._started = 0.0
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TimeRemainingColumn(), TextColumn("{task.fields[state]}"),
        )  # fmt: skip
        self._bar = self._progress.add_task(name, total=steps, state="")

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock."""
        self._started = time.monotonic()
        self._progress.start()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Note the mean of the last steps."""
        self._progress.advance(self._bar)
        self.seconds = time.monotonic() - self._started
        if (batch + 1) % self.every:
            return
        values = {key: round(float(value), 5) for key, value in (logs or {}).items()}
        self.history.append({"step": batch + 1, **values})
        self._progress.update(self._bar, state=f"spectral {values['spectral']}, open {values['open_ratio']}")
        log.info("step %d, %.0f s: %s", batch + 1, self.seconds, values)
        self.model.reset_metrics()

    def on_train_end(self, logs: Any = None) -> None:
        """Stop the display."""
        self._progress.stop()


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(sorted(RECIPES)))
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/zoo"), show_default=True)
@click.option("--seed", default=1, show_default=True, help="Of corpus, weights and mixtures.")
@click.option("--steps", type=click.IntRange(min=1), help="Optimizer steps instead of the recipe's.")
@click.option("--utterances", type=click.IntRange(min=1), help="Synthetic sentences instead of the recipe's.")
@click.option("--dnsmos", "opinion", is_flag=True, help="Gate targets from DNS-MOS OVRL (needs speechmos; slow).")
@click.option("--verbose", is_flag=True, help="Log every 100 steps.")
def main(
    names: tuple[str, ...],
    out: Path,
    seed: int,
    steps: int | None,
    utterances: int | None,
    opinion: bool,
    verbose: bool,
) -> None:
    """Train checkpoints of the zoo into OUT/NAME/model.keras.

    NAME is convfsenet-dyncp25, convfsenet-static, dsn-mgt or dsn-static; all are trained when none is given.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    log.setLevel(logging.INFO if verbose else logging.WARNING)
    for name in names or tuple(RECIPES):
        recipe = RECIPES[name]
        recipe = replace(
            recipe,
            steps=steps or recipe.steps,
            utterances=utterances or recipe.utterances,
            opinion=opinion or recipe.opinion,
        )
        save_to = out / name / "model.keras"
        try:
            corpus = _corpus(recipe.utterances, recipe.noise_clips, seed)
            result = train(recipe, corpus, seed=seed, name=name, save_to=save_to)
        except SlimseError as error:
            raise click.ClickException(str(error)) from error
        last = "".join(f", {key} {value}" for step in result["history"][-1:] for key, value in step.items())
        click.echo(f"{save_to}: {result['steps']} steps in {result['seconds']} s{last}")


@cache
def _corpus(utterances: int, noise_clips: int, seed: int) -> Corpus:
    """Synthesise the training corpus with a progress bar, once for all recipes of the same sizes."""
    with Progress() as progress:
        bar = progress.add_task("speech", total=utterances)
        return synthesize_corpus(
            "train",
            utterances=utterances,
            noise_clips=noise_clips,
            seed=seed,
            advance=lambda: progress.advance(bar),
        )


if __name__ == "__main__":
    main()
