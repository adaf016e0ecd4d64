// What an operator may change about virtual routers while the appliance runs, and ask of one.

import { type Done, invalid, only, type Words } from "./actions.ts";
import type { Appliance } from "./appliance-port.ts";
import { ControlError } from "./errors.ts";

export class VrActions {
  readonly #appliance: Appliance;

  constructor(appliance: Appliance) {
    this.#appliance = appliance;
  }

  /** `set vr NAME priority N`: until the configuration says another one; `auto` takes it back. */
  async setPriority(words: Words): Promise<Done> {
    only(words, ["name", "priority"]);
    const name = this.#nameOf(words);
    const { priority: wanted } = words as { priority?: unknown };
    const text = String(wanted ?? "");
    const priority = text === "auto" ? -1 : Number(text);
    const fits = text !== "" && Number.isInteger(priority) && priority >= -1 && priority <= 254;
    if (!fits || priority === 0 || (priority < 0 && text !== "auto")) {
      // 255 is the owner's, which no operator becomes by a word; 0 says that a router gives up.
      throw invalid(`"${text}" is no priority`, "1 to 254, or auto for the configuration's");
    }
    const online = this.#appliance.cores().filter(({ state }) => state === "online");
    const command = { kind: "vr-priority", name, priority } as const;
    await Promise.all(online.map(({ core }) => this.#appliance.command(core, command)));
    const detail = priority < 0 ? "as configured again" : `${priority} until it is configured anew`;
    return { count: 1, detail: `priority of ${name}: ${detail}` };
  }

  /** `clear vmac`: what was heard; own and configured ones stay. */
  async clearVmacs(words: Words): Promise<Done> {
    only(words, ["interface", "vrid"]);
    const { interface: named, vrid: wanted } = words as { interface?: unknown; vrid?: unknown };
    const { interfaces } = this.#appliance.config.common;
    const iface = named === undefined ? -1 : interfaces.findIndex(({ name }) => name === named);
    if (named !== undefined && (iface < 0 || named === "")) {
      const known = interfaces.map(({ name }) => name).filter((name) => name !== "");
      throw new ControlError(
        "not-found",
        `There is no interface "${String(named)}"`,
        `there are ${known.join(", ")}`,
      );
    }
    const vrid = wanted === undefined ? -1 : Number(wanted);
    if (!Number.isInteger(vrid) || vrid < -1 || vrid > 4095) {
      throw invalid(`"${String(wanted)}" is no VRID`, "0 to 4095");
    }
    const [first] = this.#appliance.cores().filter(({ state }) => state === "online");
    if (first === undefined) {
      throw new ControlError(
        "core-not-online",
        "No core is online",
        "show cores tells their states",
      );
    }
    const command = { kind: "vmac-clear", interface: iface, vrid } as const;
    const { count } = await this.#appliance.command(first.core, command);
    return { count, detail: `${count} ${count === 1 ? "entry" : "entries"} cleared` };
  }

  #nameOf(words: Words): string {
    const { name } = words as { name?: unknown };
    const routers = this.#appliance.config.vr?.routers ?? [];
    if (routers.some((router) => router.name === name)) return String(name);
    const hint =
      routers.length === 0
        ? "none is configured"
        : `there are ${routers.map((router) => router.name).join(", ")}`;
    throw new ControlError("not-found", `There is no virtual router "${String(name)}"`, hint);
  }
}
