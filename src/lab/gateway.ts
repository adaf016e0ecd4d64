// The lab "gateway": two appliances in one process, A and B, are one gateway between a network of hosts and a far one,
// by virtual routers (VRRP). Every host pings the far station fifty times a second and measures how long its answers
// stopped. Cables can be cut and joined by key or by word; `show vr` and `explain vr gw` of both tell what is.

import { setTimeout as delay } from "node:timers/promises";
import { vrRows } from "../control/vr-view.ts";
import type { Mac, Millis, Offset } from "../lib/units.ts";
import type { RunningAppliance } from "../runtime/appliance.ts";
import { Station } from "../sim/station.ts";
import * as ethernet from "../wire/ethernet.ts";
import type { LabOptions } from "./lab.ts";
import { Neighbourhood } from "./neighbourhood.ts";
import { present } from "./stage.ts";

const HOSTS = 6;
/** Fifty pings a second: an outage is measured to 20 ms. */
const PING_STEP: Millis = 20;
const LAN_VIP = 0xc000_0201;
const WAN_VIP = 0xc633_6401;
const FAR = 0xc633_6409;
/** Silences shorter than this are no outage: our choice, a few pings. */
const OUTAGE: Millis = 80;
/** Ports of both switches: the appliances first. */
const A = 0;
const B = 1;

/** One appliance's configuration, as a user would write it. */
export function gatewayConfig(name: "a" | "b", cores: number): string {
  const number = name === "a" ? 2 : 3;
  const priority = name === "a" ? 150 : 100;
  return `# The lab "gateway": appliance ${name.toUpperCase()}, one of two.
cores: {count: ${cores}}
ports:
  ${name}-lan: {driver: memory}
  ${name}-wan: {driver: memory}
interfaces:
  lan: {channel: ${name}-lan, addresses: [192.0.2.${number}/24]}
  wan: {channel: ${name}-wan, addresses: [198.51.100.${number}/24]}
virtual-routers:
  gw: {protocol: vrrp, version: 3, interface: lan, vrid: 10, priority: ${priority}, addresses: [192.0.2.1], interval: 200ms, group: both, track: [{port: ${name}-wan, decrement: 60}]}
  out: {protocol: vrrp, version: 3, interface: wan, vrid: 11, priority: ${priority}, addresses: [198.51.100.1], interval: 200ms, group: both, track: [{port: ${name}-lan, decrement: 60}]}
global-cache: {size: 32MiB}
`;
}

type Take = (view: DataView, start: Offset, end: Offset) => void;

/** A switch in the middle: learns where stations are, floods what it does not know; a cable can be cut. */
export class Switch {
  readonly #takers: Take[] = [];
  readonly #where = new Map<Mac, number>();
  readonly #cut = new Set<number>();

  /** Adds a cable; what comes out of it. Returns its number. */
  plug(take: Take): number {
    return this.#takers.push(take) - 1;
  }

  setCut(cable: number, cut: boolean): void {
    if (cut) this.#cut.add(cable);
    else this.#cut.delete(cable);
  }

  isCut(cable: number): boolean {
    return this.#cut.has(cable);
  }

