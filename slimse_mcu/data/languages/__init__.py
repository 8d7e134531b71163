"""Languages that the corpus speaks; each file with a ``LANGUAGE`` is one."""

from __future__ import annotations

import sys
from functools import cache

from slimse_mcu.data.languages.language import Language
from slimse_mcu.data.scan import modules

__all__ = ["Language", "languages"]


@cache
def languages() -> dict[str, Language]:
    """All languages by code."""
    found = modules(sys.modules[__name__], "LANGUAGE")
    return {module.LANGUAGE.code: module.LANGUAGE for module in found.values()}
