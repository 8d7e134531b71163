"""Operators, one file per layer type; adding a file adds a layer."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from slimse_mcu.ops.op import Import, Op


@cache
def operators() -> dict[str, Op]:
    """All operators by name: every module of this package that has an ``OP``."""
    found: dict[str, Op] = {}
    for module in pkgutil.iter_modules(__path__):
        candidate = getattr(importlib.import_module(f"{__name__}.{module.name}"), "OP", None)
        if isinstance(candidate, Op):
            found[candidate.name] = candidate
    return found


@cache
def importers() -> dict[str, tuple[Op, Import]]:
    """The operator and importer of each Keras layer that can be compiled, by registered name."""
    return {
        keras_class: (op, importer)
        for op in operators().values()
        for importer in op.imports
        for keras_class in importer.classes
    }
