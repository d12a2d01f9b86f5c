"""The progress line counts hours, speed and what is left."""

import io

from anacrusis_training.progress import Progress, clock_text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_speed_leaves_out_what_was_there_before():
    now = [0.0]
    progress = Progress(7200, 3600, io.StringIO(), lambda: now[0])
    now[0] = 36.0
    progress.add(1800)
    assert progress.line() == "1.50 of 2.00 h, 50 x real time, 0:00:36 left"


def test_failures_are_counted():
    progress = Progress(100, 0, io.StringIO(), lambda: 0.0)
    progress.add(10, failed=True)
    assert progress.line().endswith("1 without result")


def test_a_log_gets_few_lines_and_a_terminal_one():
    now = [0.0]
    log, terminal = io.StringIO(), Terminal()
    for stream in (log, terminal):
        now[0] = 0.0
        progress = Progress(100, 0, stream, lambda: now[0])
        for _ in range(100):
            now[0] += 1
            progress.add(1)
        progress.finish()
    assert log.getvalue().count("\n") == 5
    assert terminal.getvalue().count("\n") == 1


def test_nothing_done_has_no_speed():
    assert Progress(3600, 0, io.StringIO(), lambda: 0.0).line() == "0.00 of 1.00 h"


def test_clock_text_rounds_to_seconds():
    assert clock_text(59.6) == "0:01:00"
