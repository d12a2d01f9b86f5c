"""The tempo map, read by mido as a sequencer would."""

import mido
import pytest


@pytest.fixture(scope="module")
def midi(exported):
    return mido.MidiFile(exported / "band_112_4.beats.mid")


def seconds_of(midi, track):
    """Absolute time of each message of a track, through the tempo map of the first, seconds."""
    tempi, tick = [(0, 500_000)], 0
    for message in midi.tracks[0]:
        tick += message.time
        if message.type == "set_tempo":
            tempi.append((tick, message.tempo))

    def seconds(tick):
        passed, (at, tempo) = 0.0, tempi[0]
        for next_at, next_tempo in tempi[1:]:
            if next_at > tick:
                break
            passed += mido.tick2second(next_at - at, midi.ticks_per_beat, tempo)
            at, tempo = next_at, next_tempo
        return passed + mido.tick2second(tick - at, midi.ticks_per_beat, tempo)

    tick = 0
    for message in track:
        tick += message.time
        yield seconds(tick), message


def tick_sec(midi):
    """Longest tick of the file, seconds."""
    return max(mido.tick2second(1, midi.ticks_per_beat, m.tempo) for m in midi.tracks[0] if m.type == "set_tempo")


def test_notes_are_the_beats_to_a_tick(midi, document):
    notes = [(t, m) for t, m in seconds_of(midi, midi.tracks[1]) if m.type == "note_on" and m.velocity > 0]
    assert len(notes) == len(document["beats"]) > 20
    for (t_sec, note), beat in zip(notes, document["beats"]):
        assert t_sec == pytest.approx(beat["time_sec"], abs=tick_sec(midi))
        assert (note.note == 76) == (beat["beat_in_bar"] == 1)


def test_markers_are_the_sections_to_a_tick(midi, sections):
    markers = [(t, m.text) for t, m in seconds_of(midi, midi.tracks[0]) if m.type == "marker"]
    assert [text for _, text in markers] == [label for _, _, label in sections]
    assert markers, "the clip has sections"
    for (t_sec, _), (start_sec, _, _) in zip(markers, sections):
        assert t_sec == pytest.approx(start_sec, abs=tick_sec(midi))


def test_the_whole_file_plays_and_says_its_meter(midi, document):
    # mido's own player walks all tracks at once, by its own reading of the tempo map.
    assert midi.type == 1
    assert midi.length == pytest.approx(document["beats"][-1]["time_sec"], abs=1.0)
    meters = {m.numerator for m in midi.tracks[0] if m.type == "time_signature"}
    assert document["beats_per_bar"] in meters
