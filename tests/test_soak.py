"""Long runs, short: all frames equal, the first that differs, what may only go wrong with time."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA

from slimse_mcu import cli, soak
from slimse_mcu.board import board
from slimse_mcu.build import build
from slimse_mcu.emit import Project
from slimse_mcu.harness.audio import read_pairs
from slimse_mcu.harness.session import Session
from slimse_mcu.soak import Soak, resident_bytes

BROKEN_AT = 333
BREAK = """    static uint32_t frames;
    if (frames++ == %dU) {
        memset(output, -128, MODEL_OUTPUT_SIZE);
    }
    return macs;
}

/* ---- what the model says of itself"""


@pytest.fixture(scope="module")
def recordings(tiny_compiled):
    return read_pairs(DATA / "noisy", None, tiny_compiled.graph.frontend.sample_rate_hz)[:2]


@pytest.fixture(scope="module")
def broken(tiny_compiled, tmp_path_factory):
    """Firmware that mutes one frame, by its number since start."""
    project = tiny_compiled.project
    before = "    return macs;\n}\n\n/* ---- what the model says of itself"
    assert project.files["model.c"].count(before) == 1
    files = {**project.files, "model.c": project.files["model.c"].replace(before, BREAK % BROKEN_AT)}
    return build(Project(project.name, files, project.provenance), board("host"), tmp_path_factory.mktemp("broken"))


def run(compiled, images, recordings, frames: int, **options) -> tuple[Soak, list[int]]:
    """A soak, and how far it said that it was."""
    told: list[int] = []
    with ExitStack() as stack:
        sessions = [stack.enter_context(Session(board("host"), image)) for image in images]
        found = soak.soak(
            *sessions,
            compiled.plan,
            recordings,
            frames,
            progress=lambda stage, done, total: told.append(done),
            **options,
        )
    return found, told


def test_a_sound_board_is_equal_in_every_frame(tiny_compiled, build_tiny, recordings, monkeypatch):
    monkeypatch.setattr(soak, "_LAP", 400)
    image = build_tiny("host")
    found, told = run(tiny_compiled, [image, image], recordings, 1000, specified=450)
    assert (found.frames, found.compared, found.specified, found.difference) == (1000, 1000, 450, None)
    assert (found.board, found.model, found.missed, found.mended, found.stack_peak) == ("host", "tiny", 0, "", None)
    assert found.audio_s == pytest.approx(16.0)
    assert found.is_sound
    assert told == sorted(told)
    assert told[-1] == 1000


@pytest.mark.parametrize(("specified", "reference"), [(0, "C on this computer"), (1000, "the NumPy specification")])
def test_the_first_frame_that_differs_ends_the_run(tiny_compiled, build_tiny, broken, recordings, specified, reference):
    images = [broken, broken] if specified else [broken, build_tiny("host")]
    found, _ = run(tiny_compiled, images, recordings, 2000, specified=specified)
    assert found.difference == soak.Difference(BROKEN_AT, "output", reference)
    assert found.compared == BROKEN_AT
    assert BROKEN_AT < found.frames < BROKEN_AT + 251
    assert not found.is_sound


def test_recordings_go_in_a_circle_and_stop_at_laps(monkeypatch):
    monkeypatch.setattr(soak, "_STRETCH", 4)
    monkeypatch.setattr(soak, "_LAP", 10)
    parts = list(soak._stretches([np.arange(7), np.arange(100, 103)], 24))
    assert np.concatenate(parts).tolist() == [*range(7), 100, 101, 102] * 2 + [0, 1, 2, 3]
    ends = np.cumsum([len(one) for one in parts]).tolist()
    assert {10, 20, 24} <= set(ends)
    assert all(len(one) <= 4 for one in parts)


SOUND = Soak("host", "tiny", 10, 0.16, 1.0, 10, 0, None, 0, "", 20 << 20, 20 << 20, None)


@pytest.mark.parametrize(
    ("changes", "sound"),
    [
        ({}, True),
        ({"memory_after": 21 << 20}, True),
        ({"memory_after": (21 << 20) + 1}, False),
        ({"memory_before": 1 << 20, "memory_after": (2 << 20) + 1}, False),
        ({"memory_before": None}, True),
        ({"missed": 1}, False),
        ({"missed": None}, True),
        ({"difference": soak.Difference(3, "gates", "C on this computer")}, False),
    ],
)
def test_what_is_sound(changes, sound):
    assert replace(SOUND, **changes).is_sound is sound
    assert replace(SOUND, **changes).to_json()["is_sound"] is sound


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_memory_of_a_process():
    found = resident_bytes(os.getpid())
    assert found is not None
    assert 1 << 20 < found < 1 << 40
    assert resident_bytes(None) is None
    assert resident_bytes(2**31 - 1) is None


def test_the_command_tells_what_it_did(tiny_model, capsys):
    command = ["soak", str(tiny_model), "--board", "host", "--audio", str(DATA / "noisy" / "clip01.wav")]
    assert cli.run([*command, "--minutes", "0.1", "--specified", "0.02"]) == 0
    told = capsys.readouterr().out
    assert "tiny on the board host: 375 frames" in told
    assert "equal: 375 to C on this computer, 75 to the NumPy specification" in told
    assert "frames missed or computed twice: 0; link: nothing to mend" in told
