#!/usr/bin/env python3
"""OS2L server that prints what it is told: beats, buttons, commands.

    python3 os2l.py            # waits on 127.0.0.1:9996, the port of QLC+
    python3 os2l.py 0.0.0.0 8010

It does not announce itself: name it by address, "os2l 127.0.0.1:9996".
"""

import json
import socket
import sys


def objects(connection):
    """JSON objects of a stream, whether a line feed stands between them or not."""
    decoder = json.JSONDecoder()
    text = ""
    while True:
        data = connection.recv(4096)
        if not data:
            return
        text += data.decode("utf-8", "replace")
        while text := text.lstrip():
            try:
                message, end = decoder.raw_decode(text)
            except ValueError:
                break  # The rest has not come yet.
            text = text[end:]
            yield message


def show(message):
    kind = message.get("evt")
    if kind == "beat":
        bar = "bar" if message["pos"] % 4 == 0 else "   "
        change = " change" if message["change"] else ""
        print(f"beat {message['pos']:5d} {bar} {message['bpm']:6.2f} BPM strength {message['strength']:.2f}{change}")
    elif kind == "btn":
        print(f"button {message['name']} {message['state']}")
    elif kind == "cmd":
        print(f"command {message['id']}: {message['param']:.0f} %")
    else:
        print(f"other {message}")


def main():
    host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 9996
    with socket.create_server((host, port)) as server:
        print("listening on {}:{}".format(*server.getsockname()), flush=True)
        while True:
            connection, peer = server.accept()
            print("connected: {}:{}".format(*peer), flush=True)
            with connection:
                for message in objects(connection):
                    show(message)
                    sys.stdout.flush()
            print("gone", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
