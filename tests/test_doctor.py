"""Doctor tells what is missing and how to get it."""

from __future__ import annotations

import shutil
from importlib import metadata

from slimse_mcu.doctor import examine


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
