"""Pieces that strain a tracker one way at a time, with exact truth: tempo steps and ramps, swing, dropouts, spoilt sound.

The same compositions are played under every condition, so that conditions compare with ``steady``. All follows from the seed; our own
synthesiser plays, so no soundfont is needed. The condition becomes the ``kind`` of a piece, by which `anacrusis eval` groups.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from anacrusis_training.augment import dynamics
from anacrusis_training.compose import form, pop, rock
from anacrusis_training.compose.grid import STRAIGHT, Swing
from anacrusis_training.compose.meter import FOUR
from anacrusis_training.compose.song import play_parts
from anacrusis_training.compose.style import TRIPLET_SWING, Style
from anacrusis_training.corpus import robust
from anacrusis_training.corpus.eval_format import EvalPiece, beat_text, encode
from anacrusis_training.piece import DRUM_CHANNEL, Beat, Piece
from anacrusis_training.render.sound import Sound, choose_sound, render

RATE_HZ = 22_050
START_SEC = 0.3
"""Time of the first beat."""

PLAYED_SEC = 24.0
"""Length of a piece, where the condition needs no more."""

STEP_SEC, STEP_SHARE = 12.0, 0.2
"""When the tempo steps (at the next bar), and by how much: within the 10 to 40 % that a re-lock is promised for."""

RAMP_BPM_PER_SEC = 1.5
DROPOUT_FIRST_BAR, DROPOUT_BARS, BARS_AFTER_DROPOUT = 6, 8, 4
"""Bars before the drums stop, without them, and after they came back."""

WRONG_RATE_RATIO = 48_000 / 44_100
"""A recording of one common rate played at the other: slower and lower, beats and all."""

CLIP_CEILING = 0.2
"""Of the peak: an input that is 14 dB too hot."""

ROLES = (form.DRUMS, form.BASS, form.COMP, form.LEAD)
PART_BARS = 8
DRUM_GAIN_DB = -3.0

Tempo = Callable[[float, float], float]
"""From seconds since the start and the piece's own tempo to the tempo there, BPM."""

Samples = NDArray[np.float32]


def _steady(time_sec: float, bpm: float) -> float:
    return bpm


def _ramp_up(time_sec: float, bpm: float) -> float:
    return bpm + RAMP_BPM_PER_SEC * (time_sec - PLAYED_SEC / 2)


def _ramp_down(time_sec: float, bpm: float) -> float:
    return bpm - RAMP_BPM_PER_SEC * (time_sec - PLAYED_SEC / 2)


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """What one condition changes.

    Attributes
    ----------
    tempo
        Tempo over time.
    step_share
        Change of tempo at the first bar after `STEP_SEC`, as a share.
    swing
        Of the players.
    dropout
        Whether the drums pause for `DROPOUT_BARS` bars.
    rate_ratio
        Rate of the recording over the rate that its file states.
    channels
        ``"mono"``, ``"wide"`` (drums right, all else left) or ``"left"`` (nothing right).
    spoil
        What happens to the sound, as in `robust`.
    """

    tempo: Tempo = _steady
    step_share: float = 0.0
    swing: Swing = STRAIGHT
    dropout: bool = False
    rate_ratio: float = 1.0
    channels: str = "mono"
    spoil: Callable[[np.random.Generator, Samples, int], Samples] | None = None


def _clip(rng: np.random.Generator, samples: Samples, rate_hz: int) -> Samples:
    return dynamics.normalise(dynamics.clip(samples, CLIP_CEILING))


CONDITIONS: dict[str, Condition] = {
    "steady": Condition(),
    "step-up": Condition(step_share=STEP_SHARE),
    "step-down": Condition(step_share=-STEP_SHARE),
    "ramp-up": Condition(tempo=_ramp_up),
    "ramp-down": Condition(tempo=_ramp_down),
    "swing": Condition(swing=TRIPLET_SWING),
    "dropout": Condition(dropout=True),
    "wrong-rate": Condition(rate_ratio=WRONG_RATE_RATIO),
    "stereo": Condition(channels="wide"),
    "one-channel": Condition(channels="left"),
    "low-level": Condition(spoil=robust.CONDITIONS["level"]),
    "clipping": Condition(spoil=_clip),
    "mp3": Condition(spoil=robust.CONDITIONS["codec"]),
    "noise": Condition(spoil=robust.CONDITIONS["noise"]),
    "room": Condition(spoil=robust.CONDITIONS["room"]),
}

PLAYED: tuple[tuple[Style, float], ...] = ((rock.STYLES[0], 104.0), (pop.STYLES[0], 126.0))
"""The compositions: style and tempo, BPM."""


