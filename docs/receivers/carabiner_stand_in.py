#!/usr/bin/env python3
"""Speaks Carabiner's protocol with a session of its own, to try the output without Ableton Link.

    python3 carabiner_stand_in.py              # waits on 127.0.0.1:17000, at 120 BPM
    python3 carabiner_stand_in.py 17001 90

It prints every command that changes the session. No other program is synchronised by it.
"""

import selectors
import socket
import sys
import time


class Session:
    """Beat b falls at start + b * beat_us, in microseconds of this machine's monotonic clock."""

    def __init__(self, bpm):
        self.start = time.monotonic_ns() // 1000
        self.beat_us = round(60e6 / bpm)

    def now(self):
        return time.monotonic_ns() // 1000

    def beat(self, when):
        return (when - self.start) / self.beat_us

    def status(self):
        return "status {{ :peers 0 :bpm {:.6f} :start {:.0f} :beat {:.6f} }}".format(
            60e6 / self.beat_us, self.start, self.beat(self.now())
        )

    def obey(self, line):
        """The answer to a command."""
        command, *values = line.split()
        try:
            if command == "status":
                return self.status()
            if command == "version":
                return 'version "1.1.6 (stand-in)"'
            if command == "bpm":
                if not 20.0 <= float(values[0]) <= 999.0:
                    return f"bad-bpm {values[0]}"
                now = self.now()
                beat = self.beat(now)
                self.beat_us = round(60e6 / float(values[0]))
                self.start = now - beat * self.beat_us
                print(line, flush=True)
                return self.status()
            if command in ("beat-at-time", "phase-at-time"):
                when, quantum = int(values[0]), float(values[1])
                beat = self.beat(when)
                key, value = ("beat", beat) if command == "beat-at-time" else ("phase", beat % quantum)
                return f"{command} {{ :when {when} :quantum {quantum:.6f} :{key} {value:.6f} }}"
            if command == "force-beat-at-time":
                beat, when, _quantum = float(values[0]), int(values[1]), float(values[2])
                self.start = when - beat * self.beat_us
                print(line, flush=True)
                return self.status()
        except (IndexError, ValueError):
            return {"bpm": "bad-bpm "}.get(command, "bad-time ") + " ".join(values)
        return f"unsupported {line}"


class Client:
    def __init__(self, connection, session):
        self.connection, self.session, self.text = connection, session, b""
        self.send(session.status())  # Carabiner greets with it.

    def send(self, answer):
        self.connection.sendall(answer.encode() + b"\n")

    def serve(self):
        """Reads and answers; False at the end."""
        data = self.connection.recv(4096)
        *lines, self.text = (self.text + data).split(b"\n")
        for line in lines:
            if line.strip():
                self.send(self.session.obey(line.decode("utf-8", "replace").strip()))
        return bool(data)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 17000
    session = Session(float(sys.argv[2]) if len(sys.argv) > 2 else 120.0)
    server = socket.create_server(("127.0.0.1", port))
    print("listening on {}:{}".format(*server.getsockname()), flush=True)
    selector = selectors.DefaultSelector()
    selector.register(server, selectors.EVENT_READ)
    while True:
        for key, _events in selector.select():
            try:
                if key.fileobj is server:
                    connection, _peer = server.accept()
                    selector.register(connection, selectors.EVENT_READ, Client(connection, session))
                    continue
                alive = key.data.serve()
            except OSError:
                alive = False
            if not alive:
                selector.unregister(key.fileobj)
                key.fileobj.close()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
