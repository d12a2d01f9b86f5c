#!/usr/bin/env python3
"""Print the beats of a recorded session. Python 3, standard library only.

    anacrusis live --loopback --record set.jsonl
    python3 session.py set.jsonl

A session holds what was known at each moment, not events: a beat is where the line from time to beats reaches a whole number.
"""
import json
import math
import sys

LABELS = ["silence", "intro", "verse", "pre-chorus", "chorus", "bridge", "inst", "outro"]


def looks(lines):
    """Everything that was known, moment by moment. A line holds what changed since the one before."""
    if not next(lines, "").startswith('{"anacrusis_session":1,'):
        sys.exit("expected a session of version 1")
    look = {}
    for line in lines:
        if line.endswith("\n"):  # Else a crash cut it.
            look.update(json.loads(line))
            yield look


def main():
    began_ns, said, was_locked = None, (0, -1), False
    with open(sys.argv[1], encoding="utf-8", errors="replace") as lines:
        for look in looks(lines):
            now_ns, line = look["taken"]["mono_ns"], look["line"]
            began_ns = now_ns if began_ns is None else began_ns
            beat = math.floor(line["beat_origin"] + (now_ns - line["origin_mono_ns"]) / line["period_ns"])
            # Where the source began anew, it counts its beats from 0 again, and the session has another number.
            here = (look["session"], beat)
            if look["locked"] and was_locked and here > said:
                meter, section = look["beats_per_bar"], look["section"]["section"]
                is_known = meter > 0 and look["beat_in_bar"] > 0
                place = f"{(beat - look['number'] + look['beat_in_bar'] - 1) % meter + 1}/{meter}" if is_known else "-"
                at_sec = (line["origin_mono_ns"] - began_ns + (beat - line["beat_origin"]) * line["period_ns"]) / 1e9
                print(f"{at_sec:.3f} s beat {beat} {place} {look['bpm']:.2f} BPM {'unknown' if section is None else LABELS[section]}")
            said, was_locked = max(said, here), look["locked"]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
