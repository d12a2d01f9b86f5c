"""Rendered notes sound when they should, by fluidsynth and by our own synthesiser."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from anacrusis_training.piece import DRUM_CHANNEL, Beat, Control, Note, Piece
from anacrusis_training.render import fluidsynth, sound, soundfonts, synth
from anacrusis_training.render.patch_bank import draw_patch

RATE_HZ = 22_050
ONSET_TOLERANCE_SEC = 0.004
"""Half a block and a player tick of fluidsynth, and the spread of the transients of a font's drums about their mean."""

OWN_ONSET_TOLERANCE_SEC = 0.001
SYSTEM_FONTS = [path for path in (Path("/usr/share/sounds/sf2"), Path("/usr/share/sounds/sf3")) if path.is_dir()]
FONTS = soundfonts.find_soundfonts(SYSTEM_FONTS) if shutil.which("fluidsynth") else []
needs_fonts = pytest.mark.skipif(not FONTS, reason="fluidsynth or its soundfonts are not installed")


def _times() -> np.ndarray:
    """Ten times that lie on no grid, seconds `[10]`."""
    return 0.4 + 0.5 * np.arange(10) + np.random.default_rng(3).uniform(0.0, 0.1, 10)


def _notes(pitch: int, channel: int = DRUM_CHANNEL) -> list[Note]:
    return [Note(float(at), float(at) + 0.1, channel, pitch, 100) for at in _times()]


def _onsets_sec(samples: np.ndarray) -> np.ndarray:
    """First sample over a tenth of the peak within 40 ms of each time, less the time."""
    errors = []
    for at in _times():
        low = round((at - 0.04) * RATE_HZ)
        part = np.abs(samples[low : low + round(0.08 * RATE_HZ)])
        errors.append((low + int(np.argmax(part > 0.1 * part.max()))) / RATE_HZ - at)
    return np.array(errors)


@needs_fonts
@pytest.mark.parametrize("font", FONTS, ids=lambda font: font.name)
@pytest.mark.parametrize("pitch", [36, 37, 38, 42])
def test_percussion_of_soundfonts_is_on_time(font: soundfonts.Soundfont, pitch: int) -> None:
    samples = fluidsynth.render_font(_notes(pitch), [], font, RATE_HZ, 6 * RATE_HZ)
    assert samples.shape == (6 * RATE_HZ,)
    assert samples.dtype == np.float32
    assert np.max(np.abs(_onsets_sec(samples))) < ONSET_TOLERANCE_SEC


@needs_fonts
def test_no_drift_over_two_minutes() -> None:
    notes = [Note(0.5 * n, 0.5 * n + 0.1, DRUM_CHANNEL, 37, 100) for n in range(1, 240)]
    samples = np.abs(fluidsynth.render_font(notes, [], FONTS[0], RATE_HZ, 121 * RATE_HZ))
    for note in notes[-10:]:
        low = round((note.start_sec - 0.04) * RATE_HZ)
        part = samples[low : low + round(0.08 * RATE_HZ)]
        assert abs((low + int(np.argmax(part > 0.1 * part.max()))) / RATE_HZ - note.start_sec) < ONSET_TOLERANCE_SEC


@needs_fonts
def test_channel_gain_is_heard() -> None:
    loud, soft = (
        fluidsynth.render_font(_notes(38), [], FONTS[0], RATE_HZ, 6 * RATE_HZ, gains_db={DRUM_CHANNEL: gain_db})
        for gain_db in (0.0, -12.0)
    )
    assert 20 * np.log10(np.max(np.abs(loud)) / np.max(np.abs(soft))) == pytest.approx(12.0, abs=0.5)


@needs_fonts
def test_fluidsynth_failures_are_named() -> None:
    with pytest.raises(fluidsynth.FluidsynthError, match="longer than"):
        fluidsynth.render_font(_notes(38), [], FONTS[0], RATE_HZ, RATE_HZ, timeout_sec=0.001)
    assert fluidsynth.render_font([], [], FONTS[0], RATE_HZ, 100).tolist() == [0.0] * 100


def test_a_control_of_no_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'knob'"):
        fluidsynth.write_midi([], [Control(0.0, 0, "knob", 1)], tmp_path / "x.mid")


