"""``slimse profile``: what it says adds up, equals the board's own counter, and is drawn and written."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import DATA, needs_arm, needs_qemu
from networks import Jitter, Network, quantized_features, random_quantization

from slimse_mcu import cli
from slimse_mcu.board import board
from slimse_mcu.build import build as build_image
from slimse_mcu.emit import emit
from slimse_mcu.errors import BoardError
from slimse_mcu.harness.audio import read_audio
from slimse_mcu.harness.session import Session
from slimse_mcu.plan import plan
from slimse_mcu.profile import Setting, profiles, random_pattern
from slimse_mcu.profile_picture import profile_picture

pytestmark = [needs_arm, needs_qemu]
#: What reading the board's counter takes, at most.
COUNTER = 12


def clip(frames: int) -> list[np.ndarray]:
    samples = read_audio(DATA / "noisy" / "clip01.wav", 16000).samples[20 * 256 :]
    return list(samples[: frames * 256].reshape(frames, 256))


@pytest.fixture(scope="module")
def found(tiny_compiled, build_tiny):
    """Profiles of the tiny model on one board, and what the board itself counts."""
    target, image = board("virtual-m4"), build_tiny("virtual-m4")
    share = random_pattern(tiny_compiled.plan.gates, 0.25)
    settings = [Setting("model", "model"), Setting("25%", share), Setting("open", "open")]
    made = profiles(tiny_compiled.plan, tiny_compiled.project, image, target, clip(3), settings)
    counted = []
    with Session(target, image) as session:
        for setting in settings:
            session.configure("pcm", gates=setting.gates)
            session.reset()
            counted.append(list(session.frames(clip(3))))
    return SimpleNamespace(profiles=made, counted=counted, plan=tiny_compiled.plan, image=image)


def test_instructions_equal_the_boards_own_counter(found):
    for profile, results in zip(found.profiles, found.counted, strict=True):
        network, total = (np.mean([getattr(one, name) for one in results]) for name in ("count", "count_total"))
        assert abs(profile.network.instructions - network) <= COUNTER
        assert abs(profile.total.instructions - total) <= 4 * COUNTER
        assert profile.macs == np.mean([one.macs for one in results])


def test_layers_add_up_to_the_network(found):
    for profile in found.profiles:
        layers = sum(layer.instructions for layer in profile.layers)
        assert layers + profile.overhead.instructions == pytest.approx(profile.network.instructions)
        cycles = sum(layer.cycles for layer in profile.layers) + profile.overhead.cycles
        assert cycles == pytest.approx(profile.network.cycles)
        assert sum(layer.macs for layer in profile.layers) == pytest.approx(profile.macs)
        assert sum(layer.share for layer in profile.layers) == pytest.approx(1.0, abs=0.01)
        assert sum(one.instructions for one in profile.functions) == pytest.approx(profile.total.instructions)
        assert profile.overhead.instructions < 0.01 * profile.network.instructions
        assert [layer.name for layer in profile.layers] == [step.node.name for step in found.plan.steps]
        assert all(layer.instructions > 0 for layer in profile.layers)


def test_a_layer_is_charged_for_its_own_kernels(found):
    """Fewer open channels make the gated layers cheaper and leave the others as they are."""
    _, quarter, everything = found.profiles
    gated = {step.node.name for step in found.plan.steps if step.node.row_gate or step.node.column_gate}
    assert gated
    for few, all_ in zip(quarter.layers, everything.layers, strict=True):
        if few.name in gated:
            assert few.macs < all_.macs == all_.macs_all_open
            assert few.instructions < all_.instructions
        else:
            assert few.macs == all_.macs


def test_memory(found):
    memory, image = found.profiles[0].memory, found.image
    assert (memory.flash_weights, memory.flash_code) == (image.flash_weights_bytes, image.flash_code_bytes)
    assert memory.ram_model == image.model_bytes
    assert 0 < memory.stack_peak < image.stack_bytes
    weights = sum(layer.weight_bytes for layer in found.profiles[0].layers)
    assert weights <= memory.flash_weights <= weights + 4 * 100
    states = sum(layer.state_bytes for layer in found.profiles[0].layers)
    assert states <= found.plan.state_bytes <= states + 8
    assert 0.5 * memory.parameters < memory.flash_weights


def test_interrupts_are_not_counted(tiny_compiled, build_tiny):
    """While frames wait in the link, the handler runs at any place, also where a function is called or returns."""
    image = build_tiny("virtual-m4")
    setting = Setting("25%", random_pattern(tiny_compiled.plan.gates, 0.25))
    (profile,) = profiles(
        tiny_compiled.plan, tiny_compiled.project, image, board("virtual-m4"), clip(40) * 2, [setting]
    )
    assert profile.frames == 80
    assert not {"hal_interrupt", "drain"} & {one.name for one in profile.functions}
    assert sum(one.calls for one in profile.functions if one.name == "model_frame") == 1


def test_json_and_picture(found):
    profile = found.profiles[1]
    content = json.loads(profile.json_text())
    assert content["gates"] == "25%"
    assert content["counter"] == "instructions"
    assert content["per_mac"] == pytest.approx(profile.network.instructions / profile.macs)
    assert content["layers"][0]["cycles"] > content["layers"][0]["instructions"] > 0
    assert content["clock_mhz"] == pytest.approx(profile.total.cycles / 16.0 / 1000.0)
    assert profile_picture(profile)[:8] == b"\x89PNG\r\n\x1a\n"


def test_layers_of_a_longer_period_and_without_macs(tmp_path):
    """A strided layer runs in every second frame only; lookups and sums have no MACs; names may look alike."""
    network = Network(12, seed=5)
    x = network.conv(network.input, 8, 3, stride=2, activation="relu")
    y = network.dense(x, 8, "relu", name="part")
    y = network.activation(network.combine("Add", x, y, name="part_1"), "tanh")
    quantized = random_quantization(network.graph(network.dense(y, 8)), Jitter(1, 0.0))
    target = board("virtual-m33")
    planned = plan(quantized, target)
    project = emit(planned)
    image = build_image(project, target, tmp_path)
    (one,) = profiles(
        planned, project, image, target, list(quantized_features(quantized, 4, 0)), [Setting("", "model")]
    )
    layers = {layer.name: layer for layer in one.layers}
    assert layers["part"].macs == layers["part"].macs_all_open / 2
    assert layers["part_1"].per_mac is None
    assert not one.audio
    assert one.clock_mhz is None
    assert sum(layer.instructions for layer in one.layers) + one.overhead.instructions == one.network.instructions


def test_only_virtual_boards_can_be_profiled(tiny_compiled, build_tiny):
    with pytest.raises(BoardError, match="host cannot be profiled"):
        profiles(
            tiny_compiled.plan,
            tiny_compiled.project,
            build_tiny("virtual-m4"),
            board("host"),
            clip(1),
            [Setting("", "model")],
        )


def test_random_patterns_open_the_share_of_every_gate(tiny_compiled):
    layout = tiny_compiled.plan.gates
    for share in (0.0, 0.25, 1.0):
        packed = random_pattern(layout, share)
        for name, channels in layout.channels.items():
            assert layout.unpack(packed, name).sum() == round(share * channels)
        np.testing.assert_array_equal(packed, random_pattern(layout, share))


def test_command(tiny_model, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = [
        "profile",
        str(tiny_model),
        "--board",
        "virtual-m55",
        "--gates",
        "50%",
        "--frames",
        "2",
        "--out",
        str(out),
    ]
    assert cli.run(arguments) == 0
    text = capsys.readouterr().out
    assert "s0b0_expand" in text
    assert "slimse_dense_" in text
    assert "modelled, not measured" in text
    assert (out / "profile.png").is_file()
    assert json.loads((out / "profile.json").read_text())["frames"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gates", "150%"], "none of model, open, closed"),
        (["--gates", "some"], "none of model, open, closed"),
        (["--board", "host"], "cannot be profiled"),
        (["--audio", "a.wav", "--features", "b.npy"], "either --audio or --features"),
    ],
)
def test_mistakes(tiny_model, tmp_path, capsys, arguments, message):
    assert cli.run(["profile", str(tiny_model), "--out", str(tmp_path / "out"), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_folder_may_not_be_a_file(tiny_model, tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    assert cli.run(["profile", str(tiny_model), "--out", str(tmp_path / "out")]) == 2
    assert "expected a folder" in capsys.readouterr().err
