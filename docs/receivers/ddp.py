#!/usr/bin/env python3
"""Show the pixels that arrive by DDP, in the terminal. Python 3, standard library only.

    python3 ddp.py              # a strip in colour
    python3 ddp.py --hex        # as hexadecimal numbers, a line a frame
"""
import argparse
import socket
import struct

HEADER = struct.Struct(">BBBBIH")
PUSH = 0x01


def main():
    parser = argparse.ArgumentParser(description="Show the pixels that arrive by DDP.")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on (0.0.0.0: all)")
    parser.add_argument("--port", type=int, default=4048, help="UDP port (4048; 0: any)")
    parser.add_argument("--frames", type=int, default=0, help="end after so many frames (0: never)")
    parser.add_argument("--hex", action="store_true", help="print numbers in place of colours")
    options = parser.parse_args()
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind((options.host, options.port))
    print("listening on {}:{}".format(*receiver.getsockname()), flush=True)
    pixels = bytearray()
    n_frames = 0
    while options.frames == 0 or n_frames < options.frames:
        data, _sender = receiver.recvfrom(2048)
        if len(data) < HEADER.size:
            continue
        flags, sequence, kind, device, offset, length = HEADER.unpack_from(data)
        content = data[HEADER.size :]
        if flags >> 6 != 1 or kind != 0x0B or device != 1 or not 1 <= sequence & 15 or len(content) != length:
            print(f"no DDP of RGB: flags {flags:#x}, type {kind:#x}, {len(content)} bytes of {length}", flush=True)
            continue
        pixels.extend(bytes(max(0, offset + length - len(pixels))))
        pixels[offset : offset + length] = content
        if flags & PUSH:
            n_frames += 1
            colours = [pixels[at : at + 3] for at in range(0, len(pixels), 3)]
            if options.hex:
                print(" ".join(colour.hex() for colour in colours), flush=True)
            else:
                strip = "".join("\x1b[48;2;{};{};{}m ".format(*colour) for colour in colours[:120])
                print(f"\r{strip}\x1b[0m", end="", flush=True)


if __name__ == "__main__":
    main()