class StressBuilder:
    """Makes composition i % 2 under condition i // 2.

    Parameters
    ----------
    seed
        Of the compositions, the sounds and what is random in spoiling them; not negative.
    """

    def __init__(self, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, not {seed}")
        self._seed = seed

    def __call__(self, index: int) -> EvalPiece:
        """The piece."""
        names = list(CONDITIONS)
        name, number = names[index // len(PLAYED)], index % len(PLAYED)
        condition = CONDITIONS[name]
        piece = compose(np.random.default_rng([self._seed, number, 0]), condition, *PLAYED[number])
        sound = _choose_sound(np.random.default_rng([self._seed, number, 1]))
        rate_hz = round(RATE_HZ * condition.rate_ratio)
        # What rings on after the last beat is cut half a beat later: a beat that a tracker expects there is not wrong.
        last_sec = piece.beats[-1].time_sec + 0.5 * (piece.beats[-1].time_sec - piece.beats[-2].time_sec)
        samples = _play(piece, sound, condition.channels, rate_hz)[: round(last_sec * rate_hz)]
        if condition.spoil is not None:
            samples = condition.spoil(np.random.default_rng([self._seed, number, 2, index]), samples, rate_hz)
        duration_sec = len(samples) / RATE_HZ
        beats = [(beat.time_sec * rate_hz / RATE_HZ, beat.beat_in_bar) for beat in piece.beats]
        entry = {
            "id": f"{name}_{number}",
            "real": False,
            "kind": name,
            "genre": "stress",
            "name": f"{piece.name}, {name}",
            "duration_s": round(duration_sec, 3),
            "beats_per_bar": FOUR.n_beats,
            "truth": "by construction",
            "downbeats_scored": True,
            "licence": ["generated"],
            "sound": sound.describe(),
        }
        return EvalPiece(entry, encode(samples, RATE_HZ), beat_text(np.array(beats, np.float64)))


def n_pieces() -> int:
    """Pieces of the whole set."""
    return len(CONDITIONS) * len(PLAYED)


def compose(rng: np.random.Generator, condition: Condition, style: Style, bpm: float) -> Piece:
    """One composition under a condition; the notes' places in the bars depend on the generator alone."""
    beats = _beats(condition, bpm)
    n_bars = -(-len(beats) // FOUR.n_beats)
    parts = [
        form.Part("AB"[idx % 2], FOUR, (FOUR.n_beats,) * PART_BARS, 0.85, ROLES, ending="fill", crash=True)
        for idx in range(-(-n_bars // PART_BARS))
    ]
    performance = play_parts(rng, beats, condition.swing, style, ROLES, 2, parts)
    notes, controls = performance.finish()
    if condition.dropout:
        first_sec, last_sec = dropout_span(beats)
        notes = [note for note in notes if note.channel != DRUM_CHANNEL or not first_sec <= note.start_sec < last_sec]
    return Piece("stress", f"{style.name}, {bpm:.0f} bpm", notes, controls, beats)


def dropout_span(beats: list[Beat]) -> tuple[float, float]:
    """First second without drums and first second with them again: a sixteenth before the bars, for who plays early."""
    first, last = DROPOUT_FIRST_BAR * FOUR.n_beats, (DROPOUT_FIRST_BAR + DROPOUT_BARS) * FOUR.n_beats
    margin_sec = 0.25 * (beats[1].time_sec - beats[0].time_sec)
    return beats[first].time_sec - margin_sec, beats[last].time_sec - margin_sec


def _beats(condition: Condition, bpm: float) -> list[Beat]:
    """Beats in bars of four from `START_SEC` on."""
    if condition.dropout:
        n_beats = (DROPOUT_FIRST_BAR + DROPOUT_BARS + BARS_AFTER_DROPOUT) * FOUR.n_beats
        end_sec = START_SEC + n_beats * 60 / bpm
    else:
        end_sec = PLAYED_SEC
    beats, time_sec, factor = [], START_SEC, 1.0
    while time_sec < end_sec:
        place = len(beats) % FOUR.n_beats + 1
        if place == 1 and time_sec >= STEP_SEC:
            factor = 1.0 + condition.step_share
        beats.append(Beat(time_sec, place))
        # The tempo of the middle of the beat, which for a ramp is that of the beat.
        guess_sec = time_sec + 30 / (condition.tempo(time_sec, bpm) * factor)
        time_sec += 60 / (condition.tempo(guess_sec, bpm) * factor)
    return beats


def _choose_sound(rng: np.random.Generator) -> Sound:
    """A sound of our own synthesiser in which the drums are heard, without effects."""
    sound = choose_sound(rng, ())
    gains_db = list(sound.gains_db)
    gains_db[DRUM_CHANNEL] = DRUM_GAIN_DB
    return dataclasses.replace(sound, gains_db=tuple(gains_db), pump=None, bus=None)


def _play(piece: Piece, sound: Sound, channels: str, rate_hz: int) -> Samples:
    """Samples ``[n_samples]``, or ``[n_samples, 2]`` where the condition asks for two channels."""
    if channels == "mono":
        return render(piece, sound, rate_hz)
    if channels == "left":
        mono = render(piece, sound, rate_hz)
        return np.stack([mono, np.zeros_like(mono)], axis=1)
    drums = [note for note in piece.notes if note.channel == DRUM_CHANNEL]
    rest = [note for note in piece.notes if note.channel != DRUM_CHANNEL]
    left, right = (render(dataclasses.replace(piece, notes=notes), sound, rate_hz) for notes in (rest, drums))
    n_samples = max(len(left), len(right))
    return np.stack([np.pad(side, (0, n_samples - len(side))) for side in (left, right)], axis=1)
