#!/usr/bin/env python3
"""Act on each beat when it falls: an example of a reader of NDJSON lines. Python 3, standard library only.

    anacrusis live --json | python3 ndjson.py

Lines come ahead of time: this waits until `at` is there. A reader that must not wait puts the line into a list of its own.
"""
import argparse
import json
import sys
import time


def main():
    parser = argparse.ArgumentParser(description="Print events from NDJSON lines when they happen.")
    parser.add_argument("--no-wait", action="store_true", help="print events when they are said, not when they happen")
    options = parser.parse_args()
    for text in sys.stdin:
        line = json.loads(text)
        if line["v"] != 1:
            sys.exit(f"expected lines of version 1, got {line['v']}")
        if "at" in line and not options.no_wait:
            time.sleep(max(0.0, (line["at"]["unix_ns"] - time.time_ns()) / 1e9))
        kind = line["type"]
        if kind == "beat":
            place = f"{line['beat_in_bar']}/{line['beats_per_bar']}" if line["beat_in_bar"] else "-"
            print(f"beat {line['number']} {place} {line['bpm']:.2f} BPM {line['label']}", flush=True)
        elif kind == "section":
            print(f"section {line['label']}", flush=True)
        elif kind == "approach":
            print(f"boundary within {line['within_beats']} beats: {line['prob']:.2f}, then {line['next_label']}", flush=True)
        elif kind == "lock":
            print(f"{'locked' if line['locked'] else 'not locked'}: {line['reason']}", flush=True)
        elif kind == "dropped":
            print(f"{line['n_lines']} lines were dropped", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        pass
