"""An image's instructions as the toolchain's ``objdump`` reads them, with the registers that they read and write."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from slimse_mcu.errors import BuildError

_LINE = re.compile(r"^ *([0-9a-f]+):\t([0-9a-f ]+?) *\t([^\t]+)(?:\t(.*))?$")
_ARCHITECTURE = re.compile(r"^architecture: ([^,\s]+)", re.MULTILINE)
_REGISTER = re.compile(r"\b(?:r\d{1,2}|sp|lr|pc|[sdq]\d{1,2}|p0)\b")
_RANGE = re.compile(r"\b([rsdq])(\d{1,2})-\1(\d{1,2})\b")
_TARGET = re.compile(r"(?:^|, )([0-9a-f]+) <")
_CONDITION = "eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
_BRANCH = re.compile(rf"b(?:{_CONDITION})?|cbz|cbnz|le|letp|wls|wlstp")
#: Names that end like a condition but have none.
_UNCONDITIONAL = re.compile(r"teq|mls|smmls|vmls|(?:bic|lsl|mul|mov|adc|sbc|asr|lsr|ror|neg|mvn|orr|and|eor)s")
_CONDITIONAL = re.compile(rf"(.{{2,}}?)({_CONDITION})")
_TWO_RESULTS = re.compile(r"(?:smull|umull|smlal|umlal|umaal|smlsl|ldrd|vmlaldav|vmlsldav|vrmlaldavh|vaddlv).*")
_READS_RESULT = re.compile(
    r"(?:smlal|umlal|umaal|smlsl|movt|bfi|bfc|vmla|vmls|vfma|vfms|vfnma|vfnms|vnmla|vqdmla|vqrdmla|vrmlaldavha|vaddva"
    r"|vaddlva|vmovnt|vqmovnt|vshrnt|vqshrnt|vqrshrnt|vrshrnt|vsli|vsri).*"
)
_NO_RESULT = re.compile(
    r"(?:str|stm|push|vst|vpush|cmp|cmn|tst|teq|vcmp|vpt|pld|pli|b$|bl|bx|blx|cbz|cbnz|tbb|tbh|nop|it).*"
)


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        address: Where it lies.
        size: Bytes, 2 or 4.
        text: As ``objdump`` writes it, without addresses in words.
        mnemonic: Its name without width and condition: ``add``, ``ldrsb``, ``vmlava.s8``.
        operands: Its operands, as written.
        condition: ``eq``, ... or empty.
    """

    address: int
    size: int
    text: str
    mnemonic: str
    operands: tuple[str, ...]
    condition: str

    @property
    def end(self) -> int:
        """Address behind it."""
        return self.address + self.size

    @cached_property
    def target(self) -> int | None:
        """Where a branch or call with a fixed target goes; None for anything else."""
        if not (_BRANCH.fullmatch(self.mnemonic) or self.mnemonic == "bl"):
            return None
        found = _TARGET.search(self.text.partition("\t")[2])
        return int(found.group(1), 16) if found else None

    @cached_property
    def registers(self) -> tuple[frozenset[str], ...]:
        """The registers that stand in each operand."""
        return tuple(_registers(one) for one in self.operands)

    @cached_property
    def address_registers(self) -> frozenset[str]:
        """Registers that make up an address in memory."""
        return frozenset().union(*(_registers(one) for one in self.operands if "[" in one))

    @cached_property
    def listed(self) -> int:
        """Length of the list of registers in braces; 0 without one."""
        return sum(len(_listed(one)) for one in self.operands if "{" in one)

    @cached_property
    def writes(self) -> frozenset[str]:
        """Registers that it changes."""
        written: frozenset[str] = frozenset()
        if self.operands and not _NO_RESULT.match(self.mnemonic):
            results = 2 if _TWO_RESULTS.fullmatch(self.mnemonic) else 1
            if "{" in self.operands[0] or self.mnemonic.startswith(("ldm", "vldm")):
                results = 0
            written = written.union(*self.registers[:results])
        if self.mnemonic.startswith(("ldm", "pop", "vldm", "vpop", "vld2", "vld4")):
            written = written.union(*(_registers(one) for one in self.operands if "{" in one))
        return written | self._written_back()

    @cached_property
    def reads(self) -> frozenset[str]:
        """Registers that it needs."""
        first = 0
        if self.operands and not _NO_RESULT.match(self.mnemonic):
            first = 2 if _TWO_RESULTS.fullmatch(self.mnemonic) else 1
            if _READS_RESULT.fullmatch(self.mnemonic) or len(self.operands) == 1 or self._is_two_address():
                first = 0
        if self.mnemonic.startswith(("ldm", "vldm")):
            return self.registers[0]
        if self.mnemonic in ("pop", "vpop"):
            return frozenset({"sp"})
        return frozenset().union(*self.registers[first:])

    def _is_two_address(self) -> bool:
        """Whether the result is an operand as well: ``add r0, r1``."""
        two = ("add", "sub", "and", "orr", "eor", "bic", "adc", "sbc", "mul", "lsl", "lsr", "asr", "ror")
        return len(self.operands) == 2 and self.mnemonic.rstrip("s") in two

    def _written_back(self) -> frozenset[str]:
        if any(one.endswith("!") for one in self.operands):
            return frozenset().union(
                *(_registers(one) for one in self.operands if one.endswith("!") or one.startswith("["))
            )
        if len(self.operands) > 1 and any("[" in one for one in self.operands[:-1]):
            return frozenset().union(*(_registers(one) for one in self.operands[:-1] if "[" in one))
        return frozenset({"sp"}) if self.mnemonic in ("push", "pop", "vpush", "vpop") else frozenset()


