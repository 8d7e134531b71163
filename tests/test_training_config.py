"""Config files: the bundled ones, and what is refused in others."""

from __future__ import annotations

import contextlib
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("keras")

from hypothesis import given
from hypothesis import strategies as st

from slimse_mcu.errors import SlimseError
from slimse_mcu.training.architectures import architecture
from slimse_mcu.training.config import bundled, guidances, parse_config, read_config
from slimse_mcu.training.gating import Gating, MetricGuidance
from slimse_mcu.training.tables import to_toml

ZOO = {
    *(f"convfsenet{size}-{kind}" for size in ("", "-small") for kind in ("static", "dyncp25", "dyncp50", "start")),
    *(f"dsn-{kind}" for kind in ("static", "mgt", "fixed", "start")),
}


def test_every_model_of_the_zoo_has_a_config():
    assert set(bundled()) >= ZOO


@pytest.mark.parametrize("name", sorted(ZOO))
def test_bundled_config_is_whole_and_written_as_it_is_read(name: str):
    config = read_config(name)
    assert config.name == name
    again = parse_config(tomllib.loads(config.to_toml()), "config.toml")
    assert (again, again.fingerprint) == (config, config.fingerprint)
    assert (config.guidance is not None) == config.network.gates
    assert (config.start is None) == name.endswith("-start")


@pytest.mark.parametrize(
    "names",
    [
        ("convfsenet-static", "convfsenet-dyncp25", "convfsenet-dyncp50"),
        ("convfsenet-small-static", "convfsenet-small-dyncp25", "convfsenet-small-dyncp50"),
        ("dsn-static", "dsn-fixed", "dsn-mgt"),
    ],
)
def test_twins_are_trained_equally(names: tuple[str, ...]):
    tables = [dict(read_config(name).values) for name in names]
    for one in tables:
        one.pop("name")
        one.pop("guidance", None)
        one["network"] = {k: value for k, value in one["network"].items() if not k.startswith(("gat", "policy"))}
    assert tables == [tables[0]] * len(tables)
    start = read_config(tables[0]["start"]["config"])
    assert {key: start.values["network"][key] for key in tables[0]["network"]} == tables[0]["network"]


def test_small_network_stays_below_ten_million_macs_a_second(tmp_path: Path):
    from slimse_mcu.inspect import summarize
    from slimse_mcu.load import load

    for name in ("convfsenet-small-dyncp25", "convfsenet-small-dyncp50"):
        config = read_config(name)
        architecture(config.architecture).build(config.network, seed=1, name="small").save(tmp_path / "small.keras")
        assert summarize(load(tmp_path / "small.keras")).macs_open <= 160_000


def test_guidances_are_found_by_themselves():
    assert guidances().items() >= {("gating", Gating), ("metric-guidance", MetricGuidance)}
    assert read_config("dsn-mgt").metric == "ovrl"
    assert read_config("dsn-mgt", overrides=["guidance.metric=snr"]).metric == "snr"
    assert read_config("dsn-fixed").metric == "snr"


def test_values_can_be_replaced_on_the_command_line():
    config = read_config(
        "convfsenet-dyncp25",
        overrides=["training.steps=12", "guidance.target=0.5", "name=mine", "mixing.snr_db=[0, 9]"],
    )
    assert (config.training.steps, config.guidance.target, config.name) == (12, 0.5, "mine")
    assert config.mixing.snr_db == (0.0, 9.0)
    assert config.fingerprint != read_config("convfsenet-dyncp25").fingerprint


