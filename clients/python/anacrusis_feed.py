#!/usr/bin/env python3
"""Reads the beat state that Anacrusis publishes in a memory-mapped file (docs/shm.md). Standard library only.

As a command it prints one JSON object a line::

    python3 anacrusis_feed.py [--once] [--spectrum] [PATH]

Without PATH it takes the living feed with the newest heartbeat. `--once` prints everything that the feed holds and ends;
else a line a new state, a line a beat, one load a second, until the writer is gone. `--spectrum` adds the spectrum rows.

As a library::

    with Feed(newest_feed()) as feed:
        while feed.is_alive():
            state = feed.state()
"""

import argparse
import json
import math
import mmap
import os
import stat
import struct
import sys
import tempfile
import time
from pathlib import Path

LAYOUT_VERSION = 1
TOTAL_BYTES = 5248
HEADER_BYTES = 192
STATE_OFFSET, STATE_BYTES = 192, 168
LOAD_OFFSET, LOAD_BYTES = 384, 80
SPECTRUM_OFFSET, SPECTRUM_BYTES = 512, 568
EVENTS_OFFSET, EVENT_SLOTS_OFFSET, EVENT_STRIDE_BYTES, EVENT_BYTES = 1088, 64, 64, 40
N_EVENTS = 64
N_BANDS = 136
HEARTBEAT_TIMEOUT_NS = 1_000_000_000
LABELS = ("silence", "intro", "verse", "pre-chorus", "chorus", "bridge", "inst", "outro")
REASONS = ("searching", "locked", "weak pulse", "ambiguous octave", "silence", "held")

# The header, and where the offsets of the sections must be.
_HEADER = struct.Struct("<8sIIQIIQdQQ8I2I24x64s")
_SECTIONS = (
    STATE_OFFSET, STATE_BYTES, LOAD_OFFSET, LOAD_BYTES, SPECTRUM_OFFSET, SPECTRUM_BYTES,
    EVENTS_OFFSET, EVENT_SLOTS_OFFSET + N_EVENTS * EVENT_STRIDE_BYTES, N_EVENTS, N_BANDS,
)
_STATE = struct.Struct("<Q3d2dQ3f4Bd8f5f4xQQIIB7x")
_LOAD = struct.Struct("<QQ5ff7I2f4x")
_SPECTRUM = struct.Struct(f"<Qd{N_BANDS}f2f")
_EVENT = struct.Struct("<QdQBBxx3f")

# A write takes well under a microsecond; only a writer that was stopped or killed in the middle of one exhausts these.
_TRIES = 2_000
_TRIES_BEFORE_SLEEP = 1_000


class FeedError(Exception):
    """A file that is no feed, or a feed that cannot be read; the message says what was expected and what was there."""