def disassemble(elf: Path, objdump: str = "arm-none-eabi-objdump") -> Mapping[int, Instruction]:
    """Read the instructions of an image, by address.

    Raises:
        BuildError: The disassembler is missing or refuses the file.
    """
    if shutil.which(objdump) is None:
        raise BuildError(
            f"The disassembler {objdump} was not found.",
            hint="It comes with the compiler (Debian: apt install binutils-arm-none-eabi).",
        )
    # Vector instructions are only named when the architecture is given, though the file says it.
    found = _ARCHITECTURE.search(_output([objdump, "-f", str(elf)]))
    architecture = ["-m", found.group(1)] if found else []
    text = _output([objdump, "-d", "-w", "-M", "reg-names-std", *architecture, str(elf)])
    return {one.address: one for one in parse(text)}


def _output(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if result.returncode != 0:
        said = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise BuildError(f"{command[0]} cannot read {command[-1]}: {said}.", hint="Build it again.")
    return result.stdout


def parse(text: str) -> Iterator[Instruction]:
    """Instructions of the disassembler's output."""
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        address, code, name, operands = found.groups()
        if name.startswith("."):
            continue
        operands = (operands or "").split("\t")[0].partition(" @")[0].partition(" ;")[0].strip()
        base = name.removesuffix(".n").removesuffix(".w")
        condition = ""
        split = _CONDITIONAL.fullmatch(base.partition(".")[0])
        if split and not _UNCONDITIONAL.fullmatch(base) and _is_conditional(split.group(1)):
            condition = split.group(2)
            base = split.group(1) + base[split.end() :]
        size = len(code.replace(" ", "")) // 2
        yield Instruction(int(address, 16), size, f"{name}\t{operands}", base, _split(operands), condition)


_NAMES = re.compile(
    r"(?:b|bl|bx|blx|mov|movw|movt|mvn|add|addw|sub|subw|rsb|adc|sbc|and|orr|orn|eor|bic|lsl|lsr|asr|ror|rrx|neg|cmp|cmn"
    r"|tst|mul|mla|ldr|ldrb|ldrh|ldrsb|ldrsh|ldrd|str|strb|strh|strd|ldm\w*|stm\w*|pop|push|uxt[bh]|sxt[bh]|uxta[bh]"
    r"|sxta[bh]|[us]xta?b16|[us]bfx|bfi|bfc|[us]sat|[us]sat16|clz|rbit|rev|rev16|revsh|[us]mull|[us]mlal|smlad|smlald"
    r"|smuad|smmulr?|smmlar?|pkh[bt][bt]|[su]div|v\w+)s?"
)


def _is_conditional(base: str) -> bool:
    """Whether a name without its last two letters is an instruction's."""
    return _NAMES.fullmatch(base) is not None


def _split(operands: str) -> tuple[str, ...]:
    """Operands at the commas outside of brackets and braces."""
    parts, depth, part = [], 0, ""
    for letter in operands:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += letter
    return (*parts, part.strip()) if operands else ()


def _registers(operand: str) -> frozenset[str]:
    return frozenset(_REGISTER.findall(operand.partition("<")[0])) | frozenset(_listed(operand))


def _listed(operand: str) -> list[str]:
    """Registers of a list in braces, ranges written out."""
    inside = operand.partition("{")[2].partition("}")[0]
    if not inside:
        return []
    names = []
    for part in inside.split(","):
        found = _RANGE.search(part)
        if found:
            names += [f"{found.group(1)}{i}" for i in range(int(found.group(2)), int(found.group(3)) + 1)]
        else:
            names.append(part.strip())
    return names
