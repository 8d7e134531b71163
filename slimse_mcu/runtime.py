"""Which files of the C runtime a model needs: its kernels, and the headers that these share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from slimse_mcu import assets

_INCLUDE = re.compile(r'^#include "(\w+\.h)"$', re.MULTILINE)


def kernel_files(functions: Iterable[str]) -> dict[str, str]:
    """Source and header of each kernel, and all headers that they include: path in the project -> text."""
    names = [f"kernels/{function}.{kind}" for function in functions for kind in "hc"]
    return with_headers({name: assets.read_text(f"firmware/{name}") for name in names})


def with_headers(files: Mapping[str, str]) -> dict[str, str]:
    """Files and the portable kernels' headers that they include but lack, directly or through one another."""
    there = {path.name for path in (assets.path("firmware") / "kernels").glob("*.h")}
    complete = dict(files)
    waiting = list(files.values())
    while waiting:
        for name in _INCLUDE.findall(waiting.pop()):
            path = f"kernels/{name}"
            if name in there and path not in complete:
                complete[path] = assets.read_text(f"firmware/{path}")
                waiting.append(complete[path])
    return complete
