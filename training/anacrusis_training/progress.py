"""A progress line for work measured in hours of audio: how much is done, how fast, and how long it will take.

On a terminal the line rewrites itself; elsewhere a line is written now and then, so that logs stay short.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

TERMINAL_INTERVAL_SEC = 0.2
LOG_INTERVAL_SEC = 30.0


class Progress:
    """Writes the state of a long piece of work.

    Parameters
    ----------
    total_sec
        Seconds of audio that the work will make in all.
    done_sec
        Seconds that were there before it began; they do not count towards speed.
    stream, clock
        Where to write and what tells the time; a test passes its own.
    """

    def __init__(
        self,
        total_sec: float,
        done_sec: float = 0.0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total_sec = total_sec
        self._before_sec = done_sec
        self._done_sec = done_sec
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._start = clock()
        self._is_terminal = self._stream.isatty()
        self._next_write = self._start
        self._n_failed = 0

    def add(self, audio_sec: float, *, failed: bool = False) -> None:
        """Count work that ended, `failed` or well."""
        self._done_sec += audio_sec
        self._n_failed += failed
        if self._clock() >= self._next_write:
            self._write()

    def finish(self) -> None:
        """Write the last state and end the line."""
        self._write()
        if self._is_terminal:
            self._stream.write("\n")
        self._stream.flush()

    def line(self) -> str:
        """The state as text."""
        elapsed_sec = max(self._clock() - self._start, 1e-9)
        speed = (self._done_sec - self._before_sec) / elapsed_sec
        parts = [f"{self._done_sec / 3600:.2f} of {self._total_sec / 3600:.2f} h"]
        if speed > 0:
            left_sec = max(self._total_sec - self._done_sec, 0.0) / speed
            parts += [f"{speed:.0f} x real time", f"{clock_text(left_sec)} left"]
        if self._n_failed:
            parts.append(f"{self._n_failed} without result")
        return ", ".join(parts)

    def _write(self) -> None:
        interval_sec = TERMINAL_INTERVAL_SEC if self._is_terminal else LOG_INTERVAL_SEC
        self._next_write = self._clock() + interval_sec
        self._stream.write(f"\r{self.line():<78}" if self._is_terminal else f"{self.line()}\n")
        self._stream.flush()


def clock_text(seconds: float) -> str:
    """Hours, minutes and seconds as a clock shows them.

    >>> clock_text(3725.4)
    '1:02:05'
    """
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
