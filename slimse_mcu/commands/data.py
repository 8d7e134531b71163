"""``slimse data``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slimse_mcu.commands.options import FILE, json_option, print_json

if TYPE_CHECKING:
    from slimse_mcu.data.check import Findings

_MOST_LISTED = 100


@click.group("data")
def command() -> None:
    """Make a synthetic corpus, check a data set, write mixtures to evaluate on."""


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


@command.command("check")
@click.argument("path", type=FILE)
@click.option("--kind", metavar="KIND", help="Layout of the set, where it is not recognised. See docs/data.md.")
@click.option("--quiet", is_flag=True, help="No progress.")
@json_option
def check(path: Path, kind: str | None, quiet: bool, as_json: bool) -> None:
    """List what the data set PATH holds, and which files are left out and why.

    Every file is read to its end.
    """
    from slimse_mcu.data.check import check as read_all
    from slimse_mcu.data.progress import Counting

    with Counting(quiet=quiet) as advance:
        findings = read_all(path, kind, advance)
    if as_json:
        print_json(_facts(findings))
    else:
        _print_findings(findings)


@command.command("mix")
@click.argument("path", type=FILE)
@click.argument("out", type=FILE)
@click.option("--kind", metavar="KIND", help="Layout of the set, where it is not recognised. See docs/data.md.")
@click.option("--split", type=click.Choice(["train", "valid"]), default="valid", show_default=True)
@click.option("--count", type=click.IntRange(1), default=200, show_default=True, help="Mixtures to write.")
@click.option("--seconds", type=click.FloatRange(0.5, 600), default=5.0, show_default=True, help="Length of each.")
@click.option("--snr", "snr_db", type=(float, float), default=(-5.0, 20.0), show_default=True, help="Ratios in dB.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Same seed, same mixtures.")
@click.option("--quiet", is_flag=True, help="No progress.")
def mix(
    path: Path,
    out: Path,
    kind: str | None,
    split: str,
    count: int,
    seconds: float,
    snr_db: tuple[float, float],
    seed: int,
    quiet: bool,
) -> None:
    """Write mixtures of the speech and noise of PATH as pairs of noisy and clean recordings in the folder OUT.

    Training mixes on the fly; evaluation needs recordings.
    """
    from slimse_mcu.data import Mixer, Mixing, open_sources
    from slimse_mcu.data.mixed_set import describe, write_mixtures
    from slimse_mcu.data.progress import Counting

    mixing = Mixing(snr_db=snr_db, clean=0.0, speechless=0.0, silent=0.0, tilt_db=0.0, remix_pairs=True)
    mixer = Mixer(open_sources(path, kind, split), mixing, seconds=seconds, seed=seed)
    with Counting(quiet=quiet) as advance:
        write_mixtures(mixer, count, out, advance)
    click.echo(f"{out}: {describe(mixer, count)}")


def _facts(findings: Findings) -> dict[str, Any]:
    """Findings as JSON has them."""
    return {
        "path": str(findings.path),
        "kind": findings.kind,
        "splits": {
            split.name: {
                "parts": {role: asdict(part) for role, part in split.parts.items()},
                "rejected": [{"path": str(one.path), "reason": one.reason} for one in split.rejected],
            }
            for split in findings.splits
        },
        "damage": [{"path": str(one.path), "reason": one.reason} for one in findings.damage],
    }


def _print_findings(findings: Findings) -> None:
    """Findings as tables."""
    from slimse_mcu import screen

    console = screen.console()
    table = screen.table(["split", "role", "files", "hours", "rate, Hz", "mixed down"], right=(2, 3, 5))
    for split in findings.splits:
        for role, part in split.parts.items():
            rates = ", ".join(f"{rate} ({files})" for rate, files in part.rates_hz.items())
            hours = f"{part.seconds / 3600:.2f}"
            table.add_row(split.name, role, str(part.files), hours, rates, str(part.mixed_down))
    click.echo(f"{findings.path}: {findings.title} ({findings.kind})")
    console.print(table)
    left_out = {(one.path, one.reason): None for split in findings.splits for one in split.rejected}
    left_out |= {(one.path, one.reason): None for one in findings.damage}
    if not left_out:
        click.echo("Nothing is left out.")
        return
    click.echo(f"{screen.counted(len(left_out), 'file')} left out:")
    for one, reason in list(left_out)[:_MOST_LISTED]:
        click.echo(f"  {one}: {reason}")
    if len(left_out) > _MOST_LISTED:
        click.echo(f"  and {len(left_out) - _MOST_LISTED} more; --json lists all")
