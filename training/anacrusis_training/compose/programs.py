"""General MIDI programs by what they are good for, and drum kits. Programs count from 0."""

from __future__ import annotations

PIANOS = (0, 1, 2, 3)
ELECTRIC_PIANOS = (4, 5, 7)
ORGANS = (16, 17, 18, 19, 20)
ACCORDIONS = (21, 22, 23)
ACOUSTIC_GUITARS = (24, 25)
CLEAN_GUITARS = (26, 27, 28)
DISTORTED_GUITARS = (29, 30)
ACOUSTIC_BASSES = (32, 33, 35)
ELECTRIC_BASSES = (33, 34, 35, 36, 37)
SYNTH_BASSES = (38, 39, 87)
STRINGS = (40, 41, 42, 43, 44, 48, 49, 50, 51)
PLUCKED_STRINGS = (45, 46)
VOICES = (52, 53, 54, 85, 91)
BRASS = (56, 57, 58, 60, 61, 62, 63)
REEDS = (64, 65, 66, 67, 68, 69, 70, 71)
FLUTES = (72, 73, 74, 75, 77, 78, 79)
SYNTH_LEADS = (80, 81, 82, 83, 84, 86, 87)
SYNTH_PADS = (88, 89, 90, 91, 92, 93, 94, 95)
MALLETS = (8, 9, 10, 11, 12, 13, 14, 108, 114)
WORLD_PLUCKED = (15, 104, 105, 106, 107)
FIDDLES = (40, 110, 109, 111, 22, 23, 73, 75, 105, 21)

KEYS = PIANOS + ELECTRIC_PIANOS + ORGANS
ANY_BASS = ACOUSTIC_BASSES + ELECTRIC_BASSES + SYNTH_BASSES + (43, 57, 58, 70, 0)
ANY_COMP = KEYS + ACOUSTIC_GUITARS + CLEAN_GUITARS + ACCORDIONS + PLUCKED_STRINGS + (48, 61, 11, 12, 15, 105)
ANY_PAD = STRINGS[5:] + VOICES + SYNTH_PADS + ORGANS
ANY_LEAD = VOICES + REEDS + FLUTES + BRASS + SYNTH_LEADS + FIDDLES + (29, 30, 26, 0, 4, 11, 13, 16, 46, 114)
ANY_ARP = SYNTH_LEADS + MALLETS + PLUCKED_STRINGS + ACOUSTIC_GUITARS + (88, 98, 99, 6, 4, 0)

BRUSH_KITS = (40, 32, 0)
MACHINE_KITS = (24, 25, 25, 0)
ORCHESTRA_KITS = (48, 0)
ANY_KIT = (0, 0, 0, 8, 16, 24, 25, 32, 40, 48)

DRUM_PITCHES: dict[str, int] = {
    "kick": 36, "kick 2": 35, "rim": 37, "snare": 38, "clap": 39, "snare 2": 40, "hat": 42, "pedal": 44, "open": 46,
    "tom 1": 50, "tom 2": 48, "tom 3": 47, "tom 4": 45, "tom 5": 43, "tom 6": 41, "crash": 49, "crash 2": 57,
    "china": 52, "splash": 55, "ride": 51, "ride 2": 59, "bell": 53, "tambourine": 54, "cowbell": 56,
    "vibraslap": 58, "bongo high": 60, "bongo low": 61, "conga mute": 62, "conga high": 63, "conga low": 64,
    "timbale high": 65, "timbale low": 66, "agogo high": 67, "agogo low": 68, "cabasa": 69, "shaker": 70,
    "guiro short": 73, "guiro long": 74, "claves": 75, "block high": 76, "block low": 77, "triangle mute": 80,
    "triangle": 81, "surdo low": 41, "surdo high": 45, "stick": 37,
}  # fmt: skip
"""Names of drums and their pitches on the percussion channel."""

TOMS = ("tom 1", "tom 2", "tom 3", "tom 4", "tom 5", "tom 6")
TOPS = ("hat", "hat", "hat", "ride", "ride", "shaker", "cabasa", "tambourine", "bell", "open")
"""What keeps time above kick and snare; closed hats most often."""
