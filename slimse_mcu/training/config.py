"""What decides how a training comes out: the config file, checked."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import Field

from slimse_mcu.data import Mixing
from slimse_mcu.errors import SlimseError
from slimse_mcu.training import gating
from slimse_mcu.training.architectures import architecture
from slimse_mcu.training.architectures.architecture import Network
from slimse_mcu.training.gating import Guidance
from slimse_mcu.training.tables import Table, read_table, table_of, to_toml
from slimse_mcu.training.task import EnhancementTask

_TOML_BYTES = 64 * 1024
_CONFIGS = "slimse_mcu.training.configs"


class Training(Table):
    """The table ``[training]``: length, batches, optimizer.

    Attributes:
        steps: Optimizer steps.
        steps_per_epoch: Steps from one validation and checkpoint to the next.
        batch: Mixtures per step, of all workers together.
        seconds: Length of a mixture.
        pool: Number of different mixtures, drawn in a new order every time round; 0 never draws one twice.
        learning_rate: At the peak; it rises linearly for ``warmup_steps`` and falls to zero as a cosine.
        warmup_steps: Steps to the peak.
        weight_decay: Of AdamW.
        clip_norm: Greatest norm of the whole gradient.
        jit: Whether XLA may compile a step with TensorFlow, where the architecture trains faster so.
        eager: Whether operations run one by one: slower by far, but begins at once, and shows where something fails.
    """

    steps: Annotated[int, Field(ge=1, le=10**8)] = 6000
    steps_per_epoch: Annotated[int, Field(ge=1, le=10**6)] = 500
    batch: Annotated[int, Field(ge=1, le=4096)] = 10
    seconds: Annotated[float, Field(ge=0.1, le=60.0)] = 2.0
    pool: Annotated[int, Field(ge=0, le=10**9)] = 0
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 2e-3
    warmup_steps: Annotated[int, Field(ge=0, le=10**8)] = 300
    weight_decay: Annotated[float, Field(ge=0.0, le=1.0)] = 1e-3
    clip_norm: Annotated[float, Field(gt=0.0)] = 5.0
    jit: bool = True
    eager: bool = False


class Start(Table):
    """The table ``[start]``: whose weights are taken over, layer by layer; layers that it lacks start anew.

    Attributes:
        config: A bundled config, or a file beside this one; trained first if it has not been.
    """

    config: str


class Validation(Table):
    """The table ``[validation]``.

    Attributes:
        clips: Recordings of the validation set that are scored after every epoch, always the same.
        seconds: Length of each.
    """

    clips: Annotated[int, Field(ge=1, le=10000)] = 12
    seconds: Annotated[float, Field(ge=0.5, le=60.0)] = 6.0


class EarlyStopping(Table):
    """The table ``[early_stopping]``; without it, training runs to its last step.

    Attributes:
        monitor: ``"pesq"`` (greater is better) or ``"spectral"`` (less is), of the validation set.
        patience: Epochs without a better value after which training ends, with the weights of the best one.
        least: Change that counts as better.
    """

    monitor: Annotated[str, Field(pattern="^(pesq|spectral)$")] = "pesq"
    patience: Annotated[int, Field(ge=1, le=10**6)] = 8
    least: Annotated[float, Field(ge=0.0)] = 0.0


class QuantizationAware(Table):
    """The table ``[quantization_aware]``: training with int8's rounding in the loop.

    Attributes:
        from_step: The first epoch that begins at or after this step sees it.
    """

    from_step: Annotated[int, Field(ge=0, le=10**8)] = 0


@dataclass(frozen=True, slots=True)
class Config:
    """A whole config file.

    Attributes:
        name: Of the config, and of the Keras model with ``_`` for ``-``.
        architecture: One of :func:`slimse_mcu.training.architectures.names`.
        seed: Of weights, mixtures and noise.
        network: Sizes; its type is the architecture's.
        training: Length, batches, optimizer.
        mixing: Ratios, levels and shares of the mixtures.
        loss: Keyword arguments of :class:`EnhancementTask`.
        validation: What is scored after an epoch.
        metric: What stands for the quality of a noisy clip in metric guidance: ``"ovrl"`` (DNS-MOS) or ``"snr"``.
        guidance: Leads how much is open; None exactly where the network has no gates.
        start: Where the weights come from; None starts from random ones.
        early_stopping: None runs to the last step.
        quantization_aware: None trains in float only.
        values: All of this as plain values, as the file would say them.
        chosen: Those of them that are not the default.
    """

    name: str
    architecture: str
    seed: int
    network: Network
    training: Training
    mixing: Mixing
    loss: Mapping[str, Any]
    validation: Validation
    metric: str
    guidance: Guidance | None
    start: Start | None
    early_stopping: EarlyStopping | None
    quantization_aware: QuantizationAware | None
    values: Mapping[str, Any]
    chosen: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all values that are not the default, in hexadecimal; the same for the same training."""
        return hashlib.sha256(json.dumps(self.chosen, sort_keys=True).encode()).hexdigest()

    def to_toml(self) -> str:
        """All values, defaults included, as a config file."""
        return to_toml(self.values)


