"""Compiles dynamic speech-enhancement networks to C for microcontrollers and proves what their gates save."""

from __future__ import annotations

__version__ = "0.1.0"
