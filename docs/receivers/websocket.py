#!/usr/bin/env python3
"""Follows Anacrusis over WebSocket and prints each beat when it falls. Python 3.8 or newer, nothing to install.

    python3 websocket.py [ws://127.0.0.1:7770/ws] [--token TOKEN] [--beats N]

Beats are told about half a second before they fall, stamped with the server's clock. This program measures how far that
clock is from its own, and waits. Copy what you need; `WebSocket` is a small client for RFC 6455.
"""

import argparse
import base64
import hashlib
import json
import os
import select
import socket
import struct
import sys
import time
from collections import deque
from urllib.parse import urlsplit

# Longest message that is taken, bytes. The server's are around one thousand.
MAX_BYTES = 1 << 20
# Time between questions for the server's clock once it is known, seconds.
SYNC_SEC = 5.0


class WebSocket:
    """A client connection, for `ws://` addresses."""

    def __init__(self, url, token=None, timeout_sec=5.0):
        parts = urlsplit(url)
        if parts.scheme != "ws" or not parts.hostname:
            raise ValueError(f"expected an address like ws://127.0.0.1:7770/ws, got {url}")
        port = parts.port or 80
        self.socket = socket.create_connection((parts.hostname, port), timeout_sec)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = bytearray()
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {parts.path or '/'}{'?' + parts.query if parts.query else ''} HTTP/1.1",
            f"Host: {parts.netloc.rsplit('@', 1)[-1]}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.data:
            self._fill()
            if len(self.data) > MAX_BYTES:
                raise ConnectionError("the answer has no end")
        head, _, rest = bytes(self.data).partition(b"\r\n\r\n")
        self.data = bytearray(rest)
        status, *headers = head.decode("latin-1").split("\r\n")
        if status.split(" ")[1:2] != ["101"]:
            raise ConnectionError(f"the server refused: {status}: {rest.decode(errors='replace')}")
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        if not any(h.lower().startswith("sec-websocket-accept:") and h.split(":", 1)[1].strip() == accept for h in headers):
            raise ConnectionError("the answer is not to this question")

    def send(self, message):
        """Sends an object as JSON."""
        self._send_frame(0x1, json.dumps(message).encode())

    def receive(self, timeout_sec):
        """The next message as an object, or None if none comes in time. Raises ConnectionError at the end."""
        deadline = time.monotonic() + timeout_sec
        message = bytearray()
        while True:
            frame = self._take_frame()
            if frame is None:
                wait_sec = deadline - time.monotonic()
                # A message that has begun is waited for: its rest is on the way.
                if not message and not select.select([self.socket], [], [], max(0.0, wait_sec))[0]:
                    return None
                self._fill()
                continue
            is_last, opcode, payload = frame
            if opcode == 0x8:
                code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
                raise ConnectionError(f"the server said goodbye: {code} {payload[2:].decode(errors='replace')}")
            if opcode == 0x9:
                self._send_frame(0xA, payload)
            elif opcode in (0x0, 0x1, 0x2):
                message += payload
                if len(message) > MAX_BYTES:
                    raise ConnectionError("a message has no end")
                if is_last:
                    return json.loads(message)

    def close(self):
        try:
            self._send_frame(0x8, struct.pack("!H", 1000))
        except OSError:
            pass
        self.socket.close()

    def _fill(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the server hung up")
        self.data += piece

    def _take_frame(self):
        """(is last, opcode, payload), or None if there is not yet a whole frame."""
        if len(self.data) < 2:
            return None
        length, start = self.data[1] & 0x7F, 2
        if length >= 126:
            n_bytes = 2 if length == 126 else 8
            start += n_bytes
            if len(self.data) < start:
                return None
            length = int.from_bytes(self.data[2:start], "big")
        if length > MAX_BYTES:
            raise ConnectionError(f"a message of {length} bytes")
        if len(self.data) < start + length:
            return None
        first, payload = self.data[0], bytes(self.data[start : start + length])
        del self.data[: start + length]
        return bool(first & 0x80), first & 0x0F, payload

    def _send_frame(self, opcode, payload):
        # Clients must mask what they send (RFC 6455, 5.3).
        mask = os.urandom(4)
        if len(payload) < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | len(payload))
        else:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, len(payload))
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))


class ServerClock:
    """Where the server's monotonic clock is, from questions and answers (as NTP does it)."""

    def __init__(self):
        self.answers = deque(maxlen=8)

    def take(self, answer):
        here_ms = time.monotonic() * 1e3
        there_ms = (answer["received"] + answer["sent"]) / 2e6
        wait_ms = here_ms - answer["t"] - (answer["sent"] - answer["received"]) / 1e6
        # The shorter the way there and back, the less this can be wrong: by half of it at most.
        self.answers.append((wait_ms, there_ms - (answer["t"] + here_ms) / 2))

    def here_sec(self, mono_ns):
        """When it is `mono_ns` there, on `time.monotonic()`; None if not yet known."""
        return mono_ns / 1e9 - min(self.answers)[1] / 1e3 if self.answers else None


def main():
    parser = argparse.ArgumentParser(description="Prints Anacrusis' beats as they fall.")
    parser.add_argument("url", nargs="?", default="ws://127.0.0.1:7770/ws")
    parser.add_argument("--token")
    parser.add_argument("--beats", type=int, default=0, help="end after so many")
    arguments = parser.parse_args()

    server = WebSocket(arguments.url, arguments.token)
    clock, waiting, labels, n_beats = ServerClock(), deque(), [], 0
    next_sync_sec = 0.0
    server.send({"type": "subscribe", "state_hz": 0})

    def name(index):
        return "unknown" if index is None or index >= len(labels) else labels[index]

    while True:
        now_sec = time.monotonic()
        if now_sec >= next_sync_sec:
            server.send({"type": "sync", "t": now_sec * 1e3})
            next_sync_sec = now_sec + (SYNC_SEC if len(clock.answers) >= 5 else 0.1)
        due_sec = clock.here_sec(waiting[0]["at"]["mono_ns"]) if waiting else None
        if due_sec is not None and due_sec <= now_sec:
            beat = waiting.popleft()
            place = f"{beat['beat_in_bar']}/{beat['beats_per_bar']}"
            print(f"beat {beat['number']} bar {beat['bar']} {place} {beat['bpm']:.1f} bpm {name(beat['section'])}", flush=True)
            n_beats += 1
            if n_beats == arguments.beats:
                break
            continue
        until_sec = min(next_sync_sec, due_sec if due_sec is not None else next_sync_sec)
        message = server.receive(max(0.0, until_sec - now_sec))
        if message is None:
            continue
        kind = message["type"]
        if kind == "hello":
            labels = message["labels"]
            print(f"hello {message['program']} schema {message['v']}", flush=True)
        elif kind == "sync":
            clock.take(message)
        elif kind == "beat":
            waiting.append(message)
        elif kind == "lock":
            print(f"lock {'on' if message['locked'] else 'off'}: {message['reason']}", flush=True)
        elif kind == "section":
            print(f"section {name(message['section'])}", flush=True)
        elif kind == "approach":
            print(f"approach {name(message['next'])} within {message['within_beats']} beats", flush=True)
        elif kind == "lagged":
            print(f"lagged {message['missed']}", flush=True)
        elif kind == "error":
            print(f"error {message['code']}: {message['message']}", file=sys.stderr, flush=True)
    server.close()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
    except (OSError, ValueError) as error:
        sys.exit(f"websocket.py: {error}")
