"""A whole training from a command line: config, data, the starting points first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from slimse_mcu.errors import SlimseError
from slimse_mcu.training.config import Config, read_config
from slimse_mcu.training.progress import Screen
from slimse_mcu.training.train import MODEL, Data, Trained, is_trained, open_data, train

#: What makes a training of any config a matter of seconds; the networks keep their sizes.
SMOKE = (
    "training.steps=2",
    "training.steps_per_epoch=1",
    "training.batch=2",
    "training.seconds=0.1",
    "training.warmup_steps=0",
    "training.eager=true",
    "training.pool=8",
    "validation.clips=1",
    "validation.seconds=0.6",
)


def train_with_start(
    config: str,
    *,
    architecture_name: str,
    data: Path | None,
    kind: str | None,
    out: Path | None,
    start: Path | None,
    resume: bool,
    smoke: bool,
    overrides: Sequence[str],
    screen: Screen,
) -> Trained:
    """Train a config, and its starting point first, and that one's, where they have not been trained.

    Args:
        config: Name of a bundled config, or a file.
        architecture_name: What the config has to be of.
        data: A data set; None with ``smoke`` makes a small corpus beside ``out``.
        kind: Of the data set; None recognises it.
        out: Folder of the result; None is ``build/NAME``.
        start: Take over these weights instead.
        resume: Go on with what was stopped.
        smoke: Take a few steps only.
        overrides: See :func:`read_config`.
        screen: Shows the progress.

    Raises:
        SlimseError: Something about config, data or folder is wrong; names it.
    """
    changes = [*overrides, *(SMOKE if smoke else ())]
    wanted = read_config(config, overrides=changes)
    if wanted.architecture != architecture_name:
        raise SlimseError(
            f"{config} is a config of {wanted.architecture}, not of {architecture_name}.",
            hint=f"`slimse train {wanted.architecture} --config {config}`.",
        )
    folder = out or Path("build") / wanted.name
    if data is None and not smoke:
        raise SlimseError("There is nothing to train on.", hint="Give --data; `slimse data synth corpus` makes one.")
    opened = open_data(data if data is not None else _smoke_corpus(folder.parent, screen), kind)
    screen.say(opened.sources.describe())
    if start is None and wanted.start is not None:
        start = _started(wanted, Path(config).parent, changes, opened, folder, screen)
        if start is None:
            return Trained(folder, False, 0, ())
    return train(wanted, opened, folder, start=start, resume=resume, watch=screen)


def _started(
    config: Config,
    beside: Path,
    changes: Sequence[str],
    data: Data,
    folder: Path,
    screen: Screen,
    later: tuple[str, ...] = (),
) -> Path | None:
    """The starting point's model, trained now, after its own, if it has not been; None if that was stopped.

    Args:
        config: Names the starting point.
        beside: Where the config lies, for one that is a file beside it.
        changes: Overrides; those of the network and of what is asked of the gates are the config's alone.
        data: What is trained on.
        folder: The training's folder; the starting point's is beside it.
        screen: Shows the progress.
        later: Names of the configs that start from this one.
    """
    assert config.start is not None
    kept = [
        one for one in changes if one.partition("=")[0].split(".")[0] in ("training", "mixing", "validation", "seed")
    ]
    first = read_config(config.start.config, beside=beside, overrides=kept)
    later = (*later, config.name)
    if first.name in later:
        chain = " starts from ".join([*later[later.index(first.name) :], first.name])
        raise SlimseError(f"No config can be the first: {chain}.", hint="Let one of them name no starting point.")
    place = folder.parent / first.name
    if is_trained(place, first, data):
        screen.say(f"{first.name}: taken from {place}")
        return place / MODEL
    start = None
    if first.start is not None:
        start = _started(first, (beside / config.start.config).parent, changes, data, folder, screen, later)
        if start is None:
            return None
    return place / MODEL if train(first, data, place, start=start, resume=True, watch=screen).finished else None


def _smoke_corpus(folder: Path, screen: Screen) -> Path:
    """A tiny corpus in a folder, spoken by the engines that are there; made if it is not there."""
    from slimse_mcu.data.engines import engines
    from slimse_mcu.data.synthesis import synthesize

    path = folder / "smoke-corpus"
    if not path.exists():
        screen.say(f"smoke-corpus: synthesising {path}")
    present = [name for name, engine in engines().items() if not engine.lacks()]
    synthesize(path, preset="smoke", engine_names=present or None, advance=screen.stage)
    return path
