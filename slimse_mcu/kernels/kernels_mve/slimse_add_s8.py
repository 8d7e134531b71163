"""Sums in their short form where the compiler finds one, as on all cores; both forms have Helium kernels."""

from __future__ import annotations

from slimse_mcu.kernels.kernels_mve.without import without_helium as adapt

__all__ = ["adapt"]
