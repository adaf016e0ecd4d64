// An aggregate of Linkloom (in "sw", host h1 behind it) with another maker's switch (in "o", host h2 behind it). Each
// cable runs through a namespace in the middle, which hands every frame on, the link-local ones too, and can stop one
// direction.

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startOvs } from "./ovs.ts";
import { type Appliance, type Rig, type Started, until } from "./rig.ts";

const FLOWS = fileURLToPath(new URL("flows.ts", import.meta.url));
const PORT = 7007;
export const H1 = "10.9.0.1";
export const H2 = "10.9.0.2";

export interface FlowReport {
  readonly flows: number;
  readonly alive: number;
  readonly longestGapMs: number;
  readonly medianGapMs: number;
  readonly silenceOfAllMs: number;
}

/** What a test varies. */
export interface LacpOptions {
  readonly members: number;
  readonly cores: number;
  readonly active: boolean;
  readonly rate: "fast" | "slow";
  readonly theirs: "active" | "passive";
  readonly theirRate: "fast" | "slow";
}

/** Makes everything up to the cables; the two sides are started by the test. */
export async function makeCables(rig: Rig, members: number): Promise<void> {
  await rig.mute("o");
  await rig.host("h2");
  await rig.cable("h2", "eth0", "o", "e9");
  await edge(rig, "h2", H2);
  await makeCablesTo(rig, members, "o");
}

async function edge(rig: Rig, name: string, address: string): Promise<void> {
  await rig.address(name, "eth0", `${address}/24`);
  // A switch in user space passes unfinished checksums on as if they were finished.
  await rig.in(name, "ethtool", "-K", "eth0", "tx", "off");
}

/** Our side, and cables to another namespace, or to TAP devices that a guest takes. */
export async function makeCablesTo(rig: Rig, members: number, far: "o" | "tap"): Promise<void> {
  for (const name of ["sw", "m"]) await rig.mute(name);
  await rig.host("h1");
  await rig.cable("h1", "eth0", "sw", "p9");
  await edge(rig, "h1", H1);
  for (let n = 0; n < members; n++) {
    await rig.cable("sw", `la${n}`, "m", `a${n}`);
    if (far === "o") await rig.cable("m", `b${n}`, "o", `la${n}`);
    else {
      await rig.in("m", "ip", "tuntap", "add", "dev", `b${n}`, "mode", "tap");
      await rig.in("m", "ip", "link", "set", `b${n}`, "up", "promisc", "on");
      await rig.in("m", "ip", "link", "set", `a${n}`, "promisc", "on");
    }
    for (const end of [`a${n}`, `b${n}`])
      await rig.in("m", "tc", "qdisc", "add", "dev", end, "clsact");
    await mend(rig, n);
  }
}

async function redirect(rig: Rig, from: string, to: string): Promise<void> {
  const match = ["protocol", "all", "u32", "match", "u32", "0", "0"];
  const action = ["action", "mirred", "egress", "redirect", "dev", to];
  const place = ["dev", from, "ingress", "prio", "1", "handle", "800::800"];
  await rig.in("m", "tc", "filter", "replace", ...place, ...match, ...action);
}

/** Both directions of a cable pass again, and its ends are up. */
export async function mend(rig: Rig, member: number): Promise<void> {
  for (const end of ["a", "b"]) await rig.in("m", "ip", "link", "set", `${end}${member}`, "up");
  await redirect(rig, `a${member}`, `b${member}`);
  await redirect(rig, `b${member}`, `a${member}`);
}

/** Nothing passes towards Linkloom ("a") or from it ("b"); no link goes down. */
export async function blackhole(rig: Rig, member: number, towards: "a" | "b"): Promise<void> {
  const from = towards === "a" ? "b" : "a";
  await rig.in("m", "tc", "filter", "del", "dev", `${from}${member}`, "ingress");
}

/** Both ends lose their link. */
export async function unplug(rig: Rig, member: number): Promise<void> {
  for (const end of ["a", "b"]) await rig.in("m", "ip", "link", "set", `${end}${member}`, "down");
}

/** Linkloom's side, a bridge of LA/1 and host h1's port. */
export function startLinkloom(rig: Rig, options: LacpOptions): Promise<Appliance> {
  const numbers = Array.from({ length: options.members }, (_, n) => n);
  const activity = options.active ? "active" : "passive";
  return rig.linkloom(
    "sw",
    `cores: {count: ${options.cores}}
ports:
${numbers.map((n) => `  la${n}: {driver: packet, interface: la${n}}`).join("\n")}
  p9: {driver: packet, interface: p9}
channels:
  LA/1: {members: [${numbers.map((n) => `la${n}`)}], lacp: {activity: ${activity}, rate: ${options.rate}}}
bridges:
  br0: {stp: {protocol: "off"}, channels: {LA/1: {access-vlan: 1}, p9: {access-vlan: 1}}}
`,
  );
}

/** Open vSwitch's side: a bond and host h2's port in one bridge. Returns its control program. */
export async function startBond(
  rig: Rig,
  short: string,
  options: Pick<LacpOptions, "members" | "theirs" | "theirRate">,
  edge: string,
): Promise<(...words: string[]) => Promise<string>> {
  const numbers = Array.from({ length: options.members }, (_, n) => `la${n}`);
  const ovs = await startOvs(rig, short);
  await ovs(
    ...["add-bond", "br0", "bond0", ...numbers, `lacp=${options.theirs}`, "bond_mode=balance-tcp"],
    ...[`other_config:lacp-time=${options.theirRate}`],
  );
  await ovs("add-port", "br0", edge);
  const control = join(rig.directory, `ovs-${short}`, "vs.ctl");
  return (...words) => rig.must("ovs-appctl", "-t", control, ...words);
}

/** Waits until as many members carry frames; the time that it took. */
export async function untilActive(
  appliance: Appliance,
  count: number,
  millis: number,
): Promise<number> {
  const began = performance.now();
  await until(
    `${count} active members`,
    async () => {
      const [channel] = await appliance.show("channels", "--channel", "LA/1");
      return (channel?.["active-members"] as string[] | undefined)?.length === count;
    },
    millis,
  );
  return performance.now() - began;
}

/** A thousand flows, or so, from h1 to h2. */
export class Flows {
  readonly #rig: Rig;
  readonly #client: Started;

  private constructor(rig: Rig, client: Started) {
    this.#rig = rig;
    this.#client = client;
  }

  static async start(rig: Rig, count: number): Promise<Flows> {
    const server = rig.start("h2", process.execPath, FLOWS, "server", String(PORT));
    await until("the flows' server", () => server.output().includes("listening"));
    const words = ["client", H2, String(PORT), String(count)];
    const client = rig.start("h1", process.execPath, FLOWS, ...words);
    await until("all flows", () => client.output().includes("connected"), 60_000);
    await delay(1000);
    return new Flows(rig, client);
  }

  async stop(): Promise<FlowReport> {
    await this.#rig.finish(this.#client, "SIGINT");
    const line = this.#client
      .output()
      .split("\n")
      .find((one) => one.startsWith("{"));
    return JSON.parse(line ?? "{}") as FlowReport;
  }
}
