#!/usr/bin/python3
"""What interop tests do on a host's wire: look at frames as they are, send frames as they are, and many UDP flows.

  wire.py sniff DEVICE [ETHERTYPE ...]        one JSON line per frame that arrives: {"t", "tci", "hex"}; tci -1 is untagged
  wire.py send DEVICE COUNT INTERVAL HEX ...  the frames in turn, COUNT times, INTERVAL seconds apart
  wire.py burst ADDRESS PORT COUNT            one datagram, its number, from each of COUNT sockets, as fast as they go
  wire.py collect PORT SECONDS                numbers that burst sent; ends after SECONDS of silence
  wire.py receive PORT SECONDS                numbered flows; ends after SECONDS of silence; one JSON object
  wire.py stream ADDRESS PORT FLOWS EACH RATE EACH datagrams in each of FLOWS flows, RATE a second in all; FLOWS is a
                                              number, or a list of source ports with commas
  wire.py sweep ROUNDS ADDRESS ...            echo requests to all, again to who was silent; the silent ones, as JSON

The kernel takes a frame's outer VLAN tag off before a program sees it; sniff puts it back from the frame's metadata.
"""

import json
import os
import socket
import struct
import sys
import time

ETH_P_ALL = 3
SOL_PACKET = 263
SO_RCVBUFFORCE = 33
PACKET_AUXDATA = 8
OUTGOING = 4
VLAN_VALID = 0x10
VLAN_TPID_VALID = 0x40


def roomy(one):
    """As much receive buffer as is allowed; past the machine's limit only its real root gets."""
    try:
        one.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 * 1024 * 1024)
    except PermissionError:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024 * 1024)


def raw(device):
    """A socket that sees every frame of a device."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    roomy(link)
    link.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    link.bind((device, ETH_P_ALL))
    return link


def sniff(device, *types):
    """Prints frames; with types, only of these innermost Ethernet types."""
    wanted = {int(one, 16) for one in types}
    link = raw(device)
    print("ready", flush=True)
    while True:
        frame, aux, _, origin = link.recvmsg(65600, 256)
        at = time.time()
        if origin[2] == OUTGOING:
            continue
        tci = -1
        for _, kind, data in aux:
            if kind != PACKET_AUXDATA:
                continue
            status, _, _, _, _, tag, tpid = struct.unpack("IIIHHHH", data[:20])
            if status & VLAN_VALID:
                tci = tag
                tpid = tpid if status & VLAN_TPID_VALID else 0x8100
                frame = frame[:12] + struct.pack("!HH", tpid, tag) + frame[12:]
        where = 12
        while frame[where : where + 2] in (b"\x81\x00", b"\x88\xa8"):
            where += 4
        if wanted and int.from_bytes(frame[where : where + 2], "big") not in wanted:
            continue
        print(json.dumps({"t": at, "tci": tci, "hex": frame.hex()}), flush=True)


def send(device, count, interval, *frames):
    """Sends frames as they are."""
    link = raw(device)
    for turn in range(int(count)):
        if turn > 0 and float(interval) > 0:
            time.sleep(float(interval))
        for frame in frames:
            link.send(bytes.fromhex(frame))


def burst(address, port, count):
    """Many source ports, so that the frames reach every core."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(int(count))]
    for one in sockets:
        one.connect((address, int(port)))
    for number, one in enumerate(sockets):
        one.send(struct.pack("!I", number))
    time.sleep(0.2)


def bound(port, seconds):
    """A socket that gives up after a silence."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    roomy(one)
    one.bind(("0.0.0.0", int(port)))
    # The first datagram may take long: the other side has still to start.
    one.settimeout(15)
    print("ready", flush=True)
    return one


def collect(port, seconds):
    """The numbers that burst sent, in order of arrival."""
    one = bound(port, seconds)
    numbers = []
    try:
        while True:
            numbers.append(struct.unpack("!I", one.recv(64)[:4])[0])
            one.settimeout(float(seconds))
    except TimeoutError:
        print(json.dumps(numbers), flush=True)


def receive(port, seconds):
    """Order, loss and repetition of numbered flows."""
    one = bound(port, seconds)
    last = {}
    received = reordered = 0
    try:
        while True:
            flow, number = struct.unpack("!II", one.recv(2048)[:8])
            received += 1
            if number <= last.get(flow, -1):
                reordered += 1
            else:
                last[flow] = number
            if received == 1:
                one.settimeout(float(seconds))
    except TimeoutError:
        print(json.dumps({"received": received, "reordered": reordered, "flows": len(last)}), flush=True)


def stream(address, port, flows, each, rate):
    """Numbered flows, in turn; flow n leaves from port 20000 + n, or from the n-th of the list."""
    # On one processor, or the kernel itself changes the order of what it sends before and after a move.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    ports = [int(one) for one in flows.split(",") if one != ""] if "," in flows else range(20000, 20000 + int(flows))
    sockets = []
    for source in ports:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("0.0.0.0", source))
        one.connect((address, int(port)))
        sockets.append(one)
    start = time.monotonic()
    sent = 0
    for number in range(int(each)):
        for flow, one in enumerate(sockets):
            try:
                one.send(struct.pack("!II", flow, number))
            except ConnectionRefusedError:
                one.send(struct.pack("!II", flow, number))  # That was about one before: nobody listens there.
            sent += 1
            if sent % 16 == 0:
                early = start + sent / float(rate) - time.monotonic()
                if early > 0:
                    time.sleep(early)
    print(json.dumps({"sent": sent, "seconds": time.monotonic() - start}), flush=True)


def sweep(rounds, *addresses):
    """Echo requests to all addresses, 2 a millisecond; those that never answered."""
    link = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    roomy(link)
    link.settimeout(0.5)
    head = struct.pack("!BBHHH", 8, 0, 0, 0x4C4C, 1)
    total = sum(struct.unpack("!4H", head))
    head = head[:2] + struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + head[4:]
    silent = set(addresses)
    for _ in range(int(rounds)):
        for number, address in enumerate(sorted(silent)):
            link.sendto(head, (address, 0))
            if number % 16 == 15:
                time.sleep(0.008)
        try:
            while silent:
                packet, (source, _) = link.recvfrom(2048)
                if packet[20] == 0 and packet[24:26] == head[4:6]:
                    silent.discard(source)
        except TimeoutError:
            pass
    print(json.dumps(sorted(silent)), flush=True)


if __name__ == "__main__":
    {
        "sniff": sniff,
        "send": send,
        "burst": burst,
        "collect": collect,
        "receive": receive,
        "stream": stream,
        "sweep": sweep,
    }[sys.argv[1]](*sys.argv[2:])
