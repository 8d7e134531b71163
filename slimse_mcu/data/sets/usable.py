"""Which of the listed files can be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from slimse_mcu.data.audio_files import Recording, Rejected, fault, probe_all
from slimse_mcu.data.sets.layout import Listing, Pair

_LENGTH_SLACK = 16
_READERS = 4

Step = Callable[[int, int], None]


def usable_pairs(listing: Listing, step: Step | None = None) -> tuple[list[Pair], list[Rejected]]:
    """Read every file of the pairs to its end; return the usable pairs and all that is left out.

    Args:
        listing: What a layout found.
        step: Called with how many pairs were read, and of how many.
    """
    pairs: list[Pair] = []
    rejected = list(listing.rejected)
    with ThreadPoolExecutor(_READERS) as pool:
        for done, (pair, bad) in enumerate(zip(listing.pairs, pool.map(_fault, listing.pairs), strict=True), 1):
            if bad is None:
                pairs.append(pair)
            else:
                rejected.append(bad)
            if step is not None:
                step(done, len(listing.pairs))
    return pairs, rejected


def recordings_of(listing: Listing) -> tuple[list[Recording], list[Recording], list[Rejected]]:
    """Noisy and clean recordings whose headers fit each other, and all that is left out; reads headers only."""
    both = [(pair, pair.clean) for pair in listing.pairs if pair.clean is not None]
    usable, unreadable = probe_all([path for pair, clean in both for path in (pair.noisy, clean)])
    headers = {one.path: one for one in usable}
    reasons = {one.path: one for one in unreadable}
    noisy: list[Recording] = []
    clean: list[Recording] = []
    rejected = list(listing.rejected)
    rejected += [Rejected(pair.noisy, "has no clean reference") for pair in listing.pairs if pair.clean is None]
    for pair, reference in both:
        bad = reasons.get(pair.noisy) or reasons.get(reference)
        bad = bad or unequal(headers[pair.noisy], headers[reference])
        if bad is not None:
            rejected.append(bad)
        else:
            noisy.append(headers[pair.noisy])
            clean.append(headers[reference])
    return noisy, clean, rejected


def unusable(paths: Sequence[Path], step: Step | None = None) -> list[Rejected]:
    """Read files to their ends and return those that cannot be used.

    Args:
        paths: The files.
        step: Called with how many files were read, and of how many.
    """
    usable, rejected = probe_all(paths)
    with ThreadPoolExecutor(_READERS) as pool:
        for done, bad in enumerate(pool.map(fault, usable), 1):
            if bad is not None:
                rejected.append(bad)
            if step is not None:
                step(done, len(usable))
    return rejected


def unequal(noisy: Recording, clean: Recording) -> Rejected | None:
    """A rejection if lengths differ: at all at equal rates, else by more than resampling makes."""
    same_rate = noisy.rate_hz == clean.rate_hz
    at_rate = clean.frames if same_rate else round(clean.frames * noisy.rate_hz / clean.rate_hz)
    if abs(noisy.frames - at_rate) <= (0 if same_rate else _LENGTH_SLACK):
        return None
    return Rejected(
        noisy.path,
        f"is {noisy.frames} samples long ({noisy.seconds:.3f} s), its clean reference {clean.path.name} "
        f"{clean.frames} ({clean.seconds:.3f} s)",
    )


def _fault(pair: Pair) -> Rejected | None:
    """Read the files of a pair; return why it cannot be used, or None."""
    recordings, rejected = probe_all([path for path in (pair.noisy, pair.clean) if path is not None])
    if rejected:
        return rejected[0]
    bad = unequal(*recordings) if len(recordings) == 2 else None
    return bad or next((wrong for one in recordings if (wrong := fault(one)) is not None), None)
