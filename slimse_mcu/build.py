"""Project -> Image: compile and link the generated C with the board layer and the application."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Protocol

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from slimse_mcu import assets
from slimse_mcu.board import Board
from slimse_mcu.errors import BuildError, PlanError
from slimse_mcu.graph import Provenance

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror")
# Contraction would round a multiplication and addition once where the specification rounds twice.
LANGUAGE = ("-std=c11", "-ffp-contract=off", "-ffunction-sections", "-fdata-sections", "-fno-math-errno")
OPTIMISATION = "-O3"
# What serves the link and the board, and what calls the kernels, runs a few times a frame: there size counts.
_SERVING, _SERVING_OPTIMISATION = ("app", "hal", "model.c"), "-Os"
# The audio path's order of operations is part of its specification.
DSP_FLAGS = ("-fno-tree-vectorize",)

OBJECTS_VARIABLE = "SLIMSE_OBJECTS"
"""Environment variable with the folder of objects that all builds share, where none is given."""

APPLICATION = "app"
"""The application that speaks our protocol."""
MLPERF = "app_mlperf"
"""The same with the command set of the MLPerf Tiny runner."""

_SOURCE_SUFFIXES = (".c", ".S")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
_PATH_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_COMPILER_HINTS = {
    "arm-none-eabi-gcc": "Install the GNU Arm embedded toolchain (Debian: apt install gcc-arm-none-eabi).",
    "gcc": "Install gcc (Debian: apt install gcc libc6-dev).",
    "clang": "Install clang (Debian: apt install clang).",
}


class Project(Protocol):
    """What ``build`` needs of a project: the generated sources and where they come from."""

    @property
    def name(self) -> str:
        """Name of the model, a C identifier."""

    @property
    def files(self) -> Mapping[str, str]:
        """Relative path -> text."""

    @property
    def provenance(self) -> Provenance:
        """What the project was made of."""

    @property
    def kernels(self) -> tuple[str, ...]:
        """Folders of the kernels that the project holds."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named piece of the image: ``address`` and ``size_bytes`` from the ELF file."""

    address: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Image:
    """A firmware image.

    Attributes:
        elf: The linked file.
        board: Name of the board it is for.
        name: Name of the model.
        provenance: What the model was made of; the board answers ``hello`` with the same.
        flash_weights_bytes: Constant arrays of ``model_weights.c``.
        flash_code_bytes: All other code and constants, and the initial values of data.
        ram_total_bytes: Data and reserved stacks; on the host without the system's stack.
        stack_bytes: Reserved stack, guard included; part of ``ram_total_bytes``; 0 on the host.
        model_bytes: The network's instance, ``sizeof(model_t)``: arena and state.
        audio_bytes: The front end's instance, ``sizeof(model_audio_t)``; 0 without a front end.
        sections: Size in bytes of each section that takes memory.
        symbols: Address and size of each function and object.
    """

    elf: Path
    board: str
    name: str
    provenance: Provenance
    flash_weights_bytes: int
    flash_code_bytes: int
    ram_total_bytes: int
    stack_bytes: int
    model_bytes: int
    audio_bytes: int
    sections: Mapping[str, int]
    symbols: Mapping[str, Symbol]

    def function_at(self, address: int) -> str:
        """Name of the function or object that holds ``address``; empty if none does."""
        for name, symbol in self.symbols.items():
            start = symbol.address & ~1  # bit 0 marks Thumb code
            if start <= address < start + symbol.size_bytes:
                return name
        return ""


@dataclass(frozen=True, slots=True)
class _Compilation:
    folder: Path  # the compiler runs here
    source: Path  # relative to it
    object: Path
    command: tuple[str, ...]


