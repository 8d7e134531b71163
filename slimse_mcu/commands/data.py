"""``slimse data``."""

from __future__ import annotations

from pathlib import Path

import click

from slimse_mcu.commands.options import FILE, json_option, print_json


@click.group("data")
def command() -> None:
    """Make a synthetic corpus, or check a data set."""


@command.command("synth")
@click.argument("out", type=FILE)
@click.option(
    "--preset",
    type=click.Choice(["full", "small", "smoke"]),
    default="full",
    show_default=True,
    help="full: 8 h of speech, 2 h of noise, 260 test files; small: an eighth of it; smoke: a minute.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same bytes.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@click.option(
    "--engines", metavar="NAME[,NAME...]", help="Speech engines to use. [default: all; one that is missing is an error]"
)
@click.option("--quiet", is_flag=True, help="No progress.")
@json_option
def synth(out: Path, preset: str, seed: int, jobs: int, engines: str | None, quiet: bool, as_json: bool) -> None:
    """Make a corpus of synthetic speech and noise in the folder OUT.

    Speech comes from espeak-ng, flite and festival, rooms are simulated. An interrupted run goes on where it stopped
    when it is started again with the same options.
    """
    from slimse_mcu.data.progress import Counting
    from slimse_mcu.data.synthesis import synthesize

    names = [name.strip() for name in engines.split(",") if name.strip()] if engines is not None else None
    with Counting(quiet=quiet) as advance:
        corpus = synthesize(out, preset=preset, seed=seed, jobs=jobs, engine_names=names, advance=advance)
    if as_json:
        print_json({"path": str(out), "made": corpus.fresh, **corpus.facts})
        return
    counts = ", ".join(f"{count} {name}" for name, count in corpus.facts["counts"].items())
    click.echo(f"{out}: {'made' if corpus.fresh else 'is complete already'}: {counts}")
    click.echo(f"sha256 {corpus.facts['sha256']}")
