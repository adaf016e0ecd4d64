"""Hostile advertisements, each wrong in one way, of a VRRP version 3 router that would be better than anybody. Usage:
   hostile-vr.py DEVICE SOURCE VIRTUAL VRID
Prints "sent N" at the end."""
import struct
import sys

from scapy.all import IP, Ether, Raw, conf

conf.verb = 0
device, source, virtual, vrid = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
socket = conf.L2socket(iface=device)
COUNT = 20


def dotted(text):
    return bytes(int(part) for part in text.split("."))


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def advert(first=0x31, number=vrid, priority=254, addresses=(virtual,), count=None, interval=20, right=True,
           to="224.0.0.18"):
    body = b"".join(dotted(one) for one in addresses)
    many = len(addresses) if count is None else count
    head = struct.pack("!BBBBHH", first, number, priority, many, interval, 0)
    pseudo = dotted(source) + dotted(to) + struct.pack("!HH", 112, len(head + body))
    field = checksum(pseudo + head + body) ^ (0 if right else 0x5555)
    return head[:6] + struct.pack("!H", field) + body


def send(payload, ttl=255, to="224.0.0.18", mac="00:00:5e:00:01:%02x" % vrid):
    ether = Ether(src=mac, dst="01:00:5e:00:00:12")
    frame = bytes(ether / IP(src=source, dst=to, ttl=ttl, proto=112) / Raw(payload))
    for _ in range(COUNT):
        socket.send(frame)


send(advert(), ttl=254)
send(advert(right=False))
send(advert(first=0x41))
send(advert(first=0x33))
send(advert(count=9))
send(advert(number=0))
send(advert(addresses=()))
send(advert(interval=0))
send(advert()[:6])
send(advert(number=vrid + 1))
send(advert(to="224.0.0.5"), to="224.0.0.5")
print("sent", COUNT, flush=True)
