"""Tiles of eight rows by sixteen columns; ``firmware/kernels_mve/slimse_octets.h`` says what for."""

from __future__ import annotations

from slimse_mcu.layouts.tiles import Tiles

LAYOUT = Tiles(rows=8, columns=16)
