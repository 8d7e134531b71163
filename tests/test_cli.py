"""The command line: what it prints, and that every mistake of a user ends in one line and exit code 2."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest
import soundfile
from conftest import DATA, needs_arm, needs_qemu

from slimse_mcu import cli
from slimse_mcu.board import board
from slimse_mcu.compile import compile_model


class Outcome:
    """What a command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def error(self) -> str:
        """The one error line."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


@pytest.fixture
def slimse(capsys) -> Callable[..., Outcome]:
    """Run a command in this process."""

    def run(*arguments: object) -> Outcome:
        code = cli.run([str(one) for one in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def refused(slimse, tmp_path) -> Callable[..., str]:
    """Run a command that must be refused and leave nothing in the folder ``out`` stands in; give its error."""

    def run(*arguments: object, out: bool = True) -> str:
        place = tmp_path / "place"
        place.mkdir(exist_ok=True)
        before = sorted(place.rglob("*"))
        outcome = slimse(*arguments, *(["--out", place / "result"] if out else []))
        assert outcome.code == 2, outcome.err
        assert sorted(place.rglob("*")) == before
        return outcome.error

    return run


def edited(model: Path, target: Path, *, config: Callable | None = None, weights: Callable | None = None) -> Path:
    """A copy of a ``.keras`` file with its configuration or its weights changed."""
    with zipfile.ZipFile(model) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    if config is not None:
        value = json.loads(parts["config.json"])
        config({layer["config"]["name"]: layer for layer in value["config"]["layers"]})
        parts["config.json"] = json.dumps(value).encode()
    if weights is not None:
        store = io.BytesIO(parts["model.weights.h5"])
        with h5py.File(store, "r+") as file:
            weights(file)
        parts["model.weights.h5"] = store.getvalue()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return target


def own_board(folder: Path, base: str = "virtual-m4", **changes: object) -> Path:
    """A board like a bundled one with some fields changed."""
    shutil.copytree(board(base).path, folder)
    text = (folder / "board.toml").read_text()
    for name, value in changes.items():
        lines = [f"{name} = {json.dumps(value)}" if one.startswith(f"{name} =") else one for one in text.split("\n")]
        text = "\n".join(lines)
    (folder / "board.toml").write_text(text)
    return folder


# ---- what is right -----------------------------------------------------------------------------------------


def test_help_names_every_command():
    done = subprocess.run(
        [sys.executable, "-m", "slimse_mcu.cli", "--help"], capture_output=True, text=True, check=True
    )
    for command in ("compile", "build", "measure", "diff", "boards", "flash", "inspect", "zoo", "doctor"):
        assert f"\n  {command} " in done.stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom slimse_mcu import cli\ncli.run(['--help'])\n"
        "heavy = ('numpy', 'h5py', 'rich', 'scipy', 'matplotlib', 'keras', 'tensorflow')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command", ["compile", "build", "measure", "diff", "boards", "flash", "inspect", "zoo", "doctor"]
)
def test_every_command_has_help(slimse, command):
    outcome = slimse(command, "--help")
    assert outcome.code == 0
    assert outcome.out.startswith(f"Usage: slimse {command}")


def test_compile_writes_a_project_and_prints_its_memory(slimse, tiny_model, tmp_path):
    outcome = slimse("compile", tiny_model, "--out", tmp_path / "tiny")
    assert outcome.code == 0
    manifest = json.loads((tmp_path / "tiny" / "project.json").read_text())
    written = {one.relative_to(tmp_path / "tiny").as_posix() for one in (tmp_path / "tiny").rglob("*") if one.is_file()}
    assert written == {*manifest["files"], "project.json"}
    assert f"{manifest['memory']['model_bytes']:,}".replace(",", " ") in outcome.out
    assert "the zoo's calibration clip" in outcome.err


def test_compile_twice_gives_the_same_bytes(slimse, tiny_model, tmp_path):
    for name in ("one", "two"):
        assert slimse("compile", tiny_model, "--out", tmp_path / name).code == 0
    for one in (tmp_path / "one").rglob("*"):
        if one.is_file():
            assert one.read_bytes() == (tmp_path / "two" / one.relative_to(tmp_path / "one")).read_bytes()


def test_compile_json_is_one_object_and_report_adds_errors(slimse, tiny_model, tmp_path):
    outcome = slimse("compile", tiny_model, "--out", tmp_path / "tiny", "--json", "--report")
    value = json.loads(outcome.out)
    assert outcome.err == ""
    assert value["macs"]["all_open"] > value["macs"]["all_closed"]
    assert {one["tensor"] for one in value["quantization"]["tensors"]} >= {"features", "s0b0_expand"}


def test_compile_replaces_an_earlier_project(slimse, tiny_model, plain_model, tmp_path):
    features = tmp_path / "features.npy"
    np.save(features, np.random.default_rng(1).normal(size=(50, 12)).astype(np.float32))
    out = tmp_path / "project"
    assert slimse("compile", plain_model, "--calibration", features, "--out", out).code == 0
    assert slimse("compile", tiny_model, "--out", out).code == 0
    assert json.loads((out / "project.json").read_text())["name"] == "tiny"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["features.npy", "project"]


def test_compile_with_front_end_from_toml(slimse, tiny_model, tmp_path):
    def without(layers):
        layers["front_end"].update(registered_name=None, class_name="Identity", module="keras.layers")

    bare = edited(tiny_model, tmp_path / "bare.keras", config=without)
    toml = tmp_path / "front.toml"
    toml.write_text("fft = 512\nhop = 256\nexponent = 0.3\n")
    outcome = slimse("compile", bare, "--frontend", toml, "--out", tmp_path / "given", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["front_end"]["fft"] == 512


def test_compile_features_only_leaves_the_audio_out(slimse, tiny_model, tmp_path):
    assert slimse("compile", tiny_model, "--features-only", "--out", tmp_path / "p").code == 0
    assert not (tmp_path / "p" / "model_audio.c").exists()


def test_build_for_the_host_from_a_project(slimse, tiny_model, tmp_path):
    slimse("compile", tiny_model, "--out", tmp_path / "tiny")
    outcome = slimse("build", tmp_path / "tiny", "--board", "host", "--out", tmp_path / "fw", "--json")
    assert outcome.code == 0, outcome.err
    assert Path(json.loads(outcome.out)["elf"]).is_file()


def test_default_folders_do_not_get_into_each_others_way(slimse, tiny_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert slimse("compile", tiny_model).code == 0
    assert slimse("build", "build/tiny", "--board", "host").code == 0
    outcome = slimse("compile", tiny_model, "--board", "host")
    assert outcome.code == 0, outcome.err
    assert "fits the board host" in outcome.err
    assert sorted(one.name for one in (tmp_path / "build").iterdir()) == ["tiny", "tiny-host"]


def test_measure_prints_what_it_found(slimse, tiny_model, short_clip, tmp_path):
    outcome = slimse("measure", tiny_model, "--board", "host", "--audio", short_clip, "--out", tmp_path / "r")
    assert outcome.code == 0, outcome.err
    assert " of 1 recording on the board host" in outcome.err
    assert re.search(r"bit-exact: all \d+ frames equal", outcome.out)


def test_boards_lists_the_bundled_boards(slimse):
    names = {one["name"] for one in json.loads(slimse("boards", "--json").out)}
    assert {"host", "virtual-m3", "virtual-m4", "virtual-m7", "virtual-m33", "virtual-m55", "netduinoplus2"} <= names
    assert "virtual-m4" in slimse("boards").out


def test_boards_new_makes_a_folder_that_can_be_built_for(slimse, tmp_path):
    outcome = slimse("boards", "new", tmp_path / "mine", "--like", "virtual-m3", "--title", "Ours")
    assert outcome.code == 0, outcome.err
    assert str(tmp_path / "mine") in outcome.out
    again = slimse("boards", "new", tmp_path / "mine")
    assert again.code == 2
    assert "is there already" in again.err
    assert 'title = "Ours"' in (tmp_path / "mine" / "board.toml").read_text()


@needs_arm
def test_build_writes_other_formats(slimse, tiny_model, tmp_path):
    formats = ("--format", "hex", "--format", "bin", "--format", "uf2")
    outcome = slimse("build", tiny_model, "--board", "pico", "--out", tmp_path / "f", *formats)
    assert outcome.code == 0, outcome.err
    assert {"firmware.elf", "firmware.hex", "firmware.bin", "firmware.uf2"} <= {
        one.name for one in (tmp_path / "f").iterdir()
    }
    refused = slimse("build", tiny_model, "--board", "virtual-m4", "--out", tmp_path / "g", "--format", "uf2")
    assert refused.code == 2
    assert "no boot loader that takes UF2" in refused.err


@needs_arm
def test_flash_builds_and_loads(slimse, tiny_model, tmp_path):
    (tmp_path / "INFO_UF2.TXT").write_text("Board-ID: RPI-RP2\n")
    outcome = slimse(
        *("flash", tiny_model, "--board", "pico", "--tool", "uf2", "--drive", tmp_path, "--no-hello", "--json"),
        *("--out", tmp_path / "f"),
    )
    assert outcome.code == 0, outcome.err
    answer = json.loads(outcome.out)
    assert (answer["tool"], answer["verified"], answer["port"]) == ("uf2", False, None)
    assert (tmp_path / "firmware.uf2").is_file()


def test_flash_says_what_is_missing(slimse, plain_model):
    outcome = slimse("flash", plain_model, "--board", "virtual-m4")
    assert outcome.code == 2
    assert "is virtual" in outcome.err
    outcome = slimse("flash", plain_model, "--board", "pico", "--tool", "avrdude")
    assert "no flash tool avrdude" in outcome.err


def test_inspect_shows_what_gates_skip(slimse, tiny_model):
    value = json.loads(slimse("inspect", tiny_model, "--json").out)
    layers = {one["name"]: one for one in value["layers"]}
    assert layers["s0b0_expand"]["rows"] == "s0b0_gate"
    assert layers["s0b0_project"]["columns"] == "s0b0_gate"
    assert layers["s0b0_expand"]["macs_closed"] == 0
    assert "s0b0_depthwise" in slimse("inspect", tiny_model).out


def test_inspect_a_compiled_project(slimse, tiny_model, tmp_path):
    slimse("compile", tiny_model, "--out", tmp_path / "tiny")
    assert json.loads(slimse("inspect", tmp_path / "tiny", "--json").out)["name"] == "tiny"
    assert "compiled by slimse" in slimse("inspect", tmp_path / "tiny").out


def test_report_of_tensors_without_any_error_is_sound_json(slimse, plain_model, tmp_path):
    np.save(tmp_path / "silence.npy", np.zeros((20, 12), np.float32))
    arguments = ("--calibration", tmp_path / "silence.npy", "--out", tmp_path / "p", "--report")
    outcome = slimse("compile", plain_model, *arguments, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["quantization"]["tensors"][0]["sqnr_db"] is None
    assert "gates open" not in slimse("compile", plain_model, *arguments).out


def test_error_project_whose_manifest_was_changed(slimse, tiny_model, tmp_path):
    slimse("compile", tiny_model, "--out", tmp_path / "p")
    file = tmp_path / "p" / "project.json"
    manifest = json.loads(file.read_text())
    del manifest["layers"]
    file.write_text(json.dumps(manifest))
    outcome = slimse("inspect", tmp_path / "p")
    assert outcome.code == 2
    assert "Compile it again" in outcome.error


def test_doctor_reports_every_program(slimse):
    outcome = slimse("doctor", "--json")
    found = {one["name"]: one["status"] for one in json.loads(outcome.out)}
    assert found["numpy"] == "ok"
    assert {"arm-none-eabi-gcc", "qemu-system-arm", "gcc"} <= set(found)
    assert outcome.code == (2 if "missing" in found.values() else 0)


def test_zoo_lists_models_and_shows_cards(slimse, zoo_dyncp):
    assert zoo_dyncp in slimse("zoo").out
    assert slimse("zoo", zoo_dyncp).out.startswith("# ")
    assert json.loads(slimse("zoo", "--json").out)


# ---- what is wrong: the model ------------------------------------------------------------------------------


def test_error_not_a_keras_file(refused, tmp_path):
    (tmp_path / "model.keras").write_text("hello")
    assert "not a .keras file" in refused("compile", tmp_path / "model.keras")


def test_error_no_such_model(refused, tmp_path):
    assert "nothing.keras" in refused("compile", tmp_path / "nothing.keras")
    assert "zoo" in refused("compile", "zoo:nothing")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_error_truncated_model(refused, tiny_model, tmp_path, share):
    data = tiny_model.read_bytes()
    (tmp_path / "cut.keras").write_bytes(data[: int(len(data) * share)])
    assert "damaged" in refused("compile", tmp_path / "cut.keras")


@pytest.mark.parametrize("kind", ["Lambda", "ConvLSTM1D"])
def test_error_unsupported_layer(refused, tiny_model, tmp_path, kind):
    def change(layers):
        layers["encode_relu"].update(class_name=kind, registered_name=None)

    message = refused("compile", edited(tiny_model, tmp_path / "m.keras", config=change))
    assert "'encode_relu'" in message
    assert kind in message
    assert "Supported are" in message


def test_error_non_causal_convolution(refused, plain_model, tmp_path):
    def change(layers):
        layers["first"]["config"]["padding"] = "same"

    message = refused("compile", edited(plain_model, tmp_path / "m.keras", config=change))
    assert "'first'" in message
    assert "causal" in message


def test_error_weight_that_is_nan(refused, tiny_model, tmp_path):
    def change(file):
        file["layers/dense_1/vars/0"][3, 1] = np.nan

    message = refused("compile", edited(tiny_model, tmp_path / "m.keras", weights=change))
    assert "NaN" in message
    assert "Layer '" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fft = 500\nhop = 250\n", "500"),
        ("fft = \n", "no toml file"),
        ("colour = 1\n", "colour"),
        ("fft = '512'\n", "expected int"),
        ("exponent = true\n", "expected float"),
    ],
)
def test_error_front_end_file(refused, plain_model, tmp_path, text, expected):
    (tmp_path / "front.toml").write_text(text)
    assert expected in refused("compile", plain_model, "--frontend", tmp_path / "front.toml")


# ---- what is wrong: calibration and audio ------------------------------------------------------------------


def test_error_empty_calibration_folder(refused, tiny_model, tmp_path):
    (tmp_path / "recordings").mkdir()
    message = refused("compile", tiny_model, "--calibration", tmp_path / "recordings")
    assert str(tmp_path / "recordings") in message


def test_error_calibration_that_is_not_there(refused, tiny_model, tmp_path):
    assert "nowhere" in refused("compile", tiny_model, "--calibration", tmp_path / "nowhere")


def test_error_unreadable_wav(refused, tiny_model, tmp_path):
    (tmp_path / "noise.wav").write_bytes(os.urandom(1000))
    assert "noise.wav" in refused("compile", tiny_model, "--calibration", tmp_path / "noise.wav")
    assert "noise.wav" in refused("measure", tiny_model, "--board", "host", "--audio", tmp_path / "noise.wav")


def test_error_empty_wav(refused, tiny_model, tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.int16), 16000)
    assert "empty.wav" in refused("compile", tiny_model, "--calibration", tmp_path / "empty.wav")
    assert "empty.wav" in refused("measure", tiny_model, "--board", "host", "--audio", tmp_path / "empty.wav")


@pytest.mark.parametrize("shape", [(0, 12), (5, 11), (5,)])
def test_error_features_of_wrong_shape(refused, plain_model, tmp_path, shape):
    np.save(tmp_path / "f.npy", np.zeros(shape, np.float32))
    assert "12" in refused("compile", plain_model, "--calibration", tmp_path / "f.npy")


def test_error_features_that_would_unpickle(refused, plain_model, tmp_path):
    np.save(tmp_path / "f.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "f.npy" in refused("compile", plain_model, "--calibration", tmp_path / "f.npy")


def test_error_model_without_front_end_and_without_features(refused, plain_model):
    assert "--frontend" in refused("compile", plain_model)


# ---- what is wrong: the board ------------------------------------------------------------------------------


def test_error_unknown_board(refused, tiny_model):
    assert "virtual-m4" in refused("compile", tiny_model, "--board", "virtual-m99")


@pytest.mark.parametrize("field", ["flash_bytes", "ram_bytes"])
def test_error_board_too_small_says_by_how_many_bytes(refused, tiny_model, tmp_path, field):
    small = own_board(tmp_path / "small", **{field: 100})
    plan = compile_model(tiny_model, board=board()).plan
    needed = plan.weight_bytes if field == "flash_bytes" else plan.model_bytes
    assert f"{needed - 100} more" in refused("compile", tiny_model, "--board", small)


@needs_arm
def test_error_board_too_small_for_code_says_by_how_many_bytes(refused, tiny_model, tmp_path):
    small = own_board(tmp_path / "small")
    script = (small / "link.ld").read_text()
    (small / "link.ld").write_text(script.replace("LENGTH = 4M", "LENGTH = 20K", 1))
    message = refused("build", tiny_model, "--board", small)
    assert "does not fit" in message
    assert re.search(r"\d+ bytes too small", message)


def test_error_missing_compiler(refused, tiny_model, tmp_path):
    strange = own_board(tmp_path / "strange", base="host", compiler="no-such-gcc")
    message = refused("build", tiny_model, "--board", strange)
    assert "no-such-gcc" in message


@needs_arm
def test_error_missing_emulator(refused, tiny_model, short_clip, tmp_path, monkeypatch):
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **more: None if "qemu" in name else found(name, **more))
    message = refused("measure", tiny_model, "--board", "virtual-m4", "--audio", short_clip)
    assert "qemu-system-arm" in message


def test_error_port_in_use(refused, tiny_model, short_clip):
    import fcntl

    try:
        master, slave = pty.openpty()
    except OSError:
        pytest.skip("this system has no pseudo-terminals")
    try:
        fcntl.flock(slave, fcntl.LOCK_EX | fcntl.LOCK_NB)
        port = os.ttyname(slave)
        message = refused("measure", tiny_model, "--board", "host", "--port", port, "--audio", short_clip)
        assert port in message
    finally:
        os.close(slave)
        os.close(master)


def test_error_port_that_is_not_there(refused, tiny_model, short_clip):
    port = "/dev/ttyNoSuchPort"
    message = refused("measure", tiny_model, "--board", "host", "--port", port, "--audio", short_clip)
    assert port in message


class Served:
    """The host's firmware behind a TCP port, as a real board behind a serial server."""

    def __init__(self, elf: Path) -> None:
        self._elf = elf
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._process: subprocess.Popen | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> str:
        """What pyserial opens."""
        return f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            descriptor = connection.fileno()
            self._process = subprocess.Popen([self._elf, str(descriptor)], pass_fds=(descriptor,))

    def close(self) -> None:
        """End the firmware."""
        self._listener.close()
        self._thread.join(10)
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def served(build_tiny):
    """The tiny model's firmware for the host, behind a TCP port."""
    firmware = Served(build_tiny("host").elf)
    yield firmware
    firmware.close()


