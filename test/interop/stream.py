"""One datagram every few milliseconds, and how long they stopped: what an outage is for a host. Usage:
   stream.py send ADDRESS PORT MILLIS     sends until SIGINT
   stream.py listen PORT [6]              prints {"received", "gap", "gaps", "last"} (milliseconds) at SIGINT; a line
                                          "gap MS" for each silence over 50 ms when it ends, "got N" for every tenth datagram"""
import json
import signal
import socket
import sys
import time

running = True


def stop(*_):
    global running
    running = False


signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)


def send(address, port, millis):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    number = 0
    due = time.monotonic()
    print("ready", flush=True)
    while running:
        try:
            s.sendto(number.to_bytes(8, "big") + b"linkloom" * 4, (address, port))
        except OSError:
            pass
        number += 1
        due += millis / 1000
        time.sleep(max(0, due - time.monotonic()))
    print(json.dumps({"sent": number}), flush=True)


def listen(port, family):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
    s.settimeout(0.05)
    received, last, gaps = 0, None, []
    print("ready", flush=True)
    while running:
        try:
            s.recv(2048)
        except (TimeoutError, socket.timeout):
            continue
        now = time.monotonic()
        if last is not None and now - last > 0.05:
            gaps.append(round((now - last) * 1000))
            print("gap", gaps[-1], flush=True)
        received += 1
        last = now
        if received % 10 == 0:
            print("got", received, flush=True)
    silence = 0 if last is None else round((time.monotonic() - last) * 1000)
    answer = {"received": received, "gap": max(gaps, default=0), "gaps": gaps, "last": silence}
    print(json.dumps(answer), flush=True)


if sys.argv[1] == "send":
    send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
else:
    listen(int(sys.argv[2]), socket.AF_INET6 if "6" in sys.argv[3:] else socket.AF_INET)
