#!/usr/bin/env python3
"""Print WLED audio sync packets (version 2), as a WLED would read them. Python 3, standard library only.

    python3 wled.py

Listens to the group that every WLED joins. A WLED drops packets of any other length than 44 bytes; so does this.
"""
import argparse
import socket
import struct

# Little-endian, with the gaps that the compiler of WLED leaves: 44 bytes.
PACKET = struct.Struct("<6s2xffBx16s2xff")


def main():
    parser = argparse.ArgumentParser(description="Print WLED audio sync packets.")
    parser.add_argument("--group", default="239.0.0.1", help="multicast group; empty: packets to this machine only")
    parser.add_argument("--host", default="0.0.0.0", help="address of the interface to listen on (0.0.0.0: all)")
    parser.add_argument("--port", type=int, default=11988, help="UDP port (11988; 0: any)")
    parser.add_argument("--count", type=int, default=0, help="end after so many packets (0: never)")
    parser.add_argument("--peaks", action="store_true", help="print packets with a beat only")
    options = parser.parse_args()
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # A socket that is bound to one address does not hear groups on Linux, so with a group it is bound to all.
    receiver.bind(("" if options.group else options.host, options.port))
    if options.group:
        membership = socket.inet_aton(options.group) + socket.inet_aton(options.host)
        receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    print("listening on {}:{}".format(*receiver.getsockname()), flush=True)
    n_packets = 0
    while options.count == 0 or n_packets < options.count:
        data, _sender = receiver.recvfrom(2048)
        n_packets += 1
        if len(data) != PACKET.size:
            print(f"dropped: {len(data)} bytes, expected {PACKET.size}", flush=True)
            continue
        header, raw, smooth, peak, bands, magnitude, major_peak_hz = PACKET.unpack(data)
        if header != b"00002\0":
            print(f"dropped: header {header!r}, expected version 2", flush=True)
        elif peak or not options.peaks:
            spectrum = " ".join(str(band) for band in bands)
            print(f"{'BEAT' if peak else '-'} raw {raw:g} smooth {smooth:g} bands {spectrum} magnitude {magnitude:g} at {major_peak_hz:.1f} Hz", flush=True)


if __name__ == "__main__":
    main()
