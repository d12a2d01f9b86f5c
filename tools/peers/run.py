"""Run other real-time beat trackers over a corpus and write what each announced, and when.

usage: run.py --corpus DIR --out DIR [--peers NAME,...] [--cmd NAME=COMMAND]... [--only TEXT]

The corpus is one that `anacrusis eval` reads. Each tracker NAME writes
  OUT/NAME/STEM.events.tsv   a line a beat: seconds of the beat, seconds of audio consumed when it was announced, position in the bar (0: unknown)
  OUT/NAME/peer.json         its version, what it costs (CPU seconds per second of audio), and the files that it failed on
and OUT/peers.json says which trackers ran and why the others are missing. `anacrusis eval --corpus DIR --beats OUT/NAME` scores one.

Trackers, each at its defaults: `aubio` (the Python module, or the library libaubio.so.5; LIBAUBIO names another), `madmom-online`
(an importable madmom; its models are for non-commercial use), `real-time-plp` (an importable realtimeplp), and any program by
--cmd, which gets {wav} (mono, 44.1 kHz, 16 bits) and prints `beat_sec [announce_sec [position]]` lines.
"""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import importlib
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
from numpy.typing import NDArray

RATE_HZ = 44_100
"""Rate at which every tracker gets the audio: the one that all were made for."""

HOP_SAMPLES = 512
"""Hop of aubio and of real-time PLP at their defaults."""

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")

Samples = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Announced:
    """A beat: when it falls, how much audio had been heard when it was said (seconds), and its place in the bar, 0 = unknown."""

    time_sec: float
    announce_sec: float
    place: int = 0


Track = Callable[[Samples], list[Announced]]
"""From mono samples at `RATE_HZ` to beats."""


class PeerMissingError(RuntimeError):
    """The tracker is not installed here; the message says what is missing."""


@dataclasses.dataclass(frozen=True, slots=True)
class Loaded:
    """A tracker that can run: its version in words, and how to track."""

    version: str
    track: Track


# ---------------------------------------------------------------------------------------------------------------- trackers


class _FVec(ctypes.Structure):
    """aubio's vector of floats (fvec.h)."""

    _fields_ = [("length", ctypes.c_uint), ("data", ctypes.POINTER(ctypes.c_float))]


def load_aubio() -> Loaded:
    """aubio's tempo object at its defaults, by its Python module or by its C library."""
    try:
        module = importlib.import_module("aubio")
    except ImportError:
        return _load_libaubio()

    def track(samples: Samples) -> list[Announced]:
        tempo = module.tempo("default", 2 * HOP_SAMPLES, HOP_SAMPLES, RATE_HZ)
        return [
            Announced(float(tempo.get_last_s()), (idx + 1) * HOP_SAMPLES / RATE_HZ)
            for idx, hop in enumerate(_hops(samples))
            if tempo(hop)[0]
        ]

    return Loaded(str(getattr(module, "version", "unknown")), track)


def _load_libaubio() -> Loaded:
    name = os.environ.get("LIBAUBIO", "libaubio.so.5")
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise PeerMissingError(f"neither the Python module aubio nor the library {name} is here") from error
    library.new_fvec.restype = ctypes.POINTER(_FVec)
    library.new_fvec.argtypes = [ctypes.c_uint]
    library.new_aubio_tempo.restype = ctypes.c_void_p
    library.new_aubio_tempo.argtypes = [ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint]
    library.aubio_tempo_do.argtypes = [ctypes.c_void_p, ctypes.POINTER(_FVec), ctypes.POINTER(_FVec)]
    library.aubio_tempo_get_last_s.restype = ctypes.c_float
    library.aubio_tempo_get_last_s.argtypes = [ctypes.c_void_p]
    library.del_aubio_tempo.argtypes = [ctypes.c_void_p]
    library.del_fvec.argtypes = [ctypes.POINTER(_FVec)]

    def track(samples: Samples) -> list[Announced]:
        tempo = library.new_aubio_tempo(b"default", 2 * HOP_SAMPLES, HOP_SAMPLES, RATE_HZ)
        hop_in, said = library.new_fvec(HOP_SAMPLES), library.new_fvec(2)
        buffer = np.ctypeslib.as_array(hop_in.contents.data, shape=(HOP_SAMPLES,))
        beats = []
        for idx, hop in enumerate(_hops(samples)):
            buffer[:] = hop
            library.aubio_tempo_do(tempo, hop_in, said)
            if said.contents.data[0] != 0:
                beats.append(Announced(float(library.aubio_tempo_get_last_s(tempo)), (idx + 1) * HOP_SAMPLES / RATE_HZ))
        library.del_fvec(hop_in)
        library.del_fvec(said)
        library.del_aubio_tempo(tempo)
        return beats

    return Loaded(f"library {Path(name).name}", track)


