// For tests: a configuration with every key that there is, those of later versions included, as the documentation's
// reference shows them; and small ones to start from.

/** Every key. Line 1 is `cores`. */
export const EVERYTHING = `cores: {count: 2, tick: 1ms, idle: sleep, priorities: {}}
steering:
  scheme: flow
  unit: 1
  key: microsoft
  buckets: 128
  rebalance: {threshold: 20%, interval: 10s}
  rules: [{ether-type: 0x88cc, core: 0}, {protocol: tcp, destination: 192.0.2.1, destination-port: 179, core: 1}]
ports:
  p0: {driver: packet, interface: eth1}
  p1: {driver: xdp, interface: eth2}
  p2: {driver: pcap, file: in.pcap}
  p3: {driver: memory}
  t0: {driver: tap, interface: ll0}
channels:
  LA/1:
    members: [p0, p1]
    mode: lacp
    hash: l3+l4
    min-links: 1
    max-links: 16
    lacp: {activity: active, rate: slow, key: 1, system-priority: 32768, system-id: auto, fallback: none, mux: independent}
    member-options: {p0: {priority: 32768}}
bridges:
  br0:
    table-size: 8192
    probe-limit: 8
    ageing-time: 300s
    ageing: each-tells
    learning: broadcast
    stp: {protocol: rstp, priority: 32768, hello-time: 2s, forward-delay: 15s, max-age: 20s}
    channels:
      LA/1: {mode: trunk, native-vlan: 1, trunk-vlans: "10,20-29"}
      p2: {mode: access, access-vlan: 10, stp: {edge: auto, bpdu-guard: true, cost: auto, priority: 128}, mac-limit: 64}
interfaces:
  vlan10: {bridge: br0, vlan: 10, addresses: [192.0.2.2/24, "2001:db8::2/64"], proxy-arp: false}
  wan: {channel: p3, vlan: 5, addresses: [198.51.100.2/30]}
routes: [{to: 0.0.0.0/0, via: 198.51.100.1}]
forwarding: {ipv4: true, ipv6: true}
neighbours:
  arp: {ageing: timestamp, timeout: 1200s, retries: 3, retry-interval: 1s, pending-frames: 16, propagate: all, answer: asker, max-entries: 8192, accept-gratuitous: update}
  nd: {owner: hash, reachable-time: 30s, retrans-timer: 1s, dad-transmits: 1, max-entries: 8192}
  static: [{address: 192.0.2.9, mac: "02:00:00:00:00:09", interface: vlan10}]
virtual-routers:
  gw10: {protocol: vrrp, version: 3, interface: vlan10, vrid: 10, priority: 150, addresses: [192.0.2.1], interval: 1s,
         preempt: true, preempt-delay: 0s, accept: true, checksum: rfc9568, track: [{channel: LA/1, decrement: 60}]}
  c7: {protocol: carp, interface: vlan10, vrid: 7, advbase: 1, advskew: 0, password: secret, addresses: [192.0.2.7]}
  h5: {protocol: hsrp, version: 2, interface: vlan10, vrid: 5, priority: 110, hello: 3s, hold: 10s, addresses: [192.0.2.5]}
roles: {arp: auto, link: auto}
global-cache: {size: 64MiB}
api: {http: "127.0.0.1:7474", token-file: null, metrics: true}
`;

/** A bridge of two memory ports with two interfaces, and a routed third port. */
export const SMALL = `cores: {count: 2}
ports:
  p0: {driver: memory}
  p1: {driver: memory}
  wan: {driver: memory}
bridges:
  br0:
    table-size: 64
    stp: {protocol: off}
    channels:
      p0: {mode: access, access-vlan: 10}
      p1: {mode: trunk, native-vlan: 1, trunk-vlans: "10,20"}
interfaces:
  vlan10: {bridge: br0, vlan: 10, addresses: [192.0.2.1/24]}
  outside: {channel: wan, addresses: [198.51.100.2/30]}
routes: [{to: 0.0.0.0/0, via: 198.51.100.1}]
`;
