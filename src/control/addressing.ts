// The checks of IPv4 addresses: what an interface may have, routes whose next hop is on link, neighbours that lie in
// a subnet of their interface.

import type { Ipv4 } from "../lib/units.ts";
import { formatIpv4 } from "../wire/text.ts";
import { checkAddressing6 } from "./addressing6.ts";
import type { Configuration, RouteSection } from "./configuration.ts";
import { isWithin, networkOf } from "./network.ts";
import type { Report } from "./report.ts";

interface Subnet {
  readonly iface: string;
  readonly address: Ipv4;
  readonly length: number;
}

/** Checks interfaces' addresses, routes and static neighbours. */
export function checkAddressing(config: Configuration, report: Report): void {
  const subnets = checkAddresses(config, report);
  const networks = new Map<string, number>();
  for (const [index, route] of config.routes.entries()) {
    checkRoute(route, index, subnets, report);
    if (route.to.ipv4 === undefined) continue;
    const network = `${formatIpv4(networkOf(route.to.ipv4, route.to.length))}/${route.to.length}`;
    const other = networks.get(network);
    if (other !== undefined) {
      report.fault(
        ["routes", index, "to"],
        "each destination once",
        `${report.name(["routes", other])} goes there too`,
      );
    }
    networks.set(network, index);
  }
  checkNeighbours(config, subnets, report);
  checkAddressing6(config, report);
}

/** Why an IPv4 address cannot be a station's; "" when it can. */
export function unusable(address: Ipv4, length: number): string {
  const first = address >>> 24;
  if (first === 0) return "addresses of 0.0.0.0/8 mean this network (RFC 6890)";
  if (first === 127) return "addresses of 127.0.0.0/8 never leave a host (RFC 6890)";
  if (first >= 224) return "addresses from 224.0.0.0 on are no station's (RFC 5771, RFC 6890)";
  if (length > 30) return "";
  const network = networkOf(address, length);
  if (address === network) return `${formatIpv4(address)} is the network's own address`;
  const broadcast = (network | (0xffffffff >>> length)) >>> 0;
  return address === broadcast ? `${formatIpv4(address)} is the network's broadcast address` : "";
}

function checkAddresses(config: Configuration, report: Report): Subnet[] {
  const subnets: Subnet[] = [];
  for (const [iface, section] of Object.entries(config.interfaces)) {
    for (const [index, { ipv4, length }] of section.addresses.entries()) {
      if (ipv4 === undefined) continue;
      const path = ["interfaces", iface, "addresses", index];
      const reason = unusable(ipv4, length);
      if (reason !== "") report.fault(path, "an address that a station may have", reason);
      const same = subnets.find((subnet) => subnet.address === ipv4);
      const net = subnets.find(
        (subnet) =>
          subnet.iface !== iface &&
          subnet.length === length &&
          isWithin(ipv4, subnet.address, length),
      );
      if (same !== undefined) {
        report.fault(path, "an address that no interface has yet", `${same.iface} has it`);
      } else if (net !== undefined) {
        const hint = `${net.iface} is in the same subnet; one subnet lies behind one interface`;
        report.fault(path, "a subnet of its own for each interface", hint);
      }
      subnets.push({ iface, address: ipv4, length });
    }
  }
  return subnets;
}

function checkRoute(
  route: RouteSection,
  index: number,
  subnets: readonly Subnet[],
  report: Report,
): void {
  const path = ["routes", index];
  const { to, via } = route;
  if (to.ipv4 !== undefined && networkOf(to.ipv4, to.length) !== to.ipv4) {
    const hint = `write ${formatIpv4(networkOf(to.ipv4, to.length))}/${to.length}`;
    report.fault([...path, "to"], "a network: no bits set behind the prefix", hint);
  }
  const known = report.names("interfaces");
  if (
    route.interface !== undefined &&
    !report.require([...path, "interface"], "an interface", route.interface, known)
  ) {
    return;
  }
  if (route.kind !== "unicast") {
    if (via !== undefined) report.fault([...path, "via"], `no next hop on a ${route.kind} route`);
    return;
  }
  if (via === undefined) {
    const written = report.isWritten([...path, "via"]) || report.isWritten([...path, "interface"]);
    if (!written) report.fault(path, "via, the next hop, or interface", "", "neither");
    return;
  }
  if ((to.ipv4 === undefined) !== (via.ipv4 === undefined)) {
    report.fault([...path, "via"], "an address of the same family as to");
    return;
  }
  if (via.ipv4 === undefined) return;
  const hop = via.ipv4;
  if (subnets.some((subnet) => subnet.address === hop)) {
    report.fault(
      [...path, "via"],
      "another router's address",
      "this address is the appliance's own",
    );
    return;
  }
  const onLink = subnets.filter(
    (subnet) =>
      isWithin(hop, subnet.address, subnet.length) &&
      (route.interface === undefined || subnet.iface === route.interface),
  );
  if (onLink.length > 0) return;
  const where = route.interface === undefined ? "an interface" : route.interface;
  const list = new Set(
    subnets.map(({ address, length }) => `${formatIpv4(networkOf(address, length))}/${length}`),
  );
  const hint =
    list.size === 0
      ? "no interface has an IPv4 address"
      : `the subnets are ${[...list].slice(0, 8).join(", ")}`;
  report.fault([...path, "via"], `an address in a subnet of ${where}`, hint);
}

function checkNeighbours(config: Configuration, subnets: readonly Subnet[], report: Report): void {
  const seen = new Set<string>();
  for (const [index, neighbour] of config.neighbours.static.entries()) {
    const path = ["neighbours", "static", index];
    const known = report.names("interfaces");
    const { interface: iface, address } = neighbour;
    if (!report.require([...path, "interface"], "an interface", iface, known)) continue;
    if (address.ipv4 === undefined) continue;
    const ipv4 = address.ipv4;
    if (seen.has(`${iface} ${ipv4}`)) report.fault([...path, "address"], "each neighbour once");
    seen.add(`${iface} ${ipv4}`);
    const own = subnets.filter((subnet) => subnet.iface === iface);
    if (subnets.some((subnet) => subnet.address === ipv4)) {
      report.fault(
        [...path, "address"],
        "a neighbour's address",
        "this one is the appliance's own",
      );
    } else if (
      config.interfaces[iface] !== undefined &&
      !own.some((subnet) => isWithin(ipv4, subnet.address, subnet.length))
    ) {
      report.fault([...path, "address"], `an address in a subnet of ${iface}`);
    }
  }
}
