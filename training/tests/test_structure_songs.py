"""Whole songs: what is composed follows the plan, sounds, and comes out as rows that a network can learn from."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from structure_sources import write_sources

from anacrusis_training.cli import main
from anacrusis_training.compose.habits import MODES, Cue, draw_habits
from anacrusis_training.compose.structured import ROLES
from anacrusis_training.compose.whole_song import arrange_song, shift
from anacrusis_training.piece import DRUM_CHANNEL, Beat, Note, Section
from anacrusis_training.render.stage import choose_stage, level_curve, render_song
from anacrusis_training.render.voice import sing
from anacrusis_training.sources.groove_fills import GrooveFills
from anacrusis_training.structure import model_recipe
from anacrusis_training.structure.song_recipe import SongRecipe
from anacrusis_training.structure.workshop import Workshop

BEATS = [Beat(0.5 * k, k % 4 + 1) for k in range(96)]
SECTIONS = [Section(0.0, "intro"), Section(8.0, "verse"), Section(23.5, "chorus"), Section(40.0, "silence")]


def test_a_song_follows_its_plan() -> None:
    for seed in range(12):
        song = arrange_song(np.random.default_rng(seed), BEATS, SECTIONS, None)
        starts = np.array([note.start_sec for note in song.piece.notes])
        assert song.piece.beats == BEATS and song.piece.sections == SECTIONS
        assert np.all(np.diff([note.start_sec for note in song.piece.notes]) >= 0)
        # Nobody begins a note in a silence, save what rings over its first beat.
        assert not np.any(starts > 40.6), seed
        for low, high in ((0.0, 8.0), (8.0, 23.5), (23.5, 40.0)):
            assert np.count_nonzero((starts >= low) & (starts < high)) + sum(low <= n.start_sec < high for n in song.sung) > 4, seed
        assert song.piece.traits["mode"] in MODES


def test_a_song_is_its_seed() -> None:
    one, other, third = (arrange_song(np.random.default_rng(seed), BEATS, SECTIONS, None) for seed in (5, 5, 6))
    assert one.piece.notes == other.piece.notes and one.levels == other.levels
    assert one.piece.notes != third.piece.notes


def test_songs_without_sections_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one section"):
        arrange_song(np.random.default_rng(0), BEATS, [], None)


def test_habits_differ_and_some_songs_announce_nothing() -> None:
    drawn = [draw_habits(np.random.default_rng(seed), ROLES) for seed in range(300)]
    silent = [habits for habits in drawn if not any(habits.cue_probs.values())]
    assert 0.1 < len(silent) / 300 < 0.45
    assert all(habits.false_prob == 0.0 for habits in drawn if habits.mode == "repetition only")
    flipped = [habits for habits in drawn if habits.flipped and habits.mode == "open"]
    usual = [habits for habits in drawn if not habits.flipped and habits.mode == "open"]
    assert np.mean([h.level_db["chorus"] for h in flipped]) < np.mean([h.level_db["chorus"] for h in usual])
    assert all(set(habits.roles["silence"]) == set() for habits in drawn)


def test_cues_end_where_they_should_and_fit() -> None:
    habits = dataclasses.replace(draw_habits(np.random.default_rng(1), ROLES), cue_probs=dict.fromkeys(draw_habits(np.random.default_rng(1), ROLES).cue_probs, 1.0))
    cues = habits.cues(np.random.default_rng(0), 32.0, 3.0)
    assert {cue.kind for cue in cues} == set(habits.cue_probs)
    assert all(cue.end_beats == 32.0 and 0 < cue.end_beats - cue.start_beats <= 3.0 for cue in cues)
    assert Cue("fill", 1.0, 2.0) == Cue("fill", 1.0, 2.0)


def test_human_fills_are_played_where_cues_say(tmp_path: Path) -> None:
    fills = GrooveFills(write_sources(tmp_path) / "groove", is_train=True)
    assert len(fills.fills) == 1 and fills.fills[0].source.item == "drummer1.mid" and fills.fills[0].n_beats == 4
    assert [stroke.at_beats for stroke in fills.fills[0].strokes] == [0.5 * k for k in range(8)]
    used = 0
    for seed in range(30):
        song = arrange_song(np.random.default_rng(seed), BEATS, SECTIONS, fills.draw)
        if song.piece.sources:
            used += 1
            assert any(note.channel == DRUM_CHANNEL for note in song.piece.notes)
    assert used > 3


def test_a_plan_moves_as_a_whole() -> None:
    beats, sections = shift([Beat(10.0, 2), Beat(11.0, 3)], [Section(9.0, "intro")], 2.0, 0.5)
    assert [beat.time_sec for beat in beats] == [2.5, 4.5] and sections[0].start_sec == 0.5


def test_levels_step_and_ramp() -> None:
    song = arrange_song(np.random.default_rng(2), BEATS, SECTIONS, None)
    levels = [dataclasses.replace(song.levels[0], start_sec=0.0, level_db=0.0, ramp_db=6.0), dataclasses.replace(song.levels[0], start_sec=2.0, level_db=-6.0, ramp_db=0.0)]
    gain = level_curve(levels, 4000, 1000)
    assert gain[100] == pytest.approx(1.0, abs=0.02) and gain[1990] == pytest.approx(2.0, abs=0.05) and gain[3500] == pytest.approx(0.5, abs=0.01)
    assert np.all(level_curve([], 10, 1000) == 1.0)


def test_a_singer_sings_the_notes() -> None:
    notes = [Note(0.5, 1.5, 0, 69, 100), Note(2.0, 3.0, 0, 64, 100)]
    voice = sing(notes, np.random.default_rng(0), 22_050, 4 * 22_050)
    assert voice.shape == (4 * 22_050,) and np.isfinite(voice).all() and np.abs(voice).max() == pytest.approx(1.0)
    loud = lambda low, high: float(np.sqrt(np.mean(voice[int(low * 22_050) : int(high * 22_050)] ** 2)))
    assert loud(0.8, 1.4) > 5 * loud(3.3, 3.9)
    spectrum = np.abs(np.fft.rfft(voice[int(0.8 * 22_050) : int(1.4 * 22_050)]))
    hz = np.fft.rfftfreq(int(1.4 * 22_050) - int(0.8 * 22_050), 1 / 22_050)
    # Some octave of A sounds: its harmonics hold the energy.
    near = np.abs(hz[:, None] - 110.0 * np.arange(1, 60)).min(1) < 12
    assert (spectrum[near] ** 2).sum() > 0.6 * (spectrum**2).sum()
    assert not sing([], np.random.default_rng(0), 22_050, 100).any()


def test_a_song_sounds_by_our_own_synthesiser() -> None:
    song = arrange_song(np.random.default_rng(4), BEATS, SECTIONS, None)
    stage = choose_stage(np.random.default_rng(4), [])
    samples = render_song(song, stage)
    assert stage.renderer() == "synthesiser" and np.isfinite(samples).all() and 0.5 < np.abs(samples).max() <= 1.0
    assert json.dumps(stage.describe())


def test_every_plan_comes_once_before_any_comes_again() -> None:
    recipe = SongRecipe(name="x", part="test", seed=1, songs=1000)
    n = len({recipe.song_of(index) for index in range(200)})
    assert len({recipe.song_of(index) for index in range(n)}) == n
    assert recipe.identity() == dataclasses.replace(recipe, songs=5, name="y").identity()
    with pytest.raises(ValueError, match="part is 'dev'"):
        dataclasses.replace(recipe, part="dev")
    with pytest.raises(ValueError, match="unknown field `speed`"):
        SongRecipe.from_json({"speed": 1})


def test_the_shipped_recipes_are_whole() -> None:
    for name in ("anticipator_v1", "anticipator_tiny"):
        recipe = model_recipe.load(name)
        assert set(recipe.corpora) == {"train", "val", "test"} and recipe.corpora["test"].cut_prob == 0.0
    with pytest.raises(ValueError, match="no recipe nothing"):
        model_recipe.load("nothing")


@pytest.mark.slow
def test_a_tiny_anticipator_is_made_end_to_end(tmp_path: Path, capsys) -> None:
    if not os.environ.get("ANACRUSIS_BIN"):
        pytest.skip("ANACRUSIS_BIN is not set: run through `cargo xtask test`")
    sources, work, out = write_sources(tmp_path / "sources"), tmp_path / "work", tmp_path / "model"
    place = ["anticipator_tiny", "--work", str(work)]
    made = ["--sources", str(sources), "--workers", "1"]
    # Sound made before its rows is found again.
    assert main(["structure", "sound", *place, *made, "--part", "train"]) == 0
    assert len(list((work / "sound" / "train").glob("*.flac"))) == 3
    assert main(["structure", "make", *place, *made, "--out", str(out)]) == 0
    assert not list((work / "sound" / "train").glob("*.flac"))
    log = [json.loads(line) for line in (work / "networks" / "main" / "log.jsonl").read_text().splitlines()]
    assert len(log) == 3
    assert log[-1]["val_hazard"] + log[-1]["val_label"] < log[0]["val_hazard"] + log[0]["val_label"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["kind"] == "anticipator" and manifest["sizes"] == {"audio_units": 8, "mix_units": 16, "hidden": 16, "layers": 2}
    assert "synthetic sound on real section plans" in (out / "card.md").read_text()
    report = json.loads((work / "results" / "main_test.json").read_text())
    assert report["songs"] == 2 and set(report["horizons"]) == {"1", "2", "4", "8", "16"}
    # A second run finds everything made.
    assert main(["structure", "make", *place, *made, "--out", str(out)]) == 0
    assert main(["structure", "scored", *place, *made, "--out", str(tmp_path / "scored")]) == 0
    entry = json.loads((tmp_path / "scored" / "manifest.json").read_text())["pieces"][0]
    assert (tmp_path / "scored" / entry["sections"]).read_text().splitlines()[-1].endswith("\tend")
    capsys.readouterr()


@pytest.mark.slow
def test_recordings_of_ones_own_join_with_their_sections(tmp_path: Path) -> None:
    if not os.environ.get("ANACRUSIS_BIN"):
        pytest.skip("ANACRUSIS_BIN is not set: run through `cargo xtask test`")
    song = arrange_song(np.random.default_rng(0), BEATS, SECTIONS, None)
    (tmp_path / "audio").mkdir()
    (tmp_path / "sections").mkdir()
    samples = render_song(song, choose_stage(np.random.default_rng(0), []))
    for name in ("mine", "broken"):
        soundfile.write(tmp_path / "audio" / f"{name}.wav", samples, 22_050)
    entries = [{"label": "intro", "start": 0.0, "end": 8.0}, {"label": "verse", "start": 8.0, "end": 40.0}]
    (tmp_path / "sections" / "mine.json").write_text(json.dumps(entries))
    (tmp_path / "sections" / "broken.json").write_text("[]")
    arguments = ["structure", "import", "anticipator_tiny", "--work", str(tmp_path / "work"), str(tmp_path / "audio")]
    arguments += ["--sections", str(tmp_path / "sections")]
    for _ in range(2):
        assert main(arguments) == 1
    songs = list(Workshop(model_recipe.load("anticipator_tiny"), tmp_path / "work").songs("train"))
    assert len(songs) == 1 and songs[0].meta["teacher"] == "SongFormer" and len(songs[0].beats) > 20
