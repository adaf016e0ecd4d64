// What an operator may change while the appliance runs: static and learned ARP entries, stations of the bridges,
// announcements, and a ping from the appliance. Checks the words, finds the core that must do it, and says what was
// done.

import { Role } from "../engine/role.ts";
import type { Ipv4, Mac } from "../lib/units.ts";
import { formatIpv4, formatMac, type Ipv6, parseIpv4, parseIpv6, parseMac } from "../wire/text.ts";
import type { Appliance, PingAnswer } from "./appliance-port.ts";
import { ControlError } from "./errors.ts";
import { isWithin } from "./network.ts";
import { parseDuration } from "./words.ts";

/** What a request says, in words. */
export type Words = Readonly<Record<string, unknown>>;

/** What was done. */
export interface Done {
  /** How many entries it was. */
  readonly count: number;
  /** One sentence for people. */
  readonly detail: string;
}

const done = (count: number, detail: string): Done => ({ count, detail });
const entries = (count: number): string => (count === 1 ? "1 entry" : `${count} entries`);

export class Actions {
  readonly #appliance: Appliance;

  constructor(appliance: Appliance) {
    this.#appliance = appliance;
  }

  /** `add arp IP MAC --interface I`. */
  async addArp(words: Words): Promise<Done> {
    only(words, ["address", "mac", "interface"]);
    const address = ipv4Of(words);
    const mac = stationOf(words);
    const iface = this.#interfaceOf(words, address);
    const { common } = this.#appliance.config;
    const own = common.interfaces.flatMap(({ addresses }) => addresses);
    if (own.some((one) => one.address === address)) {
      throw invalid(`${formatIpv4(address)} is the appliance's own address`, "name a neighbour's");
    }
    const { count } = await this.#master({ kind: "arp-add", interface: iface, address, mac });
    const name = common.interfaces[iface]?.name ?? "";
    return done(count, `${formatIpv4(address)} is at ${formatMac(mac)} on ${name}, static`);
  }

  /** `rm arp IP`. */
  async removeArp(words: Words): Promise<Done> {
    only(words, ["address", "interface"]);
    const address = ipv4Of(words);
    const iface = this.#index("interface", words["interface"]);
    const { count } = await this.#master({ kind: "arp-rm", interface: iface, address });
    if (count > 0) return done(count, `${formatIpv4(address)} removed`);
    throw new ControlError(
      "not-found",
      `There is no ARP entry of ${formatIpv4(address)}`,
      "show arp lists them",
    );
  }

  /** `clear arp`: what was learned; static entries stay. */
  async clearArp(words: Words): Promise<Done> {
    only(words, ["address", "interface"]);
    const address = words["address"] === undefined ? -1 : ipv4Of(words);
    const iface = this.#index("interface", words["interface"]);
    const { count } = await this.#master({ kind: "arp-clear", interface: iface, address });
    return done(count, `${entries(count)} cleared`);
  }

  /** `send arp IP` or `send arp --all`: gratuitous announcements of own addresses. */
  async announce(words: Words): Promise<Done> {
    only(words, ["address", "all"]);
    const all = words["all"] === true || words["all"] === "true";
    if (all === (words["address"] !== undefined)) {
      throw invalid("Either one address or all", "send arp IP, or send arp --all");
    }
    const address = all ? -1 : ipv4Of(words);
    const { count } = await this.#master({ kind: "arp-announce", address });
    if (count === 0 && !all) {
      const hint = "show interfaces lists the appliance's own addresses";
      throw new ControlError(
        "not-found",
        `${formatIpv4(address)} is no address of this appliance`,
        hint,
      );
    }
    return done(count, `${count} ${count === 1 ? "address" : "addresses"} announced`);
  }

