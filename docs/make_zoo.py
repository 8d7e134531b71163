"""Puts trained models into the zoo, each with its card: ``python docs/make_zoo.py TRAININGS EVALUATIONS [NAME ...]``.

``TRAININGS/NAME`` is what ``slimse train --config NAME --data CORPUS`` wrote, ``EVALUATIONS/NAME`` what
``slimse evaluate --flips --out`` wrote.  All numbers of a card come from there and from the model itself.  Models that
are not named stay as they are, with their rows of the page.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from slimse_mcu import zoo
from slimse_mcu.compile import Compiled, compile_model
from slimse_mcu.evaluation.pictures import INK, MUTED

DOCS = Path(__file__).resolve().parent
CONFIGS = DOCS.parent / "slimse_mcu" / "training" / "configs"
ZOO = DOCS.parent / "slimse_mcu" / "zoo"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trainings", type=Path, help="holds a folder for each training")
    parser.add_argument("evaluations", type=Path, help="holds a folder for each evaluation")
    parser.add_argument("names", nargs="*", help="models to put; default: all")
    parser.add_argument("--corpus", type=Path, required=True, help="what was trained on")
    parser.add_argument("--machine", required=True, help="what the trainings ran on, for the cards")
    options = parser.parse_args()
    chosen = options.names or names()
    if unknown := sorted(set(chosen) - set(names())):
        parser.error(f"there is no config {unknown[0]}; there are {', '.join(names())}")
    for name in chosen:
        put(name, options.trainings / name, options.evaluations / name, options.corpus, options.machine)
    page = DOCS / "zoo.md"
    page.write_text(overview(options.evaluations, chosen, kept_rows(page.read_text("utf-8"))), encoding="utf-8")


def names() -> list[str]:
    """The configs that are models of their own, not the starting points of others."""
    return sorted(path.stem for path in CONFIGS.glob("*.toml") if not path.stem.endswith("-start"))


def put(name: str, training: Path, evaluation: Path, corpus: Path, machine: str) -> None:
    """Write a model's folder in the zoo."""
    folder = ZOO / name
    folder.mkdir(exist_ok=True)
    shutil.copyfile(training / "model.keras", folder / "model.keras")
    history = json.loads((training / "history.json").read_text())
    (folder / "curves.png").write_bytes(curves(history["epochs"]))
    (folder / "card.md").write_text(card(name, training, evaluation, corpus, machine), encoding="utf-8")


def card(name: str, training: Path, evaluation: Path, corpus: Path, machine: str) -> str:
    """The card's text."""
    text = (CONFIGS / f"{name}.toml").read_text()
    config = tomllib.loads((training / "config.toml").read_text())
    history = json.loads((training / "history.json").read_text())
    compiled = compile_model(training / "model.keras", calibration=zoo.calibration_clip())
    about = json.loads((corpus / "corpus.json").read_text())
    architecture = config["architecture"]
    context = {
        "name": name,
        "summary": " ".join(line.lstrip("# ") for line in text.split("\n\n")[0].splitlines()),
        "facts": [*facts(config, compiled), ("checkpoint", f"SHA-256 `{_sha256(training / 'model.keras')}`")],
        "docs": "../../../docs",
        "synth_options": "" if about["preset"] == "full" and about["seed"] == 1 else f" --preset {about['preset']}",
        "corpus": corpus_words(about),
        "corpus_sha256": about["sha256"],
        "architecture": architecture,
        "recipe": recipe(config, history),
        "time": f"{_duration(history['seconds'])} on {machine}, validation included.",
        "last": _last(history["epochs"][-1]),
        "evaluate": " ".join([f"zoo:{name}", *(f"--baseline zoo:{one}" for one in _twin(name))]),
        "tables": tables(name, (evaluation / "results.md").read_text()),
    }
    return rendered("card.md.j2", context)


