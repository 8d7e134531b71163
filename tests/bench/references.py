"""Numbers to beat, and what this project aims at; instructions of one frame unless said otherwise.

The peers ran the same network shape, Conv-FSENet B128/H256 with 662,528 MACs, built with gcc 12.2 and counted in QEMU:
"by hand" is what an expert writes in C on Arm's CMSIS-NN, "TFLM" is TensorFlow Lite Micro with CMSIS-NN.
"""

from __future__ import annotations

from dataclasses import dataclass

M0PLUS, M3, M4, M7, M33, M55 = (f"cortex-{name}" for name in ("m0plus", "m3", "m4", "m7", "m33", "m55"))
DSP = (M4, M7, M33)

#: Case -> core -> what peers need, and who it is.
PEERS: dict[str, dict[str, list[tuple[int, str]]]] = {
    "static": {
        M4: [(1_620_996, "by hand"), (1_816_767, "TFLM, rewritten"), (3_792_334, "TFLM, as converted")],
        M7: [(1_620_996, "by hand"), (1_816_767, "TFLM, rewritten"), (3_792_334, "TFLM, as converted")],
        M55: [(378_420, "by hand"), (557_416, "TFLM, rewritten"), (493_030, "TFLM, as converted")],
        M3: [(2_847_000, "by hand")],
        M0PLUS: [(5_092_780, "by hand")],
    },
    "open 25%": {
        M4: [(1_190_148, "by hand, rows of the first layer skipped")],
        M7: [(1_190_148, "by hand, rows of the first layer skipped")],
        M55: [(331_281, "by hand, rows of the first layer skipped")],
    },
    "gru 64": {M4: [(71_000, "CMSIS-NN")], M55: [(24_000, "CMSIS-NN")]},
    "gru 128": {M4: [(234_000, "CMSIS-NN")], M55: [(69_000, "CMSIS-NN")]},
    "gru 256": {M4: [(835_000, "CMSIS-NN")], M55: [(229_000, "CMSIS-NN")]},
    "depthwise 256": {M4: [(14_632, "CMSIS-NN")], M55: [(5_379, "CMSIS-NN")]},
    "add 256": {M4: [(15_819, "CMSIS-NN")], M55: [(3_612, "CMSIS-NN")]},
    "front and back end": {
        M4: [(54_011, "CMSIS-DSP, the two transforms alone")],
        M55: [(13_948, "CMSIS-DSP, the two transforms alone")],
    },
}


@dataclass(frozen=True)
class Aim:
    """What a number should be.

    Attributes:
        what: Row of the table.
        cores: Where.
        limit: The number.
        at_least: It should be no less; otherwise no more.
    """

    what: str
    cores: tuple[str, ...]
    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value is as it should be."""
        return value >= self.limit if self.at_least else value <= self.limit


AIMS = (
    Aim("static", DSP, 760_000),
    Aim("static", (M55,), 170_000),
    Aim("static", (M3,), 2_200_000),
    Aim("static, cycles", (M4,), 1_080_000),
    Aim("static, cycles", (M55,), 300_000),
    Aim("open 100%", DSP, 830_000),
    Aim("open 100%", (M55,), 195_000),
    Aim("open 100%", (M3,), 2_400_000),
    Aim("open 25%", DSP, 410_000),
    Aim("open 25%", (M55,), 105_000),
    Aim("open 25%", (M3,), 1_000_000),
    Aim("open 25%, cycles", (M4,), 580_000),
    Aim("open 25%, cycles", (M55,), 190_000),
    Aim("static, no overlap, cycles", (M55,), 300_000),
    Aim("open 25%, no overlap, cycles", (M55,), 190_000),
    Aim("eta at 25%", DSP, 0.80, at_least=True),
    Aim("eta at 25%", (M55,), 0.70, at_least=True),
    Aim("eta at 25%", (M3,), 0.90, at_least=True),
    Aim("overhead of gating, %", (*DSP, M55, M3), 1.5),
    Aim("gru 128", DSP, 130_000),
    Aim("gru 128", (M55,), 40_000),
    Aim("depthwise 256", DSP, 6_000),
    Aim("depthwise 256", (M55,), 2_000),
    Aim("add 256", DSP, 3_500),
    Aim("add 256", (M55,), 800),
    Aim("front and back end", DSP, 80_000),
    Aim("front and back end", (M55,), 30_000),
    Aim("front and back end", (M3,), 250_000),
    Aim("dsn per MAC", DSP, 1.8),
    Aim("dsn per MAC", (M55,), 0.6),
    Aim("dsn eta, least", (M4,), 0.95, at_least=True),
    Aim("RAM without stack, bytes", (*DSP, M55, M3), 20 * 1024),
    Aim("flash beyond 1.05 x parameters, bytes", (*DSP, M55, M3), 24 * 1024),
)


def aim(what: str, core: str) -> Aim | None:
    """What a row should be on a core."""
    return next((one for one in AIMS if one.what == what and core in one.cores), None)
