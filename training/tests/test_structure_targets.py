"""Beats to the next boundary as the tracker counts them, and the measures, by cases that can be done by hand."""

import numpy as np
import pytest

from anacrusis_training.structure import scoring
from anacrusis_training.structure.labels import LABEL_INDEX
from anacrusis_training.structure.rows import Song, read_song, to_bytes
from anacrusis_training.structure.steps import N_ROW
from anacrusis_training.structure.targets import NO_LABEL, count_beats, is_first_after_a_beat, make_targets

VERSE, CHORUS, SILENCE = (LABEL_INDEX[name] for name in ("verse", "chorus", "silence"))


def song(
    n_sec: float = 20.0, tracked_per_beat: float = 1.0, locked: bool = True, end_known: bool = True, starts=(0.0, 8.0), tracker_late_sec: float = 0.0
) -> Song:
    """Beats every half second; `tracked_per_beat` 2 is a tracker at double tempo."""
    times = np.arange(1, int(n_sec * 12.5)) * 0.08
    labels = np.array([VERSE, CHORUS, VERSE][: len(starts)], dtype=np.int8)
    return Song(
        rows=np.zeros((len(times), N_ROW), np.float16),
        step_time_sec=times,
        step_beat=(times - tracker_late_sec) * 2.0 * tracked_per_beat,
        locked=np.full(len(times), locked, np.uint8),
        tracker_beat_sec=np.arange(0.0, n_sec, 0.5 / tracked_per_beat),
        beats=np.column_stack([np.arange(0.0, n_sec, 0.5), np.arange(int(n_sec * 2)) % 4 + 1]),
        section_start_sec=np.array(starts),
        section_label=labels,
        section_weight=np.ones(len(starts), np.float32),
        end_sec=16.0,
        end_known=end_known,
        meta={"song": "x"},
    )


def at(one: Song, time_sec: float) -> int:
    return int(np.searchsorted(one.step_time_sec, time_sec))


def test_bins_count_down_to_the_boundary() -> None:
    one = song()
    targets = make_targets(one)
    # 8 s is beat 16. Just after beats 0, 7, 8, 12, 14 and 15, that many bins are left.
    for beat, expected in ((0, 4), (7, 4), (8, 3), (12, 2), (14, 1), (15, 0)):
        assert targets.first_bin[at(one, beat * 0.5 + 0.01)] == expected, beat
    assert targets.first_bin[at(one, 8.01)] == 4
    assert set(targets.label[: at(one, 7.99)]) == {VERSE} and targets.label[at(one, 8.01)] == CHORUS
    assert targets.hazard_weight[at(one, 15.9)] == 1.0 and targets.hazard_weight[at(one, 16.05)] == 0.0
    assert targets.label_weight[at(one, 7.9)] == pytest.approx(0.25) and targets.label_weight[at(one, 4.0)] == 1.0
    assert targets.now[at(one, 8.5)] == 1.0 and targets.now[at(one, 9.5)] == 0.0 and targets.now[at(one, 0.3)] == 0.0
    assert targets.next_label[at(one, 4.0)] == CHORUS and targets.next_label[at(one, 10.0)] == NO_LABEL
    assert not targets.calm[at(one, 7.5)] and targets.calm[at(one, 4.0)] and not targets.calm[at(one, 8.5)]


def test_beats_are_the_trackers_own() -> None:
    double = song(tracked_per_beat=2.0)
    assert make_targets(double).first_bin[at(double, 4.01)] == 4
    assert make_targets(song()).first_bin[at(double, 4.01)] == 3
    unlocked = song(tracked_per_beat=2.0, locked=False)
    assert make_targets(unlocked).first_bin[at(unlocked, 4.01)] == 3


def test_a_boundary_near_a_tracked_beat_lies_on_it() -> None:
    # The tracker is 0.1 beat late: the count still falls to 0 with its own beat.
    one = song(tracker_late_sec=0.05)
    targets = make_targets(one)
    just_after = at(one, 7.56)
    assert one.step_beat[just_after] % 1.0 < 0.2
    assert targets.first_bin[just_after] == 0 and targets.first_bin[at(one, 7.5)] == 1
    off = song(starts=(0.0, 8.2))
    assert make_targets(off).first_bin[at(off, 7.65)] == 1


