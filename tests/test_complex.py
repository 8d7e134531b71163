"""A network that takes the complex spectrum and gives a complex mask: Keras, float twin, host and virtual boards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import needs_arm, needs_qemu
from keras_file import save
from networks import Network

from slimse_mcu import compile_model, frontend
from slimse_mcu.board import board
from slimse_mcu.build import build
from slimse_mcu.compile import Compiled
from slimse_mcu.errors import ModelError
from slimse_mcu.harness.audio import read_audio, read_pairs
from slimse_mcu.harness.session import Session
from slimse_mcu.load import load
from slimse_mcu.measure import measure
from slimse_mcu.streaming import run_float

BINS = 33
FRONT = {"sample_rate_hz": 16000, "fft": 64, "hop": 32, "features": "complex", "mask": "complex"}


def network(front: dict[str, Any] = FRONT, inputs: tuple[int, ...] = (BINS, 2), outputs: int = 2 * BINS) -> Network:
    """Spectrum -> hidden layer -> mask, written down without Keras."""
    made = Network(1, seed=3)
    made.layers[0].config["batch_shape"] = [None, None, *inputs]
    x = made.add("slimse>SpectralFrontEnd", front, [made.input], inputs[-1])
    x = made.add("Reshape", {"target_shape": [-1, int(np.prod(inputs))]}, [x], int(np.prod(inputs)), positions=0)
    made.output = made.dense(made.dense(x, 24, "tanh"), outputs, "tanh", name="mask")
    return made


@pytest.fixture(scope="module")
def compiled(short_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    path = save(network(), tmp_path_factory.mktemp("complex") / "turning.keras")
    return compile_model(path, calibration=short_clip)


@pytest.mark.parametrize("name", ["host", "virtual-m4", "virtual-m3"])
@needs_arm
@needs_qemu
def test_boards_equal_the_specification(compiled: Compiled, short_clip: Path, tmp_path: Path, name: str) -> None:
    target = board(name)
    image = build(compiled.project, target, tmp_path / "build")
    recordings = read_pairs(short_clip, None, 16000)
    with Session(target, image) as session:
        report = measure(session, compiled.plan, image, target, recordings, tmp_path / "out")
    assert report.bit_exact.first_divergence is None
    assert report.bit_exact.frames_compared >= 500
    (one,) = report.files
    difference = one.audio["device"].astype(float) - one.audio["float"]
    assert np.sum(difference**2) < 0.01 * np.sum(one.audio["float"].astype(float) ** 2)


def test_generated_c_names_what_goes_in_and_out(compiled: Compiled) -> None:
    header, source = compiled.project.files["model.h"], compiled.project.files["model_audio.c"]
    assert "int8 [66], compressed (re, im) per bin" in header
    assert "int8 [66], complex gain (re, im) per bin" in header
    assert "slimse_complex_features_f32_s8" in source
    assert "slimse_complex_mask_s8_f32" in source
    assert compiled.project.manifest["front_end"]["features"] == "complex"


def turning(keras: Any) -> Any:
    """A user's own complex network."""
    from slimse_mcu.models import SpectralFrontEnd

    spectrum_in = keras.Input((None, BINS, 2))
    x = SpectralFrontEnd(**FRONT)(spectrum_in)
    x = keras.layers.Reshape((-1, 2 * BINS))(x)
    x = keras.layers.Dense(24, "tanh")(x)
    return keras.Model(spectrum_in, keras.layers.Reshape((-1, BINS, 2))(keras.layers.Dense(2 * BINS, "tanh")(x)))


def slimmable(keras: Any) -> Any:
    """The reference architecture with a complex front end."""
    from slimse_mcu.models import SpectralFrontEnd, dsn_ftf

    return dsn_ftf(
        bins=BINS, bands=16, encoder=4, channels=12, front_end=SpectralFrontEnd(**FRONT, name="front_end"), seed=2
    )


@pytest.mark.parametrize("make", [turning, slimmable])
def test_float_twin_equals_keras(short_clip: Path, tmp_path: Path, make: Callable[[Any], Any]) -> None:
    model = make(pytest.importorskip("keras"))
    model.save(tmp_path / "complex.keras")
    graph = load(tmp_path / "complex.keras")
    assert graph.frontend is not None
    features, spectrum = frontend.float_analyse(graph.frontend, read_audio(short_clip, 16000).samples)
    pairs = np.stack([spectrum.real, spectrum.imag], axis=-1).astype(np.float32)
    wanted = model.predict(pairs[None], verbose=0)[0]
    np.testing.assert_allclose(run_float(graph, features).output, wanted.reshape(len(wanted), -1), atol=1e-4)


def test_training_multiplies_spectra_with_complex_masks() -> None:
    pytest.importorskip("keras")
    from slimse_mcu.training.losses import compressed_spectral_loss, distortion_db, masked

    rng = np.random.default_rng(0)
    noisy, clean, gains = (rng.normal(size=(3, 4, 5, 2)).astype(np.float32) for _ in range(3))
    product = noisy.view(np.complex64)[..., 0] * gains.view(np.complex64)[..., 0]
    np.testing.assert_allclose(np.asarray(masked(noisy, gains)).view(np.complex64)[..., 0], product, rtol=1e-5)
    ones = np.ones((3, 4, 5), np.float32)
    turned = np.stack([ones, 0 * ones], axis=-1)
    for loss in (compressed_spectral_loss, distortion_db):
        np.testing.assert_allclose(loss(noisy, clean, ones), loss(noisy, clean, turned), rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "inputs", "outputs", "words"),
    [
        ({"features": "magnitude"}, (BINS, 2), 66, "33 bins and magnitude features"),
        ({}, (BINS,), 66, r"complex features for an input of \(time, 33\)"),
        ({}, (2, BINS), 66, r"complex features for an input of \(time, 2, 33\)"),
        ({"mask": "magnitude"}, (BINS, 2), 66, r"mask='magnitude'; the model's output is \(time, 66\)"),
        ({}, (BINS, 2), 33, r"mask='complex'; the model's output is \(time, 33\)"),
        ({"mask": "phase"}, (BINS, 2), 66, "'magnitude' or 'complex'"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(
    changes: dict[str, Any], inputs: tuple[int, ...], outputs: int, words: str, tmp_path: Path
) -> None:
    path = save(network({**FRONT, **changes}, inputs, outputs), tmp_path / "m.keras")
    with pytest.raises(ModelError, match=words) as caught:
        load(path)
    assert caught.value.hint
