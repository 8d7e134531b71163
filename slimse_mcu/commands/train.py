"""``slimse train``."""

from __future__ import annotations

import os
import pkgutil
from pathlib import Path

import click

from slimse_mcu.commands.options import FILE


class _Architectures(click.ParamType[str]):
    """A module of the folder of architectures; looked up without importing any."""

    name = "architecture"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "{" + ",".join(self._names()) + "}"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self._names():
            self.fail(f"{value!r} is none of {', '.join(self._names())}", param, ctx)
        return str(value)

    def _names(self) -> tuple[str, ...]:
        folder = Path(__file__).parent.parent / "training" / "architectures"
        return tuple(sorted(one.name for one in pkgutil.iter_modules([str(folder)]) if one.name != "architecture"))


@click.command("train")
@click.argument("architecture", type=_Architectures())
@click.option(
    "--config",
    required=True,
    metavar="FILE|NAME",
    help="A config file, or a bundled config such as convfsenet-dyncp25.",
)
@click.option("--data", type=FILE, metavar="PATH", help="A data set, such as `slimse data synth` makes.")
@click.option("--kind", help="Kind of the data set, where it is not recognised; see `slimse data check`.")
@click.option("--out", type=FILE, metavar="FOLDER", help="Where the model and all else goes. [default: build/NAME]")
@click.option(
    "--start",
    type=FILE,
    metavar="KERAS",
    help="Take over the weights of this model instead of training the config's starting point first.",
)
@click.option("--resume", is_flag=True, help="Go on where a training in FOLDER stopped.")
@click.option("--smoke", is_flag=True, help="A few steps only; without --data on a corpus made on the fly.")
@click.option(
    "--set", "overrides", multiple=True, metavar="TABLE.KEY=VALUE", help="Replace a value of the config; repeatable."
)
def command(
    architecture: str,
    config: str,
    data: Path | None,
    kind: str | None,
    out: Path | None,
    start: Path | None,
    resume: bool,
    smoke: bool,
    overrides: tuple[str, ...],
) -> None:
    """Train a network.

    FOLDER then holds model.keras, ready for `slimse compile`; history.json; config.toml with all values; log, for
    TensorBoard; checkpoint. A config that names a starting point has that trained first, into a folder of its name
    beside FOLDER, or takes it from there.

    Ctrl-C or SIGTERM saves the present step; the same command with --resume then goes on, to the same result to the
    bit as without the stop.

    \b
    Examples:
      slimse data synth corpus
      slimse train convfsenet --config convfsenet-dyncp25 --data corpus --out build/zoo/convfsenet-dyncp25
      slimse train dsn_ftf --config dsn-mgt --smoke
      slimse train convfsenet --config mine.toml --data VoiceBank/ --set training.steps=20000
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported
    from slimse_mcu.training.progress import Screen
    from slimse_mcu.training.session import train_with_start

    with Screen() as screen:
        done = train_with_start(
            config,
            architecture_name=architecture,
            data=data,
            kind=kind,
            out=out,
            start=start,
            resume=resume,
            smoke=smoke,
            overrides=overrides,
            screen=screen,
        )
    if not done.finished:
        click.echo(f"Stopped after step {done.step}, which is saved. The same command with --resume goes on.", err=True)
        raise KeyboardInterrupt
    last = done.history[-1] if done.history else {}
    pesq = f", validation PESQ {last['pesq']:.3f}" if "pesq" in last else ""
    click.echo(f"{done.folder / 'model.keras'}: {done.step} steps{pesq}")
