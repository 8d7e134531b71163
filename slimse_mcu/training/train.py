"""Trains one network from a config: batches in, a ``.keras`` file out, to be stopped and continued at any step."""

from __future__ import annotations

import hashlib
import json
import math
import signal
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from slimse_mcu.data import Mixer, Sources, open_sources
from slimse_mcu.errors import SlimseError
from slimse_mcu.load import load
from slimse_mcu.training.accelerate import copy_weights
from slimse_mcu.training.architectures import architecture
from slimse_mcu.training.batches import Batches
from slimse_mcu.training.checkpoint import Checkpoints, read_arrays, snapshot, variables, write_arrays
from slimse_mcu.training.compact import rounded, save_compact
from slimse_mcu.training.config import Config, parse_config
from slimse_mcu.training.distribution import Workers, workers
from slimse_mcu.training.gated_work import Weights, gate_weights, in_order, open_share
from slimse_mcu.training.gating import gate_layers
from slimse_mcu.training.log import Log
from slimse_mcu.training.opinion import ovrl_of_inputs
from slimse_mcu.training.quantization_aware import Rounding, Switch
from slimse_mcu.training.schedule import WarmupCosine
from slimse_mcu.training.start import take_over
from slimse_mcu.training.validation import draw_validation

_ASK_EVERY = 10
"""Steps after which several workers ask each other whether one is to stop."""

MODEL, HISTORY, CONFIG, LOG, CHECKPOINTS = "model.keras", "history.json", "config.toml", "log", "checkpoint"
OPINIONS = "opinions"
"""Folder beside those of trainings, which share what DNS-MOS said of their mixtures."""


@dataclass(frozen=True, slots=True)
class Data:
    """What a training reads.

    Attributes:
        sources: Speech and noise to mix.
        valid: What to validate on.
    """

    sources: Sources
    valid: Sources


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to.

    Attributes:
        folder: Where everything lies.
        finished: Whether it reached its end; otherwise it was stopped and can be continued.
        step: Steps done.
        history: One record per epoch.
    """

    folder: Path
    finished: bool
    step: int
    history: tuple[Mapping[str, float], ...]


class Watch(Protocol):
    """Is told how far a training is."""

    def begin(self, name: str, step: int, steps: int) -> None:
        """Training starts or continues behind ``step``."""

    def step(self, step: int, logs: Mapping[str, float]) -> None:
        """A step is done; ``logs`` are means since the epoch's start."""

    def epoch(self, record: Mapping[str, float]) -> None:
        """An epoch is done and validated."""

    def stage(self, text: str, done: int, total: int) -> None:
        """Something before the training is ``done`` out of ``total``."""

    def end(self) -> None:
        """Training has ended or was stopped."""


class Unwatched:
    """Nobody looks."""

    def begin(self, name: str, step: int, steps: int) -> None:
        """Nothing."""

    def step(self, step: int, logs: Mapping[str, float]) -> None:
        """Nothing."""

    def epoch(self, record: Mapping[str, float]) -> None:
        """Nothing."""

    def stage(self, text: str, done: int, total: int) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


def open_data(path: Path, kind: str | None = None) -> Data:
    """Open a data set for training.

    Raises:
        SlimseError: It is of no known kind, or lacks what training or validation needs.
    """
    return Data(open_sources(path, kind, "train"), open_sources(path, kind, "valid"))


def train(
    config: Config,
    data: Data,
    out: Path,
    *,
    start: Path | None = None,
    resume: bool = False,
    watch: Watch | None = None,
) -> Trained:
    """Train a network.

    Writes into ``out``: ``model.keras`` (weights rounded to float16), ``history.json``, ``config.toml`` with all
    values, ``log`` for TensorBoard, ``checkpoint``.  Ctrl-C and SIGTERM end it after the present step, whose state is
    saved; a second one ends it at once.

    Args:
        config: What to train and how.
        data: What to train on.
        out: A folder; made if it is missing.
        start: A ``.keras`` file whose weights are taken over.  It stands for ``config.start``, which this function does
            not train.
        resume: Go on where a training of the same config and data in ``out`` stopped; if there is none, begin.
        watch: Is told how far it is.

    Raises:
        SlimseError: ``out`` holds a training, and ``resume`` is false or it is another one; the starting point does not
            fit; the trained model does not compile.
    """
    team = workers()  # first of all: TensorFlow must not have computed anything before
    watch = watch if watch is not None and team.chief else Unwatched()
    if config.training.batch % team.count:
        raise SlimseError(
            f"A batch of {config.training.batch} mixtures cannot be shared by {team.count} workers.",
            hint="Change training.batch.",
        )
    mixer = Mixer(data.sources, config.mixing, seconds=config.training.seconds, seed=config.seed)
    folder = _Folder(out, {"config": config.fingerprint, "data": mixer.fingerprint})
    progress = _chief_first(team, lambda: folder.open(config, resume or not team.chief))
    if progress.finished:
        return Trained(out, True, progress.step, tuple(progress.epochs))
    if config.start is not None and start is None and not progress.step:
        raise SlimseError(f"{config.name} starts from {config.start.config}.", hint="Give that one's model.")
    run = _Run(config, mixer, data, folder, watch, team)
    run.prepare(start)
    watch.begin(config.name, run.progress.step, config.training.steps)
    try:
        with _stop_signals(run):
            run.until_done()
    finally:
        watch.end()
    return Trained(out, run.progress.finished, run.progress.step, tuple(run.progress.epochs))


