"""Tiles of four rows by sixteen columns; ``firmware/kernels_mve/slimse_recurrent_sums.h`` says what for."""

from __future__ import annotations

from slimse_mcu.layouts.tiles import Tiles

LAYOUT = Tiles(rows=4, columns=16)
