"""Writing a synthetic corpus: seeded, versioned, the same bytes from any number of processes, resumable."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile

from slimse_mcu.data.corpus_folder import DONE, STARTED, content_hash
from slimse_mcu.data.engines import Engine, usable
from slimse_mcu.data.recipe import CLEAN_DB, PRESETS, Recipe, recipes
from slimse_mcu.data.render import is_rendered, render
from slimse_mcu.data.sets.index import INDEX
from slimse_mcu.errors import SlimseError

FORMAT = 1
"""Version of the corpus' format and of everything that decides its content."""

_BABBLE = ".babble"
_LIBRARIES = ("numpy", "scipy", "soxr", "pyroomacoustics")
_WAITING = 4
_INDEX_COLUMNS = ("name", "snr_db", "noise", "voice", "language", "room", "noise_room")

Advance = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus that lies on disk.

    Attributes:
        path: Its folder.
        fresh: Whether anything had to be made.
        facts: What ``corpus.json`` says.
    """

    path: Path
    fresh: bool
    facts: dict[str, Any]


def synthesize(
    out: Path,
    *,
    preset: str = "full",
    seed: int = 1,
    jobs: int = 1,
    engine_names: Sequence[str] | None = None,
    advance: Advance | None = None,
) -> Corpus:
    """Make a corpus, or go on with one that was interrupted.

    Args:
        out: Folder to make; one that holds anything else is refused.
        preset: A key of :data:`slimse_mcu.data.recipe.PRESETS`.
        seed: Same seed and same versions of engines and libraries, same bytes.
        jobs: Processes; they change nothing but the time.
        engine_names: Speech engines; None takes all and refuses to begin if one is missing.
        advance: Called with the kind of file, how many are done, and of how many.

    Raises:
        SlimseError: An engine or library is missing or failed, or the folder holds something else.
    """
    if preset not in PRESETS:
        raise SlimseError(f"There is no preset {preset}.", hint=f"Choose {', '.join(PRESETS)}.")
    if seed < 0 or jobs < 1:
        raise SlimseError(f"The seed {seed} or the number of jobs {jobs} is too small.", hint="Give 0, 1 or more.")
    engines = usable(engine_names)
    made_with = {"format": FORMAT, "preset": preset, "seed": seed, **_versions(engines)}
    finished = _finished(out, made_with)
    if finished is not None:
        return Corpus(out, False, finished)
    planned = recipes(PRESETS[preset], seed, engines)
    _begin(out, made_with)
    babble = out / _BABBLE
    for roles in (("babble",), ("clean", "noise", "pair")):  # babble is made of what the first round makes
        _render_all([one for one in planned if one.role in roles], out, babble, jobs, advance)
    for split in ("valid", "test"):
        pairs = [one for one in planned if one.split == split and one.role == "pair"]
        _write_text(out / split / INDEX, _index(pairs))
    facts = {**made_with, "counts": _counts(planned), "sha256": content_hash(out)}
    _write_text(out / DONE, json.dumps(facts, indent=2) + "\n")
    shutil.rmtree(babble)
    (out / STARTED).unlink()
    return Corpus(out, True, facts)


def _versions(engines: Sequence[Engine]) -> dict[str, Any]:
    """What the content depends on, apart from the seed."""
    try:
        libraries = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    except importlib.metadata.PackageNotFoundError as error:
        raise SlimseError(
            f"The Python package {error.name} is needed to synthesise speech and noise.",
            hint="pip install 'slimse-mcu[data]'",
        ) from error
    libraries["libsndfile"] = soundfile.__libsndfile_version__
    return {"engines": {engine.name: engine.version() for engine in engines}, "libraries": libraries}


def _finished(out: Path, made_with: dict[str, Any]) -> dict[str, Any] | None:
    """The facts of a complete corpus of the same preset, seed and engines; None if there is nothing yet.

    Raises:
        SlimseError: The folder holds another corpus, or something else.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not out.is_dir():
        raise SlimseError(f"{out} is a file.", hint="Name a new folder.")
    path = next((out / name for name in (DONE, STARTED) if (out / name).is_file()), None)
    if path is None:
        raise SlimseError(f"The folder {out} holds something that is no corpus.", hint="Name a new or empty folder.")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        different = [key for key in made_with if facts.get(key) != made_with[key]]
    except (ValueError, AttributeError) as error:
        raise SlimseError(f"{path} is damaged.", hint="Remove the folder and start again.") from error
    if path.name == STARTED and different:
        raise SlimseError(
            f"The unfinished corpus {out} was begun with another {' and '.join(different)}: {_told(facts, different)}.",
            hint="Give the same options to go on with it, or name a new folder.",
        )
    # A finished corpus stays what it is, whatever versions are installed now.
    asked = [key for key in different if key not in ("engines", "libraries")]
    if set(facts.get("engines", {})) != set(made_with["engines"]):
        asked.append("engines")
    if path.name == DONE and asked:
        raise SlimseError(
            f"{out} is a corpus with another {' and '.join(asked)} ({_told(facts, asked)}).", hint="Name a new folder."
        )
    return facts if path.name == DONE else None