@dataclass(slots=True)
class _Progress:
    """How far a training is: what a checkpoint carries besides the variables.

    Attributes:
        step: Steps done.
        epochs: A record for each.
        best: Best value of what early stopping monitors.
        waited: Epochs since then.
        seconds: Time spent in steps and validation.
        start: Where the weights came from.
        finished: Whether training ended.
    """

    step: int = 0
    epochs: list[dict[str, float]] = field(default_factory=list)
    best: float = math.nan
    waited: int = 0
    seconds: float = 0.0
    start: str | None = None
    finished: bool = False

    def to_json(self) -> dict[str, Any]:
        """All fields; NaN as None."""
        values = {name: getattr(self, name) for name in _Progress.__slots__}
        return values | {"best": None if math.isnan(self.best) else self.best, "seconds": round(self.seconds, 1)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> _Progress:
        """The inverse."""
        known = {name: values[name] for name in _Progress.__slots__}
        return cls(**known | {"best": math.nan if values["best"] is None else float(values["best"])})


class _Folder:
    """The folder that a training writes into, and which training that is."""

    def __init__(self, path: Path, identity: Mapping[str, str]) -> None:
        self.path = path
        self.identity = dict(identity)
        self.checkpoints = Checkpoints(path / CHECKPOINTS)
        self.best = path / CHECKPOINTS / "best.npz"

    def open(self, config: Config, resume: bool) -> _Progress:
        """Begin, or find out how far the training in here is.

        Raises:
            SlimseError: There is one already, or another one.
        """
        history = _read_history(self.path)
        if history is None:
            self.path.mkdir(parents=True, exist_ok=True)
            progress = _Progress()
            _write(self.path / CONFIG, f"# What {config.name} was trained with, defaults included.\n{config.to_toml()}")
            self.write(progress)
            return progress
        if not resume:
            raise SlimseError(
                f"{self.path} holds a training already.", hint="Go on with it by --resume, or choose another folder."
            )
        if history["identity"] != self.identity:
            raise SlimseError(
                f"{self.path} holds another training: {_difference(self.path, config)}.",
                hint="Choose another folder.",
            )
        return _Progress.from_json(history)

    def write(self, progress: _Progress) -> None:
        """Write the history."""
        _write(self.path / HISTORY, json.dumps({"identity": self.identity, **progress.to_json()}, indent=1) + "\n")


def is_trained(folder: Path, config: Config, data: Data) -> bool:
    """Whether a folder holds a finished training of this config on these data."""
    mixer = Mixer(data.sources, config.mixing, seconds=config.training.seconds, seed=config.seed)
    history = _read_history(folder)
    identity = {"config": config.fingerprint, "data": mixer.fingerprint}
    return bool(history and history["finished"] and history["identity"] == identity and (folder / MODEL).is_file())


def _read_history(folder: Path) -> dict[str, Any] | None:
    """What :meth:`_Folder.write` wrote, or None where there is no training."""
    path = folder / HISTORY
    if not path.exists():
        if (folder / MODEL).exists():
            raise SlimseError(f"{folder} holds a model, but no {HISTORY}.", hint="Choose another folder.")
        return None
    try:
        history: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _Progress.from_json(history)
        if not isinstance(history["identity"], dict):
            raise TypeError("identity")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SlimseError(f"{path} is no history of a training.", hint="Choose another folder.") from error
    return history


def _difference(folder: Path, config: Config) -> str:
    """In which value a folder's training differs from a config."""
    try:
        old = parse_config(tomllib.loads((folder / CONFIG).read_text(encoding="utf-8")), CONFIG).values
    except (OSError, ValueError, SlimseError):
        return f"its {CONFIG} cannot be read"
    flat_old, flat_new = dict(_flat(old)), dict(_flat(config.values))
    for key in sorted(flat_old.keys() | flat_new.keys()):
        if flat_old.get(key) != flat_new.get(key):
            return f"{key} is {flat_old.get(key)!r} there and {flat_new.get(key)!r} here"
    return "it was on other data"


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", one) for inner, one in value.items())
        else:
            yield key, value


class _Run:
    """A training under way."""

    def __init__(self, config: Config, mixer: Mixer, data: Data, folder: _Folder, watch: Watch, team: Workers) -> None:
        self.config = config
        self.mixer = mixer
        self.data = data
        self.folder = folder
        self.watch = watch
        self.team = team
        self.progress = _Progress()
        self.stopping = False
        self.stopped = False
        self.ovrl: NDArray[np.float32] | None = None

    def prepare(self, start: Path | None) -> None:
        """Build everything, and put it into the state of the last checkpoint if there is one."""
        config, settings = self.config, self.config.training
        family = architecture(config.architecture)
        self.model = family.build(config.network, seed=config.seed, name=config.name.replace("-", "_"))
        weighs = config.guidance is not None and config.guidance.weigh == "macs"
        self.weights = gate_weights(self.model) if weighs else None
        latest = self.folder.checkpoints.latest()
        if start is not None and latest is None:
            take_over(self.model, start)
            self.progress.start = hashlib.sha256(start.read_bytes()).hexdigest()
        warmup = min(settings.warmup_steps, settings.steps // 10)
        schedule = WarmupCosine(settings.learning_rate, settings.steps, warmup)
        may_compile = family.jit and settings.jit and self.team.compiles if _on_tensorflow() else "auto"
        jit = False if settings.eager else may_compile
        with self.team.scope():
            self.switch = Switch() if config.quantization_aware else None
            rounding = Rounding(self.model, self.switch) if self.switch is not None else None
            self.network = self.team.twin(self.model, rounding)
            self.task = self.team.task(self.network, config.guidance, self.weights, config.loss)
            optimizer = self.team.optimizer(
                learning_rate=schedule, weight_decay=settings.weight_decay, global_clipnorm=settings.clip_norm
            )
            self.task.compile(optimizer=optimizer, jit_compile=jit, run_eagerly=settings.eager)
            optimizer.build(self.task.trainable_variables)
        self.validation = draw_validation(
            self.data.valid, config.mixing, config.validation.clips, config.validation.seconds
        )
        self.enhance = _enhancer(
            self.network if self.team.count == 1 else self.model, self.weights, eager=settings.eager
        )
        self.learning_rate = schedule
        self.restored: list[Any] = []
        if config.metric == "ovrl":
            self.ovrl = _chief_first(
                self.team,
                lambda: ovrl_of_inputs(
                    self.mixer,
                    settings.pool,
                    self.folder.path.parent / OPINIONS,
                    advance=lambda done, count: self.watch.stage("DNS-MOS of the mixtures", done, count),
                ),
            )
        if latest is None:
            return
        self.progress = _Progress.from_json(read_arrays(latest, variables(self.task)))
        if self.progress.step % settings.steps_per_epoch:
            self.restored = snapshot(self.task.metrics_variables)

    def until_done(self) -> None:
        """Train epoch by epoch to the end, or until somebody stops it."""
        with closing(Log(self.folder.path / LOG if self.team.chief else None)) as self.log:
            while not self.progress.finished and not self.stopped:
                self._epoch()
        if self.progress.finished and self.team.chief:
            self._finish()
            self.folder.write(self.progress)
        self.team.any(False)  # nobody leaves before all is written

    def _epoch(self) -> None:
        """Train what is left of an epoch, validate, save."""
        settings = self.config.training
        began = time.monotonic()
        first = self.progress.step
        last = min((first // settings.steps_per_epoch + 1) * settings.steps_per_epoch, settings.steps)
        logs = self._fit(first, last)
        if self.progress.step == last:
            self._end_epoch(logs)
        self.progress.seconds += time.monotonic() - began
        arrays = snapshot(variables(self.task))
        if self.team.chief:
            self.folder.checkpoints.save(arrays, self.progress.step, self.progress.to_json())
            if not self.progress.finished:
                self.folder.write(self.progress)

    def _fit(self, first: int, last: int) -> dict[str, float]:
        """Train steps; return the means over the epoch."""
        settings = self.config.training
        batches = Batches(
            self.mixer,
            batch=settings.batch,
            first=first,
            last=last,
            seed=self.config.seed,
            pool=settings.pool,
            ovrl=self.ovrl,
        )
        aware = self.config.quantization_aware
        if aware is not None and self.switch is not None:
            self.switch.on.assign(float(first >= aware.from_step))
        steps = _Steps(self)
        self.team.fit(self.task, batches, steps)
        return steps.logs

    def _end_epoch(self, logs: Mapping[str, float]) -> None:
        """Validate, and decide whether to go on."""
        copy_weights(self.network, self.model)
        record = {"step": float(self.progress.step), **logs, **self.validation.scores(self.enhance)}
        record = {key: round(value, 6) for key, value in record.items()}
        record["step"] = self.progress.step
        self.progress.epochs.append(record)
        self.watch.epoch(record)
        self.log.epoch(record)
        self.progress.finished = self.progress.step >= self.config.training.steps or self._no_longer_better(record)

    def _no_longer_better(self, record: Mapping[str, float]) -> bool:
        """Keep the best weights, and say whether patience has run out."""
        stopping = self.config.early_stopping
        if stopping is None:
            return False
        value = record.get("pesq", math.nan) if stopping.monitor == "pesq" else -record["val_spectral"]
        if math.isnan(value):
            raise SlimseError("Early stopping monitors PESQ, which cannot be computed.", hint="Install pesq.")
        if math.isnan(self.progress.best) or value > self.progress.best + stopping.least:
            self.progress.best, self.progress.waited = value, 0
            if self.team.chief:
                self.folder.best.parent.mkdir(parents=True, exist_ok=True)
                write_arrays(self.folder.best, snapshot(self.model.weights), {})
            return False
        self.progress.waited += 1
        return self.progress.waited >= stopping.patience

    def _finish(self) -> None:
        """Save the trained model and see that it compiles."""
        if self.config.early_stopping is not None and self.folder.best.exists():
            read_arrays(self.folder.best, self.model.weights)
        else:
            copy_weights(self.network, self.model)
        self.model.set_weights([rounded(weight) for weight in self.model.get_weights()])
        path = self.folder.path / MODEL
        save_compact(self.model, path)
        load(path)


class _Steps(keras.callbacks.Callback):
    """Counts steps, keeps the running means, and ends an epoch early when a training is to stop."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self._of = run
        self.logs: dict[str, float] = {}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Put the means of an epoch's first part back, which ``fit`` has just cleared."""
        for variable, value in zip(self._of.task.metrics_variables, self._of.restored, strict=False):
            variable.assign(value)
        self._of.restored = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count."""
        run = self._of
        run.progress.step += 1
        self.logs = {key: float(value) for key, value in (logs or {}).items()}
        run.watch.step(run.progress.step, self.logs)
        run.log.step(run.progress.step, self.logs, float(run.learning_rate(run.progress.step)))
        step = run.progress.step
        if run.team.count == 1 or step % _ASK_EVERY == 0 or step % run.config.training.steps_per_epoch == 0:
            run.stopped = run.team.any(run.stopping)
            self.model.stop_training = run.stopped


@contextmanager
def _stop_signals(run: _Run) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP end a training after its present step, and at once the second time."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        if run.stopping:
            raise KeyboardInterrupt
        run.stopping = True

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # What is ignored (as by nohup) stays ignored.
    before = {one: signal.getsignal(one) for one in numbers if signal.getsignal(one) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


T = TypeVar("T")


def _chief_first(team: Workers, act: Callable[[], T]) -> T:
    """Do something in the first process, and then in the others, which find it done; if one fails, all fail."""
    result: list[T] = []
    error: SlimseError | None = None
    for turn in (True, False):
        if team.chief == turn:
            try:
                result.append(act())
            except SlimseError as failure:
                error = failure
        if team.any(error is not None):
            raise error or SlimseError("Another worker cannot go on.", hint="See what it says.")
        if team.count == 1:
            break
    return result[0]


def _enhancer(network: keras.Model, weights: Weights | None, *, eager: bool) -> Any:
    """A function from noisy spectra to mask and the share that is open, see :class:`Validation`."""
    gates = [layer.output for layer in gate_layers(network)]
    observed = keras.Model(network.input, [network.output, *gates])
    observed.run_eagerly = eager
    if _on_tensorflow():
        observed.jit_compile = False
    is_complex = len(network.input.shape) == 4

    def enhance(noisy: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        seen = noisy if is_complex else np.sqrt(np.square(noisy).sum(axis=-1) + np.float32(1e-12))
        outputs = observed.predict(seen, batch_size=4, verbose=0)
        mask, *opened = outputs if isinstance(outputs, list) else [outputs]
        if not opened:
            return mask, np.ones(mask.shape[:2], np.float32)
        return mask, keras.ops.convert_to_numpy(open_share(opened, in_order(network, weights)))

    return enhance


def _on_tensorflow() -> bool:
    return str(keras.backend.backend()) == "tensorflow"


def _write(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.partial")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
