"""Fixtures that several test modules share.  They hold files and frozen values only, so any test may run anywhere."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, Phase, settings

from slimse_mcu.build import OBJECTS_VARIABLE

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

DATA = Path(__file__).resolve().parent / "data"

# Everywhere and always the same examples, however slow the computer is: a failure is one that everybody sees.
settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# New examples in every run: for those who look for faults (pytest --hypothesis-profile=explore).
settings.register_profile("explore", settings.get_profile("repeatable"), derandomize=False)
settings.load_profile("repeatable")

UNSHRUNK = (Phase.explicit, Phase.generate)
"""Phases in which no failure is shrunk: for properties whose every example runs a C compiler or takes as long."""

needs_arm = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is missing")
needs_qemu = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is missing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, so that no processor waits for one that began last."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory) -> Path:
    """A folder of this run of the suite, the same in all of its processes."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def firmware_objects(shared_folder) -> Iterator[None]:
    """All builds share objects, those of the programs that tests start too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(OBJECTS_VARIABLE, str(shared_folder / "firmware_objects"))
        yield


@pytest.fixture
def heeded_signals() -> Iterator[None]:
    """What nohup and background jobs ignore, their children ignore too: tests of signals run there as well."""
    usual = {"SIGINT": signal.default_int_handler, "SIGTERM": signal.SIG_DFL, "SIGHUP": signal.SIG_DFL}
    numbers = {name: getattr(signal, name) for name in usual if hasattr(signal, name)}
    before = {number: signal.signal(number, usual[name]) for name, number in numbers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def tiny_model() -> Path:
    """A gated Conv-FSENet with front end, untrained, 12 k MACs; see ``data/make_models.py``."""
    return DATA / "tiny.keras"


@pytest.fixture(scope="session")
def plain_model() -> Path:
    """A user's own causal network without gates and front end, 12 features in and out."""
    return DATA / "plain.keras"


@pytest.fixture(scope="session")
def tiny_compiled(tiny_model):
    """The tiny model through all stages, calibrated on the zoo's clip: a ``Compiled``."""
    from slimse_mcu import compile_model

    return compile_model(tiny_model)


@pytest.fixture(scope="session")
def build_tiny(tiny_compiled, tmp_path_factory) -> Callable:
    """``build_tiny(board_name)`` gives the tiny model's image for a board, built once."""
    from slimse_mcu.board import board
    from slimse_mcu.build import build

    images = {}

    def get(name: str):
        if name not in images:
            target = board(name)
            if shutil.which(target.compiler) is None:
                pytest.skip(f"{target.compiler} is missing")
            images[name] = build(tiny_compiled.project, target, tmp_path_factory.mktemp(name))
        return images[name]

    return get


@pytest.fixture(scope="session")
def zoo_dyncp() -> str:
    """Name of the bundled DynCP model."""
    from slimse_mcu import zoo

    found = [name for name in zoo.entries() if "dyncp" in name]
    if not found:
        pytest.skip("the zoo holds no DynCP model")
    return f"zoo:{found[0]}"


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory) -> Path:
    """A second of noisy speech, 16 kHz, as a WAV file."""
    samples, rate = soundfile.read(DATA / "noisy" / "clip01.wav", dtype="int16", frames=16000)
    path = tmp_path_factory.mktemp("audio") / "short.wav"
    soundfile.write(path, np.asarray(samples), rate, subtype="PCM_16")
    return path


@pytest.fixture(scope="session")
def kernel_objects(shared_folder) -> Path:
    """Where the portable kernels' objects are kept, which are compiled once with sanitizers."""
    folder = shared_folder / "kernel_objects"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def build_folders(tmp_path_factory, kernel_objects) -> tuple[Path, Path]:
    """Where a model is built with sanitizers, and where the kernels are kept."""
    return tmp_path_factory.mktemp("model"), kernel_objects


@pytest.fixture(scope="module")
def build(build_folders) -> Callable:
    """``build(plan)`` compiles a plan with sanitizers: a ``NativeModel``."""
    from native import build_native

    from slimse_mcu.emit import emit

    return lambda planned: build_native(emit(planned), planned, *build_folders)
