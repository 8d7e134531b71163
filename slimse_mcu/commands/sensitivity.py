"""``slimse sensitivity``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slimse_mcu.commands.options import FILE, calibration_options, front_end, json_option, print_json

if TYPE_CHECKING:
    from slimse_mcu.sensitivity.results import Budget


@click.command("sensitivity")
@click.argument("model")
@click.option(
    "--data",
    type=FILE,
    required=True,
    metavar="PATH",
    help="Recordings to measure with, not the calibration's: a data set (see `slimse data check`), a file or folder of "
    "noisy recordings, or .npy features for a model without front end.",
)
@click.option("--kind", metavar="KIND", help="Layout of the set, where it is not recognised.")
@click.option(
    "--split",
    type=click.Choice(["valid", "test"]),
    default="valid",
    show_default=True,
    help="Which part of the set.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=12,
    show_default=True,
    metavar="N",
    help="At most so many recordings, evenly spread.",
)
@click.option(
    "--budget-pesq",
    type=click.FloatRange(min=0.0),
    metavar="LOSS",
    help="Most PESQ that may be lost against the float model, in the mean. [default: 0.01]",
)
@click.option("--budget-sqnr", type=float, metavar="DB", help="In its place: least SQNR of the output.")
@click.option(
    "--metric",
    type=click.Choice(["sqnr", "pesq"]),
    default="sqnr",
    show_default=True,
    help="What the tensors are ranked by; pesq takes longer.",
)
@click.option("--max-tensors", type=click.IntRange(min=0), metavar="N", help="Most tensors to hold in 16 bits.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Processes at once. [default: one per processor]")
@click.option(
    "--out",
    type=FILE,
    metavar="FILE.json",
    default=Path("build/sensitivity.json"),
    show_default=True,
    help="Where the result goes, and beside it a picture, FILE.png.",
)
@calibration_options
@json_option
def command(
    model: str,
    data: Path,
    kind: str | None,
    split: str,
    limit: int,
    budget_pesq: float | None,
    budget_sqnr: float | None,
    metric: Any,
    max_tensors: int | None,
    jobs: int | None,
    out: Path,
    as_json: bool,
    **options: Any,
) -> int:
    """Find the fewest tensors that need 16 bits for a budget of quality loss.

    Ranks the tensors of MODEL, a .keras file or zoo:NAME, by what 8 bits of each cost, takes them in that order until
    the budget is met, and leaves out again what it can miss. Every choice is measured with the arithmetic of the
    device. The result can be given to `slimse compile --wide-from FILE`.

    The exit code is 1 if 16-bit tensors cannot meet the budget.

    \b
    Examples:
      slimse sensitivity zoo:dsn-mgt --data corpus --out dsn.json
      slimse sensitivity mine.keras --data VoiceBank --budget-sqnr 30 --max-tensors 4
    """
    import os

    from slimse_mcu import screen
    from slimse_mcu.calibration import read_calibration
    from slimse_mcu.compile import find_model
    from slimse_mcu.load import load
    from slimse_mcu.sensitivity.file import check_out, to_json, write_result, write_whole
    from slimse_mcu.sensitivity.find import find_wide
    from slimse_mcu.sensitivity.picture import tradeoff
    from slimse_mcu.sensitivity.samples import read_samples
    from slimse_mcu.sensitivity.terminal import print_result

    budget = _budget(budget_pesq, budget_sqnr)
    check_out(out)
    stages = screen.Stages(quiet=as_json)
    graph = load(find_model(model), front_end=front_end(options["frontend"]))
    stages("load", f"{graph.provenance.model_name}: {len(graph.tensors)} tensors")
    chosen = {"method": options["method"], "percentile": options["percentile"]}
    calibration = read_calibration(graph, options["calibration"], **chosen)
    stages("calibrate", calibration.source)
    samples = read_samples(graph, data, kind=kind, split=split, limit=limit)
    frames = sum(len(one.features) for one in samples)
    stages("read", f"{screen.counted(frames, 'frame')} of {screen.counted(len(samples), 'recording')}")
    with screen.Bars(quiet=as_json) as bars:
        result = find_wide(
            graph,
            calibration.features,
            samples,
            budget,
            metric=metric,
            max_tensors=max_tensors,
            calibration_hash=calibration.digest,
            jobs=jobs or os.cpu_count() or 1,
            progress=bars,
            **chosen,
        )
    stages("search", f"{screen.counted(len(result.points), 'choice')} measured")
    write_result(result, out)
    picture = out.with_suffix(".png")
    write_whole(picture, tradeoff(result))
    stages("write", f"{out}, {picture.name}")
    if as_json:
        print_json(to_json(result))
    else:
        print_result(result)
    return 0 if result.is_met else 1


def _budget(pesq: float | None, sqnr: float | None) -> Budget:
    from slimse_mcu.sensitivity.results import Budget

    if pesq is not None and sqnr is not None:
        raise click.UsageError("Give either --budget-pesq or --budget-sqnr", click.get_current_context())
    return Budget("pesq", 0.01 if pesq is None else pesq) if sqnr is None else Budget("sqnr", sqnr)
