"""The stress set: what each condition does to beats and sound, and that it repeats."""

import io

import numpy as np
import pytest
import soundfile

from anacrusis_training.cli import main
from anacrusis_training.compose import rock
from anacrusis_training.corpus import eval_format, stress
from anacrusis_training.corpus.stress import CONDITIONS, PLAYED, StressBuilder
from anacrusis_training.piece import DRUM_CHANNEL

BPM = 120.0


def compose(name):
    return stress.compose(np.random.default_rng(3), CONDITIONS[name], rock.STYLES[0], BPM)


def intervals_sec(name):
    return np.diff([beat.time_sec for beat in compose(name).beats])


def index_of(name, number=0):
    return list(CONDITIONS).index(name) * len(PLAYED) + number


@pytest.fixture(scope="module")
def built():
    """Short pieces by condition."""
    builder, made = StressBuilder(5), {}

    def get(name):
        if name not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(stress, "PLAYED_SEC", 7.0)
                piece = builder(index_of(name))
            samples, rate_hz = soundfile.read(io.BytesIO(piece.audio), always_2d=True)
            made[name] = (piece, samples, rate_hz)
        return made[name]

    return get


def test_steady_is_steady_and_bars_have_four_beats():
    beats = compose("steady").beats
    assert np.allclose(intervals_sec("steady"), 0.5)
    assert [beat.beat_in_bar for beat in beats[:6]] == [1, 2, 3, 4, 1, 2]
    assert beats[0].time_sec == stress.START_SEC


@pytest.mark.parametrize(("name", "factor"), [("step-up", 1.2), ("step-down", 0.8)])
def test_the_tempo_steps_once_at_a_bar(name, factor):
    intervals, beats = intervals_sec(name), compose(name).beats
    first = int(np.argmax(np.abs(intervals - 0.5) > 1e-9))
    assert beats[first].beat_in_bar == 1
    assert stress.STEP_SEC <= beats[first].time_sec < stress.STEP_SEC + 2
    assert np.allclose(intervals[:first], 0.5)
    assert np.allclose(intervals[first:], 0.5 / factor)


@pytest.mark.parametrize(("name", "sign"), [("ramp-up", 1), ("ramp-down", -1)])
def test_a_ramp_changes_by_what_it_says(name, sign):
    times = np.array([beat.time_sec for beat in compose(name).beats])
    bpm, middles = 60 / np.diff(times), (times[:-1] + times[1:]) / 2
    slope, at_middle = np.polyfit(middles - stress.PLAYED_SEC / 2, bpm, 1)
    assert abs(slope - sign * stress.RAMP_BPM_PER_SEC) < 0.02
    assert abs(at_middle - BPM) < 0.2


def test_the_drums_pause_for_eight_bars_and_the_rest_plays_on():
    piece = compose("dropout")
    first_sec, last_sec = stress.dropout_span(piece.beats)
    assert abs((last_sec - first_sec) - stress.DROPOUT_BARS * 4 * 0.5) < 1e-9
    drums = [note for note in piece.notes if note.channel == DRUM_CHANNEL]
    assert not [note for note in drums if first_sec <= note.start_sec < last_sec]
    assert [note for note in drums if note.start_sec < first_sec] and [note for note in drums if note.start_sec >= last_sec]
    others = [note for note in piece.notes if note.channel != DRUM_CHANNEL and first_sec <= note.start_sec < last_sec]
    assert len(others) > 8
    assert np.allclose(intervals_sec("dropout"), 0.5), "the truth goes on"


def test_swing_delays_the_middle_of_beats_and_moves_no_beat():
    assert [beat.time_sec for beat in compose("swing").beats] == [beat.time_sec for beat in compose("steady").beats]

    def phases(name):
        starts = [note.start_sec for note in compose(name).notes if note.channel == DRUM_CHANNEL]
        return (np.array(starts) - stress.START_SEC) / 0.5 % 1

    def near(name, phase):
        return int(np.sum(np.abs(phases(name) - phase) < 0.05))

    assert near("steady", 0.5) > 10 > near("steady", 0.667)
    assert near("swing", 0.667) > 10 > near("swing", 0.5)


def test_a_wrong_rate_stretches_sound_and_truth_alike(built):
    steady, wrong = built("steady"), built("wrong-rate")
    times = [np.array([float(line.split()[0]) for line in piece.beats.splitlines()]) for piece, _, _ in (steady, wrong)]
    assert np.allclose(times[1], times[0] * stress.WRONG_RATE_RATIO, atol=1e-5)
    assert abs(len(wrong[1]) / len(steady[1]) - stress.WRONG_RATE_RATIO) < 1e-3
    assert steady[2] == wrong[2] == stress.RATE_HZ


def test_the_sound_ends_before_another_beat_could_fall(built):
    for name in ("steady", "wrong-rate"):
        piece, samples, rate_hz = built(name)
        times_sec = [float(line.split()[0]) for line in piece.beats.splitlines()]
        interval_sec = times_sec[-1] - times_sec[-2]
        assert abs(len(samples) / rate_hz - (times_sec[-1] + interval_sec / 2)) < 0.001
        assert abs(piece.entry["duration_s"] - len(samples) / rate_hz) < 0.001


def test_channels_are_as_named(built):
    mono, wide, left = (built(name)[1] for name in ("steady", "stereo", "one-channel"))
    assert (mono.shape[1], wide.shape[1], left.shape[1]) == (1, 2, 2)
    assert np.array_equal(left[:, 0], mono[:, 0])
    assert not left[:, 1].any()
    assert wide[:, 0].any() and wide[:, 1].any() and not np.array_equal(wide[:, 0], wide[:, 1])


@pytest.mark.parametrize("name", ["low-level", "clipping", "noise", "room"])
def test_spoilt_sound_keeps_length_and_truth(built, name):
    (steady, clean, _), (piece, samples, _) = built("steady"), built(name)
    assert piece.beats == steady.beats
    assert samples.shape == clean.shape
    assert not np.array_equal(samples, clean)


def test_low_is_low_and_clipped_is_flat(built):
    clean, low, clipped = (np.abs(built(name)[1][:, 0]) for name in ("steady", "low-level", "clipping"))
    assert abs(20 * np.log10(low.max() / clean.max()) + 36) < 0.5
    assert np.mean(clipped > 0.999 * clipped.max()) > 5 * np.mean(clean > 0.999 * clean.max())


def test_a_seed_repeats_and_another_differs(monkeypatch):
    monkeypatch.setattr(stress, "PLAYED_SEC", 7.0)
    first, again, other = (StressBuilder(seed)(index_of("noise", 1)) for seed in (1, 1, 2))
    assert first.audio == again.audio and first.beats == again.beats
    assert first.audio != other.audio
    with pytest.raises(ValueError, match="seed must be 0 or more"):
        StressBuilder(-1)


def test_the_command_writes_every_condition(tmp_path, monkeypatch):
    # The workers know all conditions; only the number of pieces is made small.
    monkeypatch.setattr(stress, "CONDITIONS", {"steady": CONDITIONS["steady"]})
    out = tmp_path / "stress"
    assert main(["corpus", "stress", "--out", str(out), "--workers", "1"]) == 0
    entries = eval_format.read_entries(out)
    assert [entry["id"] for entry in entries] == ["steady_0", "steady_1"]
    assert {entry["kind"] for entry in entries} == {"steady"}
    assert all((out / entry["beats"]).read_text().startswith("0.300000\t1\n") for entry in entries)
