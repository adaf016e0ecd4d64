// Routers that stand and fall together: a configured group, and the two families of one router when they share fate.
// The group is held down while one of them may not run; it goes Active only when none of them hears a router that
// must win.

import type { Machine } from "./machine.ts";

/** The group of a machine; "" = none. Names of files hold no zero byte. */
export function groupOf({ config }: Machine): string {
  if (config.group !== "") return config.group;
  const both = config.addresses.length > 0 && config.addresses6.length > 0;
  return both && config.shareFate ? `\0${config.name}` : "";
}

export class Groups {
  /** By machine's index: all of its group, itself too. */
  readonly #members: (readonly Machine[])[] = [];

  constructor(machines: readonly Machine[]) {
    const byName = new Map<string, Machine[]>();
    for (const machine of machines) {
      const name = groupOf(machine);
      const members = name === "" ? [] : (byName.get(name) ?? []);
      members.push(machine);
      if (name !== "") byName.set(name, members);
      this.#members[machine.index] = members;
    }
  }

  /** All of a machine's group, itself too. */
  members(machine: Machine): readonly Machine[] {
    return this.#members[machine.index] ?? [machine];
  }
}