def build(
    project: Project,
    board: Board,
    out: Path,
    *,
    jobs: int | None = None,
    compiler: str | None = None,
    flags: Sequence[str] = (),
    objects: Path | None = None,
    application: str = APPLICATION,
) -> Image:
    """Compile and link ``project`` for ``board`` in the folder ``out``.

    ``out/src`` receives all sources, ``out/obj`` the objects, which are used again when nothing that they
    depend on changed, ``out/firmware.elf`` and ``out/firmware.map`` the result.  When the build fails, a folder that
    was made for it is removed again.

    Args:
        project: The generated sources.
        board: The target.
        out: Folder to build in; made if missing.
        jobs: Compilers to run at once; None: one per processor.
        compiler: Use this instead of the board's compiler.
        flags: Added to every compiler and linker call, for example ``-fsanitize=address``.
        objects: Folder of objects that several builds share; nothing in it is removed.  None: the one that
            ``SLIMSE_OBJECTS`` names, else ``out/obj``.
        application: Folder of ``firmware/`` whose files replace those of the application by name, or join them.

    Raises:
        BuildError: The project was compiled for another board's kernels, the compiler is missing or refuses a source,
            or ``out`` cannot be written or holds another ``src``.
        PlanError: Code and data do not fit the board's memory.
    """
    _check_kernels(project, board)
    out = out.resolve()
    command = compiler or board.compiler
    version = _compiler_version(command)
    is_new = not out.exists()
    try:
        processors = jobs or os.cpu_count() or 1
        shared = objects or _objects_of_all()
        return _build(project, board, out, command, version, tuple(flags), processors, shared, application)
    except BaseException:
        if is_new:
            shutil.rmtree(out, ignore_errors=True)
        raise


def _build(
    project: Project,
    board: Board,
    out: Path,
    command: str,
    version: str,
    flags: tuple[str, ...],
    jobs: int,
    shared: Path | None,
    application: str,
) -> Image:
    if (out / "src").exists() and not (out / "src" / "app").is_dir():
        raise BuildError(f"{out} holds src, which slimse did not write.", hint="Choose another folder with --out.")
    try:
        sources = _stage(project, board, out / "src", application)
        objects = out / "obj" if shared is None else shared.resolve()
        objects.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(f"{out} cannot be written: {error.strerror}.", hint="Choose another folder.") from error
    compilations = _compilations(sources, board, out / "src", objects, command, version, flags)
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(_compile, compilations))
    elf = _link(compilations, board, out, command, flags, project.name)
    if shared is None:
        _prune(objects, {compilation.object for compilation in compilations})
    return read_image(elf, board, name=project.name, provenance=project.provenance)


def _objects_of_all() -> Path | None:
    name = os.environ.get(OBJECTS_VARIABLE, "")
    return Path(name) if name else None


def _check_kernels(project: Project, board: Board) -> None:
    missing = [folder for folder in project.kernels if folder not in board.kernels]
    if missing:
        raise BuildError(
            f"{project.name} was compiled for {', '.join(missing)}, which the board {board.name} cannot run.",
            hint=f"Compile it again with --board {board.name}, or without --board for any board.",
        )


def _compiler_version(command: str) -> str:
    if shutil.which(command) is None:
        hint = _COMPILER_HINTS.get(Path(command).name, "Install it, or name another compiler.")
        raise BuildError(f"The compiler {command} was not found.", hint=hint)
    return _run([command, "--version"]).stdout


def _run(command: Sequence[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a tool of the compiler; it speaks English, whatever the user's language, so that its words can be read."""
    return subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
    )


def _stage(project: Project, board: Board, src: Path, application: str) -> tuple[Path, ...]:
    """Write all sources below ``src``; return the ones to compile."""
    files = {**_project_files(project), **_firmware_files(board, application)}
    written = []
    for relative, text in sorted(files.items()):
        path = src / relative
        _write_if_changed(path, text)
        if path.suffix in _SOURCE_SUFFIXES:
            written.append(path)
    return tuple(written)


def _project_files(project: Project) -> dict[str, str]:
    files = {}
    for relative, text in project.files.items():
        parts = PurePosixPath(relative).parts
        if not parts or not all(_PATH_PART.fullmatch(part) for part in parts):
            raise BuildError(f"The project {project.name} holds a file of unfit name {relative!r}.")
        files[relative] = text
    return files


def _firmware_files(board: Board, application: str) -> dict[str, str]:
    firmware = assets.root() / "firmware"
    files = {}
    parts = ((APPLICATION, "app", "*.[ch]"), (application, "app", "*.[ch]"), ("hal", "hal", "*.h"))
    for source, folder, pattern in parts:
        for path in sorted((firmware / source).glob(pattern)):
            files[f"{folder}/{path.name}"] = path.read_text(encoding="utf-8")
    for name in board.hal:
        candidates = [board.path / name, firmware / "hal" / name]
        path = next((candidate for candidate in candidates if candidate.is_file()), candidates[-1])
        if not path.is_file():
            raise BuildError(
                f"The board {board.name} needs {name}, which is neither in its folder nor in firmware/hal."
            )
        files[f"hal/{name}"] = path.read_text(encoding="utf-8")
    return files


def _write_if_changed(path: Path, text: str) -> None:
    data = text.encode()
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)


