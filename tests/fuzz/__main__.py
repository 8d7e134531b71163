"""The long fuzzing of what the firmware takes from strangers: ``make fuzz``, or ``python -m tests.fuzz --help``.

Every target runs so many inputs under libFuzzer with address and undefined-behaviour sanitizers, beginning with those
that are kept in ``tests/fuzz/corpus``.  What reaches code that they do not reach is kept too, as few inputs and as
small as do.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.targets import TARGETS, Target, build_guided, pack_corpus, run_guided, unpack_corpus


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10_000_000, help="inputs in all, over all targets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"), help="where inputs that crash are left")
    parser.add_argument("--keep", action=argparse.BooleanOptionalAction, default=True, help="write the corpus back")
    parser.add_argument("--target", choices=[one.name for one in TARGETS], help="default: all of them")
    options = parser.parse_args()
    chosen = [one for one in TARGETS if options.target in (None, one.name)]
    failed = 0
    for target in chosen:
        failed |= fuzz(target, options.runs // len(chosen), options.seed, options.out, options.keep)
    return failed


def fuzz(target: Target, runs: int, seed: int, out: Path, keep: bool) -> int:
    """Run one target; 0, or 1 if an input made it fail."""
    crashes = (out / target.name).resolve()
    crashes.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="slimse-fuzz-") as name:
        folder = Path(name)
        program = build_guided(target, folder)
        if isinstance(program, str):
            print(f"{target.name}: {program}", file=sys.stderr)
            return 1
        before = unpack_corpus(target, folder / "corpus")
        start = time.monotonic()
        given = [f"-runs={runs}", f"-seed={seed}", "-print_final_stats=1", f"-artifact_prefix={crashes}/"]
        result = run_guided(target, program, given, folder / "corpus")
        done = re.search(r"number_of_executed_units: (\d+)", result.stderr)
        if result.returncode != 0:
            print(result.stderr[-6000:], file=sys.stderr)
            print(f"{target.name}: FAILED, the input is in {crashes}", file=sys.stderr)
            return 1
        seconds = time.monotonic() - start
        (folder / "least").mkdir()
        run_guided(target, program, ["-merge=1"], folder / "least", folder / "corpus").check_returncode()
        after = pack_corpus(target, folder / "least") if keep else before
        count = int(done[1]) if done else 0
        print(f"{target.name}: {count:,} inputs in {seconds:.0f} s, no failure; corpus {before} -> {after} inputs")
    if not any(crashes.iterdir()):
        shutil.rmtree(crashes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
