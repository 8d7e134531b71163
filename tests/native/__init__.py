"""Generated models as host programs under address and undefined-behaviour sanitizers."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slimse_mcu import assets
from slimse_mcu.emit import Project
from slimse_mcu.plan import Plan

WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror"]
SANITIZERS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
#: The quickest there is: every example of a property is linked.
_LINKER = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []
_RUNNER = Path(__file__).parent / "run_model.c"
_POISON = """#include "model_weights.h"
#include <sanitizer/asan_interface.h>
__attribute__((constructor)) static void poison(void) { %s }
"""


def write_project(project: Project, folder: Path) -> None:
    """Write a project's files below a folder."""
    for name, text in project.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@cache
def _kernel_library(folder: Path) -> Path:
    """All portable kernels, compiled once per test session; in any order, so that processes at once share the work."""
    firmware = assets.path("firmware")
    sources = sorted((firmware / "kernels").glob("*.c"))
    objects = {source: folder / f"{source.stem}.o" for source in sources}
    command = ["gcc", *WARNINGS, *SANITIZERS, f"-I{firmware}", f"-I{firmware}/kernels", f"-I{firmware}/dsp"]
    for source in random.sample(sources, len(sources)):
        if not objects[source].exists():
            partial = objects[source].with_suffix(f".{os.getpid()}")
            subprocess.run([*command, "-c", str(source), "-o", str(partial)], check=True)
            partial.replace(objects[source])
    library = folder / "libkernels.a"
    if not library.exists():
        partial = folder / f"libkernels.{os.getpid()}.a"
        subprocess.run(["ar", "rcs", str(partial), *map(str, objects.values())], check=True)
        partial.replace(library)
    return library


@dataclass(frozen=True, slots=True)
class NativeRun:
    """What the C code yielded: ``[frames, ...]`` each; ``state`` is raw ``model_state_t``."""

    output: NDArray[Any]
    gates: NDArray[np.uint8]
    macs: NDArray[np.int64]
    state: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class NativeModel:
    """A generated model as an executable."""

    executable: Path
    plan: Plan

    def run(
        self,
        features: NDArray[Any],
        forced: NDArray[np.uint8] | None = None,
        limits: NDArray[np.uint16] | None = None,
    ) -> NativeRun:
        """Stream ``[frames, inputs]`` from reset, with gate bytes ``forced [frames, n]``, or ``limits [frames]``."""
        parts, kind = [features.view(np.uint8)], 0
        if forced is not None:
            parts, kind = [forced, *parts], 1
        elif limits is not None:
            parts, kind = [limits.astype("<u2").view(np.uint8).reshape(-1, 2), *parts], 2
        payload = bytes([kind]) + np.concatenate(parts, axis=1).tobytes()
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        done = subprocess.run([str(self.executable)], input=payload, capture_output=True, env=environment)
        assert done.returncode == 0, done.stderr.decode()
        graph = self.plan.quantized.graph
        dtype = self.plan.quantized.quantization[graph.output].dtype
        outputs = graph.tensors[graph.output].size
        sizes = np.cumsum([outputs * dtype.itemsize, self.plan.gates.size, 4, self.plan.state_bytes])
        rows = np.frombuffer(done.stdout, np.uint8).reshape(len(features), sizes[-1])
        output, gates, macs, state = np.split(rows, sizes[:-1], axis=1)
        counts = np.ascontiguousarray(macs).view("<u4")[:, 0].astype(np.int64)
        return NativeRun(np.ascontiguousarray(output).view(dtype), gates, counts, state)


def build_native(project: Project, plan: Plan, folder: Path, cache_folder: Path, *, poison: str = "") -> NativeModel:
    """Compile a project with sanitizers.

    Args:
        project: What to compile.
        plan: What the project was emitted from.
        folder: Where its files and the executable go.
        cache_folder: Where the kernels' objects are, or are put.
        poison: C statements that run before ``main`` and see the weights' arrays.
    """
    write_project(project, folder)
    digest = hashlib.sha256("".join([*project.files.values(), poison]).encode()).hexdigest()
    executable = folder / f"run_{digest[:16]}"
    (folder / "poison.c").write_text(_POISON % poison)
    includes = [f"-I{folder}", f"-I{folder}/kernels", f"-I{folder}/dsp"]
    names = ("model.c", "model_layers.c", "model_weights.c", "poison.c")
    sources = [*(str(folder / name) for name in names), str(_RUNNER)]
    command = ["gcc", *WARNINGS, *SANITIZERS, *_LINKER, *includes, *sources, str(_kernel_library(cache_folder))]
    subprocess.run([*command, "-o", str(executable)], check=True)
    return NativeModel(executable, plan)
