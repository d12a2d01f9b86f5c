"""Recordings are kept where two trackers agree, and only under a licence that allows it."""

import os

import numpy as np
import pytest
import soundfile

from anacrusis_training import features
from anacrusis_training.corpus import pseudo
from anacrusis_training.corpus.pool import FatalError
from anacrusis_training.corpus.pseudo import Tracked, Window

RATE_HZ = 44_100


def tracked(interval_sec=0.5, n_beats=40, first_place=0, confidence=0.9, shift_sec=0.0):
    numbers = np.arange(n_beats)
    return Tracked(np.stack([1 + shift_sec + interval_sec * numbers, (numbers + first_place) % 4 + 1], 1), confidence)


def test_agreement_is_kept():
    assert pseudo.refusal(tracked(), tracked(shift_sec=0.02, confidence=0.1)) == ""


@pytest.mark.parametrize(
    ("networks", "flux", "message"),
    [
        (tracked(n_beats=3), tracked(), "3 beats, expected 8 or more"),
        (tracked(confidence=0.2), tracked(), "confidence 0.20, expected 0.5 or more"),
        (tracked(), tracked(interval_sec=1.0, n_beats=20), "beat F 0.67"),
        (tracked(), tracked(shift_sec=0.25), "beat F 0.00"),
        (tracked(), tracked(first_place=2), "downbeat F 0.00"),
        (tracked(), tracked(n_beats=0), "beat F 0.00"),
        (Tracked(np.stack([np.arange(20.0), np.zeros(20)], 1), 0.9), tracked(), "bars are not known throughout"),
    ],
)
def test_disagreement_is_told(networks, flux, message):
    assert message in pseudo.refusal(networks, flux)


def write_noise(path, seconds):
    rng = np.random.default_rng(3)
    soundfile.write(path, 0.1 * rng.standard_normal((round(seconds * RATE_HZ), 2)), RATE_HZ)


def table(folder, text):
    path = folder / "licences.csv"
    path.write_text(text)
    return path


def test_a_recording_is_cut_into_windows_and_a_short_rest_is_left_out(tmp_path):
    write_noise(tmp_path / "a.wav", 75)
    write_noise(tmp_path / "b.flac", 25)
    licences = table(tmp_path, "file,licence\na.wav,CC0-1.0\nb.flac,CC-BY-4.0\n")
    plan = pseudo.make_plan(tmp_path, licences, seed=1, item_sec=30)
    assert plan.windows == (
        Window("a.wav", "CC0-1.0", 0.0, 30.0),
        Window("a.wav", "CC0-1.0", 30.0, 30.0),
        Window("b.flac", "CC-BY-4.0", 0.0, 25.0),
    )
    assert len(pseudo.decode(tmp_path / "b.flac", plan.windows[2])) == 25 * pseudo.RATE_HZ


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,licence\na.wav,MIT\n", "expected file and licence"),
        ("file,licence\na.wav,\n", "a.wav has no licence"),
        ("file,licence\na.wav,MIT\na.wav,MIT\n", "named twice"),
        ("file,licence\na.wav,CC-BY-NC-4.0\n", "non-commercial"),
        ("file,licence\nb.wav,MIT\n", "b.wav: no audio"),
    ],
)
def test_a_bad_list_of_licences_is_told(tmp_path, text, message):
    write_noise(tmp_path / "a.wav", 1)
    with pytest.raises(ValueError, match=message):
        pseudo.make_plan(tmp_path, table(tmp_path, text), seed=1, item_sec=30)


def test_a_runtime_that_fails_ends_the_run(tmp_path):
    if not os.environ.get(features.BINARY_VARIABLE):
        pytest.skip(f"{features.BINARY_VARIABLE} is not set")
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(FatalError, match="analyze"):
        pseudo.track(features.find_binary(), tmp_path / "a.wav", [])