class _Head(Table):
    """Keys outside of any table."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    architecture: str
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1


def guidances() -> dict[str, type[Any]]:
    """The classes that a config's ``guidance.kind`` names, by that name: all of :mod:`slimse_mcu.training.gating`."""
    found: dict[str, type[Any]] = {}
    for name, member in vars(gating).items():
        known = isinstance(member, type) and dataclasses.is_dataclass(member)
        if known and hasattr(member, "loss") and hasattr(member, "annealing"):
            found[_kebab(name)] = member
    return found


def bundled() -> tuple[str, ...]:
    """Names of the configs that come with the package, sorted."""
    folder = resources.files(_CONFIGS)
    return tuple(sorted(file.name[:-5] for file in folder.iterdir() if file.name.endswith(".toml")))


def read_config(config: str, *, beside: Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Read a bundled config or a file.

    Args:
        config: Name of a bundled config, or path of a toml file.
        beside: Folder that a relative path is looked for in first.
        overrides: ``table.key=value`` each, the value as in toml; they replace or add what the file says.

    Raises:
        SlimseError: There is no such config, or something in it is wrong; names the key.
    """
    values, source = _read(config, beside)
    values.setdefault("name", Path(source).stem)
    for one in overrides:
        _override(values, one)
    return parse_config(values, source)


def parse_config(values: Mapping[str, Any], source: str) -> Config:
    """Check the values of a config.

    Args:
        values: As parsed from toml.
        source: File that they stand in, for messages.

    Raises:
        SlimseError: Something is unknown, missing or wrong; names the key.
    """
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    tables = {key: dict(value) for key, value in values.items() if isinstance(value, Mapping)}
    if unknown := sorted((set(plain) - set(_Head.model_fields)) | (set(tables) - _TABLES)):
        raise SlimseError(
            f"{source}: there is no {unknown[0]}.",
            hint=f"Keys: {', '.join(_Head.model_fields)}; tables: {', '.join(sorted(_TABLES))}.",
        )
    head = _read_head(plain, source)
    network = read_table(architecture(head.architecture).network, tables.get("network", {}), "network", source)
    kind, guidance_table = _read_guidance(tables.get("guidance"), network, source)
    given = {} if guidance_table is None else guidance_table.model_dump()
    metric = given.pop("metric", "snr")
    guidance = None if guidance_table is None else _made(guidances()[kind], given, source)
    mixing = read_table(_MIXING, tables.get("mixing", {}), "mixing", source)
    loss = read_table(_LOSS, tables.get("loss", {}), "loss", source)
    optional: dict[str, Any] = {
        key: read_table(table, tables[key], key, source) if key in tables else None for key, table in _OPTIONAL.items()
    }
    training = read_table(Training, tables.get("training", {}), "training", source)
    validation = read_table(Validation, tables.get("validation", {}), "validation", source)
    if metric == "ovrl" and not training.pool:
        raise SlimseError(
            f"{source}: guidance by DNS-MOS scores every mixture once, which an endless stream of them never ends.",
            hint='Set training.pool, such as 4000, or guidance.metric = "snr".',
        )
    tables_read: dict[str, Table] = {"network": network}
    tables_read |= {key: table for key, table in optional.items() if table is not None}
    tables_read |= {"training": training, "mixing": mixing, "loss": loss, "validation": validation}
    if guidance_table is not None:
        tables_read["guidance"] = guidance_table
    return Config(
        **head.model_dump(),
        network=network,
        training=training,
        mixing=_made(Mixing, mixing.model_dump(), source),
        loss=loss.model_dump(),
        validation=validation,
        metric=metric,
        guidance=guidance,
        **optional,
        values=_plain(head, tables_read, kind, exclude_defaults=False),
        chosen=_plain(head, tables_read, kind, exclude_defaults=True),
    )


_MIXING = table_of(Mixing)
_LOSS = table_of(EnhancementTask.__init__)
_OPTIONAL: Mapping[str, type[Table]] = {
    "start": Start,
    "early_stopping": EarlyStopping,
    "quantization_aware": QuantizationAware,
}
_TABLES = {"network", "training", "mixing", "loss", "validation", "guidance", *_OPTIONAL}
_METRICS = ("ovrl", "snr")


def _read_head(plain: Mapping[str, Any], source: str) -> _Head:
    try:
        return _Head.model_validate_json(json.dumps(plain, default=str))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SlimseError(f"{source}: {key}: {first['msg']}.", hint=f"Correct {key}.") from error


def _read_guidance(values: dict[str, Any] | None, network: Network, source: str) -> tuple[str, Table | None]:
    """The kind of the guidance and its table; None without gates."""
    if network.gates != (values is not None):
        said = "has gates" if network.gates else "has no gates"
        raise SlimseError(
            f"{source}: the network {said}, and there is {'no' if values is None else 'a'} table [guidance].",
            hint="Give [guidance] exactly where network.gates is true.",
        )
    if values is None:
        return "", None
    kinds = guidances()
    kind = values.pop("kind", None)
    if kind not in kinds:
        raise SlimseError(f"{source}: guidance.kind is {kind!r}.", hint=f"Choose one of {', '.join(sorted(kinds))}.")
    extra: dict[str, Any] = {}
    if callable(getattr(kinds[kind], "target", None)):  # of each clip; elsewhere it is a number
        extra["metric"] = (Annotated[str, Field(pattern=f"^({'|'.join(_METRICS)})$")], "ovrl")
    return kind, read_table(table_of(kinds[kind], **extra), values, "guidance", source)


def _plain(head: _Head, tables: Mapping[str, Table], kind: str, *, exclude_defaults: bool) -> dict[str, Any]:
    """What a config file of these tables says."""
    dump = {key: table.model_dump(mode="json", exclude_defaults=exclude_defaults) for key, table in tables.items()}
    if kind:
        dump["guidance"] = {"kind": kind, **dump["guidance"]}
    return {**head.model_dump(), **dump}


def _made(kind: Any, values: Mapping[str, Any], source: str) -> Any:
    """An instance of a dataclass that may refuse its values."""
    try:
        return kind(**values)
    except (SlimseError, ValueError) as error:
        raise SlimseError(f"{source}: {error}", hint="Correct it.") from error


def _read(config: str, beside: Path | None) -> tuple[dict[str, Any], str]:
    """The values of a bundled config or a file, and what to call it in messages."""
    if config in bundled():
        text = (resources.files(_CONFIGS) / f"{config}.toml").read_text(encoding="utf-8")
        return tomllib.loads(text), f"{config}.toml"
    path = Path(config)
    if beside is not None and not path.is_absolute() and (beside / path).is_file():
        path = beside / path
    if not path.is_file():
        raise SlimseError(
            f"There is no config {config}.", hint=f"Name a toml file or a bundled config: {', '.join(bundled())}."
        )
    try:
        with path.open("rb") as file:
            data = file.read(_TOML_BYTES + 1)
        if len(data) > _TOML_BYTES:
            raise SlimseError(f"{path} is larger than {_TOML_BYTES} bytes.", hint="Name a config file.")
        return tomllib.loads(data.decode()), str(path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SlimseError(f"{path} is no toml file: {error}.", hint="Correct the line.") from error


def _override(values: dict[str, Any], assignment: str) -> None:
    """Set ``table.key=value`` in a config's values."""
    key, equals, text = assignment.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts) or len(parts) > 2:
        raise SlimseError(f"{assignment!r} sets nothing.", hint="Write --set table.key=value.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        value = text.strip()  # a word without quotes, which shells eat
    table = values
    if len(parts) == 2:
        table = values.setdefault(parts[0], {})
        if not isinstance(table, dict):
            raise SlimseError(f"{parts[0]} is no table.", hint="Write --set table.key=value.")
    table[parts[-1]] = value


def _kebab(name: str) -> str:
    """``MetricGuidance`` to ``metric-guidance``."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
