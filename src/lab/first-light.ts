// The lab "first-light": 64 stations in three VLANs around a four-core appliance that bridges each VLAN and routes
// between them. The stations resolve, ping each other, move to another port and fall silent, all by one seed.

import type { Behaviour, World } from "../sim/world.ts";

/** The appliance's configuration, as a user would write it. */
export function firstLightConfig(cores: number): string {
  return `# The lab "first-light": one bridge, three VLANs, an IPv4 and an IPv6 address in each.
cores: {count: ${cores}}
ports:
  p0: {driver: memory}
  p1: {driver: memory}
  p2: {driver: memory}
  p3: {driver: memory}
  p4: {driver: memory}
  p5: {driver: memory}
bridges:
  br0:
    table-size: 8192
    ageing-time: 10s
    stp: {protocol: "off"}
    channels:
      p0: {mode: access, access-vlan: 10}
      p1: {mode: access, access-vlan: 10}
      p2: {mode: access, access-vlan: 20}
      p3: {mode: access, access-vlan: 20}
      p4: {mode: access, access-vlan: 30}
      p5: {mode: trunk, native-vlan: 1, trunk-vlans: "10,20,30"}
interfaces:
  vlan10: {bridge: br0, vlan: 10, addresses: [192.0.2.1/24, "2001:db8:10::1/64"]}
  vlan20: {bridge: br0, vlan: 20, addresses: [198.51.100.1/24, "2001:db8:20::1/64"]}
  vlan30: {bridge: br0, vlan: 30, addresses: [203.0.113.1/24, "2001:db8:30::1/64"]}
neighbours:
  arp: {timeout: 20s}
global-cache: {size: 32MiB}
`;
}

/** Ports of the lab, in the order of the file. */
export const FIRST_LIGHT_PORTS = 6;
const STATIONS = 64;

const NETWORKS = [
  { vlan: 10, network: 0xc0000200, subnet: 0x10, ports: [0, 1] },
  { vlan: 20, network: 0xc6336400, subnet: 0x20, ports: [2, 3] },
  { vlan: 30, network: 0xcb007100, subnet: 0x30, ports: [4] },
] as const;
const TRUNK = 5;

/**
 * Each station acts ten times a second; every 200th action is a move, every 400th a silence of 3 s; every third ping
 * goes over IPv6, as soon as duplicate detection is through (RFC 4862 5.4.2: at most 2 s; the rest is room).
 */
export const FIRST_LIGHT_BEHAVIOUR: Behaviour = {
  pace: 100,
  move: 1 / 200,
  silence: 1 / 400,
  silentFor: 3000,
  ipv6: 1 / 3,
  ipv6After: 2500,
};

/** An address in every VLAN that nobody has: pings to it end in "host unreachable". */
export const FIRST_LIGHT_STRANGERS: readonly number[] = NETWORKS.map(
  ({ network }) => network + 250,
);

/** Puts the 64 stations into a world. */
export function populateFirstLight(world: World): void {
  for (let index = 0; index < STATIONS; index++) {
    const home = NETWORKS[index % NETWORKS.length] as (typeof NETWORKS)[number];
    const host = 10 + Math.floor(index / NETWORKS.length);
    const places = [
      ...home.ports.map((port) => ({ port, tag: 0 })),
      { port: TRUNK, tag: home.vlan },
    ];
    world.add(
      {
        name: `h${index}`,
        mac: 0x020000000000 + home.vlan * 0x10000 + host,
        address: home.network + host,
        prefix: 24,
        gateway: home.network + 1,
        ipv6: {
          address: [0x20010db8, home.subnet << 16, 0, host],
          prefix: 64,
          gateway: [0x20010db8, home.subnet << 16, 0, 1],
        },
      },
      places,
    );
  }
}
