// Every reason for which a frame, a message or a request is given up. Counted per core in the statistics
// segment; `show drops` and the metrics print the names. Append only: the number is the counter's index.

/** Reasons, in counter order. A name says what was wrong with the frame, or which bound was met. */
export const DROP_NAMES = [
  "runt", // Shorter than an Ethernet header.
  "oversize", // Longer than the buffer that would have to hold it.
  "reserved-group", // 01-80-C2-00-00-0X, never relayed (IEEE 802.1D-2004 7.12.6).
  "bpdu-no-stp", // A BPDU where no spanning tree runs.
  "lacp-no-channel", // A slow-protocol frame on a port of no LACP channel.
  "source-group", // The source MAC has the group bit set, or is zero.
  "vlan-reserved", // VID 4095 (IEEE 802.1Q-2018 table 9-2).
  "vlan-filtered", // The channel is no member of the frame's VLAN.
  "vlan-tagged-on-access", // A tagged frame of another VLAN on an access channel.
  "port-unattached", // The port belongs to no bridge and to no interface.
  "same-channel", // The destination is where the frame came from.
  "no-destination-channel", // Nobody else is in the VLAN.
  "channel-down", // The destination channel has no link.
  "transmit-queue-full", // The driver took fewer frames than the burst had.
  "pool-empty", // No buffer left for a copy.
  "handover-full", // The bus to the frame's core is full.
  "arp-short", // Truncated ARP (RFC 826).
  "arp-format", // ARP of another hardware or protocol type or length: parsed, not acted on.
  "arp-operation", // ARP operation that is not served.
  "arp-source", // ARP whose sender MAC or address cannot be a station's.
  "arp-spoof", // ARP that contradicts a static or local entry.
  "arp-rate", // More ARP of one port than the limit allows.
  "arp-queue-full", // Oldest frame waiting for an address, replaced by a newer one.
  "arp-failed", // Frame whose next hop did not answer.
  "arp-negative", // Frame to a next hop that failed a moment ago.
  "arp-table-full", // No entry could be evicted.
  "mac-limit", // BR-9: the channel already has its number of stations.
  "ip-short", // Truncated IPv4.
  "ip-header", // Version, header length or total length wrong.
  "ip-checksum", // IPv4 header checksum wrong.
  "ip-source", // Source address that no host may use (RFC 1812 5.3.7).
  "ip-destination", // Destination that must not be forwarded (RFC 1812 5.3.7, RFC 6890).
  "ip-options", // Source routing, refused (RFC 7126).
  "ip-ttl", // TTL ran out.
  "ip-no-route", // No route.
  "ip-too-big", // Larger than the MTU with DF set.
  "ip-forwarding-off", // Not for us and forwarding is off.
  "ip-not-for-us", // Frame to our MAC whose IP destination we neither own nor forward.
  "ip-protocol", // Nobody here speaks the protocol.
  "icmp-short", // Truncated ICMP.
  "icmp-checksum", // ICMP checksum wrong.
  "icmp-rate", // ICMP error not sent: rate limit (RFC 1812 4.3.2.8).
  "icmp-type", // ICMP message that needs no action.
  "ethertype", // Nobody here speaks the Ethernet type.
  "not-local", // Unicast to another MAC on a routed port.
  "checksum-offload", // Offload header that contradicts the frame.
  "bus-unknown", // A message of a type that this core does not know.
  "storm", // Storm control.
  "isolated", // Port isolation.
  "muted", // The port makes stations move all the time (BR-10).
  "tap-closed", // The host side does not take frames.
  "steering-loop", // A frame handed over twice.
  "kernel-ring", // The kernel had no room in the port's ring.
  "ip-fragment", // A fragment for us that overlaps, repeats, cannot be, found no room or waited too long.
  "transport-checksum", // UDP or TCP for us with a wrong length or checksum.
  "parking-full", // A frame of a bucket that moves between cores: no room to keep it until its turn.
  "vlan-double-tag", // Its inner tag would become the only one and name another VLAN.
  "static-drop", // BR-9: to a station that is configured to be dropped.
  "nd-hop-limit", // RFC 4861 6.1, 7.1, 8.1: hop limit below 255, so it may come from beyond a router.
  "nd-checksum", // The same sections: ICMPv6 checksum.
  "nd-code", // The same sections: code other than 0.
  "nd-length", // The same sections: shorter than its type needs.
  "nd-option", // The same sections: an option of length 0, or past the end.
  "nd-target", // Target is a group (7.1), or a redirect's is neither link-local nor the destination (8.1).
  "nd-unspecified", // RFC 4861 7.1.1: from :: to another than a solicited-node group.
  "nd-unspecified-link", // RFC 4861 6.1.1, 7.1.1: from :: with a link-layer address.
  "nd-solicited", // RFC 4861 7.1.2: an advertisement to a group with the solicited flag.
  "nd-source", // RFC 4861 6.1.2, 8.1: a router's message from no link-local address.
  "nd-destination", // RFC 4861 8.1: a redirect of a group.
  "nd-fragment", // RFC 6980: neighbour discovery in a fragment.
  "nd-not-for-us", // A solicitation whose target is not ours, or an advertisement that nobody here waits for.
  "nd-role", // A message that only the other kind of node acts on: hosts on solicitations of routers, routers on redirects.
  "nd-first-hop", // RFC 4861 8.1: a redirect from another than the first hop.
  "nd-spoof", // Neighbour discovery that contradicts a static entry or claims an own address.
  "nd-rate", // RFC 6583: too many solicitations of addresses never seen.
  "nd-pending-full", // RFC 6583: an address that was solicited gave way to a newer one.
  "nd-queue-full", // Oldest frame waiting for a neighbour, replaced by a newer one.
  "nd-failed", // Frame whose neighbour did not answer.
  "nd-table-full", // No entry could be evicted.
  "nd-off", // Neighbour discovery on an interface without IPv6.
  "nd-looped", // RFC 7527: our own duplicate detection came back.
  "mld-invalid", // RFC 2710, 3810: listener discovery with hop limit above 1, no link-local source, or too short.
  "lag-blocked", // A frame from a member of a channel that does not collect (LAG-3).
  "lacp-short", // A slow-protocol frame that is cut short, or whose lengths are wrong.
  "lacp-own", // LAG-2: an own LACPDU came back: two own ports are joined, or a cable is looped.
  "lacp-rate", // Annex 43B: more slow-protocol frames of one port than may be sent.
  "slow-subtype", // A slow protocol that nobody here speaks, or a subtype that may not be.
  "ip6-extension", // RFC 8200 4: an extension header that is cut short, or more of them than we walk.
  "ip6-option", // RFC 8200 4.2: a hop-by-hop or destination option that asks for it, or more options than we read.
  "ip6-routing", // RFC 8200 4.4, RFC 5095: a routing header for us with segments left.
  "ip6-scope", // RFC 4291 2.5.6: from a link-local address to beyond the link.
  "stp-discarding", // A data frame from or to a channel that spanning tree keeps from forwarding (BR-7).
  "vr-short", // An advertisement of VRRP, HSRP or CARP that is cut short, or longer than its fields say.
  "vr-ttl", // RFC 9568 7.1: TTL or hop limit other than 255 (RFC 2281 5.1: other than 1), so it may come from afar.
  "vr-version", // RFC 9568 7.1: a version that the router does not speak, or none at all.
  "vr-type", // RFC 9568 5.2.2: a type or an operation that the standard does not know.
  "vr-checksum", // RFC 9568 7.1: the checksum holds in neither form.
  "vr-vrid", // RFC 9568 7.1: a virtual router identifier that cannot be.
  "vr-foreign", // RFC 9568 7.1: no router here has the identifier; it is noted in the table of virtual MACs only.
  "vr-owner", // RFC 9568 7.1: about addresses that this router owns (priority 255).
  "vr-auth", // RFC 3768 7.1, RFC 2281 5.1, CARP: wrong authentication, text or digest.
  "vr-interval", // RFC 3768 7.1: another interval than ours (version 2), or one that cannot be.
  "vr-addresses", // RFC 3768 7.1: other addresses than ours from a router that does not own them, or none at all.
  "vr-destination", // An advertisement to another address than the protocol's group, or than ours between peers.
  "vr-peer", // An advertisement that comes from none of the configured peers.
  "vr-own", // Our own advertisement came back: a loop.
  "vr-replay", // CARP: a counter that was heard before.
  "vr-rate", // More advertisements of one port than the limit allows.
  "vr-inactive", // The router is down: its interface, or what it tracks.
  "vr-table-full", // A virtual MAC that found no room in the table.
  "vr-element", // HSRP version 2: an element whose length is wrong.
  "vr-state", // HSRP: a state that does not exist.
  "vr-source", // A source address that no router of the link can have.
  "vr-not-active", // RFC 9568 6.4.2: to a virtual MAC or address that is not ours now.
  "bpdu-llc", // To the bridge group address, but no LLC frame of a spanning tree (IEEE 802.1D-2004 9.3.4).
  "bpdu-short", // The same section: a BPDU that is cut short.
  "bpdu-protocol", // The same section: protocol identifier other than 0.
  "bpdu-type", // The same section: a type that no version knows.
  "bpdu-age", // The same section: message age not below max age.
  "bpdu-own", // The same section: an own BPDU came back to the port that sent it.
  "bpdu-filter", // A BPDU on a channel with BPDU filter.
  "bpdu-guard", // A BPDU on a channel that BPDU guard shuts, or has shut.
  "bpdu-rate", // More BPDUs of one channel than neighbours may send.
  "storm-multicast", // Storm control of frames to groups; "storm" is that of broadcasts.
  "storm-unicast", // Storm control of frames to stations that nobody knows.
  "shut", // The channel is shut: a loop, too many stations or a storm.
  "loop-probe", // An own probe for loops came back.
  "group-unwanted", // BR-8: nobody in the VLAN listens to the group, and no router is there.
  "igmp-short", // IGMP that is cut short, also inside a record (RFC 3376 4).
  "igmp-checksum", // RFC 3376 4.1.2: IGMP checksum wrong; not forwarded either (RFC 4541 2.1.1).
  "snoop-invalid", // Listener discovery that no router would believe: hop limit, source, group.
  "snoop-rate", // More reports of one channel than are looked at.
  "snoop-full", // No room for a group; data to unknown groups floods meanwhile.
  "core-restarted", // What lay in a queue or waited on a core that died, when the core started again.
] as const;

export type DropName = (typeof DROP_NAMES)[number];

/** Reason number by name: `Drop.runt`, `Drop["arp-short"]`. */
export const Drop: { readonly [N in DropName]: number } = Object.fromEntries(
  DROP_NAMES.map((name, index) => [name, index]),
) as { [N in DropName]: number };

export const DROP_COUNT: number = DROP_NAMES.length;