  /** `add bridge MAC --vlan N --channel C`: on every core, since nobody tells the others of static stations. */
  async addStation(words: Words): Promise<Done> {
    only(words, ["mac", "vlan", "channel", "bridge"]);
    const mac = stationOf(words);
    const bridge = this.#bridgeOf(words);
    const vlan = vlanOf(words, 1);
    const channel = this.#index("channel", words["channel"]);
    if (channel < 0) throw invalid("A static station needs a channel", "write --channel NAME");
    const { bridging, common } = this.#appliance.config;
    const { name, channels } = bridging.bridges[bridge] ?? { name: "", channels: [] };
    const member = channels.find((one) => one.channel === channel);
    const place = common.channels[channel]?.name ?? "";
    if (member === undefined)
      throw invalid(`${place} is no channel of ${name}`, "show vlans lists them");
    const carried =
      member.mode === "access"
        ? member.accessVlan === vlan
        : member.nativeVlan === vlan ||
          member.trunkVlans.some(([from, to]) => vlan >= from && vlan <= to);
    if (!carried)
      throw invalid(`${place} does not carry VLAN ${vlan}`, "show vlans lists what it carries");
    const counts = await this.#all({ kind: "bridge-add", bridge, mac, vlan, channel });
    if (counts.some((count) => count === 0)) {
      throw new ControlError(
        "full",
        "A core has no room for the station",
        "its probe window is full of static ones",
      );
    }
    return done(1, `${formatMac(mac)} in VLAN ${vlan} is on ${place}, static`);
  }

  /** `rm bridge MAC --vlan N`. */
  async removeStation(words: Words): Promise<Done> {
    only(words, ["mac", "vlan", "bridge"]);
    const mac = stationOf(words);
    const bridge = this.#bridgeOf(words);
    const vlan = vlanOf(words, 1);
    const counts = await this.#all({ kind: "bridge-rm", bridge, mac, vlan });
    if (counts.some((count) => count > 0))
      return done(1, `${formatMac(mac)} in VLAN ${vlan} removed`);
    const what = `There is no static station ${formatMac(mac)} in VLAN ${vlan}`;
    throw new ControlError("not-found", what, "clear bridge flushes learned ones");
  }

  /** `clear bridge`: what was learned; static stations stay. */
  async clearStations(words: Words): Promise<Done> {
    only(words, ["mac", "vlan", "bridge", "channel"]);
    const command = {
      kind: "bridge-clear",
      bridge: this.#index("bridge", words["bridge"]),
      mac: words["mac"] === undefined ? -1 : stationOf(words),
      vlan: words["vlan"] === undefined ? 0 : vlanOf(words, 0),
      channel: this.#index("channel", words["channel"]),
    } as const;
    const { count } = await this.#appliance.command(this.#anyCore(), command);
    return done(count, `${entries(count)} cleared`);
  }

  /** `clear stp`: opens what BPDU guard shut, and looks for RSTP neighbours anew. */
  async clearStp(words: Words): Promise<Done> {
    only(words, ["channel"]);
    const channel = this.#index("channel", words["channel"]);
    const counts = await this.#all({ kind: "stp-clear", channel });
    const count = Math.max(...counts);
    if (count === 0 && channel >= 0) {
      throw invalid(`No spanning tree runs on ${words["channel"]}`, "show stp lists its channels");
    }
    return done(count, `${count} ${count === 1 ? "channel" : "channels"} cleared`);
  }

  /** `send ping IP`. */
  async ping(words: Words): Promise<PingAnswer> {
    only(words, ["address", "size", "timeout"]);
    const target = this.#targetOf(words);
    const size = Number(words["size"] ?? 56);
    // A payload that fits one frame of MTU 1500.
    const most = typeof target.address === "number" ? 1472 : 1452;
    if (!Number.isInteger(size) || size < 0 || size > most)
      throw invalid(`A size is 0 to ${most} bytes`, "");
    const timeoutMs = parseDuration(words["timeout"] ?? "1s");
    if (timeoutMs === undefined || timeoutMs < 1 || timeoutMs > 60_000) {
      throw invalid("A timeout is a duration up to 60s", "write 500ms or 2s");
    }
    return this.#appliance.command(this.#anyCore(), { kind: "ping", ...target, size, timeoutMs });
  }

  /** An address of either family; a link-local one names its interface: fe80::9%lan. */
  #targetOf(words: Words): { address: Ipv4 | Ipv6; interface?: number } {
    const text = words["address"];
    const [address, zone] = typeof text === "string" ? text.split("%") : [];
    const ipv6 = address === undefined ? undefined : parseIpv6(address);
    if (ipv6 === undefined) return { address: ipv4Of(words) };
    if (zone !== undefined) return { address: ipv6, interface: this.#index("interface", zone) };
    if (ipv6[0] >>> 22 !== 0x3fa && ipv6[0] >>> 24 !== 0xff) return { address: ipv6 };
    throw invalid(`${address} is an address of each link`, `write ${address}%INTERFACE`);
  }