def test_unknown_soundfonts_are_refused(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.sf2"
    stranger.write_bytes(b"RIFF")
    with pytest.raises(soundfonts.UnknownSoundfontError, match="stranger.sf2"):
        soundfonts.load_soundfont(stranger)
    assert soundfonts.find_soundfonts([tmp_path]) == []
    with pytest.raises(FileNotFoundError):
        soundfonts.find_soundfonts([tmp_path / "none.sf2"])


@pytest.mark.parametrize("pitch", [36, 37, 38, 39, 42, 44, 46, 49, 54, 56, 75, 76])
def test_own_drums_are_on_time(pitch: int) -> None:
    for seed in range(8):
        at = float(_times()[seed])
        samples = np.abs(
            synth.render_synth([Note(at, at + 0.1, DRUM_CHANNEL, pitch, 100)], [], seed, RATE_HZ, 6 * RATE_HZ)
        )
        onset_sec = int(np.argmax(samples > 0.1 * samples.max())) / RATE_HZ
        assert abs(onset_sec - at) < OWN_ONSET_TOLERANCE_SEC


@pytest.mark.parametrize("program", range(0, 128, 8))
def test_every_family_sounds_and_ends(program: int) -> None:
    notes = [Note(0.5, 1.0, 0, 24, 90), Note(0.5, 1.0, 0, 60, 40), Note(0.5, 1.0, 0, 108, 127)]
    controls = [Control(0.0, 0, "program", program)]
    for seed in range(4):
        samples = synth.render_synth(notes, controls, seed, RATE_HZ, 8 * RATE_HZ)
        assert np.all(np.isfinite(samples))
        assert np.max(np.abs(samples)) > 0.01
        assert np.all(samples[: round(0.44 * RATE_HZ)] == 0.0)
        assert np.max(np.abs(samples[6 * RATE_HZ :])) == 0.0
        assert np.array_equal(samples, synth.render_synth(notes, controls, seed, RATE_HZ, 8 * RATE_HZ))


def test_own_synthesiser_follows_pitch_program_and_gain() -> None:
    def play(pitch: int, program: int, gain_db: float) -> np.ndarray:
        notes, controls = [Note(0.0, 1.0, 2, pitch, 100)], [Control(0.0, 2, "program", program)]
        return synth.render_synth(notes, controls, 11, RATE_HZ, RATE_HZ, gains_db={2: gain_db})

    low = play(45, 80, 0.0)
    spectrum = np.abs(np.fft.rfft(low * np.hanning(RATE_HZ)))
    assert min(abs(int(np.argmax(spectrum)) - 110 * harmonic) for harmonic in range(1, 9)) <= 3
    assert not np.allclose(low, play(57, 80, 0.0))
    assert not np.allclose(low, play(45, 0, 0.0))
    assert np.allclose(play(45, 80, -20.0), 0.1 * low, atol=1e-6)


def test_a_closed_hat_chokes_an_open_one() -> None:
    open_hat, closed = Note(0.1, 0.2, DRUM_CHANNEL, 46, 100), Note(0.2, 0.3, DRUM_CHANNEL, 42, 1)
    alone = synth.render_synth([open_hat], [], 5, RATE_HZ, RATE_HZ)
    choked = synth.render_synth([open_hat, closed], [], 5, RATE_HZ, RATE_HZ)
    late = slice(round(0.3 * RATE_HZ), round(0.4 * RATE_HZ))
    assert np.std(choked[late]) < 0.1 * np.std(alone[late])


def test_no_notes_and_bad_programs() -> None:
    assert synth.render_synth([], [], 0, RATE_HZ, 10).tolist() == [0.0] * 10
    with pytest.raises(ValueError, match="128"):
        draw_patch(np.random.default_rng(0), 128)


def _piece() -> Piece:
    notes = [*_notes(36), *_notes(60, channel=0)]
    return Piece("test", "test", notes, [Control(0.0, 0, "program", 4)], [Beat(float(at), 1) for at in _times()])


def test_sounds_render_to_full_scale_and_are_functions_of_seed() -> None:
    piece = _piece()
    for seed in range(6):
        drawn = sound.choose_sound(np.random.default_rng(seed), FONTS)
        assert drawn == sound.choose_sound(np.random.default_rng(seed), FONTS)
        samples = sound.render(piece, drawn, RATE_HZ)
        assert samples.dtype == np.float32
        assert len(samples) == round((piece.end_sec() + fluidsynth.TAIL_SEC) * RATE_HZ)
        assert np.max(np.abs(samples)) == pytest.approx(0.89, abs=1e-3)
        assert "/" not in str(drawn.describe()["font"])


def test_without_fonts_everything_is_synthesised() -> None:
    drawn = sound.choose_sound(np.random.default_rng(0), [])
    assert drawn.font is None
    assert drawn.synth_channels == frozenset(range(16))
    empty = Piece("test", "silence", [], [], [])
    assert np.max(np.abs(sound.render(empty, drawn, RATE_HZ))) == 0.0


def test_the_pump_breathes_with_the_kick() -> None:
    pump = sound.Pump(depth_db=12.0, release_sec=0.2)
    gain = sound.pump_gain(np.array([0.5, 1.0]), pump, 2 * RATE_HZ, RATE_HZ)
    assert gain[0] == pytest.approx(1.0)
    assert gain[round(0.505 * RATE_HZ)] == pytest.approx(10 ** (-12 / 20), rel=0.05)
    assert gain[round(0.9 * RATE_HZ)] == pytest.approx(1.0)
    assert sound.pump_gain(np.zeros(0), pump, 5, RATE_HZ).tolist() == [1.0] * 5
