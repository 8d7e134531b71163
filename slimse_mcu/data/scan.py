"""Finding what lies in a folder of this package, so that a new engine, language, noise or layout edits no list."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType


def modules(package: ModuleType, attribute: str) -> dict[str, ModuleType]:
    """Modules of a package that define an attribute, by name, sorted."""
    names = sorted(one.name for one in pkgutil.iter_modules(package.__path__))
    found = {name: import_module(f"{package.__name__}.{name}") for name in names}
    return {name: module for name, module in found.items() if hasattr(module, attribute)}
