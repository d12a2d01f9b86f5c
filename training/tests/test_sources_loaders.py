"""Loaders on small collections made here."""

import json
from pathlib import Path

import mido
import numpy as np
import pytest

from anacrusis_training.piece import DRUM_CHANNEL, Beat, Control, Note, Section
from anacrusis_training.sources import harmonix
from anacrusis_training.sources.excluded import Excluded
from anacrusis_training.sources.freedoom import FreedoomSource, beat_contrast
from anacrusis_training.sources.groove import DEV_DRUMMERS, GrooveSource, click_offset_sec, count_subdivisions
from anacrusis_training.sources.harmonix import HarmonixSource, read_beats, read_sections
from anacrusis_training.sources.midi_file import read_midi
from anacrusis_training.sources.split import split_of
from anacrusis_training.sources.window import LEAD_IN_SEC, Window, draw_window, median_bpm

NOTHING = Excluded({}, frozenset())
HEADER = "drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,audio_filename,duration,split\n"


def _write_tune(path: Path, pitches: tuple[int, ...], channel: int, beats: int, late_ticks: int = 0) -> None:
    """One note a beat at 120 quarters per minute, each `late_ticks` (of 480) late."""
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=4, denominator=4)])
    rest = late_ticks
    for beat in range(beats):
        pitch = pitches[beat % len(pitches)]
        track.append(mido.Message("note_on", note=pitch, velocity=100, channel=channel, time=rest))
        track.append(mido.Message("note_off", note=pitch, channel=channel, time=120))
        rest = 360
    file = mido.MidiFile(type=0, ticks_per_beat=480)
    file.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)


def _groove_folder(tmp_path: Path) -> Path:
    rows = []
    for drummer, number in (("drummer1", 1), ("drummer1", 2), (min(DEV_DRUMMERS), 3)):
        name = f"{drummer}/{number}_rock_120_beat_4-4.mid"
        _write_tune(tmp_path / name, (36, 26, 38, 22), DRUM_CHANNEL, 80 + number, late_ticks=24)
        rows.append(f"{drummer},s,{number},rock,120,beat,4-4,{name},,{(80 + number) / 2},train\n")
    rows.append("drummer1,s,9,rock,120,fill,4-4,drummer1/9.mid,,30.0,train\n")
    (tmp_path / "info.csv").write_text(HEADER + "".join(rows))
    return tmp_path


def test_groove_follows_the_drummer_and_general_midi(tmp_path: Path) -> None:
    piece = GrooveSource(_groove_folder(tmp_path), NOTHING).compose(np.random.default_rng(1), 20.0)
    assert piece.family == "groove"
    assert {note.pitch for note in piece.notes} <= {36, 46, 38, 42, 70, 54, 82, 51, 39, 37, 41}
    assert {note.channel for note in piece.notes} == {DRUM_CHANNEL}
    starts = np.array([note.start_sec for note in piece.notes])
    # The click lies 25 ms before the strokes; the beats do not.
    assert all(np.min(np.abs(starts - beat.time_sec)) < 1e-6 for beat in piece.beats[:-1])
    assert piece.sources[0].licence == "CC-BY-4.0"
    assert piece.end_sec() < 21.5


def test_groove_is_a_function_of_its_generator(tmp_path: Path) -> None:
    source = GrooveSource(_groove_folder(tmp_path), NOTHING)
    first, second = (source.compose(np.random.default_rng(5), 20.0, band=True) for _ in range(2))
    assert first == second
    assert first.family == "groove_band"
    assert any(note.channel != DRUM_CHANNEL for note in first.notes)


