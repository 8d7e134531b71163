"""Speech engines; each file with an ``ENGINE`` is one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

from slimse_mcu.data.engines.engine import Engine, Manner, Voice, Waveform
from slimse_mcu.data.scan import modules
from slimse_mcu.errors import SlimseError

__all__ = ["Engine", "Manner", "Voice", "Waveform", "engines", "usable"]


@cache
def engines() -> dict[str, Engine]:
    """All engines by name, installed or not."""
    return {module.ENGINE.name: module.ENGINE for module in modules(sys.modules[__name__], "ENGINE").values()}


def usable(names: Sequence[str] | None = None) -> tuple[Engine, ...]:
    """Engines to speak with, sorted by name.

    Args:
        names: Which ones; None takes all that there are.

    Raises:
        SlimseError: One is unknown, or is not installed.
    """
    known = engines()
    for name in names or ():
        if name not in known:
            raise SlimseError(f"There is no speech engine {name}.", hint=f"Known engines: {', '.join(known)}.")
    chosen = [known[name] for name in sorted(set(names) if names else known)]
    lacking = {one.name: one.lacks() for one in chosen if one.lacks()}
    if lacking:
        packages = " ".join(dict.fromkeys(package for needed in lacking.values() for package in needed))
        present = [one.name for one in chosen if one.name not in lacking]
        instead = f", or take those that are there: --engines {','.join(present)}" if present else ""
        raise SlimseError(
            f"The speech engine {' and '.join(lacking)} is not completely installed.",
            hint=f"Install the packages (Debian, Ubuntu): {packages}{instead}.",
        )
    return tuple(chosen)
