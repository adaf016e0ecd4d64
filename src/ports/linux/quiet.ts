// What this kernel must not do with the frames of an interface whose traffic the appliance switches. A packet socket
// gets a copy: the kernel sees each frame as well. It would answer ARP for the addresses of its other interfaces, a TAP
// of ours among them (ip-sysctl: arp_ignore), and route what is sent to the interface's MAC a second time. Held while
// the port is open, and then put back.

import { readFileSync, writeFileSync } from "node:fs";

/** Of net.ipv4.conf.INTERFACE: "8 - do not reply for all local addresses"; "forwarding - Enable IP forwarding". */
const HELD = { arp_ignore: "8", forwarding: "0" } as const;

export class Quiet {
  readonly #interface: string;
  /** What the kernel had, by setting. */
  readonly #before: Map<string, string> = new Map();

  constructor(name: string) {
    this.#interface = name;
  }

  /** Holds every setting. Gives the commands for those that the system does not let us hold; often none. */
  hold(): string[] {
    const missing: string[] = [];
    for (const [setting, value] of Object.entries(HELD)) {
      const path = this.#pathOf(setting);
      try {
        const before = readFileSync(path, "latin1").trim();
        if (before === value) continue;
        writeFileSync(path, value);
        if (!this.#before.has(setting)) this.#before.set(setting, before);
      } catch {
        missing.push(`sysctl net.ipv4.conf.${this.#interface}.${setting}=${value}`);
      }
    }
    return missing;
  }

  /** What was there before, one more than each setting's number; 0 = not changed. For a thread that follows. */
  get held(): number[] {
    return Object.keys(HELD).map((setting) => {
      const before = this.#before.get(setting);
      return before === undefined ? 0 : Number(before) + 1;
    });
  }

  /** Goes on for a thread that is gone: takes over what its `held` was. */
  adopt(...held: readonly number[]): void {
    for (const [n, setting] of Object.keys(HELD).entries()) {
      const before = held[n] ?? 0;
      if (before > 0) this.#before.set(setting, String(before - 1));
    }
  }

  /** Puts back what was there before, as far as the interface still exists. */
  release(): void {
    for (const [setting, value] of this.#before) {
      try {
        writeFileSync(this.#pathOf(setting), value);
      } catch {
        // The interface is gone, and its settings with it.
      }
    }
    this.#before.clear();
  }

  #pathOf(setting: string): string {
    return `/proc/sys/net/ipv4/conf/${this.#interface}/${setting}`;
  }
}