def test_groove_splits_by_drummer_and_refuses_excluded_takes(tmp_path: Path) -> None:
    folder = _groove_folder(tmp_path)
    assert {take.drummer for take in GrooveSource(folder, NOTHING).takes} == {"drummer1"}
    assert {take.drummer for take in GrooveSource(folder, NOTHING, "dev").takes} == {min(DEV_DRUMMERS)}
    named = Excluded({"groove": frozenset(("groove/drummer1/1_rock_120_beat_4-4.mid",))}, frozenset())
    assert [take.file for take in GrooveSource(folder, named).takes] == ["drummer1/2_rock_120_beat_4-4.mid"]
    contents = frozenset(read_midi(path).content for path in folder.glob("drummer1/*.mid"))
    with pytest.raises(ValueError, match="no usable window"):
        GrooveSource(folder, Excluded({}, contents)).compose(np.random.default_rng(0), 20.0)
    with pytest.raises(FileNotFoundError, match="info.csv"):
        GrooveSource(tmp_path / "none", NOTHING)


def test_click_offset_is_the_median_of_near_strokes() -> None:
    beats = [Beat(0.5 * number, 1) for number in range(8)]
    notes = [Note(beat.time_sec - 0.02, beat.time_sec, 9, 36, 90) for beat in beats[1:]] + [Note(0.25, 0.3, 9, 42, 90)]
    assert click_offset_sec(notes, beats) == pytest.approx(-0.02)
    assert click_offset_sec(notes[:3], beats) == 0.0
    assert click_offset_sec([], beats) == 0.0


@pytest.mark.parametrize(
    ("phases", "expected"), [((0, 0.5), 2), ((0, 1 / 3, 2 / 3), 3), ((0, 0.25, 0.5, 0.75), 4), ((0,), 2)]
)
def test_subdivisions_are_counted(phases: tuple[float, ...], expected: int) -> None:
    beats = [Beat(0.6 * number, 1) for number in range(9)]
    notes = [Note(0.6 * (number + phase), 9.0, 9, 42, 80) for number in range(8) for phase in phases]
    assert count_subdivisions(notes, beats) == expected
    assert count_subdivisions([], beats) == 2


def _freedoom_folder(tmp_path: Path) -> tuple[Path, str]:
    name = next(f"d_{n}.mid" for n in range(100) if split_of(f"d_{n}.mid") == "train")
    _write_tune(tmp_path / "musics" / name, (40, 45, 50), 1, 120)
    return tmp_path, name


def test_freedoom_moves_keys_but_not_beats(tmp_path: Path) -> None:
    folder, name = _freedoom_folder(tmp_path)
    piece = FreedoomSource(folder, NOTHING).compose(np.random.default_rng(3), 30.0)
    starts = np.array([note.start_sec for note in piece.notes])
    assert all(np.min(np.abs(starts - beat.time_sec)) < 1e-6 for beat in piece.beats[:-1])
    semitones = min(note.pitch for note in piece.notes) - 40
    assert {note.pitch for note in piece.notes} == {40 + semitones, 45 + semitones, 50 + semitones}
    assert piece.sources[0].item == f"musics/{name}"
    assert 42 <= median_bpm(piece.beats) <= 225


def test_freedoom_refuses_excluded_and_renamed_tunes(tmp_path: Path) -> None:
    folder, name = _freedoom_folder(tmp_path)
    with pytest.raises(ValueError, match="none of 1 files"):
        FreedoomSource(folder, Excluded({"freedoom": frozenset((f"musics/{name}",))}, frozenset()))
    content = read_midi(folder / "musics" / name).content
    with pytest.raises(ValueError, match="no usable window"):
        FreedoomSource(folder, Excluded({}, frozenset((content,)))).compose(np.random.default_rng(0), 30.0)


def test_contrast_is_one_by_chance_and_more_on_the_grid() -> None:
    beats = [Beat(0.5 * number, 1) for number in range(41)]
    even = [Note(0.05 * number, 0.1 * number + 1, 1, 60, 80) for number in range(400)]
    contrast, played = beat_contrast(even, beats)
    assert contrast == pytest.approx(1.25, abs=0.1)
    assert played > 0.95
    on_grid, _ = beat_contrast([Note(beat.time_sec, 99.0, 1, 60, 80) for beat in beats], beats)
    assert on_grid > 4
    off_grid, _ = beat_contrast([Note(beat.time_sec + 0.25, 99.0, 1, 60, 80) for beat in beats[:-1]], beats)
    assert off_grid == 0.0
    assert beat_contrast([], beats) == (0.0, 0.0)


