// The checks of IPv6 addresses: what an interface may have, routes whose next hop is on link,
// neighbours that lie in a subnet of their interface. What both families share is checked in
// addressing.ts.

import { MIN_MTU } from "../host/pmtu6.ts";
import { formatIpv6, type Ipv6 } from "../wire/text.ts";
import type { Configuration, RouteSection } from "./configuration.ts";
import { isWithin6, network6Of } from "./network.ts";
import type { Report } from "./report.ts";

interface Subnet6 {
  readonly iface: string;
  readonly address: Ipv6;
  readonly length: number;
}

const textOf = (address: Ipv6): string => formatIpv6(...address);
const networkText = (address: Ipv6, length: number): string =>
  `${textOf(network6Of(address, length))}/${length}`;
const isLinkLocal = (address: Ipv6): boolean => address[0] >>> 22 === 0x3fa;

/** Checks interfaces' IPv6 addresses, routes and static neighbours. */
export function checkAddressing6(config: Configuration, report: Report): void {
  const subnets = checkAddresses(config, report);
  const networks = new Map<string, number>();
  for (const [index, route] of config.routes.entries()) {
    const { ipv6, length } = route.to;
    if (ipv6 === undefined) continue;
    checkRoute(route, ipv6, index, subnets, report);
    const network = networkText(ipv6, length);
    const other = networks.get(network);
    if (other !== undefined) {
      const hint = `${report.name(["routes", other])} goes there too`;
      report.fault(["routes", index, "to"], "each destination once", hint);
    }
    networks.set(network, index);
  }
  checkNeighbours(config, subnets, report);
}

/** Why an IPv6 address cannot be a station's; "" when it can. */
export function unusable6(address: Ipv6): string {
  const [a, b, c, d] = address;
  if (a >>> 24 === 0xff) return "addresses of ff00::/8 are groups (RFC 4291)";
  if (a !== 0 || b !== 0) return "";
  if (c === 0xffff) return "addresses of ::ffff:0:0/96 are on no wire (RFC 6890)";
  if (c !== 0) return "";
  if (d === 0) return "this is no address (RFC 4291)";
  return d === 1 ? "::1 never leaves a host (RFC 4291)" : "";
}

function checkAddresses(config: Configuration, report: Report): Subnet6[] {
  const subnets: Subnet6[] = [];
  for (const [iface, section] of Object.entries(config.interfaces)) {
    for (const [index, { ipv6, length }] of section.addresses.entries()) {
      if (ipv6 === undefined) continue;
      const path = ["interfaces", iface, "addresses", index];
      const reason = unusable6(ipv6);
      if (reason !== "") report.fault(path, "an address that a station may have", reason);
      checkSubnet(path, { iface, address: ipv6, length }, subnets, report);
      subnets.push({ iface, address: ipv6, length });
    }
    const speaks = section.addresses.some(({ ipv6 }) => ipv6 !== undefined);
    if (speaks && section.mtu !== undefined && section.mtu < MIN_MTU) {
      const hint = "every link that carries IPv6 has at least that (RFC 8200)";
      report.fault(["interfaces", iface, "mtu"], `an MTU of ${MIN_MTU} or more`, hint);
    }
  }
  return subnets;
}

function checkSubnet(
  path: (string | number)[],
  own: Subnet6,
  subnets: readonly Subnet6[],
  report: Report,
): void {
  const { iface, address, length } = own;
  const isScoped = isLinkLocal(address);
  const same = subnets.find(
    (subnet) => textOf(subnet.address) === textOf(address) && (!isScoped || subnet.iface === iface),
  );
  if (same !== undefined) {
    report.fault(path, "an address that no interface has yet", `${same.iface} has it`);
    return;
  }
  const net = subnets.find(
    (subnet) =>
      subnet.iface !== iface &&
      subnet.length === length &&
      isWithin6(address, subnet.address, length),
  );
  if (net === undefined || isScoped) return;
  const hint = `${net.iface} is in the same subnet; one subnet lies behind one interface`;
  report.fault(path, "a subnet of its own for each interface", hint);
}

function checkRoute(
  route: RouteSection,
  to: Ipv6,
  index: number,
  subnets: readonly Subnet6[],
  report: Report,
): void {
  const path = ["routes", index];
  const { length } = route.to;
  if (textOf(network6Of(to, length)) !== textOf(to)) {
    const hint = `write ${networkText(to, length)}`;
    report.fault([...path, "to"], "a network: no bits set behind the prefix", hint);
  }
  if (to[0] >>> 24 === 0xff || (isLinkLocal(to) && length >= 10)) {
    const hint = "groups and link-local addresses belong to one link";
    report.fault([...path, "to"], "addresses that can be routed", hint);
  }
  const hop = route.via?.ipv6;
  if (route.kind !== "unicast" || hop === undefined) return;
  const at = [...path, "via"];
  const reason = unusable6(hop);
  if (reason !== "") report.fault(at, "another router's address", reason);
  else if (subnets.some((subnet) => textOf(subnet.address) === textOf(hop))) {
    report.fault(at, "another router's address", "this address is the appliance's own");
  } else if (isLinkLocal(hop)) {
    if (route.interface !== undefined) return;
    const hint = "a link-local address is one of a link: say interface, too";
    report.fault(at, "a next hop and its interface", hint);
  } else checkOnLink(route, hop, at, subnets, report);
}

function checkOnLink(
  route: RouteSection,
  hop: Ipv6,
  path: (string | number)[],
  subnets: readonly Subnet6[],
  report: Report,
): void {
  const isOnLink = subnets.some(
    (subnet) =>
      isWithin6(hop, subnet.address, subnet.length) &&
      (route.interface === undefined || subnet.iface === route.interface),
  );
  if (isOnLink) return;
  const list = [...new Set(subnets.map(({ address, length }) => networkText(address, length)))];
  const hint =
    list.length === 0
      ? "no interface has an IPv6 address"
      : `the subnets are ${list.slice(0, 8).join(", ")}`;
  report.fault(path, `an address in a subnet of ${route.interface ?? "an interface"}`, hint);
}

function checkNeighbours(config: Configuration, subnets: readonly Subnet6[], report: Report): void {
  const seen = new Set<string>();
  for (const [index, neighbour] of config.neighbours.static.entries()) {
    const { interface: iface, address } = neighbour;
    if (address.ipv6 === undefined || config.interfaces[iface] === undefined) continue;
    const { ipv6 } = address;
    const path = ["neighbours", "static", index, "address"];
    const key = `${iface} ${textOf(ipv6)}`;
    if (seen.has(key)) report.fault(path, "each neighbour once");
    seen.add(key);
    if (subnets.some((subnet) => textOf(subnet.address) === textOf(ipv6))) {
      report.fault(path, "a neighbour's address", "this one is the appliance's own");
      continue;
    }
    const isOnLink =
      isLinkLocal(ipv6) ||
      subnets.some(
        (subnet) => subnet.iface === iface && isWithin6(ipv6, subnet.address, subnet.length),
      );
    if (!isOnLink) report.fault(path, `an address in a subnet of ${iface}`);
  }
}