def rendered(template: str, context: Mapping[str, Any]) -> str:
    """A page from its template beside this file."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    return environment.from_string((DOCS / template).read_text(encoding="utf-8")).render(context)


def facts(config: Mapping[str, Any], compiled: Compiled) -> Iterator[tuple[str, str]]:
    """What the network is: rows of a table."""
    network, plan = config["network"], compiled.plan
    front_end = compiled.graph.frontend
    assert front_end is not None
    yield (
        "input, output",
        f"{front_end.sample_rate_hz // 1000} kHz mono, {front_end.fft}-sample square-root Hann window, "
        f"{front_end.hop}-sample hop; a real mask for {front_end.fft // 2 + 1} bins",
    )
    if config["architecture"] == "convfsenet":
        stacks, dilations = network["stacks"], network["dilations"]
        yield (
            "network",
            f"Conv-FSENet, B = {network['bottleneck']}, H = {network['hidden']}, R = {stacks} stacks of "
            f"{len(dilations)} blocks, kernel {network['kernel']}, dilations {', '.join(map(str, dilations))}",
        )
        if network["gates"]:
            yield (
                "gates",
                f"one bit per hidden channel, block and frame: {len(compiled.graph.gates)} gates of "
                f"{network['hidden']} channels, gating subnets with {network['gating_width']} hidden units",
            )
    else:
        yield (
            "network",
            f"`slimse_mcu.models.dsn_ftf`: 257 bins merged into {network['bands']} ERB bands; two convolutions to "
            f"{network['bands'] // 4} positions of {network['channels']} channels; GRU and attention along frequency, "
            "GRU along time, GRU along frequency; two transposed convolutions with skips; bands split into bins",
        )
        for gate in compiled.graph.gates.values():
            yield "gates", f"one policy, a bit per frame for each of: {', '.join(gate.components)}"
    closed = f"; {plan.macs_all_closed:,} all closed" if compiled.graph.gates else ""
    yield "MACs per frame", f"{plan.macs_all_open:,}{' all open, what decides included' if closed else ''}{closed}"
    yield "on the device", f"{plan.weight_bytes:,} bytes of weights and constants, {plan.model_bytes:,} bytes of RAM"


def corpus_words(about: Mapping[str, Any]) -> str:
    """What a corpus was made with and holds."""
    engines = ", ".join(f"{name} {version}" for name, version in about["engines"].items())
    counts = about["counts"]
    return (
        f"Made by {engines}: {counts['train/clean']:,} recordings of speech and {counts['train/noise']:,} of noise to "
        f"mix, {counts['valid/pair']} pairs to validate, {counts['test/pair']} to test."
    )


def recipe(config: Mapping[str, Any], history: Mapping[str, Any]) -> str:
    """How it was trained, in words."""
    training, guidance = config["training"], config.get("guidance")
    drawn = f"drawn from a pool of {training['pool']:,}" if training["pool"] else "never the same twice"
    words = [
        f"{history['step']:,} steps of {training['batch']} mixtures of {training['seconds']:g} s, {drawn}; AdamW, peak "
        f"rate {training['learning_rate']:g}, cosine to 0; seed {config['seed']} for weights, mixtures and noise."
    ]
    if "start" in config:
        words.append(f"Starts from `{config['start']['config']}`, as its twins do, which take as many steps.")
    if guidance and guidance["kind"] == "gating":
        words.append(
            f"The open share of what is gated comes down from {guidance['start']:g} to {guidance['target']:g} over "
            f"{guidance['ramp_steps']:,} steps."
        )
    elif guidance:
        metric = "DNS-MOS OVRL" if guidance["metric"] == "ovrl" else "the signal-to-noise ratio"
        words.append(
            f"Each clip has a target by {metric} of its input: {guidance['most']:g} of the gated MACs for hard clips, "
            f"{guidance['least']:g} for easy ones, less in pauses and nothing in silence."
        )
    words.append("All values, with comments: the config of that name in `slimse_mcu/training/configs`.")
    return " ".join(words)


def tables(name: str, markdown: str) -> str:
    """What an evaluation's tables say about this model: all but those of its twin alone."""
    kept = []
    for block in re.split(r"\n\n(?=\*\*)", markdown.strip()):
        title = block.splitlines()[0].strip("*")
        about, _, rest = title.partition(" by ")
        if title.endswith(": what is open") and not title.startswith(f"{name}:"):
            continue
        if rest and not about.startswith(("Compared", "By")) and (about != name or rest != "noise"):
            _, _, end = block.partition("\n\nMeans of ")
            kept += [f"Means of {end}"] if end else []
            continue
        kept.append(block)
    return "\n\n".join(kept)


