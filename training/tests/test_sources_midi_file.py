"""MIDI files at absolute times."""

from pathlib import Path

import mido
import pytest

from anacrusis_training.piece import Control, Note
from anacrusis_training.render.fluidsynth import write_midi
from anacrusis_training.sources.midi_file import MidiFileError, TempoMap, beat_ticks, read_midi


def _file(tmp_path: Path, messages: list) -> Path:
    file = mido.MidiFile(type=0, ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack(messages))
    path = tmp_path / "tune.mid"
    file.save(path)
    return path


def test_tempo_changes_move_what_follows() -> None:
    tempo_map = TempoMap({480: 1_000_000, 960: 250_000}, 480)
    assert [tempo_map.seconds(tick) for tick in (0, 240, 480, 720, 960, 1440)] == [0.0, 0.25, 0.5, 1.0, 1.5, 1.75]


def test_notes_beats_and_meter(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        [
            mido.MetaMessage("time_signature", numerator=3, denominator=4),
            mido.MetaMessage("set_tempo", tempo=600_000),
            mido.Message("program_change", program=40, channel=2),
            mido.Message("note_on", note=60, velocity=90, channel=2),
            mido.Message("note_on", note=64, velocity=80, channel=2, time=480),
            mido.Message("note_on", note=60, velocity=0, channel=2),
            mido.MetaMessage("end_of_track", time=960),
        ],
    )
    score = read_midi(path)
    assert score.notes[0] == Note(0.0, 0.6, 2, 60, 90)
    # A note without an end lasts to the last event.
    assert score.notes[1].start_sec == pytest.approx(0.6)
    assert score.controls == [Control(0.0, 2, "program", 40)]
    assert score.meter == "3/4"
    assert [beat.beat_in_bar for beat in score.beats] == [1, 2, 3]


@pytest.mark.parametrize(
    ("signature", "unit", "places"),
    [
        ((4, 4), 480, [1, 2, 3, 4]),
        ((6, 8), 720, [1, 2, 1]),
        ((5, 8), 240, [1, 2, 3, 4, 5, 1, 2, 3]),
        ((2, 2), 960, [1, 2]),
    ],
)
def test_beats_of_signatures(signature: tuple[int, int], unit: int, places: list[int]) -> None:
    ticks = beat_ticks({0: signature}, 1920, 480)
    assert [tick for tick, _ in ticks] == [unit * number for number in range(len(places))]
    assert [place for _, place in ticks] == places


def test_a_new_signature_starts_a_bar() -> None:
    assert beat_ticks({0: (4, 4), 960: (3, 4)}, 1920, 480) == [(0, 1), (480, 2), (960, 1), (1440, 2)]


def test_an_empty_file_has_no_beats(tmp_path: Path) -> None:
    score = read_midi(_file(tmp_path, []))
    assert (score.notes, score.beats, score.meter) == ([], [], "4/4")


def test_what_is_no_midi_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.mid"
    path.write_bytes(b"no midi at all, by far")
    with pytest.raises(MidiFileError, match="noise.mid"):
        read_midi(path)


def test_what_is_written_for_rendering_reads_back(tmp_path: Path) -> None:
    notes = [Note(0.1234, 0.5, 3, 60, 90), Note(1.0, 1.5, 9, 36, 100)]
    write_midi(notes, [Control(0.0, 3, "program", 5), Control(0.7, 3, "bend", -8192)], tmp_path / "out.mid")
    score = read_midi(tmp_path / "out.mid")
    assert [note.start_sec for note in score.notes] == pytest.approx([0.1234, 1.0])
    assert [note.end_sec for note in score.notes] == pytest.approx([0.5, 1.5])
    assert score.controls == [Control(0.0, 3, "program", 5), Control(pytest.approx(0.7), 3, "bend", -8192)]