def _harmonix_folder(tmp_path: Path, song: str) -> Path:
    for part in ("beats_and_downbeats", "segments"):
        (tmp_path / "dataset" / part).mkdir(parents=True)
    lines = "".join(f"{0.5 * n}\t{n % 4 + 1}\t{n // 4 + 1}\n" for n in range(200))
    (tmp_path / "dataset" / "beats_and_downbeats" / f"{song}.txt").write_text(lines)
    (tmp_path / "dataset" / "segments" / f"{song}.txt").write_text("0.0 intro\n16.0 verse\n48.0 chorus\n99.5 end\n")
    return tmp_path


def test_harmonix_sections_stay_on_their_beats(tmp_path: Path) -> None:
    ids = json.loads(harmonix.TRAIN_IDS_PATH.read_text())["ids"]
    song = next(song for song in ids if split_of(song) == "train")
    source = HarmonixSource(_harmonix_folder(tmp_path, song), NOTHING)
    assert source.songs == [song]
    for seed in range(20):
        drawn, _, beats, sections = source.draw_plan(np.random.default_rng(seed), 40.0)
        times = np.array([beat.time_sec for beat in beats])
        assert drawn == song
        assert times[0] == pytest.approx(LEAD_IN_SEC)
        assert np.all(np.diff(times) > 0)
        assert sections[0].start_sec == pytest.approx(LEAD_IN_SEC)
        for section in sections:
            at = int(np.argmin(np.abs(times - section.start_sec)))
            assert times[at] == pytest.approx(section.start_sec)
            assert section is sections[0] or beats[at].beat_in_bar == 1
    with pytest.raises(ValueError, match="none of"):
        HarmonixSource(tmp_path, Excluded({"harmonixset": frozenset((song,))}, frozenset()))


def test_harmonix_files_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "song.txt"
    path.write_text("0.0 1 1\n\n0.5 2 1\n")
    assert read_beats(path) == [Beat(0.0, 1), Beat(0.5, 2)]
    path.write_text("0.5 1 1\n0.5 2 1\n")
    with pytest.raises(ValueError, match="song.txt:2"):
        read_beats(path)
    path.write_text("nonsense\n")
    with pytest.raises(ValueError, match="song.txt:1"):
        read_beats(path)
    path.write_text("0 verse\n4 theme\n8 chorus\n")
    assert read_sections(path) == [Section(0.0, "verse"), Section(4.0, "chorus"), Section(8.0, "chorus")]


def test_a_window_scales_and_carries_state() -> None:
    window = Window(10.0, 5.0, 2.0)
    notes = [Note(9.0, 9.5, 0, 60, 80), Note(11.0, 11.5, 0, 61, 80), Note(15.0, 16.0, 0, 62, 80)]
    assert window.notes(notes) == [Note(2.0 + LEAD_IN_SEC, 3.0 + LEAD_IN_SEC, 0, 61, 80)]
    controls = [Control(1.0, 0, "program", 4), Control(2.0, 0, "program", 5), Control(12.0, 0, "cc", 90, 7)]
    assert window.controls(controls) == [Control(0.0, 0, "program", 5), Control(4.0 + LEAD_IN_SEC, 0, "cc", 90, 7)]
    assert window.beats([Beat(10.0, 1), Beat(15.0, 2)], 0.5) == [Beat(1.0 + LEAD_IN_SEC, 1)]
    whole = draw_window(np.random.default_rng(0), 30.0, 72.0, 1.2)
    assert (whole.start_sec, whole.duration_sec) == (0.0, 30.0)
    assert median_bpm([Beat(0.0, 1)]) == 0.0