def overview(evaluations: Path, chosen: Sequence[str], kept: Mapping[str, str]) -> str:
    """The page with all models in one table; rows of those that are not chosen are taken over."""
    rows = dict(kept)
    for name in chosen:
        rows[name] = f"| {' | '.join(_overview_row(name, _results(evaluations, name)))} |"
    first = _results(evaluations, chosen[0])
    noisy = first["models"][chosen[0]]["overall"]["scores"]["noisy"]
    return rendered("zoo.md.j2", {"rows": [rows[name] for name in names()], "noisy": noisy})


def kept_rows(page: str) -> dict[str, str]:
    """Rows of the page's table by model."""
    return {found[1]: found[0] for found in re.finditer(r"^\| \[([\w-]+)\].*\|$", page, re.MULTILINE)}


def _overview_row(name: str, results: Mapping[str, Any]) -> list[str]:
    model = results["models"][name]
    scores, load = model["overall"]["scores"]["int8"], model["overall"]["loads"]["int8"]
    compared = next((one for one in results["comparisons"] if one["model"] == name), None)
    costs = model["minus_float"]
    flips = costs.get("float_int8_gates", {}).get("pesq_wb")
    pesq = compared["scores"]["int8"]["pesq_wb"] if compared else None
    return [
        f"[{name}](../slimse_mcu/zoo/{name}/card.md)",
        f"{scores['pesq_wb']['mean']:.3f}",
        f"{pesq['mean']:+.3f} ({100 * pesq['relative']:+.2f} %)" if pesq else "",
        f"{scores['stoi']['mean']:.3f}",
        f"{scores['si_sdr_db']['mean']:.2f}",
        f"{load['macs']['mean']:,.0f}",
        f"{-100 * compared['macs']['relative']:.1f} %" if compared else "",
        f"{100 * load['opened']['mean']:.1f} %" if load["opened"] else "",
        f"{costs['int8']['pesq_wb']['mean']:+.3f}",
        f"{flips['mean']:+.3f}" if flips else "",
    ]


def _results(evaluations: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((evaluations / name / "results.json").read_text())
    return found


def curves(epochs: Sequence[Mapping[str, float]]) -> bytes:
    """Losses, PESQ and open ratio over the steps, a PNG file."""
    figure = Figure(figsize=(7.0, 2.6), facecolor="white", layout="constrained")
    steps = [one["step"] for one in epochs]
    shown: list[tuple[str, dict[str, str]]] = [
        ("spectral loss", {"spectral": "training", "val_spectral": "validation"}),
        ("PESQ, validation", {"pesq": ""}),
    ]
    if any(one.get("open_ratio", 1.0) < 1.0 for one in epochs):
        shown.append(("open ratio", {"open_ratio": "training", "val_open_ratio": "validation"}))
    for ax, (title, lines) in zip(figure.subplots(1, len(shown)), shown, strict=True):
        for colour, (key, label) in zip(("#0f766e", "#b45309"), lines.items(), strict=False):
            ax.plot(steps, [one.get(key) for one in epochs], color=colour, label=label or None, linewidth=1.4)
        ax.set_title(title, loc="left", fontsize=9, color=INK, fontweight="bold")
        ax.set_xlabel("steps", fontsize=8, color=MUTED)
        ax.tick_params(labelsize=7, labelcolor=MUTED, color="#c4cdd5")
        ax.grid(axis="y", color="#e6edf0")
        for spine in ax.spines.values():
            spine.set_color("#c4cdd5")
        if len(lines) > 1:
            ax.legend(fontsize=7, frameon=False)
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return file.getvalue()


def _twin(name: str) -> list[str]:
    """The static network that a gated one is compared with."""
    family, _, kind = name.rpartition("-")
    return [] if kind == "static" else [f"{family}-static"]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes"


def _last(record: Mapping[str, float]) -> str:
    opened = f", open ratio {record['val_open_ratio']:.3f}" if record["val_open_ratio"] < 1.0 else ""
    return f"validation loss {record['val_spectral']:.4f}, PESQ {record['pesq']:.3f}{opened}"


if __name__ == "__main__":
    main()
