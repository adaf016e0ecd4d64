// What an operator may change about IPv6 neighbours while the appliance runs.

import type { Ipv6Words } from "../engine/ipv6.ts";
import { Role } from "../engine/role.ts";
import { formatIpv6, formatMac, parseIpv6 } from "../wire/text.ts";
import { type Done, invalid, only, stationOf, type Words } from "./actions.ts";
import type { Appliance, CoreCommand } from "./appliance-port.ts";
import { ControlError } from "./errors.ts";
import { isWithin6 } from "./network.ts";

const counted = (count: number): string => (count === 1 ? "1 entry" : `${count} entries`);

export class NdActions {
  readonly #appliance: Appliance;

  constructor(appliance: Appliance) {
    this.#appliance = appliance;
  }

  /** `add nd ADDRESS MAC --interface I`. */
  async add(words: Words): Promise<Done> {
    only(words, ["address", "mac", "interface"]);
    const address = ipv6Of(words);
    const mac = stationOf(words);
    const iface = this.#interfaceOf(words, address);
    const count = await this.#command({ kind: "nd-add", interface: iface, address, mac });
    if (count === 0) {
      const what = "The neighbour table has no room for the entry";
      throw new ControlError("full", what, "all its entries are static");
    }
    const name = this.#appliance.config.common.interfaces[iface]?.name ?? "";
    const detail = `${formatIpv6(...address)} is at ${formatMac(mac)} on ${name}, static`;
    return { count, detail };
  }

  /** `rm nd ADDRESS`. */
  async remove(words: Words): Promise<Done> {
    only(words, ["address", "interface"]);
    const address = ipv6Of(words);
    const iface = this.#index(words["interface"]);
    const count = await this.#command({ kind: "nd-rm", interface: iface, address });
    if (count > 0) return { count, detail: `${formatIpv6(...address)} removed` };
    const what = `There is no neighbour ${formatIpv6(...address)}`;
    throw new ControlError("not-found", what, "show nd lists them");
  }

  /** `clear nd`: what was learned; static entries stay. */
  async clear(words: Words): Promise<Done> {
    only(words, ["address", "interface"]);
    const address = words["address"] === undefined ? null : ipv6Of(words);
    const iface = this.#index(words["interface"]);
    const count = await this.#command({ kind: "nd-clear", interface: iface, address });
    return { count, detail: `${counted(count)} cleared` };
  }

  /** `send nd`: unsolicited advertisements of own addresses. */
  async announce(words: Words): Promise<Done> {
    only(words, ["interface"]);
    const iface = this.#index(words["interface"]);
    const count = await this.#command({ kind: "nd-announce", interface: iface });
    return { count, detail: `${count} ${count === 1 ? "address" : "addresses"} announced` };
  }

  /** Any core may change a neighbour; the master is one that surely lives. */
  async #command(command: CoreCommand): Promise<number> {
    const master = this.#appliance.masters()[Role.Arp] ?? 0;
    const answer = (await this.#appliance.command(master, command)) as { count: number };
    return answer.count;
  }

  #index(name: unknown): number {
    if (name === undefined) return -1;
    const { interfaces } = this.#appliance.config.common;
    const index = interfaces.findIndex((one) => one.name !== "" && one.name === name);
    if (index >= 0) return index;
    const names = interfaces.map((one) => one.name).filter((known) => known !== "");
    const hint = names.length === 0 ? "there is none" : `there are ${names.join(", ")}`;
    throw new ControlError("not-found", `There is no interface "${String(name)}"`, hint);
  }

  /** The named interface, or the one on whose link the address is. */
  #interfaceOf(words: Words, address: Ipv6Words): number {
    const named = this.#index(words["interface"]);
    const { interfaces } = this.#appliance.config.common;
    const isLocal = address[0] >>> 22 === 0x3fa;
    const fits = interfaces.flatMap(({ ipv6 }, index) =>
      ipv6 !== undefined &&
      (isLocal || ipv6.addresses.some((own) => isWithin6(address, own.address, own.prefix)))
        ? [index]
        : [],
    );
    if (named >= 0 && fits.includes(named)) return named;
    if (named < 0 && fits.length === 1) return fits[0] as number;
    const where = named < 0 ? "an interface" : String(words["interface"]);
    const hint = named < 0 ? "write --interface NAME" : "show interfaces lists them";
    throw invalid(`${formatIpv6(...address)} is in no IPv6 prefix of ${where}`, hint);
  }
}

function ipv6Of(words: Words): Ipv6Words {
  const text = words["address"];
  const address = typeof text === "string" ? parseIpv6(text) : undefined;
  if (address === undefined)
    throw invalid(`"${String(text ?? "")}" is no IPv6 address`, "write 2001:db8::9");
  if (address[0] >>> 24 === 0xff || address.every((word) => word === 0)) {
    throw invalid(`${formatIpv6(...address)} is no neighbour's address`, "groups and :: are not");
  }
  return address;
}
