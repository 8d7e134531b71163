"""A board folder of the user's own, made from one that comes with slimse-mcu."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from slimse_mcu.board import Board, board, check_name
from slimse_mcu.errors import BoardError

_HEAD = """\
# Made from the board {base}; docs/porting.md says what each field means.
# What differs from it: the part, its clock ("defines" go to the files in "hal"), pins, memory (here and in link.ld).
"""


def new_board(folder: Path, like: Board, *, title: str | None = None) -> Board:
    """Make a board folder from another board's and return the new board.

    Args:
        folder: What is made; its name is the board's name.
        like: Where all fields come from: a board with a microcontroller of the same family.
        title: One line for people; None: says what it was made from.

    Raises:
        BoardError: The folder is there already, cannot be written, or its name is no board's name.
    """
    name = folder.resolve().name
    check_name(name)
    if folder.exists():
        raise BoardError(f"{folder} is there already.", hint="Choose another name.")
    if like.core == "host":
        raise BoardError("The board host is this computer; no other board is like it.", hint="Choose another --like.")
    temporary = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".slimse-", dir=folder.parent))
        made = temporary / name
        made.mkdir()
        text = (like.path / "board.toml").read_text(encoding="utf-8")
        (made / "board.toml").write_text(_changed(text, like, title), encoding="utf-8")
        shutil.copyfile(like.path / "link.ld", made / "link.ld")
        for source in like.hal:
            if (like.path / source).is_file():
                shutil.copyfile(like.path / source, made / source)
        board(made)  # what is written is a board, or is not written
        made.rename(folder)
    except OSError as error:
        raise BoardError(f"{folder} cannot be written: {error.strerror}.", hint="Choose another place.") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return board(folder)


def _changed(text: str, like: Board, title: str | None) -> str:
    """The description with what cannot be true of the new board changed."""
    line = title if title is not None else f"Mine, like {like.name}"
    quoted = line.replace("\\", "\\\\").replace('"', '\\"')
    text = re.sub(r"^title = .*$", lambda _: f'title = "{quoted}"', text, count=1, flags=re.MULTILINE)
    # Nobody has checked it further than that it compiles.
    text = re.sub(r"^checked = .*$", 'checked = "built"', text, count=1, flags=re.MULTILINE)
    return _HEAD.format(base=like.name) + text
