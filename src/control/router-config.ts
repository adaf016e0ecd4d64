// Compiles the file's virtual routers into what their engine runs on.

import type { ApplianceConfig } from "../core/config.ts";
import type { Ipv6Words } from "../engine/ipv6.ts";
import type { Ipv4 } from "../lib/units.ts";
import {
  CARP_DEFAULTS,
  FAULT,
  HSRP_DEFAULTS,
  VR_DEFAULTS,
  VR_ROUTER_DEFAULTS,
  type VrConfig,
  type VrRouterConfig,
  type VrTrack,
} from "../vr/config.ts";
import { formatIpv4, formatIpv6 } from "../wire/text.ts";
import type { Configuration, RouterSection, TrackSection } from "./configuration.ts";
import { type Address, network6Of, networkOf } from "./network.ts";

/** The numbers that names have. */
interface Names {
  readonly ports: readonly string[];
  readonly channels: readonly string[];
  readonly interfaces: readonly string[];
}

const fours = (addresses: readonly Address[]): Ipv4[] =>
  addresses.flatMap(({ ipv4 }) => (ipv4 === undefined ? [] : [ipv4]));
/** The link-local one first, as an advertisement has it (RFC 9568 5.2.9). */
const sixes = (addresses: readonly Address[]): Ipv6Words[] =>
  addresses
    .flatMap(({ ipv6 }) => (ipv6 === undefined ? [] : [ipv6]))
    .toSorted((a, b) => Number(b[0] >>> 22 === 0x3fa) - Number(a[0] >>> 22 === 0x3fa));

/** A password padded with zeros to what the wire has, or as it is. */
function bytesOf(password: string | undefined, length: number): number[] | null {
  if (password === undefined) return null;
  const bytes = [...new TextEncoder().encode(password)];
  return bytes.concat(new Array<number>(Math.max(0, length - bytes.length)).fill(0));
}

/** Virtual routers and the table of virtual MACs; `boot` is the second at which the appliance started. */
export function vrConfig(
  file: Configuration,
  names: Names,
  before: ApplianceConfig | undefined,
  boot: number,
): VrConfig {
  const vmac = file.vmac;
  return {
    routers: Object.entries(file["virtual-routers"]).map(([name, section]) =>
      routerConfig(name, section, names),
    ),
    statics: (vmac?.static ?? []).map(({ interface: iface, mac, vrid, priority, addresses }) => ({
      iface: names.interfaces.indexOf(iface),
      mac,
      vrid,
      family: fours(addresses).length > 0 ? 4 : 6,
      priority,
      addresses: fours(addresses),
      addresses6: sixes(addresses),
    })),
    maxEntries: vmac?.["max-entries"] ?? VR_DEFAULTS.maxEntries,
    ageing: vmac?.ageing ?? VR_DEFAULTS.ageing,
    timeout: vmac?.timeout ?? VR_DEFAULTS.timeout,
    boot: before?.vr?.boot ?? boot,
  };
}

function routerConfig(name: string, section: RouterSection, names: Names): VrRouterConfig {
  const iface = names.interfaces.indexOf(section.interface);
  const { announce } = section;
  const base = {
    ...VR_ROUTER_DEFAULTS,
    name,
    iface,
    vrid: section.vrid,
    protocol: section.protocol,
    addresses: fours(section.addresses),
    addresses6: sixes(section.addresses),
    shareFate: section["share-fate"],
    accept: section.accept,
    preempt: section.preempt,
    tracks: section.track.map((track) => trackConfig(track, iface, names)),
    tracking: section.tracking,
    group: section.group ?? "",
    virtualMac: section["virtual-mac"],
    announce: { repeat: announce.repeat, delay: announce.delay, refresh: announce.refresh },
  };
  switch (section.protocol) {
    case "vrrp":
      return {
        ...base,
        version: section.version,
        priority: section.priority,
        interval: section.interval,
        preemptDelay: section["preempt-delay"],
        checksum: section.checksum,
        password: bytesOf(section.password, 8),
        peers: fours(section.peers),
        peers6: sixes(section.peers),
      };
    case "carp":
      return {
        ...base,
        ...CARP_DEFAULTS,
        preempt: section.preempt,
        advbase: section.advbase,
        advskew: section.advskew,
        password: bytesOf(section.password, 0),
        peers: fours(section.peers),
        peers6: sixes(section.peers),
      };
    case "hsrp":
      return {
        ...base,
        ...HSRP_DEFAULTS,
        version: section.version,
        priority: section.priority,
        preempt: section.preempt,
        preemptDelay: section["preempt-delay"],
        hello: section.hello,
        hold: section.hold,
        password: bytesOf(section.password, 8),
      };
  }
}

function trackConfig(track: TrackSection, iface: number, names: Names): VrTrack {
  const decrement = track.decrement ?? FAULT;
  const { channel, port, route, neighbour } = track;
  if (channel !== undefined) {
    const name = `channel ${channel}`;
    return { kind: "channel", channel: names.channels.indexOf(channel), decrement, name };
  }
  if (port !== undefined) {
    return { kind: "port", port: names.ports.indexOf(port), decrement, name: `port ${port}` };
  }
  if (route?.ipv4 !== undefined) {
    const prefix = networkOf(route.ipv4, route.length);
    const name = `route ${formatIpv4(prefix)}/${route.length}`;
    return { kind: "route4", prefix, length: route.length, decrement, name };
  }
  if (route?.ipv6 !== undefined) {
    const prefix = network6Of(route.ipv6, route.length);
    const name = `route ${formatIpv6(...prefix)}/${route.length}`;
    return { kind: "route6", prefix, length: route.length, decrement, name };
  }
  const through = track.interface === undefined ? iface : names.interfaces.indexOf(track.interface);
  if (neighbour?.ipv4 !== undefined) {
    const name = `neighbour ${formatIpv4(neighbour.ipv4)}`;
    return { kind: "neighbour4", iface: through, address: neighbour.ipv4, decrement, name };
  }
  const address = neighbour?.ipv6 ?? [0, 0, 0, 0];
  const name = `neighbour ${formatIpv6(...address)}`;
  return { kind: "neighbour6", iface: through, address, decrement, name };
}
