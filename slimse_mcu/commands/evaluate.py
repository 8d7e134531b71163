"""``slimse evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from slimse_mcu.commands.options import (
    FILE,
    baud_option,
    compile_with,
    find_board,
    json_option,
    model_options,
    port_option,
)


@click.command("evaluate")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option(
    "--data", type=FILE, required=True, metavar="SET", help="Folder of the test set; see `slimse data check`."
)
@click.option("--kind", metavar="KIND", help="Layout of the set, where it is not recognised.")
@click.option(
    "--split", type=click.Choice(["test", "valid"]), default="test", show_default=True, help="Which part of the set."
)
@click.option(
    "--board",
    "board_name",
    metavar="NAME",
    default="none",
    show_default=True,
    help="Judge this board's audio too; see `slimse boards`. The int8 model is judged in any case.",
)
@port_option
@baud_option
@click.option(
    "--farm",
    metavar="COORDINATOR[/PLACES]",
    help="Use all free boards of a labgrid coordinator (HOST[:PORT]) whose places match, such as lab:20408/m4-*.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="Recordings at once. [default: one per processor]"
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many recordings, evenly spread.")
@click.option("--baseline", metavar="MODEL", help="Compare the models with this one, recording by recording.")
@click.option("--flips", is_flag=True, help="Judge the float model with int8's gates too: what gate flips cost alone.")
@click.option("--dnsmos/--no-dnsmos", "opinion", default=True, help="DNSMOS too, where it is installed; it is slow.")
@click.option(
    "--silence",
    "silence_dbfs",
    type=click.FloatRange(-110.0, -20.0),
    default=-60.0,
    show_default=True,
    metavar="DBFS",
    help="Level of the noisy input below which a frame is silence.",
)
@click.option(
    "--out",
    type=FILE,
    metavar="FOLDER",
    default=Path("build/evaluate"),
    show_default=True,
    help="Where results.json, results.csv, results.md and pictures go.",
)
@click.option("--cache", type=FILE, metavar="FOLDER", help="Where what was done is kept. [default: OUT/cache]")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print all tables as Markdown, for a model card.")
@json_option
@model_options
def command(
    models: tuple[str, ...],
    data: Path,
    kind: str | None,
    split: str,
    board_name: str,
    baud: int | None,
    port: str | None,
    farm: str | None,
    jobs: int | None,
    limit: int | None,
    baseline: str | None,
    flips: bool,
    opinion: bool,
    silence_dbfs: float,
    out: Path,
    cache: Path | None,
    as_markdown: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Evaluate models on a test set: quality, and the work that it took.

    Each MODEL is a .keras file or zoo:NAME, or LABEL=MODEL to name it in the tables. Every recording goes through the
    float model, the int8 model (as C on this computer) and, with --board, through a board; PESQ, STOI, SI-SDR and
    DNSMOS of each, MACs and open gates are written per recording, and as means with confidence intervals: over all, by
    signal-to-noise ratio, by noise, by what else the set tells of its recordings, and by what is in the frame.

    With --farm, each board of the farm takes one recording after the other; the results are those of one board. A board
    that fails leaves its recording to the others.

    What is done is kept in --cache, so that an evaluation that was stopped goes on when it is started again.
    The exit code is 1 if the board differs from the int8 model.

    \b
    Examples:
      slimse evaluate zoo:convfsenet-dyncp25 --data corpus
      slimse evaluate zoo:dsn-mgt --baseline zoo:dsn-static --data VoiceBank --board virtual-m4 --out result
      slimse evaluate mine.keras --data VoiceBank --board nucleo-f446re --farm lab:20408/f446-*
    """
    import os
    from contextlib import ExitStack
    from dataclasses import replace

    from slimse_mcu import screen
    from slimse_mcu.commands.options import print_json
    from slimse_mcu.data.sets import open_test_set
    from slimse_mcu.evaluation import outputs, tables
    from slimse_mcu.evaluation.evaluate import Settings, Subject, evaluate
    from slimse_mcu.evaluation.labels import labelled
    from slimse_mcu.evaluation.markdown import markdown
    from slimse_mcu.evaluation.terminal import Bars, print_tables
    from slimse_mcu.farm import Farm

    if as_json and as_markdown:
        raise click.UsageError("Give either --json or --markdown", click.get_current_context())
    if (port is not None or farm is not None) and board_name == "none":
        raise click.UsageError("--port and --farm belong to --board", click.get_current_context())
    if port is not None and farm is not None:
        raise click.UsageError("Give either --port or --farm", click.get_current_context())
    outputs.check_out(out)
    target = None if board_name == "none" else find_board(board_name, baud)
    given = list(models) + ([] if baseline is None or baseline in models else [baseline])
    labels = labelled(given)
    stages = screen.Stages(quiet=as_json)
    found = open_test_set(data, kind, split)
    left_out = f", {screen.counted(len(found.rejected), 'file')} left out" if found.rejected else ""
    stages("read", f"{screen.counted(len(found.items), 'recording')} of a {found.kind} set{left_out}")
    subjects = []
    for label, model in labels:
        subjects.append(Subject(label, compile_with(model, target, lambda stage, text: None, options)))
        stages("compile", label)
    settings = Settings(
        jobs=jobs or os.cpu_count() or 1,
        target=target,
        ports=() if port is None else (port,),
        opinion=opinion,
        silence_dbfs=silence_dbfs,
        flips=flips,
        limit=limit,
        baseline=None if baseline is None else labels[given.index(baseline)][0],
    )
    with ExitStack() as stack:
        if farm is not None and target is not None:
            boards = stack.enter_context(Farm(farm, target.name))
            settings = replace(settings, ports=tuple(one.port for one in boards.seats))
            stages("farm", ", ".join(one.place for one in boards.seats))
        bars = stack.enter_context(Bars(quiet=as_json))
        result = evaluate(subjects, found, settings, cache=cache or out / "cache", progress=bars)
    stages(
        "evaluate", f"{screen.counted(len(subjects), 'model')}, {screen.counted(len(result.recordings), 'recording')}"
    )
    written = outputs.write(result, out)
    stages("write", ", ".join(one.name for one in written))
    if as_json:
        print_json(outputs.to_json(result))
    elif as_markdown:
        click.echo(markdown(result), nl=False)
    else:
        print_tables(tables.main_tables(result))
        for left in result.left_out:
            click.echo(f"left out: {left.name}{f' with {left.model}' if left.model else ''}: {left.reason}", err=True)
        for lost in result.lost_boards:
            click.echo(f"lost board {lost}", err=True)
        click.echo(out / "results.md")
    if result.differing_frames:
        click.echo(f"The board differs from the int8 model in {result.differing_frames} frames.", err=True)
        return 1
    return 0