def _compilations(
    sources: Sequence[Path],
    board: Board,
    src: Path,
    objects: Path,
    command: str,
    version: str,
    flags: tuple[str, ...],
) -> list[_Compilation]:
    defines = [f"-D{define}" for define in (f'HAL_BOARD="{board.name}"', *standard_defines(board), *board.defines)]
    contents = _Contents(src)
    result = []
    for source in sources:
        relative = source.relative_to(src)
        optimisation = _SERVING_OPTIMISATION if relative.parts[0] in _SERVING else OPTIMISATION
        arguments = [*board.flags, *LANGUAGE, *WARNINGS, optimisation, "-g", *flags]
        arguments += DSP_FLAGS if relative.parts[0] == "dsp" else ()
        arguments += defines if relative.parts[0] == "hal" else ()
        digest = hashlib.sha256("\0".join([version, command, *arguments, relative.as_posix()]).encode())
        for path in contents.read_by(source):
            digest.update(contents.digest(path))
        target = objects / f"{relative.stem}-{digest.hexdigest()[:20]}.o"
        includes = ["-I.", "-Ihal", f"-fdebug-prefix-map={src}=."]
        full = (command, *arguments, *includes, "-c", relative.as_posix())
        result.append(_Compilation(src, relative, target, full))
    return result


class _Contents:
    """What the files below ``src`` hold and include; each is read once."""

    def __init__(self, src: Path) -> None:
        self._src = src
        self.digest = cache(self._digest)
        self._included = cache(self._find_included)

    def read_by(self, source: Path) -> Sequence[Path]:
        """A source and the headers that it includes, and these include, whether or not a condition leaves them out.

        Only these decide whether an object can be used again: so builds that share objects compile the board layer once
        for all models of a board, and the kernels once for all models of a core.
        """
        found = [source]
        for path in found:
            found += [header for header in self._included(path) if header not in found]
        return found

    def _digest(self, path: Path) -> bytes:
        """Of the file's place and text."""
        return hashlib.sha256(path.relative_to(self._src).as_posix().encode() + b"\0" + path.read_bytes()).digest()

    def _find_included(self, path: Path) -> Sequence[Path]:
        """The headers below ``src`` that a file names itself."""
        found = []
        for name in _INCLUDE.findall(path.read_text(encoding="utf-8")):
            places = ((folder / name).resolve() for folder in (path.parent, self._src, self._src / "hal"))
            header = next((place for place in places if place.is_file() and place.is_relative_to(self._src)), None)
            if header is not None:
                found.append(header)
        return tuple(dict.fromkeys(found))


def standard_defines(board: Board) -> tuple[str, ...]:
    """``NAME=value`` pairs that the sources of a board's hardware layer read."""
    return (
        f"HAL_CLOCK_HZ={board.clock_hz}u",
        f"HAL_COUNTER_HZ={board.counter_hz}u",
        f"HAL_BAUD={board.baud}u",
        f"HAL_SEMIHOSTING={int(board.emulator == 'qemu')}",
    )


def _compile(compilation: _Compilation) -> None:
    if compilation.object.is_file():
        return
    temporary = compilation.object.with_suffix(f".{os.getpid()}.tmp")
    try:
        result = _run([*compilation.command, "-o", str(temporary)], compilation.folder)
        if result.returncode != 0:
            raise BuildError(f"{compilation.source.name} does not compile: {_first_error(result.stderr)}")
        temporary.replace(compilation.object)
    finally:
        temporary.unlink(missing_ok=True)


def _first_error(messages: str) -> str:
    lines = messages.strip().splitlines()
    for line in lines:
        if "error:" in line:
            return line.strip()
    return lines[-1].strip() if lines else "the compiler failed without a message."


def _link(
    compilations: Sequence[_Compilation],
    board: Board,
    out: Path,
    command: str,
    flags: tuple[str, ...],
    name: str,
) -> Path:
    elf = out / "firmware.elf"
    temporary = out / f".firmware.{os.getpid()}.elf"
    temporary_map = temporary.with_suffix(".map")
    arguments = [command, *board.flags, *flags, "-Wl,--gc-sections", f"-Wl,-Map={temporary_map}"]
    if board.linker_script is not None:
        # Without -n a segment may begin at a page, with the ELF file's header in what belongs to a boot loader.
        arguments += ["-nostartfiles", "-Wl,-n", f"-L{board.path}", f"-L{assets.path('firmware/hal')}"]
        arguments += [f"-Wl,--defsym=hal_stack_reserve={board.stack_bytes}", "-Wl,--no-warn-rwx-segments"]
        arguments += [f"-T{board.linker_script}"]
    arguments += [str(compilation.object) for compilation in compilations]
    arguments += ["-lm", "-o", str(temporary)]
    try:
        result = _run(arguments)
        if result.returncode != 0:
            raise _link_error(result.stderr, board, name)
        temporary_map.replace(out / "firmware.map")
        temporary.replace(elf)
    finally:
        temporary.unlink(missing_ok=True)
        temporary_map.unlink(missing_ok=True)
    return elf


