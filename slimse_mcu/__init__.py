"""Compiles dynamic speech-enhancement networks to C for microcontrollers and proves what their gates save.

The stages are functions in modules of the same name: :func:`slimse_mcu.load.load`,
:func:`slimse_mcu.quantize.quantize`, :func:`slimse_mcu.plan.plan`, :func:`slimse_mcu.emit.emit`, pure; then
:func:`slimse_mcu.build.build`, :class:`slimse_mcu.harness.session.Session` and
:func:`slimse_mcu.measure.measure`.  What most programs want is here::

    from pathlib import Path

    from slimse_mcu import compile_model, write_project
    from slimse_mcu.board import board

    compiled = compile_model("enhancer.keras", board=board("virtual-m4"))
    write_project(compiled.project, Path("enhancer"))

Names are imported when they are used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from slimse_mcu.version import VERSION as __version__

_PUBLIC = {
    "AudioError": "errors",
    "Board": "board",
    "BoardError": "errors",
    "BuildError": "errors",
    "Compiled": "compile",
    "FrontEnd": "graph",
    "Graph": "graph",
    "LinkError": "errors",
    "ModelError": "errors",
    "Plan": "plan",
    "PlanError": "errors",
    "Project": "emit",
    "QuantizeError": "errors",
    "QuantizedGraph": "graph",
    "Session": "harness.session",
    "SlimseError": "errors",
    "compile_model": "compile",
    "find_model": "compile",
    "read_front_end": "compile",
    "write_project": "project",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'slimse_mcu' has no attribute {name!r}")
    return getattr(import_module(f"slimse_mcu.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return __all__
