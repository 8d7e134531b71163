"""Weight layouts, one file per order of weights in memory; adding a file adds a layout."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from slimse_mcu.layouts.layout import Layout


@cache
def layouts() -> dict[str, Layout]:
    """All layouts by name: every module of this package that has a ``LAYOUT``."""
    found: dict[str, Layout] = {}
    for module in pkgutil.iter_modules(__path__):
        candidate = getattr(importlib.import_module(f"{__name__}.{module.name}"), "LAYOUT", None)
        if isinstance(candidate, Layout):
            found[candidate.name] = candidate
    return found
