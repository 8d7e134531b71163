"""Assets are found in the source tree, and nothing outside of them is."""

from __future__ import annotations

import pytest

from slimse_mcu import assets


def test_assets_are_found():
    assert assets.read_text("firmware/slimse.h").startswith("/**")
    assert assets.path("boards/virtual-m4").is_dir()


@pytest.mark.parametrize("relative", ["../pyproject.toml", "/etc/passwd", "firmware/../../x"])
def test_a_path_that_leaves_the_assets_is_refused(relative):
    with pytest.raises(ValueError, match="no path inside"):
        assets.path(relative)


def test_a_missing_asset_is_named():
    with pytest.raises(FileNotFoundError, match="kernels_none"):
        assets.path("firmware/kernels_none")