class Feed:
    """An open feed.

    Parameters
    ----------
    path : str or Path
        The file, as `list_feeds` or `newest_feed` names it.

    Raises
    ------
    FeedError
        The file is missing or not a feed of this version.
    """

    def __init__(self, path):
        self.path = Path(path)
        if sys.byteorder != "little":
            raise FeedError("this reader needs a little-endian machine")
        try:
            # Before it is opened: opening a named pipe would wait for its other end.
            if not stat.S_ISREG(os.lstat(self.path).st_mode):
                raise FeedError(f"{self.path} is not a regular file")
            self._file = open(self.path, "rb")
        except OSError as error:
            raise FeedError(f"cannot open {self.path}: {error.strerror}") from error
        try:
            self.header = _check_header(self.path, self._file.read(HEADER_BYTES), self._size())
            self._map = mmap.mmap(self._file.fileno(), TOTAL_BYTES, access=mmap.ACCESS_READ)
        except BaseException:
            self._file.close()
            raise
        # Indexing a view of native words loads each in one piece; `struct` would read byte by byte.
        self._words = memoryview(self._map).cast("Q")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Unmaps the file."""
        self._words.release()
        self._map.close()
        self._file.close()

    def is_alive(self):
        """Whether the writer's heartbeat is at most a second old."""
        self._check_size()
        return _is_fresh(self._words[48 // 8], self._words[56 // 8])

    def state(self):
        """The newest state as nested dicts, or None before the first. Stale once `is_alive()` is False."""
        body = self._read("state", STATE_OFFSET, STATE_BYTES)
        if body is None:
            return None
        v = _STATE.unpack(body)
        section_probs = _finite(v[15:23])
        return {
            "frame": v[0],
            "timeline": dict(zip(("t_origin_sec", "beat_origin", "spb"), _finite(v[1:4]))),
            "beat": {
                "t_sec": _finite(v[4]),
                "spb": _finite(v[5]),
                "bpm": 60 / v[5] if v[5] > 0 and math.isfinite(60 / v[5]) else 0.0,
                "beat_count": v[6],
                "phase": _finite(v[7]),
                "conf": _finite(v[8]),
                "downbeat_prob": _finite(v[9]),
                "beats_per_bar": v[10],
                "beat_in_bar": v[11],
                "locked": v[12] != 0,
                "reason": REASONS[v[13]] if v[13] < len(REASONS) else REASONS[0],
            },
            "structure": {
                "t_sec": _finite(v[14]),
                "section": LABELS[section_probs.index(max(section_probs))] if max(section_probs) > 0 else None,
                "section_probs": section_probs,
                "hazard_probs": _finite(v[23:28]),
            },
            "wall_ns": v[28],
            "health": dict(zip(("lost_samples", "late_updates", "nan_samples", "fault"), v[29:33])),
        }

    def load(self):
        """The newest cost and queues as a dict, or None before the first."""
        body = self._read("load", LOAD_OFFSET, LOAD_BYTES)
        if body is None:
            return None
        v = _LOAD.unpack(body)
        names = ("max_hop_ns", "max_block_ns", "ring_samples", "max_ring_samples", "max_pending_updates", "n_gaps", "n_jumps")
        return {
            "n_hops": v[0],
            "n_blocks": v[1],
            "stage_ns": _finite(v[2:7]),
            "hop_ns": _finite(v[7]),
            **dict(zip(names, v[8:15])),
            "midi_jitter_p50_us": _finite(v[15]),
            "midi_jitter_p99_us": _finite(v[16]),
        }

    def spectrum(self):
        """The newest row, `bands` of shape [136], log10(1 + magnitude), low to high, and what the network sees there; None
        before the first."""
        body = self._read("spectrum", SPECTRUM_OFFSET, SPECTRUM_BYTES)
        if body is None:
            return None
        v = _SPECTRUM.unpack(body)
        return {
            "frame": v[0],
            "t_sec": _finite(v[1]),
            "bands": _finite(v[2:-2]),
            "beat_activation": _finite(v[-2]),
            "downbeat_activation": _finite(v[-1]),
        }

    def events_since(self, seen):
        """The beats with a `number` above `seen`, oldest first; 0 for all that the ring holds, at most 64."""
        self._check_size()
        newest = self._words[EVENTS_OFFSET // 8]
        events = []
        for number in range(max(newest - N_EVENTS, seen) + 1, newest + 1):
            slot = EVENTS_OFFSET + EVENT_SLOTS_OFFSET + (number - 1) % N_EVENTS * EVENT_STRIDE_BYTES
            body = self._try_read(slot, EVENT_BYTES)
            if not body:
                continue
            v = _EVENT.unpack(body)
            if v[0] == number:  # else a newer event took the slot
                names = ("downbeat_prob", "intensity", "conf")
                event = {"number": v[0], "t_sec": _finite(v[1]), "beat_count": v[2], "beat_in_bar": v[3], "beats_per_bar": v[4]}
                events.append({**event, **dict(zip(names, _finite(v[5:8])))})
        return events

    def _try_read(self, offset, n_bytes):
        """One try of the seqlock: bytes, None where nothing was published yet, or False during a write."""
        first = offset // 8
        before = self._words[first]
        if before % 2 == 1:
            return False
        body = self._words[first + 1 : first + 1 + n_bytes // 8].tolist()
        if self._words[first] != before:
            return False
        return struct.pack(f"<{n_bytes // 8}Q", *body) if before else None

    def _read(self, section, offset, n_bytes):
        self._check_size()
        for n_tries in range(_TRIES):
            body = self._try_read(offset, n_bytes)
            if body is not False:
                return body
            if n_tries >= _TRIES_BEFORE_SLEEP:
                time.sleep(0.0001)
        raise FeedError(f"{self.path}: a write of the {section} never ended; its writer was stopped or died")

    def _size(self):
        return os.fstat(self._file.fileno()).st_size

    def _check_size(self):
        """Refuses a file that was cut: touching what is gone would end this process."""
        if self._size() < TOTAL_BYTES:
            raise FeedError(f"{self.path} was cut to {self._size()} bytes, expected {TOTAL_BYTES}")


def feed_directory():
    """The folder of the feeds on this system; it need not exist."""
    if os.environ.get("ANACRUSIS_FEED_DIR"):
        return Path(os.environ["ANACRUSIS_FEED_DIR"])
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/anacrusis"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "")) / "anacrusis"
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if runtime.is_absolute() and runtime.is_dir():
        return runtime / "anacrusis"
    return Path(tempfile.gettempdir()) / f"anacrusis-{os.geteuid()}"


def list_feeds(directory=None):
    """Paths of the living feeds, the newest heartbeat first."""
    living = []
    for path in Path(directory or feed_directory()).glob("feed-*-*.bin"):
        try:
            with Feed(path) as feed:
                if feed.is_alive():
                    living.append((feed.header["heartbeat_monotonic_ns"], path))
        except FeedError:
            continue
    return [path for _, path in sorted(living, reverse=True)]


def newest_feed(directory=None):
    """Path of the living feed with the newest heartbeat.

    Raises
    ------
    FeedError
        There is none.
    """
    feeds = list_feeds(directory)
    if not feeds:
        raise FeedError(f"no living feed in {directory or feed_directory()}: is Anacrusis running?")
    return feeds[0]


def _check_header(path, header, file_bytes):
    """The header as a dict, checked field by field."""
    if len(header) < HEADER_BYTES or file_bytes < TOTAL_BYTES:
        raise FeedError(f"{path} has {file_bytes} bytes, expected {TOTAL_BYTES}")
    v = _HEADER.unpack(header)
    for field, got, expected in (
        ("magic", v[0], b"ANACFEED"),
        ("layout version", v[1], LAYOUT_VERSION),
        ("header size", v[2], HEADER_BYTES),
        ("file size", v[3], TOTAL_BYTES),
        ("section table", v[10:20], _SECTIONS),
    ):
        if got != expected:
            raise FeedError(f"{path}: {field} is {got}, expected {expected}")
    return {
        "pid": v[4],
        "instance": v[5],
        "sample_rate_hz": _finite(v[7]),
        "heartbeat_monotonic_ns": v[8],
        "heartbeat_wall_ns": v[9],
        "name": v[20].split(b"\0")[0].decode("utf-8", "replace"),
    }


def _is_fresh(monotonic_ns, wall_ns):
    """Whether a heartbeat is at most a second away. Linux shares its monotonic clock; elsewhere the wall clock is compared,
    because Python's monotonic clock differs between versions."""
    if sys.platform == "linux":
        return abs(time.clock_gettime_ns(time.CLOCK_MONOTONIC) - monotonic_ns) <= HEARTBEAT_TIMEOUT_NS
    return abs(time.time_ns() - wall_ns) <= HEARTBEAT_TIMEOUT_NS


def _finite(value):
    """A number, or a list of numbers, with 0 for what is none."""
    if isinstance(value, tuple):
        return [_finite(v) for v in value]
    return value if math.isfinite(value) else 0.0


def _print(kind, record):
    print(json.dumps({"type": kind, **record}), flush=True)


def _once(feed, with_spectrum):
    _print("header", {"alive": feed.is_alive(), **feed.header})
    for kind in ("state", "load") + (("spectrum",) if with_spectrum else ()):
        record = getattr(feed, kind)()
        if record is not None:
            _print(kind, record)
    for event in feed.events_since(0):
        _print("event", event)


def _follow(feed, with_spectrum):
    _print("header", {"alive": feed.is_alive(), **feed.header})
    frame, row, seen, load_at = None, None, 0, 0.0
    while feed.is_alive():
        for event in feed.events_since(seen):
            seen = event["number"]
            _print("event", event)
        state = feed.state()
        if state is not None and state["frame"] != frame:
            frame = state["frame"]
            _print("state", state)
        spectrum = feed.spectrum() if with_spectrum else None
        if spectrum is not None and spectrum["frame"] != row:
            row = spectrum["frame"]
            _print("spectrum", spectrum)
        if time.monotonic() - load_at >= 1:
            load_at = time.monotonic()
            load = feed.load()
            if load is not None:
                _print("load", load)
        time.sleep(0.005)
    _print("gone", {})


def main():
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description="Prints an Anacrusis feed as JSON lines.")
    parser.add_argument("path", nargs="?", help="a feed file; default: the living feed with the newest heartbeat")
    parser.add_argument("--once", action="store_true", help="print what the feed holds and end")
    parser.add_argument("--spectrum", action="store_true", help="print the spectrum rows too")
    arguments = parser.parse_args()
    try:
        with Feed(arguments.path or newest_feed()) as feed:
            (_once if arguments.once else _follow)(feed, arguments.spectrum)
    except FeedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (BrokenPipeError, KeyboardInterrupt):
        # The reader of our lines has gone, or the user has: nothing is left to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
