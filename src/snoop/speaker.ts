// Writes the own querier's queries and sends them into VLANs. Their source is the appliance's interface on the VLAN,
// where there is one.

import type { CommonConfig, InterfaceConfig } from "../engine/config.ts";
import type { GroupPorts } from "../engine/groups.ts";
import type { Out } from "../engine/out.ts";
import type { ChannelId, Mac, Millis } from "../lib/units.ts";
import * as igmp from "../wire/igmp.ts";
import * as mld from "../wire/mld.ts";
import type { SnoopBridgeConfig } from "./config.ts";
import { type Address, type Domain, NOBODY } from "./domain.ts";
import { bridgeOf, Family, familyOf, vlanOf } from "./table.ts";

const HIGH = 0x1_0000_0000;

/** fe80:: with the modified EUI-64 of a MAC (RFC 4291 appendix A). */
export function linkLocal(mac: Mac): Address {
  const high = Math.floor(mac / HIGH);
  const low = mac % HIGH;
  return [
    0xfe800000,
    0,
    (((high ^ 0x0200) << 16) | ((low >>> 24) << 8) | 0xff) >>> 0,
    (0xfe000000 | (low & 0xffffff)) >>> 0,
  ];
}

export class Speaker {
  /** Queries sent. */
  queries = 0;
  readonly #out: Out;
  readonly #ports: GroupPorts;
  #interfaces: readonly InterfaceConfig[];

  constructor(out: Out, ports: GroupPorts, common: CommonConfig) {
    this.#out = out;
    this.#ports = ports;
    this.#interfaces = common.interfaces;
  }

  configure(common: CommonConfig): void {
    this.#interfaces = common.interfaces;
  }

  #interface(scope: number): InterfaceConfig | undefined {
    const bridge = bridgeOf(scope);
    const vlan = vlanOf(scope);
    return this.#interfaces.find((one) => one.bridge === bridge && one.vlan === vlan);
  }

  #mac(scope: number, config: SnoopBridgeConfig): Mac {
    return this.#interface(scope)?.mac ?? config.mac;
  }

  /** The own querier's address on a VLAN. */
  address(scope: number, config: SnoopBridgeConfig): Address {
    if (familyOf(scope) === Family.Ipv6) return linkLocal(this.#mac(scope, config));
    const own = this.#interface(scope)?.addresses[0]?.address ?? config.querier?.address ?? 0;
    return own === 0 ? NOBODY : [0, 0, 0, own];
  }

  /** Asks for one group, or (NOBODY) for all, in the whole VLAN or on one channel. */
  query(domain: Domain, group: Address, channel: ChannelId | -1, delay: Millis): void {
    const { config, scope } = domain;
    if (config.querier === null) return;
    const isIpv6 = familyOf(scope) === Family.Ipv6;
    const start = this.#out.scratch(isIpv6 ? mld.QUERY_ROOM : igmp.FRAME_ROOM);
    if (start < 0) return;
    const { view } = this.#out;
    const mac = this.#mac(scope, config);
    const query = {
      version: isIpv6 ? config.querier.mldVersion : config.querier.igmpVersion,
      responseDelay: delay,
      suppresses: false,
      robustness: config.robustness,
      interval: config.queryInterval / 1000,
    };
    const end = isIpv6
      ? mld.writeQuery(view, start, mac, domain.own, group, query)
      : igmp.writeQuery(view, start, mac, domain.own[3], group[3] >>> 0, query);
    this.queries++;
    this.#ports.sendInto(bridgeOf(scope), vlanOf(scope), channel, start, end);
  }
}