def test_measure_through_a_port(slimse, served, tiny_model, short_clip, tmp_path):
    arguments = ("--board", "host", "--port", served.port, "--audio", short_clip, "--out", tmp_path / "r")
    outcome = slimse("measure", tiny_model, *arguments, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["bit_exact"]["first_divergence"] is None


def test_error_board_of_another_model(refused, served, tiny_model, short_clip, tmp_path):
    def change(file):
        file["layers/dense/vars/0"][0, 0] += 1.0

    other = edited(tiny_model, tmp_path / "other.keras", weights=change)
    message = refused("measure", other, "--board", "host", "--port", served.port, "--audio", short_clip)
    assert "runs the model tiny" in message


def started_measurement(model: Path, name: str, place: Path) -> subprocess.Popen:
    """``slimse measure`` in a process of its own, with its temporary files below ``place``.

    It has five minutes of audio to do, so that it is still busy when it is disturbed.
    """
    (place / "tmp").mkdir(parents=True)
    long = place.with_suffix(".wav")
    samples, rate = soundfile.read(DATA / "noisy" / "clip01.wav", dtype="int16")
    soundfile.write(long, np.tile(samples, -(-300 * rate // len(samples))), rate)
    command = [sys.executable, "-m", "slimse_mcu.cli", "measure", model, "--board", name]
    return subprocess.Popen(
        [*map(str, command), "--audio", str(long), "--out", str(place / "result")],
        env={**os.environ, "TMPDIR": str(place / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def running_board(process: subprocess.Popen) -> psutil.Process:
    """The virtual board that a measurement has started."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if child.name().startswith(("qemu-system", "firmware.elf")):
                    return child
        time.sleep(0.02)
    raise AssertionError(f"no board was started: {process.communicate()[1]}")


@pytest.mark.parametrize("name", ["host", pytest.param("virtual-m4", marks=[needs_arm, needs_qemu])])
def test_error_emulator_killed_in_mid_run(tiny_model, tmp_path, name):
    process = started_measurement(tiny_model, name, tmp_path)
    victim = running_board(process)
    time.sleep(0.3)
    victim.kill()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "SIGKILL" in Outcome(2, out, err).error
    assert not any((tmp_path / "tmp").iterdir())
    if (tmp_path / "result").exists():  # some frames had been measured before
        assert [one.name for one in (tmp_path / "result").iterdir()] == ["partial"]
        assert "SIGKILL" in json.loads((tmp_path / "result/partial/partial.json").read_text())["error"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.usefixtures("heeded_signals")
def test_stopping_in_mid_run_leaves_no_process_and_no_file(tiny_model, tmp_path, number):
    process = started_measurement(tiny_model, "host", tmp_path)
    child = running_board(process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert [one.name for one in tmp_path.rglob("*")] == ["tmp"]


# ---- what is wrong: the place ------------------------------------------------------------------------------


def test_error_out_holds_something_else(slimse, tiny_model, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("do not delete")
    outcome = slimse("compile", tiny_model, "--out", tmp_path / "precious")
    assert outcome.code == 2
    assert "thesis.tex" in outcome.error
    assert (tmp_path / "precious" / "thesis.tex").read_text() == "do not delete"


def test_error_project_with_a_file_of_the_users(slimse, tiny_model, tmp_path):
    slimse("compile", tiny_model, "--out", tmp_path / "p")
    (tmp_path / "p" / "mine.c").write_text("int x;")
    assert "mine.c" in slimse("compile", tiny_model, "--out", tmp_path / "p").error


def test_error_out_is_a_file(slimse, tiny_model, tmp_path):
    (tmp_path / "out").write_text("x")
    assert slimse("compile", tiny_model, "--out", tmp_path / "out").code == 2


@pytest.mark.parametrize(
    "arguments", [("compile",), ("frobnicate",), ("compile", "--colour"), ("compile", "x", "--method", "best")]
)
def test_error_usage_is_one_line(slimse, arguments):
    outcome = slimse(*arguments)
    assert outcome.code == 2
    assert "--help" in outcome.error


def test_error_missing_package_is_one_line(tiny_model):
    code = (
        "import sys\nsys.modules['h5py'] = None\nfrom slimse_mcu import cli\n"
        f"sys.exit(cli.run(['inspect', {str(tiny_model)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert Outcome(2, done.stdout, done.stderr).error.startswith("error: The Python package h5py is missing.")


def test_stop_with_control_c_leaves_nothing(slimse, tiny_model, tmp_path, monkeypatch):
    from slimse_mcu import compile as compile_module

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(compile_module, "find_model", interrupted)
    assert slimse("compile", tiny_model, "--out", tmp_path / "p").code == 130
    assert list(tmp_path.iterdir()) == []
