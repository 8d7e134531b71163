"""Any folder with the sub-folders ``noisy`` and ``clean``, perhaps below ``train``, ``valid`` and ``test``.

An ``index.csv`` beside the two gives the recordings their tags.
"""

from __future__ import annotations

from pathlib import Path

from slimse_mcu.data.corpus_folder import DONE, STARTED
from slimse_mcu.data.sets.index import INDEX, tagged
from slimse_mcu.data.sets.layout import SPLITS, Layout, Listing, match_by_name, no_split, part_of, subfolder

_VALID_SHARE = 0.05


class _Pairs(Layout):
    kind = "pairs"
    title = "pairs of noisy and clean recordings"
    looks_like = "noisy/ and clean/ with files of the same names, or these two inside train/, valid/ and test/"

    def recognises(self, path: Path) -> bool:
        if any((path / name).exists() for name in (DONE, STARTED)):
            return False
        return subfolder(path, "noisy") is not None or any(self._own(path, split) for split in SPLITS)

    def splits(self, path: Path) -> tuple[str, ...]:
        if subfolder(path, "noisy") is not None:
            return SPLITS
        return tuple(split for split in SPLITS if self._own(path, split) is not None)

    def listing(self, path: Path, split: str) -> Listing:
        own = self._own(path, split)
        if own is not None:
            return _tagged(match_by_name(own, subfolder(own.parent, "clean")), own.parent)
        noisy = subfolder(path, "noisy")
        if noisy is None:
            raise no_split(self, path, split)
        found = _tagged(match_by_name(noisy, subfolder(path, "clean")), path)
        return Listing(pairs=part_of(found.pairs, split, _VALID_SHARE), rejected=found.rejected)

    def _own(self, path: Path, split: str) -> Path | None:
        """The folder of noisy files of a split that has a folder of its own."""
        folder = subfolder(path, split)
        return subfolder(folder, "noisy") if folder is not None else None


def _tagged(listing: Listing, folder: Path) -> Listing:
    """Pairs with their tags, where the folder has an index."""
    return tagged(listing, folder / INDEX) if (folder / INDEX).is_file() else listing


LAYOUT = _Pairs()