def test_what_breaks_off_is_censored() -> None:
    one = song(n_sec=16.0, end_known=False)
    targets = make_targets(one)
    late = at(one, 15.01)
    assert targets.censored[late] and not targets.censored[at(one, 4.0)]
    # Less than two beats are left to hear: a boundary after one is still possible, within one is not.
    assert targets.first_bin[late] == 1
    assert targets.first_bin[at(one, 8.01)] == 4


def test_silences_and_unnamed_sections_teach_no_label() -> None:
    one = song()
    one.section_label = np.array([SILENCE, CHORUS], dtype=np.int8)
    one.section_weight = np.array([1.0, 0.0], dtype=np.float32)
    targets = make_targets(one)
    assert not targets.label_weight.any() and targets.hazard_weight.any()
    one.section_start_sec = one.section_start_sec[:0]
    with pytest.raises(ValueError, match="need sections"):
        make_targets(one)


def test_counts_go_on_through_a_lost_lock() -> None:
    one = song(tracked_per_beat=2.0)
    one.locked[at(one, 4.0) : at(one, 6.0)] = 0
    count = count_beats(one)
    assert np.all(np.diff(count) >= 0)
    assert count[at(one, 4.0)] == pytest.approx(16.0, abs=0.6)
    assert count[at(one, 8.0)] - count[at(one, 4.0)] == pytest.approx(4.0 + 8.0, abs=0.8)


def test_a_song_survives_its_file(tmp_path) -> None:
    one = song()
    path = tmp_path / "song.npz"
    path.write_bytes(to_bytes(one))
    again = read_song(path)
    assert again.meta == one.meta and again.end_known and again.end_sec == 16.0
    assert np.array_equal(again.step_beat, one.step_beat) and again.rows.dtype == np.float16
    np.savez(path, rows=one.rows)
    with pytest.raises(ValueError, match="missing"):
        read_song(path)


def test_moments_are_the_beats_between_first_start_and_last_boundary() -> None:
    beats_sec = np.arange(20) * 0.5
    found = scoring.moments(beats_sec, [1.0, 3.05], [VERSE, CHORUS], [1.0, 0.5], 8.0)
    assert found.beat_idx.tolist() == list(range(2, 16))
    assert found.left_beats.tolist() == [4, 3, 2, 1, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert found.label.tolist() == [VERSE] * 4 + [CHORUS] * 10
    assert scoring.hits(found.left_beats)[:4].tolist() == [
        [False, False, True, True, True], [False, False, True, True, True], [False, True, True, True, True], [True] * 5,
    ]  # fmt: skip


def test_average_precision_and_area_by_hand() -> None:
    truth = np.array([True, False, True, False])
    assert scoring.average_precision(truth, np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx((1 + 2 / 3) / 2)
    assert scoring.average_precision(truth, np.full(4, 0.5)) == pytest.approx(0.5)
    assert scoring.area_under_roc(truth, np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx(0.75)
    assert scoring.area_under_roc(truth, np.full(4, 0.5)) == pytest.approx(0.5)
    assert np.isnan(scoring.average_precision(np.zeros(3, bool), np.ones(3)))


def test_calibration_error_and_label_scores_by_hand() -> None:
    assert scoring.calibration_error(np.array([True, False]), np.array([0.5, 0.5])) == pytest.approx(0.0)
    assert scoring.calibration_error(np.array([True, True, False, False]), np.array([1.0, 1.0, 0.2, 0.2])) == pytest.approx(0.1)
    found = scoring.label_scores(np.array([2, 2, 4, 4]), np.array([2, 4, 4, 4]), 8)
    assert found["accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_the_first_step_after_a_beat_weighs_more_and_nothing_outside_the_song() -> None:
    one = song()
    plain, weighed = make_targets(one), make_targets(one, beat_weight=5.0)
    first = is_first_after_a_beat(one)
    assert first.any() and not first.all()
    assert np.allclose(weighed.hazard_weight, np.where(first, 5.0, 1.0) * plain.hazard_weight)
