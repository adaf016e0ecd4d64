// What this machine has: the kernel's interfaces with their MACs, MTUs and addresses. The answers are of the moment.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import type { Mac } from "../lib/units.ts";
import { Interface } from "../ports/linux/interface.ts";
import type { KernelLink, Machine } from "./report.ts";

/** What compiling needs to know of a kernel interface. */
export interface LinkFacts {
  readonly mac: Mac;
  readonly mtu: number;
}

/** The names of the kernel's interfaces in our network namespace. */
function linkNames(): string[] {
  const lines = readFileSync("/proc/thread-self/net/dev", "latin1").split("\n").slice(2);
  return lines.map((line) => line.split(":")[0]?.trim() ?? "").filter((name) => name !== "");
}

/** This machine. Every kernel gives each interface an IPv6 link-local address, so those do not count. */
export const thisMachine: Machine = {
  links(): ReadonlyMap<string, KernelLink> {
    const known = networkInterfaces();
    return new Map(
      linkNames().map((name) => {
        const addresses = (known[name] ?? [])
          .filter(({ address }) => !/^fe[89ab]/i.test(address))
          .map(({ cidr, address }) => cidr ?? address);
        return [name, { addresses }];
      }),
    );
  },
};

/** MAC and MTU of a kernel interface; undefined when there is none of that name. */
export function linkFacts(name: string): LinkFacts | undefined {
  const link = new Interface(name);
  try {
    return link.index() === 0 ? undefined : { mac: link.mac(), mtu: link.mtu() };
  } finally {
    link.close();
  }
}

/** A MAC that is the same at every start for one text: locally administered, unicast (IEEE 802-2014 8.4). */
export function derivedMac(text: string): Mac {
  const digest = createHash("sha256").update(text).digest();
  return (((digest[0] as number) & 0xfc) | 0x02) * 2 ** 40 + digest.readUIntBE(1, 5);
}

/** Tells this machine from others, so that the TAPs of two of them never share a MAC. */
export function machineName(): string {
  let id = "";
  try {
    id = readFileSync("/etc/machine-id", "latin1").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return `${id} ${hostname()}`;
}
