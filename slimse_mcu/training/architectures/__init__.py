"""The networks that ``slimse train`` trains, one file each.

A module here with an ``ARCHITECTURE`` is the architecture of the module's name; there is no list.
"""

from __future__ import annotations

import importlib
import pkgutil

from slimse_mcu.errors import SlimseError
from slimse_mcu.training.architectures.architecture import Architecture

_FIXED = "architecture"


def names() -> tuple[str, ...]:
    """Names of all architectures, sorted; imports none of them."""
    return tuple(sorted(one.name for one in pkgutil.iter_modules(__path__) if one.name != _FIXED))


def architecture(name: str) -> Architecture:
    """The architecture of a name.

    Raises:
        SlimseError: There is none.
    """
    if name not in names():
        raise SlimseError(f"There is no architecture {name!r}.", hint=f"Known: {', '.join(names())}.")
    found: Architecture = importlib.import_module(f"{__name__}.{name}").ARCHITECTURE
    return found
