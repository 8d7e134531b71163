"""Which kernels run, and what they read: folders of ``firmware/`` in search order, the portable one last.

An optimised kernel has the portable kernel's file name and replaces it.  Where it reads another structure, such as
weights in another order, a module ``slimse_mcu/kernels/FOLDER/FUNCTION.py``, named after the portable function, says
how: its ``adapt`` turns the call that an operator made for the portable kernel into the optimised one's.  It may
name any function of its folder, for example one that holds only for some shapes.  Nothing is listed: folders, files
and modules are found by their names.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from slimse_mcu import assets
from slimse_mcu.graph import Node
from slimse_mcu.ops.op import KernelCall

PORTABLE = "kernels"
"""The folder of the kernels that run everywhere."""
SOURCE_SUFFIXES = (".c", ".S")

Adapt = Callable[[KernelCall, Node], KernelCall]
"""Turns a call of a portable kernel, made for a node, into that of an optimised one."""


def adapt(call: KernelCall, node: Node, kernels: Sequence[str]) -> KernelCall:
    """The call of the kernel that runs in a portable one's place.

    Args:
        call: What the operator made for the portable kernel.
        node: What it is made for; says whether gates rule rows or columns.
        kernels: Folders in search order.
    """
    for folder in kernels:
        found = _adapter(folder, call.function)
        if found is not None:
            return found(call, node)
        if sources(folder, call.function):
            break
    return call


def folder_of(name: str, kernels: Sequence[str]) -> str | None:
    """The first folder that has sources of this name; None: none has."""
    return next((folder for folder in kernels if sources(folder, name)), None)


def sources(folder: str, name: str) -> tuple[Path, ...]:
    """The sources of that name in a folder of ``firmware/``."""
    paths = (assets.root() / "firmware" / folder / f"{name}{suffix}" for suffix in SOURCE_SUFFIXES)
    return tuple(path for path in paths if path.is_file())


@cache
def _adapter(folder: str, function: str) -> Adapt | None:
    name = f"{__name__}.{folder}"
    if not folder.isidentifier() or importlib.util.find_spec(name) is None:
        return None
    if importlib.util.find_spec(f"{name}.{function}") is None:
        return None
    found: Adapt = importlib.import_module(f"{name}.{function}").adapt
    return found
