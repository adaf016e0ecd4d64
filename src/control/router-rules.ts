// What the file's virtual routers mean: addresses that fit their interface, VRIDs that are nobody else's there, timers
// that the protocol can say, things to track that exist.

import { formatIpv4, formatIpv6, type Ipv6 } from "../wire/text.ts";
import type { Configuration, RouterSection } from "./configuration.ts";
import { type Address, isWithin, isWithin6 } from "./network.ts";
import type { Report } from "./report.ts";
import type { Path } from "./source.ts";

/** Addresses of one family: what fits a frame of 1500 bytes with room to spare (89 IPv6 ones would). Our choice. */
const MAX_ADDRESSES = 64;
/** Advertised intervals of version 3 have twelve bits of centiseconds (RFC 9568 5.2.7). */
const MAX_INTERVAL = 40_950;

const textOf = (address: Address): string =>
  address.ipv4 === undefined ? formatIpv6(...address.ipv6) : formatIpv4(address.ipv4);
const isLinkLocal = (address: Ipv6): boolean => address[0] >>> 22 === 0x3fa;

export function checkVirtualRouters(config: Configuration, report: Report): void {
  const ids = new Map<string, string>();
  const addresses = new Map<string, string>();
  for (const [name, router] of Object.entries(config["virtual-routers"])) {
    const path = ["virtual-routers", name];
    const known = report.names("interfaces");
    checkTimers(router, path, report);
    checkTracks(router, path, report);
    if (!report.require([...path, "interface"], "an interface", router.interface, known)) continue;
    checkId(name, router, ids, report);
    checkAddresses(config, name, router, addresses, report);
  }
  for (const [index, entry] of (config.vmac?.static ?? []).entries()) {
    const path = ["vmac", "static", index, "interface"];
    report.require(path, "an interface", entry.interface, report.names("interfaces"));
  }
}

/** One virtual MAC has one router: VRRP and CARP share theirs (RFC 9568 7.3). */
function checkId(
  name: string,
  router: RouterSection,
  ids: Map<string, string>,
  report: Report,
): void {
  const path = ["virtual-routers", name, "vrid"];
  const { protocol, vrid } = router;
  if (protocol === "hsrp" && router.version === 1 && vrid > 255) {
    report.fault(path, "a group of HSRP version 1, 0 to 255", "write version: 2");
  }
  const families = router.addresses.some(({ ipv4 }) => ipv4 !== undefined) ? [4] : [];
  if (router.addresses.some(({ ipv6 }) => ipv6 !== undefined)) families.push(6);
  for (const family of protocol === "carp" ? [4] : families) {
    const key = `${router.interface} ${protocol === "hsrp" ? `hsrp${router.version}` : "vrrp"} ${family} ${vrid}`;
    const other = ids.get(key);
    if (other !== undefined) {
      const hint = `${other} has ${vrid} on ${router.interface}; their virtual MACs would be one`;
      report.fault(path, "an identifier that no other virtual router has there", hint);
      return;
    }
    ids.set(key, name);
  }
}

function checkTimers(router: RouterSection, path: Path, report: Report): void {
  if (router.protocol === "vrrp") {
    const { interval, version } = router;
    const at = [...path, "interval"];
    if (version === 2 && interval % 1000 !== 0) {
      report.fault(at, "whole seconds in version 2", "version 3 says tens of milliseconds");
    } else if (version === 3 && (interval > MAX_INTERVAL || interval % 10 !== 0)) {
      report.fault(at, "10ms to 40.95s, in tens of milliseconds, in version 3");
    }
    if (router.password !== undefined && version === 3) {
      report.fault([...path, "password"], "no password in version 3", "RFC 5798 took it away");
    }
    if (version === 2 && report.isWritten([...path, "checksum"])) {
      report.warn([...path, "checksum"], "version: 3 beside checksum", "version 2 has one form");
    }
  } else if (router.protocol === "hsrp") {
    const { hello, hold, version } = router;
    const at = [...path, "hold"];
    if (hold <= hello) report.fault(at, "more than hello", "RFC 2281 5.1 asks for three times");
    else if (version === 1 && (hello % 1000 !== 0 || hold % 1000 !== 0)) {
      report.fault(at, "whole seconds in version 1", "write version: 2 for milliseconds");
    }
  } else if (router.advbase === 0 && router.advskew === 0) {
    report.fault([...path, "advskew"], "1 or more beside advbase: 0", "the interval would be 0");
  }
}

const OF_TRACK = ["channel", "port", "route", "neighbour"] as const;