def test_default_that_is_written_out_changes_no_fingerprint():
    config = read_config("convfsenet-dyncp25")
    assert "jit" not in config.chosen["training"]
    assert read_config("convfsenet-dyncp25", overrides=["training.jit=true"]).fingerprint == config.fingerprint
    assert read_config("convfsenet-dyncp25", overrides=["training.jit=false"]).fingerprint != config.fingerprint


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("network.hidden=0", r"network\.hidden: .* greater than or equal to 1, got 0"),
        ("network.hiden=3", r"there is no network\.hiden.* Keys of \[network\]: bottleneck"),
        ("trainin.steps=3", r"there is no trainin\.? .*tables: .*training"),
        ("step=3", r"there is no step\.? Keys: name"),
        ("network=3", "there is no network"),
        ("training.steps=1.5", r"training\.steps: .*integer, got 1\.5"),
        ("training.steps=true", r"training\.steps: .*integer, got True"),
        ("training.learning_rate=nan", r"training\.learning_rate: .*finite"),
        ("training.learning_rate=1979-05-27", r"training\.learning_rate: .*number"),
        ("guidance.kind=none", "guidance.kind is 'none'. Choose one of gating, metric-guidance"),
        ("guidance.target=much", r"guidance\.target: .*number, got 'much'"),
        ("guidance.least=0.1", r"there is no guidance\.least"),
        ("mixing.clean=2.0", "clean is 2.0, not a share"),
        ("mixing.snr_db=[1.0]", r"mixing\.snr_db"),
        ("loss.weight=1.0", r"there is no loss\.weight"),
        ("network.gates=false", "has no gates, and there is a table"),
        ("architecture=transformer", "no architecture 'transformer'. Known: convfsenet, dsn_ftf"),
        ("name=../x", "name: "),
        ("seed=-1", "seed: "),
        ("early_stopping.monitor=loss", r"early_stopping\.monitor"),
        ("steps", "sets nothing"),
        ("a.b.c=1", "sets nothing"),
    ],
)
def test_wrong_values_are_refused_by_name(change: str, said: str):
    with pytest.raises(SlimseError, match=said):
        read_config("convfsenet-dyncp25", overrides=[change])


def test_gates_need_guidance_and_scores_an_end_of_mixtures():
    values = dict(read_config("dsn-mgt").values)
    with pytest.raises(SlimseError, match="DNS-MOS scores every mixture once"):
        parse_config({**values, "training": {**values["training"], "pool": 0}}, "x.toml")
    values.pop("guidance")
    with pytest.raises(SlimseError, match="has gates, and there is no table"):
        parse_config(values, "x.toml")


def test_files_that_are_no_config_are_refused(tmp_path: Path):
    path = tmp_path / "mine.toml"
    for content, said in (
        (b"a = ", "no toml file"),
        (b"\xff\xfe", "no toml file"),
        (b"a = [" + b"[" * 5000, "no toml file"),
        (b"#" * 70000, "larger than"),
        (b"seed = 1", "architecture"),
    ):
        path.write_bytes(content)
        with pytest.raises(SlimseError, match=said):
            read_config(str(path))
    with pytest.raises(SlimseError, match=r"no config elsewhere\.toml.*convfsenet-dyncp25"):
        read_config("elsewhere.toml")


def test_file_beside_another_is_found(tmp_path: Path):
    (tmp_path / "mine.toml").write_text(read_config("dsn-start").to_toml())
    assert read_config("mine.toml", beside=tmp_path) == read_config("dsn-start")


_scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=20),
)
_values = st.dictionaries(
    st.from_regex("[a-z_]{1,8}", fullmatch=True),
    st.one_of(_scalars, st.lists(st.integers(-9, 9), max_size=3)),
    max_size=4,
)


@given(_values, st.dictionaries(st.from_regex("[A-Z]{1,5}", fullmatch=True), _values, max_size=3))
def test_toml_is_read_back_as_it_was_written(head, tables):
    assert tomllib.loads(to_toml({**head, **tables})) == {**head, **tables}


@given(st.text(max_size=60))
def test_any_text_as_an_override_is_taken_or_refused(text: str):
    with contextlib.suppress(SlimseError):
        read_config("convfsenet-dyncp25", overrides=[text])