def load_madmom_online() -> Loaded:
    """Eight causal LSTMs and the forward algorithm. Every stage is causal, so whole files give what frames would."""
    try:
        madmom = importlib.import_module("madmom")
        beats = importlib.import_module("madmom.features.beats")
        signal = importlib.import_module("madmom.audio.signal")
    except ImportError as error:
        raise PeerMissingError(f"madmom cannot be imported: {error}") from error

    def track(samples: Samples) -> list[Announced]:
        network = beats.RNNBeatProcessor(online=True, origin="online", fps=100, num_threads=1)
        decoder = beats.DBNBeatTrackingProcessor(online=True, fps=100)
        activations = network(signal.Signal(samples, sample_rate=RATE_HZ))
        return [Announced(float(time_sec), float(time_sec)) for time_sec in decoder.process_online(activations)]

    return Loaded(str(getattr(madmom, "__version__", "unknown")), track)


def load_real_time_plp() -> Loaded:
    """Predominant local pulse, causal, without look-ahead (Meier et al., TISMIR 2024)."""
    try:
        module = importlib.import_module("realtimeplp")
    except ImportError as error:
        raise PeerMissingError(f"realtimeplp cannot be imported: {error}") from error

    def track(samples: Samples) -> list[Announced]:
        tracker = module.RealTimeBeatTracker.from_args(
            N=2 * HOP_SAMPLES, H=HOP_SAMPLES, samplerate=RATE_HZ, N_time=6, Theta=np.arange(60, 181, 1), lookahead=0
        )
        ends_sec = ((idx + 1) * HOP_SAMPLES / RATE_HZ for idx in range(len(samples) // HOP_SAMPLES))
        return [
            Announced(end_sec, end_sec) for hop, end_sec in zip(_hops(samples), ends_sec, strict=True) if tracker.process(hop)
        ]

    return Loaded(str(getattr(module, "__version__", "unknown")), track)


def load_command(command: str) -> Loaded:
    """Any program that prints its beats."""

    def track(samples: Samples) -> list[Announced]:
        with tempfile.TemporaryDirectory() as folder:
            wav = Path(folder) / "audio.wav"
            soundfile.write(wav, np.clip(samples, -1, 1), RATE_HZ, subtype="PCM_16")
            line = command.replace("{wav}", shlex.quote(str(wav)))
            done = subprocess.run(shlex.split(line), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: exit {done.returncode}: {done.stderr.strip()[-200:]}")
        return parse_beats(done.stdout)

    return Loaded(command, track)


PEERS: dict[str, Callable[[], Loaded]] = {
    "aubio": load_aubio,
    "madmom-online": load_madmom_online,
    "real-time-plp": load_real_time_plp,
}


def parse_beats(text: str) -> list[Announced]:
    """Beats from lines `beat_sec [announce_sec [position]]`; lines that begin otherwise are passed over."""
    beats = []
    for line in text.splitlines():
        columns = line.split()
        try:
            time_sec = float(columns[0])
        except (IndexError, ValueError):
            continue
        announce_sec = float(columns[1]) if len(columns) > 1 else time_sec
        beats.append(Announced(time_sec, announce_sec, int(float(columns[2])) if len(columns) > 2 else 0))
    return beats


# ------------------------------------------------------------------------------------------------------------------ running


def find_audio(corpus: Path, only: str = "") -> list[Path]:
    """Audio of a corpus: what its manifest names, or every audio file in it with a reference of its stem.

    Raises
    ------
    ValueError
        Nothing to run on, or two files of one stem.
    """
    manifest = corpus / "manifest.json"
    if manifest.is_file():
        pieces = json.loads(manifest.read_text(encoding="utf-8"))["pieces"]
        files = [corpus / piece["audio"] for piece in pieces if only in piece["id"]]
    else:
        stems = {path.stem for path in corpus.rglob("*.beats")}
        found = (path for path in corpus.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
        files = [path for path in found if path.stem in stems and only in path.stem]
    if not files:
        raise ValueError(f"{corpus}: no audio with a reference{f' whose name has {only!r}' if only else ''}")
    if len({path.stem for path in files}) != len(files):
        raise ValueError(f"{corpus}: two audio files have one stem")
    return sorted(files)


def read_audio(path: Path) -> Samples:
    """Mono samples at `RATE_HZ`, ``[n_samples]``."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    if rate_hz != RATE_HZ:
        common = np.gcd(rate_hz, RATE_HZ)
        mono = scipy.signal.resample_poly(mono, RATE_HZ // common, rate_hz // common)
    return np.ascontiguousarray(mono, dtype=np.float32)


def run_peer(name: str, peer: Loaded, files: Iterable[Path], out: Path) -> dict[str, object]:
    """Run one tracker over all files; returns what its ``peer.json`` says."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    cpu_sec = audio_sec = 0.0
    failed = {}
    for path in files:
        samples = read_audio(path)
        start_sec = _cpu_sec()
        try:
            beats = peer.track(samples)
        except Exception as error:  # noqa: BLE001 a tracker may fail in any way, and the others go on
            failed[path.stem] = f"{type(error).__name__}: {error}"
            beats = []
        cpu_sec += _cpu_sec() - start_sec
        audio_sec += len(samples) / RATE_HZ
        rows = "".join(f"{beat.time_sec:.4f}\t{beat.announce_sec:.4f}\t{beat.place}\n" for beat in beats)
        (folder / f"{path.stem}.events.tsv").write_text(rows, encoding="utf-8")
    about = {
        "name": name,
        "version": peer.version,
        "cpu_per_audio": round(cpu_sec / audio_sec, 5) if audio_sec > 0 else None,
        "date": time.strftime("%Y-%m-%d"),
        "failed": failed,
    }
    (folder / "peer.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return about


def _hops(samples: Samples) -> Iterable[Samples]:
    """Whole hops, ``[HOP_SAMPLES]`` each; what does not fill one at the end is not heard."""
    return (samples[idx * HOP_SAMPLES : (idx + 1) * HOP_SAMPLES] for idx in range(len(samples) // HOP_SAMPLES))


def _cpu_sec() -> float:
    """CPU time of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 where a tracker failed on a file, 2 where the corpus cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated (default: %(default)s)")
    parser.add_argument("--cmd", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--only", default="", help="only pieces with this in their name")
    options = parser.parse_args(arguments)
    loaders = {name: PEERS.get(name) for name in options.peers.split(",") if name}
    if unknown := [name for name, load in loaders.items() if load is None]:
        parser.error(f"no peer {unknown[0]!r}: expected {', '.join(PEERS)}")
    for text in options.cmd:
        name, _, command = text.partition("=")
        if not name or not command:
            parser.error(f"--cmd {text!r}: expected NAME=COMMAND")
        loaders[name] = lambda command=command: load_command(command)
    try:
        files = find_audio(options.corpus, options.only)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    ran, missing, any_failed = [], {}, False
    for name, load in loaders.items():
        try:
            peer = load()
        except PeerMissingError as error:
            missing[name] = str(error)
            print(f"{name}: MISSING: {error}", file=sys.stderr)
            continue
        about = run_peer(name, peer, files, options.out)
        ran.append(name)
        any_failed |= bool(about["failed"])
        print(f"{name}: {len(files)} files, {about['cpu_per_audio']} CPU s per s of audio, {len(about['failed'])} failed")
        for stem, reason in about["failed"].items():
            print(f"{name}: FAILED on {stem}: {reason}", file=sys.stderr)
    options.out.mkdir(parents=True, exist_ok=True)
    summary = json.dumps({"format": 1, "ran": ran, "missing": missing}, indent=1)
    (options.out / "peers.json").write_text(summary + "\n", encoding="utf-8")
    return 1 if any_failed else 0


if __name__ == "__main__":
    sys.exit(main())
