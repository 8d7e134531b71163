"""Prints what one frame of a gated model of the zoo costs on every virtual board: ``make bench``.

Executed instructions are exact and repeatable, so this is a table to read in a review, not a test.  The peers are
the same network shape (dense, Conv-FSENet B128/H256, 662,528 MACs) with gcc 12.2 in QEMU.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from slimse_mcu.board import Board, board, boards
from slimse_mcu.build import build
from slimse_mcu.compile import Compiled, compile_model
from slimse_mcu.errors import SlimseError
from slimse_mcu.harness.audio import read_audio
from slimse_mcu.harness.session import Session

#: Instructions of one dense frame: hand-written C on CMSIS-NN, and TensorFlow Lite Micro as converted from Conv1D.
PEERS = {
    "cortex-m3": (2_847_000, None),
    "cortex-m4": (1_620_996, 3_792_334),
    "cortex-m7": (1_620_996, 3_792_334),
    "cortex-m55": (378_420, 493_030),
}
OPEN_SHARES = (1.0, 0.75, 0.5, 0.25, 0.1)
FRAMES = 4


def patterns(compiled: Compiled) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Gate bytes to measure, all open first: shares of channels, or a policy's components closed one by one."""
    policies = [gate for gate in compiled.graph.gates.values() if gate.components]
    if not compiled.graph.gates:
        yield "no gates", compiled.plan.gates.constant(True)
        return
    if not policies:
        yield from ((f"{share:.0%} open", pattern(compiled, share)) for share in OPEN_SHARES)
        return
    layout = compiled.plan.gates
    opened = {name: np.ones(count, bool) for name, count in layout.channels.items()}
    yield "all open", layout.pack(opened)
    for gate in policies:
        for bit, component in enumerate(gate.components):
            without = np.arange(gate.channels) != bit
            yield f"without {component}", layout.pack({**opened, gate.name: without})
    yield "all closed", layout.constant(False)


def pattern(compiled: Compiled, share: float) -> NDArray[np.uint8]:
    """Gate bytes with a share of each gate's channels open, any channels, always the same."""
    generator = np.random.default_rng(1)
    bits = {}
    for name, channels in compiled.plan.gates.channels.items():
        chosen = generator.permutation(channels)[: round(share * channels)]
        bits[name] = np.isin(np.arange(channels), chosen)
    return compiled.plan.gates.pack(bits)


def costs(session: Session, clip: NDArray[np.int16], hop: int) -> tuple[float, float, float]:
    """Means over a few frames of real audio: MACs, instructions of the network, of front and back end."""
    session.reset()
    first = len(clip) // 2 // hop
    results = list(session.frames(clip[hop * (first + frame) : hop * (first + frame + 1)] for frame in range(FRAMES)))
    network = float(np.mean([result.count for result in results]))
    total = float(np.mean([result.count_total for result in results]))
    return float(np.mean([result.macs for result in results])), network, total - network


def measure_board(console: Console, target: Board, model: str, clip_path: Path) -> None:
    """Print one board's table."""
    compiled = compile_model(model, board=target)
    front_end = compiled.graph.frontend
    assert front_end is not None, "the zoo's models carry their front end"
    clip = read_audio(clip_path, front_end.sample_rate_hz).samples
    table = Table(title=f"{target.name}: {target.core}, instructions per frame", title_justify="left")
    for column in ("gates", "MACs", "network", "per MAC", "eta", "STFT, mask, inverse"):
        table.add_column(column, justify="left" if column == "gates" else "right")
    with tempfile.TemporaryDirectory() as folder:
        image = build(compiled.project, target, Path(folder))
        with Session(target, image) as session:
            all_open: tuple[float, float] | None = None
            for label, gates in patterns(compiled):
                session.configure("pcm", gates=gates)
                macs, network, audio = costs(session, clip, front_end.hop)
                all_open = all_open or (macs, network)
                saved = (1 - network / all_open[1]) / (1 - macs / all_open[0]) if macs < all_open[0] else None
                eta = "" if saved is None else f"{saved:.3f}"
                row = (label, f"{macs:,.0f}", f"{network:,.0f}", f"{network / macs:.2f}", eta, f"{audio:,.0f}")
                table.add_row(*row)
    console.print(table)
    if any(gate.components for gate in compiled.graph.gates.values()):
        return  # the peers ran another network
    by_hand, tflm = PEERS.get(target.core, (None, None))
    if by_hand:
        console.print(f"  peers, dense: hand-written C on CMSIS-NN {by_hand:,}", highlight=False)
    if tflm:
        console.print(f"  TensorFlow Lite Micro with CMSIS-NN, as converted {tflm:,}", highlight=False)


def main() -> None:
    """Measure the boards named on the command line, or all that count instructions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("boards", nargs="*", help="names from `slimse boards`")
    parser.add_argument("--model", default="zoo:convfsenet-dyncp25", help="zoo:NAME or a .keras file with front end")
    parser.add_argument("--clip", type=Path, default=Path("tests/data/noisy/clip04.wav"), help="noisy recording")
    arguments = parser.parse_args()
    console = Console(width=100)
    try:
        targets = [board(name) for name in arguments.boards] or [
            one for one in boards() if one.name.startswith("virtual-") and one.counter == "instructions"
        ]
        for target in targets:
            measure_board(console, target, arguments.model, arguments.clip)
    except SlimseError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
