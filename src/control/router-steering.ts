// Where advertisements of virtual routers go: to the link master, whose machines they are for (VR-2), so that one which
// says nothing new costs no message. They stand before the user's rules, as those for ARP and LACP do, and only while a
// router of their protocol is configured: every rule costs a nanosecond a frame.

import { Role } from "../engine/role.ts";
import type { AddressMatch, RuleConfig } from "../steering/config.ts";
import * as hsrp from "../wire/hsrp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as vrrp from "../wire/vrrp.ts";
import type { Configuration } from "./configuration.ts";

const role = Role.Link;
const { Udp } = ipv4.Protocol;
const to4 = (group: number): AddressMatch => ({ ipv4: group, length: 32 });
const to6 = (group: typeof hsrp.GROUP6): AddressMatch => ({ ipv6: group, length: 128 });

/** Rules for the protocols that the file's virtual routers speak. */
export function routerRules(file: Configuration): RuleConfig[] {
  const routers = Object.values(file["virtual-routers"]);
  const isSpoken = (...protocols: string[]): boolean =>
    routers.some(({ protocol }) => protocols.includes(protocol));
  const rules: RuleConfig[] = [];
  if (isSpoken("vrrp", "carp")) rules.push({ protocol: vrrp.PROTOCOL, role });
  if (isSpoken("hsrp")) {
    const destinationPort = hsrp.PORT;
    for (const group of [hsrp.GROUP_V1, hsrp.GROUP_V2]) {
      rules.push({ protocol: Udp, destination: to4(group), destinationPort, role });
    }
    const six = { destination: to6(hsrp.GROUP6), destinationPort: hsrp.PORT6 };
    rules.push({ protocol: Udp, ...six, role });
  }
  return rules;
}