  send(from: number, view: DataView, start: Offset, end: Offset): void {
    if (this.#cut.has(from)) return;
    this.#where.set(ethernet.source(view, start), from);
    const to = ethernet.destination(view, start);
    const known = ethernet.isGroup(to) ? undefined : this.#where.get(to);
    for (const [cable, take] of this.#takers.entries()) {
      if (cable === from || this.#cut.has(cable)) continue;
      if (known === undefined || known === cable) take(view, start, end);
    }
  }
}

/** A host that measures its own outage. */
export class Pinger {
  readonly station: Station;
  #answered = 0;
  #last: Millis = -1;
  /** The last silence that ended, and the longest. */
  outage: Millis = 0;
  longest: Millis = 0;

  constructor(station: Station) {
    this.station = station;
  }

  turn(now: Millis): void {
    const { pingsAnswered } = this.station;
    if (pingsAnswered === this.#answered) return;
    this.#answered = pingsAnswered;
    const silence = this.#last < 0 ? 0 : now - this.#last;
    this.#last = now;
    if (silence < OUTAGE) return;
    this.outage = silence;
    this.longest = Math.max(this.longest, silence);
  }

  /** How long nothing has come, when that is an outage. */
  silent(now: Millis): Millis {
    const silence = this.#last < 0 ? 0 : now - this.#last;
    return silence < OUTAGE ? 0 : silence;
  }
}

/** Both networks with their hosts, around two appliances. */
export class Gateway {
  readonly lan: Switch = new Switch();
  readonly wan: Switch = new Switch();
  readonly pingers: Pinger[] = [];
  readonly #far: Station;
  readonly #sides: readonly Neighbourhood[];
  #now: Millis = 0;
  #pingAt: Millis = 0;

  constructor(sides: readonly Neighbourhood[]) {
    this.#sides = sides;
    for (const side of sides) {
      this.lan.plug((view, start, end) => side.send(0, view, start, end));
      this.wan.plug((view, start, end) => side.send(1, view, start, end));
    }
    for (let n = 0; n < HOSTS; n++) {
      const address = 0xc000_020a + n;
      const options = { name: `h${n}`, mac: 0x0200_000b_0000 + n, address, prefix: 24, tag: 0 };
      const station = this.#station({ ...options, gateway: LAN_VIP }, this.lan);
      this.pingers.push(new Pinger(station));
    }
    const far = { name: "far", mac: 0x0200_000c_0001, address: FAR, prefix: 24, tag: 0 };
    this.#far = this.#station({ ...far, gateway: WAN_VIP }, this.wan);
  }

  #station(options: ConstructorParameters<typeof Station>[0], on: Switch): Station {
    let cable = -1;
    const station = new Station(options, (view, start, end) => on.send(cable, view, start, end));
    cable = on.plug((view, start, end) => station.receive(view, start, end, this.#now));
    return station;
  }

  /** Brings all frames on their way and lets the hosts act; `now` of the hosts' clock. */
  turn(now: Millis): void {
    this.#now = now;
    for (const [side, neighbourhood] of this.#sides.entries()) {
      neighbourhood.turn(
        {
          deliver: (port, view, start, end) =>
            (port === 0 ? this.lan : this.wan).send(side, view, start, end),
          tick: () => undefined,
        },
        now,
      );
    }
    const isDue = now >= this.#pingAt;
    if (isDue) this.#pingAt = now + PING_STEP;
    for (const pinger of this.pingers) {
      if (isDue) pinger.station.ping(FAR, now);
      pinger.station.tick(now);
      pinger.turn(now);
    }
    this.#far.tick(now);
  }

  /** `cut a`, `unplug b wan`, `join`: what was done, or what could have been said. */
  command(words: readonly string[]): string {
    const [verb = "", side = "", network = ""] = words;
    const sides = side === "" ? ["a", "b"] : [side];
    const networks = network === "" ? ["lan", "wan"] : [network];
    const known =
      sides.every((one) => one === "a" || one === "b") &&
      networks.every((one) => one === "lan" || one === "wan");
    const isCut = verb === "cut" || verb === "unplug";
    if ((!isCut && verb !== "join") || !known || (isCut && side === "")) {
      return 'say "cut a" (nothing passes), "unplug a wan" (the link goes, too), or "join" for all cables';
    }
    for (const one of sides) {
      const number = one === "a" ? A : B;
      for (const name of networks) {
        (name === "lan" ? this.lan : this.wan).setCut(number, isCut);
        this.#sides[number]?.setLink(name === "lan" ? 0 : 1, verb !== "unplug");
      }
    }
    const what = `${networks.join(" and ")} of ${sides.join(" and ")}`;
    if (verb === "join") return `${what}: joined`;
    return verb === "cut" ? `${what}: cut, the links stay up` : `${what}: unplugged`;
  }
}

/** How one side stands, in a line. */
interface SideSample {
  readonly name: string;
  readonly state: string;
  readonly priority: unknown;
  readonly reason: string;
  readonly cables: string;
}

const SCREEN_STEP: Millis = 250;

/** Runs the lab to its end: 0 when one appliance, and one alone, is Active then. */
export async function runGateway(options: LabOptions): Promise<number> {
  const appliances = [
    await options.start(gatewayConfig("a", options.cores)),
    await options.start(gatewayConfig("b", options.cores)),
  ];
  const clock = appliances[0]?.clock ?? { now: () => 0 };
  const gateway = new Gateway(appliances.map((appliance) => new Neighbourhood(appliance)));
  const served = await options.serve(appliances[0] as RunningAppliance);
  const turning = setInterval(() => gateway.turn(clock.now()), 1);
  try {
    await watch(options, appliances, gateway, served.where);
    gateway.command(["join"]);
    await delay(1500);
    const sides = await sample(appliances, gateway);
    report(options, gateway, sides);
    return sides.filter(({ state }) => state === "active").length === 1 ? 0 : 1;
  } finally {
    clearInterval(turning);
    await served.close();
    for (const appliance of appliances) await appliance.stop();
  }
}

async function sample(
  appliances: readonly RunningAppliance[],
  gateway: Gateway,
): Promise<SideSample[]> {
  return Promise.all(
    appliances.map(async (appliance, side) => {
      const rows = await vrRows(appliance);
      const row = rows.find(({ name }) => name === "gw") ?? {};
      const cut = [
        ...(gateway.lan.isCut(side) ? ["lan"] : []),
        ...(gateway.wan.isCut(side) ? ["wan"] : []),
      ];
      return {
        name: side === A ? "A" : "B",
        state: String(row["state"] ?? ""),
        priority: row["priority"],
        reason: String(row["reason"] ?? ""),
        cables: cut.length === 0 ? "whole" : `${cut.join(" and ")} cut`,
      };
    }),
  );
}

function hostsLine(gateway: Gateway, now: Millis): string {
  const { pingers } = gateway;
  const worst = (read: (pinger: Pinger) => number): number =>
    Math.round(Math.max(...pingers.map(read)));
  const silent = worst((pinger) => pinger.silent(now));
  const state = silent > 0 ? `SILENT for ${silent} ms` : "answered";
  const last = worst(({ outage }) => outage);
  const longest = worst(({ longest }) => longest);
  return `${pingers.length} hosts ${state}, last outage ${last} ms, longest ${longest} ms`;
}

const sideLine = ({ name, state, priority, reason, cables }: SideSample): string =>
  `${name} ${state.padEnd(10)} priority ${String(priority).padEnd(4)} cables ${cables.padEnd(14)} ${reason}`;

function time(millis: number): string {
  const seconds = Math.floor(millis / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
}

async function watch(
  options: LabOptions,
  appliances: readonly RunningAppliance[],
  gateway: Gateway,
  where: string,
): Promise<void> {
  const { clock } = appliances[0] as RunningAppliance;
  await present(options, {
    clock,
    where,
    step: SCREEN_STEP,
    key: (key) => press(gateway, key),
    command: (words) => gateway.command(words),
    look: async (elapsed) => {
      const sides = await sample(appliances, gateway);
      const now = clock.now();
      return {
        json: () => ({ now, sides, hosts: hostRows(gateway, now) }),
        lines: () => {
          const states = sides.map(({ name, state }) => `${name} ${state}`).join("   ");
          return [`${time(elapsed)}   ${states}   ${hostsLine(gateway, now)}`];
        },
        screen: (rows) => [
          `Linkloom lab gateway   ${time(elapsed)}   ${where}`,
          "",
          ...sides.map(sideLine),
          "",
          hostsLine(gateway, now),
          ...eventsOf(options, appliances, Math.max(2, Math.floor((rows - 12) / 2))),
          "",
          "a or b cuts that one's cables, or joins them again, w unplugs A from the far network, j joins all, q quits",
        ],
      };
    },
  });
}

function press(gateway: Gateway, key: string): void {
  if (key === "a" || key === "b") {
    const isCut = gateway.lan.isCut(key === "a" ? A : B);
    gateway.command([isCut ? "join" : "cut", key]);
  } else if (key === "w") gateway.command(["unplug", "a", "wan"]);
  else if (key === "j") gateway.command(["join"]);
}

const eventsOf = (
  options: LabOptions,
  appliances: readonly RunningAppliance[],
  room: number,
): string[] =>
  appliances.flatMap((appliance, side) => [
    "",
    `Events of ${side === A ? "A" : "B"}`,
    ...options.eventLines(appliance, room).map((one) => `  ${one}`),
  ]);

const hostRows = (gateway: Gateway, now: Millis): Record<string, unknown>[] =>
  gateway.pingers.map((pinger) => ({
    host: pinger.station.name,
    answered: pinger.station.pingsAnswered,
    "silent-ms": Math.round(pinger.silent(now)),
    "outage-ms": Math.round(pinger.outage),
    "longest-ms": Math.round(pinger.longest),
  }));

function report(options: LabOptions, gateway: Gateway, sides: readonly SideSample[]): void {
  const { output } = options;
  const now = Number.NaN;
  if (options.json) {
    output.write(`${JSON.stringify({ summary: { sides, hosts: hostRows(gateway, now) } })}\n`);
    return;
  }
  const answered = gateway.pingers.reduce((sum, { station }) => sum + station.pingsAnswered, 0);
  const sent = gateway.pingers.reduce((sum, { station }) => sum + station.pingsSent, 0);
  const longest = Math.round(Math.max(...gateway.pingers.map((pinger) => pinger.longest)));
  output.write(
    `Summary\n${sides.map((side) => `  ${sideLine(side)}`).join("\n")}\n` +
      `  pings          ${sent} sent, ${answered} answered\n  longest outage ${longest} ms\n`,
  );
}
