#!/usr/bin/env python3
"""Print the OSC messages that arrive. Python 3, standard library only.

    python3 osc.py --port 9000

A message that carries its moment (time tags on) is shown with how far ahead of it it came, or with --exact with the
moment itself, in seconds since 1970.
"""
import argparse
import socket
import struct
import time

NTP_TO_UNIX_SEC = 2208988800


def read_text(data, at):
    """A text of bytes up to a zero, filled up to four bytes; returns it and where the next thing begins."""
    end = data.index(b"\0", at)
    return data[at:end].decode(), (end + 4) // 4 * 4


def read_message(data):
    """An address and its arguments."""
    address, at = read_text(data, 0)
    types, at = read_text(data, at)
    if not types.startswith(","):
        raise ValueError(f"expected types, got {types!r}")
    arguments = []
    for kind in types[1:]:
        if kind == "s":
            argument, at = read_text(data, at)
        else:
            argument = struct.unpack_from({"i": ">i", "f": ">f"}[kind], data, at)[0]
            at += 4
        arguments.append(argument)
    if at != len(data):
        raise ValueError(f"expected {at} bytes, got {len(data)}")
    return address, arguments


def read_packet(data, moment_ns=None):
    """Every message of a packet, each with its moment in ns since 1970, or None where it is to be acted upon at once."""
    if not data.startswith(b"#bundle\0"):
        yield moment_ns, *read_message(data)
        return
    seconds, fraction = struct.unpack_from(">II", data, 8)
    moment_ns = None
    if (seconds, fraction) != (0, 1):
        # Seconds since 1900 start again from 0 in 2036.
        era = 0 if seconds >= NTP_TO_UNIX_SEC else 1 << 32
        moment_ns = (seconds + era - NTP_TO_UNIX_SEC) * 10**9 + (fraction * 10**9 >> 32)
    at = 16
    while at < len(data):
        (length,) = struct.unpack_from(">i", data, at)
        yield from read_packet(data[at + 4 : at + 4 + length], moment_ns)
        at += 4 + length


def main():
    parser = argparse.ArgumentParser(description="Print the OSC messages that arrive.")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on (0.0.0.0: all)")
    parser.add_argument("--port", type=int, default=9000, help="UDP port (9000; 0: any)")
    parser.add_argument("--count", type=int, default=0, help="end after so many packets (0: never)")
    parser.add_argument("--exact", action="store_true", help="show moments in seconds since 1970")
    options = parser.parse_args()
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind((options.host, options.port))
    print("listening on {}:{}".format(*receiver.getsockname()), flush=True)
    n_packets = 0
    while options.count == 0 or n_packets < options.count:
        data, _sender = receiver.recvfrom(65536)
        n_packets += 1
        try:
            messages = list(read_packet(data))
        except (ValueError, KeyError, struct.error) as error:
            print(f"no OSC: {error}", flush=True)
            continue
        for moment_ns, address, arguments in messages:
            words = [f"{value:.6g}" if isinstance(value, float) else str(value) for value in arguments]
            if moment_ns is not None and options.exact:
                words.insert(0, f"{moment_ns // 10**9}.{moment_ns % 10**9:09}")
            elif moment_ns is not None:
                words.insert(0, f"{(moment_ns - time.time_ns()) / 1e6:+.1f} ms")
            print(address, *words, flush=True)


if __name__ == "__main__":
    main()