  #master(command: Parameters<Appliance["command"]>[1]): Promise<{ count: number }> {
    const master = this.#appliance.masters()[Role.Arp] ?? 0;
    return this.#appliance.command(master, command) as Promise<{ count: number }>;
  }

  async #all(command: Parameters<Appliance["command"]>[1]): Promise<number[]> {
    const answers = await Promise.all(
      this.#online().map(
        (core) => this.#appliance.command(core, command) as Promise<{ count: number }>,
      ),
    );
    return answers.map(({ count }) => count);
  }

  #online(): number[] {
    const online = this.#appliance.cores().filter(({ state }) => state === "online");
    if (online.length > 0) return online.map(({ core }) => core);
    throw new ControlError("core-not-online", "No core is online", "show cores tells their states");
  }

  #anyCore(): number {
    return this.#online()[0] as number;
  }

  /** The number of a named thing; -1 when no name is given. */
  #index(kind: "interface" | "channel" | "bridge", name: unknown): number {
    if (name === undefined) return -1;
    const { common, bridging } = this.#appliance.config;
    const things = {
      interface: common.interfaces,
      channel: common.channels,
      bridge: bridging.bridges,
    }[kind];
    const index = name === "" ? -1 : things.findIndex((thing) => thing.name === name);
    if (index >= 0) return index;
    const names = things.map((thing) => thing.name).filter((known) => known !== "");
    const hint = names.length === 0 ? "there is none" : `there are ${names.join(", ")}`;
    throw new ControlError("not-found", `There is no ${kind} "${String(name)}"`, hint);
  }

  /** The named interface, or the one whose subnet holds the address. */
  #interfaceOf(words: Words, address: Ipv4): number {
    const named = this.#index("interface", words["interface"]);
    const { interfaces } = this.#appliance.config.common;
    const fits = interfaces.flatMap(({ addresses }, index) =>
      addresses.some((own) => isWithin(address, own.address, own.prefix)) ? [index] : [],
    );
    if (named >= 0) {
      if (fits.includes(named)) return named;
      throw invalid(
        `${formatIpv4(address)} is in no subnet of ${words["interface"]}`,
        "show interfaces lists them",
      );
    }
    if (fits.length === 1) return fits[0] as number;
    throw invalid(
      `${formatIpv4(address)} is in no subnet of an interface`,
      "write --interface NAME",
    );
  }

  #bridgeOf(words: Words): number {
    const named = this.#index("bridge", words["bridge"]);
    if (named >= 0) return named;
    const bridges = this.#appliance.config.bridging.bridges.flatMap(({ name }, index) =>
      name === "" ? [] : [index],
    );
    if (bridges.length === 1) return bridges[0] as number;
    throw invalid(
      bridges.length === 0 ? "There is no bridge" : "There are several bridges",
      "write --bridge NAME",
    );
  }
}

export const invalid = (what: string, hint: string): ControlError =>
  new ControlError("value-invalid", what, hint);

/** Refuses words that the action does not know: a misspelt filter must not clear everything. */
export function only(words: Words, known: readonly string[]): void {
  const stranger = Object.keys(words).find((word) => !known.includes(word));
  if (stranger !== undefined)
    throw invalid(`"${stranger}" is not known here`, `there are ${known.join(", ")}`);
}

function ipv4Of(words: Words): Ipv4 {
  const text = words["address"];
  const address = typeof text === "string" ? parseIpv4(text) : undefined;
  if (address === undefined)
    throw invalid(`"${String(text ?? "")}" is no IPv4 address`, "write 192.0.2.9");
  return address;
}

export function stationOf(words: Words): Mac {
  const text = words["mac"];
  const mac = typeof text === "string" ? parseMac(text) : undefined;
  if (mac === undefined)
    throw invalid(`"${String(text ?? "")}" is no MAC address`, "write 02:00:00:00:00:09");
  if (mac === 0 || Math.floor(mac / 2 ** 40) % 2 === 1) {
    throw invalid(`${formatMac(mac)} is no station's address`, "group addresses and zero are not");
  }
  return mac;
}

function vlanOf(words: Words, fallback: number): number {
  const vlan = Number(words["vlan"] ?? fallback);
  if (Number.isInteger(vlan) && vlan >= 1 && vlan <= 4094) return vlan;
  throw invalid(`"${String(words["vlan"])}" is no VLAN`, "1 to 4094");
}