function checkTracks(router: RouterSection, path: Path, report: Report): void {
  const channels = [...report.names("channels"), ...report.names("ports")];
  for (const [index, track] of router.track.entries()) {
    const at = [...path, "track", index];
    const named = OF_TRACK.filter((key) => track[key] !== undefined);
    if (named.length !== 1) {
      const found = named.length === 0 ? "none" : named.join(" and ");
      report.fault(at, `one of ${OF_TRACK.join(", ")}`, "", found);
      continue;
    }
    if (track.channel !== undefined) {
      report.require([...at, "channel"], "a channel or a port", track.channel, channels);
    }
    if (track.port !== undefined) {
      report.require([...at, "port"], "a port", track.port, report.names("ports"));
    }
    const iface = track.interface;
    if (iface === undefined) continue;
    if (track.neighbour === undefined) {
      report.fault([...at, "interface"], "neighbour beside interface");
    } else report.require([...at, "interface"], "an interface", iface, report.names("interfaces"));
  }
  const isUnused = router.tracking !== "decrement" && router.track.length === 0;
  if (isUnused && report.isWritten([...path, "tracking"])) {
    report.warn([...path, "tracking"], "track beside tracking", "there is nothing to track");
  }
}

function checkAddresses(
  config: Configuration,
  name: string,
  router: RouterSection,
  taken: Map<string, string>,
  report: Report,
): void {
  const path = ["virtual-routers", name, "addresses"];
  const { addresses, interface: iface } = router;
  if (addresses.length === 0 && !report.isWritten([...path, 0])) {
    report.fault(path, "at least one address", "", "none");
    return;
  }
  const isOwner = router.protocol === "vrrp" && router.priority === 255;
  const own = config.interfaces[iface]?.addresses ?? [];
  for (const [index, address] of addresses.entries()) {
    const at = [...path, index];
    const text = textOf(address);
    const other = taken.get(`${iface} ${text}`);
    if (other !== undefined)
      report.fault(at, "an address of one virtual router", `${other} has it`);
    taken.set(`${iface} ${text}`, name);
    const isOwn = own.some((one) => textOf(one) === text);
    const isOwnLinkLocal = address.ipv6 !== undefined && isLinkLocal(address.ipv6);
    if (isOwner && !isOwn && !isOwnLinkLocal) {
      const hint = `priority 255 says so (RFC 9568 6.1): give ${iface} the address, or write 254`;
      report.fault(at, "an address of the interface itself", hint);
    } else if (!isOwner && isOwn) {
      const hint = "write priority: 255 for the owner of an address, or take it off the interface";
      report.fault(at, "an address that no interface has", hint);
    } else if (!isOwner && !isWithinAny(address, own)) {
      report.fault(at, `an address in a subnet of ${iface}`, subnetsOf(own));
    }
  }
  checkFamilies(router, path, report);
}

function isWithinAny(
  address: Address,
  own: Configuration["interfaces"][string]["addresses"],
): boolean {
  if (address.ipv6 !== undefined && isLinkLocal(address.ipv6)) return true;
  return own.some((one) => {
    if (address.ipv4 !== undefined) {
      return one.ipv4 !== undefined && isWithin(address.ipv4, one.ipv4, one.length);
    }
    return one.ipv6 !== undefined && isWithin6(address.ipv6, one.ipv6, one.length);
  });
}

const subnetsOf = (own: Configuration["interfaces"][string]["addresses"]): string =>
  own.length === 0
    ? "it has no address"
    : `it has ${own.map((one) => `${textOf(one)}/${one.length}`).join(", ")}`;

function checkFamilies(router: RouterSection, path: Path, report: Report): void {
  const six = router.addresses.flatMap(({ ipv6 }) => (ipv6 === undefined ? [] : [ipv6]));
  const count = router.addresses.length - six.length;
  if (six.length > MAX_ADDRESSES || count > MAX_ADDRESSES) {
    const found = String(Math.max(count, six.length));
    report.fault(path, `at most ${MAX_ADDRESSES} addresses of a family`, "", found);
  }
  if (six.length === 0) return;
  const version = router.protocol === "carp" ? 2 : router.version;
  const least = router.protocol === "vrrp" ? 3 : 2;
  if (version < least) {
    const hint = `version ${version} speaks IPv4 alone: write version: ${least}`;
    report.fault(path, "IPv4 addresses", hint, "IPv6 addresses");
  } else if (router.protocol === "vrrp" && !six.some(isLinkLocal)) {
    const hint = `RFC 9568 5.2.9 has it first: add fe80::${router.vrid.toString(16)} on all its routers`;
    report.fault(path, "a link-local address beside the others", hint, "none");
  }
}