def _told(facts: dict[str, Any], keys: list[str]) -> str:
    return ", ".join(f"{key} {facts.get(key)}" for key in keys)


def _begin(out: Path, made_with: dict[str, Any]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        _write_text(out / STARTED, json.dumps(made_with, indent=2) + "\n")
        for path in out.rglob(".*.part"):  # of a run that was killed
            path.unlink()
    except OSError as error:
        raise SlimseError(f"{out} cannot be written to ({error.strerror}).", hint="Choose another folder.") from error


def _render_all(planned: list[Recipe], out: Path, babble: Path, jobs: int, advance: Advance | None) -> None:
    """Make all files that are not there yet."""
    totals = {role: sum(one.role == role for one in planned) for role in dict.fromkeys(one.role for one in planned)}
    waiting = [one for one in planned if not is_rendered(one, out, babble)]
    done = {role: total - sum(one.role == role for one in waiting) for role, total in totals.items()}
    for role in _rendered(waiting, out, babble, jobs):
        done[role] += 1
        if advance is not None:
            advance(role, done[role], totals[role])


def _rendered(waiting: list[Recipe], out: Path, babble: Path, jobs: int) -> Iterator[str]:
    """Make files, in this process or in several; yield the role of each when it is done."""
    if jobs == 1 or len(waiting) < 2:
        for one in waiting:
            render(one, out, babble)
            yield one.role
        return
    # Spawned, not forked: the caller may have threads of its own.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_be_worker)
    try:
        rest = iter(waiting)
        running: dict[Future[None], str] = {}
        for one in rest:
            running[pool.submit(render, one, out, babble)] = one.role
            if len(running) >= _WAITING * jobs:
                yield from _collected(running)
        while running:
            yield from _collected(running)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _collected(running: dict[Future[None], str]) -> Iterator[str]:
    """Wait for files; raise what went wrong with them."""
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        role = running.pop(future)
        future.result()
        yield role


def _be_worker() -> None:
    """Ctrl-C reaches all processes of a terminal; the first one ends the others.  One thread each is enough."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"


def _counts(planned: list[Recipe]) -> dict[str, int]:
    """Files by split and role."""
    names = [f"{one.split}/{one.role}" for one in planned if one.role != "babble"]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def _index(pairs: list[Recipe]) -> str:
    """The table of a split's recordings."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_INDEX_COLUMNS)
    for one in pairs:
        assert one.talk is not None
        assert one.noise is not None
        kind = one.noise.kind if one.snr_db < CLEAN_DB else "clean"
        voice = one.talk.voice
        table.writerow(
            [
                one.name,
                f"{one.snr_db:g}",
                kind,
                f"{voice.engine} {voice.name}",
                voice.language,
                one.talk.room.name,
                one.noise.room.name,
            ]
        )
    return text.getvalue()


def _write_text(path: Path, text: str) -> None:
    """A small file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)
