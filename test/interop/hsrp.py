"""An HSRP router of version 1, made of scapy frames: says hello as it is told on stdin. Usage:
   hsrp.py DEVICE SOURCE VIRTUAL GROUP
Lines of stdin: "active PRIORITY" (hellos as Active every half second), "resign", "quiet"."""
import select
import sys
import time

from scapy.all import IP, UDP, Ether, conf
from scapy.layers.hsrp import HSRP

conf.verb = 0
device, source, virtual, group = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
with open(f"/sys/class/net/{device}/address") as file:
    own = file.read().strip()
virtual_mac = f"00:00:0c:07:ac:{group:02x}"
socket = conf.L2socket(iface=device)


def say(opcode, state, priority, mac):
    frame = (
        Ether(src=mac, dst="01:00:5e:00:00:02")
        / IP(src=source, dst="224.0.0.2", ttl=1)
        / UDP(sport=1985, dport=1985)
        / HSRP(opcode=opcode, state=state, hellotime=1, holdtime=3, priority=priority, group=group,
               auth=b"cisco\0\0\0", virtualIP=virtual)
    )
    socket.send(frame)


priority, speaking = 100, False
print("ready", flush=True)
while True:
    readable, _, _ = select.select([sys.stdin], [], [], 0.5)
    if readable:
        words = sys.stdin.readline().split()
        if not words:
            break
        if words[0] == "active":
            priority, speaking = int(words[1]), True
        elif words[0] == "resign":
            say(2, 16, priority, virtual_mac)
            speaking = False
        else:
            speaking = False
        print("did", " ".join(words), flush=True)
    if speaking:
        say(0, 16, priority, virtual_mac)
