#!/usr/bin/python3
"""A listener and a source of multicast on a real kernel: for the interop tests of snooping.

  members.py listen DEVICE          reads "join GROUP" and "leave GROUP" lines; the kernel speaks IGMP or MLD for it
  members.py send DEVICE GROUP N    N datagrams to a group, from the device
"""

import socket
import struct
import sys


def kind(group):
    return socket.AF_INET6 if ":" in group else socket.AF_INET


def index(device):
    return socket.if_nametoindex(device)


def membership(group, device):
    """What the kernel takes to join or leave."""
    if kind(group) == socket.AF_INET6:
        return socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index(device))
    return socket.inet_aton(group) + struct.pack("@4sI", b"\0\0\0\0", index(device))


def listen(device):
    four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    print("ready", flush=True)
    for line in sys.stdin:
        word, group = line.split()
        request = membership(group, device)
        if kind(group) == socket.AF_INET6:
            option = socket.IPV6_JOIN_GROUP if word == "join" else socket.IPV6_LEAVE_GROUP
            six.setsockopt(socket.IPPROTO_IPV6, option, request)
        else:
            option = socket.IP_ADD_MEMBERSHIP if word == "join" else socket.IP_DROP_MEMBERSHIP
            four.setsockopt(socket.IPPROTO_IP, option, request)
        print(f"{word} {group} done", flush=True)


def send(device, group, count):
    link = socket.socket(kind(group), socket.SOCK_DGRAM)
    if kind(group) == socket.AF_INET6:
        link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index(device))
        link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 4)
    else:
        link.setsockopt(
            socket.IPPROTO_IP,
            socket.IP_MULTICAST_IF,
            struct.pack("@4s4sI", b"\0\0\0\0", b"\0\0\0\0", index(device)),
        )
        link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
    for number in range(count):
        link.sendto(struct.pack("!I", number), (group, 5000))


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        listen(sys.argv[2])
    else:
        send(sys.argv[2], sys.argv[3], int(sys.argv[4]))
