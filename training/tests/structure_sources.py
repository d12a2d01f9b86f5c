"""Outside sources as `structure` wants them, small and made up: plans under ids of the frozen split, and a few drum fills."""

from pathlib import Path

import mido

from anacrusis_training.structure.split import PARTS, songs_of

INTERVAL_SEC = 0.5
SECTIONS = ((0, "intro"), (8, "verse"), (24, "prechorus"), (31, "chorus"), (47, "end"))
"""Beats at which sections begin; the chorus a beat before its bar."""


def write_sources(folder: Path) -> Path:
    """Plans of 48 beats under every id of every part, and a fill of each side."""
    for name in ("beats_and_downbeats", "segments"):
        (folder / "harmonixset" / "dataset" / name).mkdir(parents=True)
    beats = "".join(f"{INTERVAL_SEC * k}\t{k % 4 + 1}\t{k // 4 + 1}\n" for k in range(48))
    segments = "".join(f"{INTERVAL_SEC * at} {label}\n" for at, label in SECTIONS)
    for part in PARTS:
        for song in songs_of(part):
            (folder / "harmonixset" / "dataset" / "beats_and_downbeats" / f"{song}.txt").write_text(beats)
            (folder / "harmonixset" / "dataset" / "segments" / f"{song}.txt").write_text(segments)
    (folder / "groove").mkdir()
    lines = ["drummer,style,bpm,beat_type,time_signature,midi_filename,duration"]
    for drummer in ("drummer1", "drummer7"):
        lines.append(f"{drummer},rock,120,fill,4-4,{drummer}.mid,2.0")
        track = mido.MidiTrack()
        for k in range(8):
            track.append(mido.Message("note_on", channel=9, note=(38, 48, 45, 40)[k % 4], velocity=60 + 5 * k, time=0 if k == 0 else 120))
            track.append(mido.Message("note_off", channel=9, note=(38, 48, 45, 40)[k % 4], time=120))
        file = mido.MidiFile(ticks_per_beat=480)
        file.tracks.append(track)
        file.save(folder / "groove" / f"{drummer}.mid")
    (folder / "groove" / "info.csv").write_text("\n".join(lines) + "\n")
    return folder