def _link_error(messages: str, board: Board, name: str) -> BuildError | PlanError:
    overflows = re.findall(r"region [`'\"](\w+)['\"] overflowed by (\d+) bytes", messages)
    if overflows:
        parts = {region: f"{region} is {int(count)} bytes too small" for region, count in overflows}
        return PlanError(
            f"{name} does not fit the board {board.name}: {', '.join(parts.values())}.",
            hint="Choose a smaller model or a larger board.",
        )
    if re.search(r"cannot find -l[cm]\b", messages):
        return BuildError(
            f"{board.compiler} has no C library.",
            hint="Install it (Debian: apt install libnewlib-arm-none-eabi).",
        )
    lines = [line for line in messages.strip().splitlines() if "ld returned" not in line]
    undefined = [line for line in lines if "undefined reference" in line or "error" in line]
    first = (undefined or lines or ["the linker failed without a message."])[0].strip()
    return BuildError(f"{name} does not link for {board.name}: {first}")


def _prune(folder: Path, used: Iterable[Path]) -> None:
    for path in set(folder.glob("*.o")) - set(used):
        path.unlink(missing_ok=True)


def read_image(elf: Path, board: Board, *, name: str, provenance: Provenance) -> Image:
    """Read the sizes of an ELF file that :func:`build` made.

    Raises:
        BuildError: The file is missing or no ELF file.
    """
    try:
        with elf.open("rb") as stream:
            file = ELFFile(stream)
            sections = _sections(file)
            symbols = _symbols(file)
            flash, ram = _flash_and_ram(file)
        weights = sections[".weights"] if ".weights" in sections else _mapped_weights(elf.with_suffix(".map"))
    except (OSError, ELFError) as error:
        raise BuildError(f"{elf} is no firmware image: {error}.", hint="Build it again.") from error
    nothing = Symbol(0, 0)
    return Image(
        elf=elf,
        board=board.name,
        name=name,
        provenance=provenance,
        flash_weights_bytes=weights,
        flash_code_bytes=flash - weights,
        ram_total_bytes=ram,
        stack_bytes=board.stack_bytes,
        model_bytes=symbols.get("app_model", nothing).size_bytes,
        audio_bytes=symbols.get("app_audio", nothing).size_bytes,
        sections=sections,
        symbols=symbols,
    )


def _sections(file: ELFFile) -> dict[str, int]:
    return {
        section.name: int(section["sh_size"])
        for section in file.iter_sections()
        if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_size"]
    }


def _flash_and_ram(file: ELFFile) -> tuple[int, int]:
    """Bytes that the image takes in non-volatile memory and in RAM; initialised data count in both."""
    flash = ram = 0
    for section in file.iter_sections():
        if not section["sh_flags"] & SH_FLAGS.SHF_ALLOC:
            continue
        if section["sh_type"] != "SHT_NOBITS":
            flash += int(section["sh_size"])
        if section["sh_flags"] & SH_FLAGS.SHF_WRITE:
            ram += int(section["sh_size"])
    return flash, ram


def _symbols(file: ELFFile) -> dict[str, Symbol]:
    table = file.get_section_by_name(".symtab")
    return {
        entry.name: Symbol(int(entry["st_value"]), int(entry["st_size"]))
        for entry in (table.iter_symbols() if table is not None else ())
        if entry["st_info"]["type"] in ("STT_OBJECT", "STT_FUNC")
    }


def _mapped_weights(path: Path) -> int:
    """Bytes of ``model_weights.c`` by the linker map, for boards without a section of their own for it.

    Each array counts as in the plan, up to the next multiple of 4.
    """
    _, _, kept = path.read_text(encoding="utf-8", errors="replace").partition("Linker script and memory map")
    entries = re.findall(r"\.rodata\S*\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s.*model_weights-[0-9a-f]+\.o", kept)
    return sum(-(-int(size, 16) // 4) * 4 for size in entries)
