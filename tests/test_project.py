"""A project is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimse_mcu.emit import read_project
from slimse_mcu.errors import BuildError
from slimse_mcu.project import write_project


def test_what_is_written_reads_back(tiny_compiled, tmp_path):
    write_project(tiny_compiled.project, tmp_path / "deep" / "p")
    assert read_project(tmp_path / "deep" / "p") == tiny_compiled.project


def test_an_empty_folder_is_taken(tiny_compiled, tmp_path):
    (tmp_path / "p").mkdir()
    write_project(tiny_compiled.project, tmp_path / "p")
    assert (tmp_path / "p" / "model.c").is_file()


def test_a_failed_write_keeps_the_earlier_project(tiny_compiled, tmp_path, monkeypatch):
    write_project(tiny_compiled.project, tmp_path / "p")
    rename = Path.rename

    def failing(self, target):
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(BuildError, match="No space left"):
        write_project(tiny_compiled.project, tmp_path / "p")
    monkeypatch.undo()
    assert read_project(tmp_path / "p") == tiny_compiled.project
    assert [one.name for one in tmp_path.iterdir()] == ["p"]
