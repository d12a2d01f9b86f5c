"""Programs by time, and early starts of slow instruments."""

from anacrusis_training.piece import DRUM_CHANNEL, Control, Note
from anacrusis_training.render.programs import MOST_LEAD_SEC, Programs, lead_sec, played_early


def test_a_program_holds_from_its_change_on() -> None:
    programs = Programs([Control(2.0, 1, "program", 9), Control(0.0, 1, "program", 4), Control(1.0, 1, "cc", 5, 7)])
    assert [programs.at(1, time_sec) for time_sec in (-1.0, 0.0, 1.9, 1.9995, 3.0)] == [0, 4, 4, 9, 9]
    assert programs.at(2, 1.0) == 0


def test_leads_are_half_of_the_attack_up_to_a_bound() -> None:
    assert lead_sec(0.0) == 0.0
    assert lead_sec(0.06) == 0.03
    assert lead_sec(1.0) == MOST_LEAD_SEC


def test_only_slow_instruments_start_early() -> None:
    notes = [
        Note(1.0, 2.0, 0, 60, 80),
        Note(1.0, 2.0, 1, 60, 80),
        Note(1.0, 2.0, DRUM_CHANNEL, 36, 80),
        Note(0.01, 1.0, 1, 60, 80),
    ]
    controls = [Control(0.0, channel, "program", 48 if channel else 0) for channel in (0, 1, DRUM_CHANNEL)]
    early = played_early(notes, controls)
    assert [round(note.start_sec, 3) for note in early] == [1.0, 0.961, 1.0, 0.0]
    assert [note.end_sec for note in early] == [note.end_sec for note in notes]
    assert played_early([], []) == []
