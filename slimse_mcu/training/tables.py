"""Typed tables of a config file: pydantic models, and such models made from what a class or function takes."""

from __future__ import annotations

import dataclasses
import inspect
import json
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pydantic

from slimse_mcu.errors import SlimseError


class Table(pydantic.BaseModel):
    """A table of a config file; unknown keys, wrong types, infinities and NaN are refused."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


T = TypeVar("T", bound=Table)


def table_of(taker: Callable[..., Any], **fixed: Any) -> type[Table]:
    """A table with a key for each field of a dataclass, or for each keyword-only argument of a function.

    Args:
        taker: Every field or argument needs an annotation and a default.
        fixed: More keys, as ``key=(type, default)``.
    """
    if dataclasses.is_dataclass(taker):
        hints = typing.get_type_hints(taker)
        keys = {field.name: (hints[field.name], field.default) for field in dataclasses.fields(taker)}
    else:
        hints = typing.get_type_hints(taker)
        arguments = inspect.signature(taker).parameters.values()
        keys = {one.name: (hints[one.name], one.default) for one in arguments if one.kind is one.KEYWORD_ONLY}
    made: type[Table] = pydantic.create_model(f"{taker.__name__}Table", __base__=Table, **(keys | fixed))
    return made


def read_table(table: type[T], values: Any, name: str, source: str) -> T:
    """Check the values of a table.

    Args:
        table: What is expected.
        values: As parsed from toml.
        name: Of the table, for messages.
        source: File that it stands in, for messages.

    Raises:
        SlimseError: A key is unknown, missing or of the wrong type or range; names it.
    """
    if not isinstance(values, Mapping):
        raise SlimseError(f"{source}: {name} is {values!r}, expected a table.", hint=f"Write [{name}].")
    try:
        # Through JSON, where pydantic takes an array for a tuple and yet nothing else for a number.
        return table.model_validate_json(json.dumps(values, default=str))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join((name, *(str(part) for part in first["loc"])))
        if first["type"] == "extra_forbidden":
            known = ", ".join(sorted(table.model_fields))
            raise SlimseError(f"{source}: there is no {key}.", hint=f"Keys of [{name}]: {known}.") from error
        given = "" if first["type"] == "missing" else f", got {first['input']!r}"
        reason = first["msg"][:1].lower() + first["msg"][1:]
        raise SlimseError(f"{source}: {key}: {reason}{given}.", hint=f"Correct {key}.") from error


def to_toml(values: Mapping[str, Any]) -> str:
    """Write a dict of scalars, arrays and one level of tables as toml; None is left out."""
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    lines = _lines(plain)
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_lines(table)]
    return "\n".join(lines) + "\n"


def _lines(values: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_literal(value)}" for key, value in values.items() if value is not None]


def _literal(value: Any) -> str:
    """JSON is toml but for two things: toml knows no surrogates, and wants DEL escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
