"""What an instruction does, as far as its time depends on it; shared by the cores' models."""

from __future__ import annotations

import re
from functools import cache

from slimse_mcu.disassembly import Instruction

_KINDS = (
    ("branch", r"b|b(?:eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)|cbz|cbnz|bx|bl|blx|tbb|tbh"),
    ("loop", r"le|letp|wls|wlstp\..*|dls|dlstp\..*|lctp"),
    ("it", r"it[te]*"),
    ("nop", r"nop"),
    ("load", r"ldr(?:b|h|sb|sh)?(?:t)?"),
    ("load double", r"ldrd"),
    ("load multiple", r"ldm\w*|pop"),
    ("store", r"str[bh]?"),
    ("store double", r"strd"),
    ("store multiple", r"stm\w*|push"),
    ("divide", r"[us]div"),
    ("multiply", r"muls?|mla|mls|smul[bt][bt]|smla[bt][bt]|smulw[bt]|smlaw[bt]|smuad|smusd|smlad|smlsd|smladx|smlsdx"),
    ("multiply high", r"smmulr?|smmlar?|smmlsr?"),
    ("multiply long", r"[us]mull|[us]mlal|umaal|smlald?x?|smlal[bt][bt]|smlsldx?"),
    ("extend", r"[us]xt[bh]"),
    ("saturate", r"[us]sat(?:16)?"),
    ("bit field", r"[us]bfx|bfi|bfc"),
    (
        "parallel",
        r"[us]xta?[bh]?(?:16)?|pkh[bt][bt]|(?:[usq]|sh|uh|uq)(?:add|sub|asx|sax)(?:8|16)?|q?d?(?:add|sub)|sel|usada?8"
        r"|rev\w*|rbit|clz",
    ),
    ("system", r"mrs|msr|dsb|dmb|isb|cps\w*|wfi|bkpt|svc"),
)
_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
_PLAIN = re.compile(r"(?:add|sub)s?w?")
_VECTOR = re.compile(r"\bq\d")


@cache
def _by_name(mnemonic: str) -> str:
    if _PLAIN.fullmatch(mnemonic):
        return "alu"
    return next((kind for kind, pattern in _PATTERNS if pattern.fullmatch(mnemonic)), "alu")


def kind(instruction: Instruction) -> str:
    """One of the kinds above, ``"alu"`` for anything plain, ``"float"``, ``"float load"``, ..., or ``"vector"``."""
    name = instruction.mnemonic
    if name.startswith("v"):
        if is_vector(instruction):
            return "vector"
        if name.startswith(("vldm", "vpop")):
            return "float load multiple"
        if name.startswith(("vstm", "vpush")):
            return "float store multiple"
        if name.startswith("vldr"):
            return "float load"
        if name.startswith("vstr"):
            return "float store"
        return "float"
    return _by_name(name)


def is_vector(instruction: Instruction) -> bool:
    """Whether it is of the vector extension (Helium)."""
    name = instruction.mnemonic
    return name.startswith("v") and (
        any(_VECTOR.search(one) for one in instruction.operands) or name.startswith(("vctp", "vpst", "vpt", "vpnot"))
    )


def is_load(instruction: Instruction) -> bool:
    """Whether it reads memory into core registers."""
    return kind(instruction).startswith("load")


def shifts_operand(instruction: Instruction) -> bool:
    """Whether it shifts a register: by itself, or as an operand of something else."""
    name = instruction.mnemonic.rstrip("s")
    if name in ("lsl", "lsr", "asr", "ror", "rrx"):
        return True
    if kind(instruction) != "alu":
        return False
    last = instruction.operands[-1] if instruction.operands else ""
    return last.startswith(("lsl", "lsr", "asr", "ror", "rrx")) and not last.endswith("#0")


def written_list(instruction: Instruction) -> int:
    """Length of a register list, in words; 1 for a single register."""
    words = instruction.listed
    first = next((one for one in instruction.operands if "{" in one), "")
    return max(1, words) * (2 if first.startswith("{d") else 1)
