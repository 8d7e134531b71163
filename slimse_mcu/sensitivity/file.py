"""The file that a search writes and that a compilation reads."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args

from slimse_mcu.errors import QuantizeError, SlimseError
from slimse_mcu.graph import Graph
from slimse_mcu.sensitivity.results import METRICS, Budget, BudgetKind, Point, Sensitivity, TensorNoise

_MAGIC, _FORMAT = "slimse-sensitivity", 1
_MOST_BYTES = 16 << 20
_HINT = "Give a file that `slimse sensitivity` wrote."


def to_json(result: Sensitivity) -> dict[str, Any]:
    """Plain values under stable keys; an infinite ratio is None.  ``wide`` is the answer."""
    values = asdict(result)
    return {"format": [_MAGIC, _FORMAT], "wide": list(result.chosen.wide), **_without_infinity(values)}


def write_result(result: Sensitivity, path: Path) -> None:
    """Write a file whole or not at all.

    Raises:
        SlimseError: It cannot be written.
    """
    text = json.dumps(to_json(result), indent=1, allow_nan=False) + "\n"
    write_whole(path, text.encode())


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place, then move it there.

    Raises:
        SlimseError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SlimseError(f"{path} cannot be written ({error.strerror}).", hint="Choose another --out.") from error


def read_result(path: Path) -> Sensitivity:
    """Read a file that :func:`write_result` wrote.

    Raises:
        QuantizeError: It cannot be read, or is no such file.
    """
    values = _read(path)
    try:
        return _result(values)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise QuantizeError(f"{path} is damaged, or was changed by hand.", hint=_HINT) from error


def result_for(path: Path, graph: Graph) -> Sensitivity | None:
    """The result that a choice of tensors came from; None where the file holds the choice alone.

    Raises:
        QuantizeError: The file cannot be read, or its result is about another model; names both.
    """
    values = _json(path)
    if not isinstance(values, dict) or "format" not in values:
        return None
    result = read_result(path)
    if result.model_hash != graph.provenance.model_hash:
        raise QuantizeError(
            f"{path} is about the model {result.model_name} ({result.model_hash[:12]}), not about "
            f"{graph.provenance.model_name} ({graph.provenance.model_hash[:12]}).",
            hint="Run `slimse sensitivity` on this model.",
        )
    return result


def check_out(out: Path) -> None:
    """Refuse a place that a result and its picture cannot be written to, or where they would replace other files.

    Raises:
        SlimseError: Names what is in the way.
    """
    hint = "Choose another --out, a file whose name ends in .json."
    if out.suffix != ".json":
        raise SlimseError(f"{out} does not end in .json.", hint=hint)
    picture = out.with_suffix(".png")
    for path in (out, picture):
        if path.exists() and not path.is_file():
            raise SlimseError(f"{path} is no file.", hint=hint)
    if not out.exists() and picture.exists():
        raise SlimseError(f"{picture} is there, which slimse did not write.", hint=hint)
    if out.exists():
        try:
            _read(out)
        except QuantizeError:
            raise SlimseError(f"{out} holds something that slimse did not write.", hint=hint) from None


def _read(path: Path) -> dict[str, Any]:
    values = _json(path)
    if not isinstance(values, dict) or values.get("format") != [_MAGIC, _FORMAT]:
        raise QuantizeError(f"{path} is not the result of a sensitivity search.", hint=_HINT)
    return values


def _json(path: Path) -> Any:
    """What the file holds; None where it is no JSON."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise QuantizeError(f"{path} cannot be read ({error.strerror}).", hint=_HINT) from error
    try:
        return json.loads(data) if len(data) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        return None


def _result(values: dict[str, Any]) -> Sensitivity:
    budget = Budget(_one_of(values["budget"]["kind"], get_args(BudgetKind)), _number(values["budget"]["value"]))
    points = tuple(_point(one) for one in values["points"])
    tensors = tuple(_tensor(one) for one in values["tensors"])
    expected_db = tuple(_ratio(one) for one in values["expected_db"])
    if not points or points[0].wide or len(expected_db) != 1 + sum(one.can_be_wide for one in tensors):
        raise ValueError
    return Sensitivity(
        **{name: _text(values[name]) for name in _TEXTS},
        budget=budget,
        metric=_one_of(values["metric"], METRICS),
        recordings=_whole(values["recordings"]),
        frames=_whole(values["frames"]),
        float_pesq=_optional(values["float_pesq"]),
        weights_db=_ratio(values["weights_db"]),
        floor_db=_ratio(values["floor_db"]),
        tensors=tensors,
        points=points,
        expected_db=expected_db,
        order=_names(values["order"]),
        chosen=_point(values["chosen"]),
        is_met=_flag(values["is_met"]),
    )


_TEXTS = ("tool_version", "model_name", "model_hash", "calibration_hash", "method")


def _point(values: dict[str, Any]) -> Point:
    numbers = {name: _whole(values[name]) for name in ("model_bytes", "weight_bytes", "wide_macs")}
    wide, loss = _names(values["wide"]), _optional(values["pesq_loss"])
    return Point(wide=wide, sqnr_db=_ratio(values["sqnr_db"]), pesq_loss=loss, **numbers)


def _tensor(values: dict[str, Any]) -> TensorNoise:
    known = {one.name for one in fields(TensorNoise)}
    optional = ("ram_bytes", "flash_bytes", "wide_macs")
    made = TensorNoise(
        tensor=_text(values["tensor"]),
        elements=_whole(values["elements"]),
        along=_names(values["along"]),
        can_be_wide=_flag(values["can_be_wide"]),
        alone_db=_ratio(values["alone_db"]),
        range_db=_ratio(values["range_db"]),
        share=_number(values["share"]),
        gain_db=_number(values["gain_db"]),
        pesq_loss=_optional(values["pesq_loss"]),
        **{name: None if values[name] is None else _whole(values[name]) for name in optional},
    )
    return made if known == values.keys() else _refuse()


def _refuse() -> Any:
    raise ValueError


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(_refuse())


def _names(value: Any) -> tuple[str, ...]:
    return tuple(_text(one) for one in value) if isinstance(value, list) else tuple(_refuse())


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else bool(_refuse())


def _whole(value: Any) -> int:
    return value if type(value) is int else int(_refuse())


def _number(value: Any) -> float:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else float(_refuse())


def _optional(value: Any) -> float | None:
    return None if value is None else _number(value)


def _ratio(value: Any) -> float:
    return math.inf if value is None else _number(value)


def _one_of(value: Any, allowed: tuple[Any, ...]) -> Any:
    return value if value in allowed else _refuse()


def _without_infinity(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_infinity(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinity(one) for one in value]
    return None if isinstance(value, float) and math.isinf(value) else value
