"""Bands come from the runtime, are checked, and give back the features they were cut from."""

import os

import numpy as np
import pytest
import soundfile
import torch

from anacrusis_training import contract, features
from anacrusis_training.features import FeatureError
from anacrusis_training.learn.bands import with_differences

RATE_HZ = 22_050


def whole_piece(bands: np.ndarray) -> np.ndarray:
    """Bands ``[n_frames, n_bands]`` to features as training makes them from a piece's first frame on."""
    values = torch.from_numpy(bands.astype(np.float32))
    return with_differences(torch.cat([values[:1], values])[None])[0].numpy()


def test_differences_are_positive_rises_and_begin_at_zero():
    bands = np.array([[1.0, 2.0], [3.0, 1.0], [2.5, 4.0]], np.float16)
    expected = [[1, 2, 0, 0], [3, 1, 2, 0], [2.5, 4, 0, 3]]
    assert whole_piece(bands).tolist() == expected


def test_no_frames_have_no_differences():
    assert with_differences(torch.zeros(1, 1, 136)).shape == (1, 0, 272)


def save(path, n_frames=3, **changes):
    arrays = {
        "features": np.ones((n_frames, 272), np.float32),
        "time_sec": np.arange(n_frames) / 50,
        "contract_hash": np.array("sha256:a"),
    }
    np.savez(path, **(arrays | changes))
    return path


def test_bands_are_the_first_half(tmp_path):
    bands = features.load_bands(save(tmp_path / "a.npz"), "sha256:a")
    assert bands.shape == (3, 136)
    assert bands.dtype == np.float16


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"contract_hash": np.array("sha256:b")}, "follows contract sha256:b, expected sha256:a"),
        ({"features": np.ones((3, 136), np.float32)}, r"shape \(3, 136\)"),
        ({"time_sec": np.arange(3) / 49}, "frame times"),
        ({"time_sec": np.arange(2) / 50}, "frame times"),
    ],
)
def test_features_that_are_not_the_contracts_are_refused(tmp_path, changes, message):
    with pytest.raises(FeatureError, match=message):
        features.load_bands(save(tmp_path / "a.npz", **changes), "sha256:a")


def test_the_runtimes_features_follow_from_its_bands(tmp_path):
    if not os.environ.get(features.BINARY_VARIABLE):
        pytest.skip(f"{features.BINARY_VARIABLE} is not set")
    rng = np.random.default_rng(0)
    paths = []
    for name in ("b", "a"):
        paths.append(tmp_path / f"{name}.wav")
        soundfile.write(paths[-1], 0.1 * rng.standard_normal(RATE_HZ), RATE_HZ, subtype="PCM_16")
    contract_hash = contract.scope_hash(contract.load())
    bands = features.extract(features.find_binary(), paths, tmp_path, contract_hash)
    assert len(bands) == 2
    for path, values in zip(paths, bands, strict=True):
        whole = np.load(path.with_suffix(".npz"))["features"]
        assert np.max(np.abs(whole_piece(values) - whole)) < 3e-3, "half floats only"


def test_a_file_that_is_no_audio_is_told(tmp_path):
    if not os.environ.get(features.BINARY_VARIABLE):
        pytest.skip(f"{features.BINARY_VARIABLE} is not set")
    path = tmp_path / "a.wav"
    path.write_bytes(b"none")
    with pytest.raises(FeatureError, match=r"`anacrusis features` ended with 1: .*a\.wav"):
        features.extract(features.find_binary(), [path], tmp_path, "sha256:a")


def test_nothing_to_extract_needs_no_runtime(tmp_path):
    assert features.extract(tmp_path / "missing", [], tmp_path, "sha256:a") == []


def test_no_runtime_is_told(monkeypatch, tmp_path):
    monkeypatch.delenv(features.BINARY_VARIABLE, raising=False)
    with pytest.raises(FeatureError, match="is not set"):
        features.find_binary()
    monkeypatch.setenv(features.BINARY_VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(FeatureError, match="which is not a file"):
        features.find_binary()
