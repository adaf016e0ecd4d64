// What an operator may change of snooping and protection: take groups away, open channels that were shut.

import { Role } from "../engine/role.ts";
import { parseIpv4, parseIpv6 } from "../wire/text.ts";
import { type Done, invalid, only, type Words } from "./actions.ts";
import type { Appliance } from "./appliance-port.ts";
import { ControlError } from "./errors.ts";

export class GroupActions {
  readonly #appliance: Appliance;

  constructor(appliance: Appliance) {
    this.#appliance = appliance;
  }

  /** `clear groups`: who wants a group says so again at the next query. */
  async clearGroups(words: Words): Promise<Done> {
    only(words, ["address", "vlan", "bridge"]);
    const vlan = Number(words["vlan"] ?? 0);
    if (!Number.isInteger(vlan) || vlan < 0 || vlan > 4094) {
      throw invalid(`"${String(words["vlan"])}" is no VLAN`, "1 to 4094");
    }
    const master = this.#appliance.masters()[Role.Link] ?? 0;
    const { count } = (await this.#appliance.command(master, {
      kind: "groups-clear",
      bridge: this.#index("bridge", words["bridge"]),
      vlan,
      group: groupOf(words["address"]),
    })) as { count: number };
    return { count, detail: `${count} ${count === 1 ? "group" : "groups"} cleared` };
  }

  /** `clear shut`: opens what loop detection, storm control or a limit of stations shut. */
  async clearShut(words: Words): Promise<Done> {
    only(words, ["channel"]);
    const channel = this.#index("channel", words["channel"]);
    const core = this.#appliance.cores().find(({ state }) => state === "online")?.core;
    if (core === undefined) {
      throw new ControlError(
        "core-not-online",
        "No core is online",
        "show cores tells their states",
      );
    }
    const { count } = (await this.#appliance.command(core, { kind: "shut-clear", channel })) as {
      count: number;
    };
    return { count, detail: `${count} ${count === 1 ? "channel" : "channels"} opened` };
  }

  /** The number of a named thing; -1 when no name is given. */
  #index(kind: "bridge" | "channel", name: unknown): number {
    if (name === undefined) return -1;
    const { common, bridging } = this.#appliance.config;
    const things = kind === "bridge" ? bridging.bridges : common.channels;
    const index = name === "" ? -1 : things.findIndex((thing) => thing.name === name);
    if (index >= 0) return index;
    const names = things.map((thing) => thing.name).filter((known) => known !== "");
    const hint = names.length === 0 ? "there is none" : `there are ${names.join(", ")}`;
    throw new ControlError("not-found", `There is no ${kind} "${String(name)}"`, hint);
  }
}

/** A group in words as four words; null = any. */
function groupOf(text: unknown): readonly number[] | null {
  if (text === undefined) return null;
  const ipv4 = typeof text === "string" ? parseIpv4(text) : undefined;
  if (ipv4 !== undefined && ipv4 >>> 28 === 14) return [0, 0, 0, ipv4];
  const ipv6 = typeof text === "string" ? parseIpv6(text) : undefined;
  if (ipv6 !== undefined && ipv6[0] >>> 24 === 0xff) return ipv6;
  throw invalid(`"${String(text)}" is no group`, "write 239.1.2.3 or ff15::1");
}
