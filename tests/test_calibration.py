"""The calibration hash names recordings and method, and nothing else."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import soundfile
from conftest import DATA

from slimse_mcu.calibration import read_calibration
from slimse_mcu.errors import QuantizeError
from slimse_mcu.load import load


@pytest.fixture(scope="module")
def graph(tiny_model):
    return load(tiny_model)


def digest(graph, path, method="minmax", percentile=99.99):
    return read_calibration(graph, path, method=method, percentile=percentile).digest


def test_digest_depends_on_samples_and_method_only(graph, tmp_path):
    clips = [DATA / "noisy" / "clip01.wav", DATA / "noisy" / "clip02.wav"]
    shutil.copy(clips[0], tmp_path / "renamed.wav")
    first = digest(graph, clips[0])
    assert len(first) == 64
    assert digest(graph, tmp_path / "renamed.wav") == first
    assert digest(graph, tmp_path) == first
    assert digest(graph, clips[0], percentile=99.0) == first
    different = {
        digest(graph, clips[1]),
        digest(graph, clips[0], "percentile"),
        digest(graph, clips[0], "percentile", 99.0),
    }
    assert len(different | {first}) == 4


def test_audio_becomes_the_models_features(graph):
    recordings = read_calibration(graph, DATA / "noisy" / "clip01.wav", method="minmax", percentile=99.99)
    (features,) = recordings.features
    assert features.shape[1] == 257
    assert features.dtype == np.float32
    assert features.min() > 0.0
    assert f"{len(features)} frames of 1 recording" in recordings.source


def test_quantized_features_cannot_calibrate(plain_model, tmp_path):
    np.save(tmp_path / "q.npy", np.zeros((4, 12), np.int8))
    with pytest.raises(QuantizeError, match="quantized already"):
        digest(load(plain_model), tmp_path / "q.npy")


def test_silence_cannot_calibrate(graph, tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(16000, np.int16), 16000)
    with pytest.raises(QuantizeError, match="silence alone"):
        read_calibration(graph, tmp_path, method="minmax", percentile=99.99)
