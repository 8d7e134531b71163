"""Doctor tells what is missing and how to get it."""

from __future__ import annotations

import shutil
import tomllib
from importlib import metadata
from pathlib import Path

from slimse_mcu.doctor import examine

ROOT = Path(__file__).resolve().parent.parent


def test_missing_tools_are_named_with_a_remedy(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, **more: None)
    findings = {one.name: one for one in examine()}
    for name in ("arm-none-eabi-gcc", "qemu-system-arm", "newlib"):
        assert findings[name].status == "missing"
        assert "apt-get install" in findings[name].remedy
    assert findings["gcc"].status == "optional"


def test_missing_packages_are_named_with_a_remedy(monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    findings = {one.name: one for one in examine()}
    assert findings["h5py"].status == "missing"
    assert findings["pesq"].status == "optional"
    assert findings["pesq"].remedy == "pip install 'slimse-mcu[quality]'"


def test_every_dependency_is_looked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = {line.partition(">")[0] for line in project["dependencies"]}
    assert required - {"click"} <= {one.name for one in examine()}  # without click there is no doctor
