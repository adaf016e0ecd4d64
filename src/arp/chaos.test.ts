// Random interleavings of everything that can happen to the ARP tables of several cores: messages wait and
// arrive in any order between pairs (in order within one), roles move core by core, stations answer late or
// never, change their MAC, fall silent; cores lose messages and are re-synced. When it is quiet, all cores
// agree with each other.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Role } from "../engine/role.ts";
import { BROADCAST } from "../lib/units.ts";
import { ArpRig, INTERFACES, ip, mac, OWN_IP } from "../sim/arp-rig.ts";
import type { ArpConfig } from "./config.ts";

const FIRST = ip("192.0.2.10");
const MACS = mac("02:00:00:00:01:00");
const HOSTS = 12;
/** Hosts from here on never answer. */
const DEAD = 9;

type Step =
  | { do: "send"; core: number; host: number }
  | { do: "talk"; host: number }
  | { do: "move"; host: number }
  | { do: "answer" }
  | { do: "deliver"; pair: number }
  | { do: "time"; ms: number }
  | { do: "role"; to: number }
  | { do: "notice"; core: number }
  | { do: "remove"; host: number }
  | { do: "static"; host: number }
  | { do: "lose"; from: number; to: number };

const host = fc.nat(HOSTS - 1);
const core = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("send" as const), core, host }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("talk" as const), host }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("move" as const), host }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("answer" as const) }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant("deliver" as const), pair: fc.nat(11) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("time" as const),
      ms: fc.constantFrom(1, 1, 50, 999, 1001, 2600),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("role" as const), to: core }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("notice" as const), core }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), host }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("static" as const), host }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const), from: core, to: core }) },
);

/** The rig and the stations around it. */
class World {
  readonly rig: ArpRig;
  readonly cores: number;
  readonly macs: number[] = Array.from({ length: HOSTS }, (_, n) => MACS + n);
  /** What each core thinks who the master is, and who it is. */
  master = 0;
  /** Requests on the wire that nobody has answered yet. */
  asked: number[] = [];
  #heard = 0;
  #waited = 0;
  /** When a request for a host last left, and from which master. */
  readonly #last = new Map<number, { at: number; core: number }>();
  sent = 0;

  constructor(cores: number, config: Partial<ArpConfig>) {
    this.cores = cores;
    // Small tables, so that many runs fit into a second.
    this.rig = new ArpRig(
      cores,
      { maxEntries: 64, maxPending: 32, ...config },
      { interfaces: [INTERFACES[0]!] },
    );
  }

  run(what: Step): void {
    const { rig } = this;
    rig.now += 0.02; // Nothing happens twice at one moment.
    switch (what.do) {
      case "send":
        this.sent++;
        if (rig.resolve(what.core % this.cores, FIRST + what.host) >= 0) this.sent--;
        break;
      case "talk":
        this.#wire(FIRST + what.host, this.macs[what.host]!, ip("192.0.2.99"));
        break;
      case "move":
        this.macs[what.host] = this.macs[what.host]! + 256;
        this.#wire(FIRST + what.host, this.macs[what.host]!, FIRST + what.host);
        break;
      case "answer":
        this.#answer();
        break;
      case "deliver":
        rig.deliver(rig.pairs[what.pair % Math.max(1, rig.pairs.length)] ?? "");
        break;
      case "time":
        this.#pass(what.ms);
        break;
      case "role":
        // The role moves at one moment, but each core learns it when it next looks.
        this.master = what.to % this.cores;
        for (const recorder of rig.recorders) recorder.masters[Role.Arp] = this.master;
        break;
      case "notice":
        rig.arp(what.core % this.cores).roleChanged(rig.now);
        break;
      case "remove":
        rig.arp(this.master).remove(FIRST + what.host, -1, rig.now);
        break;
      case "static":
        rig.arp(this.master).addStatic(0, FIRST + what.host, MACS + 7000 + what.host, rig.now);
        break;
      case "lose":
        this.#lose(what.from % this.cores, what.to % this.cores);
        break;
    }
    rig.collect();
    this.#listen();
  }

  /** Frames of the network reach the master; a role that has just moved means a hand-over. */
  #wire(address: number, from: number, target: number): void {
    this.rig.receive(1, from, address, target, { core: this.master });
  }

  #answer(): void {
    const address = this.asked.shift();
    if (address === undefined || address - FIRST >= DEAD) return;
    this.rig.reply(address, this.macs[address - FIRST]!, this.master);
  }

  #pass(ms: number): void {
    // The bus may be slow, but not by as much as a deletion is remembered for.
    this.#waited += ms;
    if (this.#waited > 4000) {
      this.rig.settle();
      this.#waited = 0;
    }
    this.#listen();
    this.rig.now += ms;
    for (const arp of this.rig.arps) arp.tick(this.rig.now);
  }

  /** A peer's ring overflowed: what is under way to it is lost, and the table is sent again. */
  #lose(from: number, to: number): void {
    if (from === to) return;
    const queue = this.rig.queues.get(`${from}>${to}`) ?? [];
    // Requests are not part of the table: the bus keeps or drops them one by one.
    const rest = queue.filter(({ name }) => name === "arp-ask" || name === "arp-used");
    queue.splice(0, queue.length, ...rest);
    this.#resend(from, to);
  }

  #resend(from: number, to: number): void {
    const { rig } = this;
    rig.arp(to).resyncBegin(from, rig.now);
    const pair = `${from}>${to}`;
    for (let cursor = 0; cursor >= 0; ) {
      cursor = rig.arp(from).resync(to, cursor, 8, rig.now);
      rig.collect();
    }
    while ((rig.queues.get(pair)?.length ?? 0) > 0) {
      rig.deliver(pair);
      rig.collect();
    }
    rig.arp(to).resyncEnd(from, rig.now);
  }

  #listen(): void {
    const { wire, now } = this.rig;
    for (; this.#heard < wire.length; this.#heard++) {
      const { core: from, op, to, tpa } = wire[this.#heard]!;
      if (op !== 1 || tpa === OWN_IP) continue;
      assert.equal(from, this.master, "only the master speaks");
      if (to === BROADCAST) {
        const last = this.#last.get(tpa);
        if (last?.core === from)
          assert.ok(now - last.at >= 999.999, "two requests within a second");
        this.#last.set(tpa, { at: now, core: from });
      }
      this.asked.push(tpa);
    }
  }

  /** Lets everything that is under way arrive, and time pass until nothing is pending or failed. */
  calm(): void {
    const { rig } = this;
    for (const arp of rig.arps) arp.roleChanged(rig.now);
    for (let n = 0; n < 150; n++) {
      rig.collect();
      while (rig.pairs.length > 0) {
        rig.deliver(rig.pairs[0]!);
        this.#listen();
      }
      while (this.asked.length > 0) this.#answer();
      this.#pass(200);
      rig.collect();
      this.#listen();
    }
    rig.settle();
  }
}

function check(world: World, isAll: boolean): void {
  const { rig } = world;
  const master = rig.arp(world.master);
  for (let core = 0; core < world.cores; core++) {
    assert.equal(rig.recorder(core).held, 0, `core ${core} holds buffers`);
    const rows = rig.rows(core);
    assert.ok(rows.every(({ state }) => state === "reachable" || state === "probing"));
    assert.equal(rows.length, rig.arp(core).summary().entries);
    if (isAll) {
      assert.deepEqual(
        [rig.arp(core).summary().digest, rig.arp(core).summary().entries],
        [master.summary().digest, master.summary().entries],
        `core ${core} differs from the master ${world.master}`,
      );
    }
    for (const { address, mac: to, origin } of rows) {
      const truth = rig.row(world.master, address as number);
      assert.equal(to, truth?.["mac"], "a copy differs from the master's");
      if (origin === "static") continue;
      const known = world.macs[(address as number) - FIRST]!;
      assert.ok((to as number) <= known && ((known - (to as number)) & 255) === 0);
    }
  }
  const dropped = rig.recorders
    .flatMap(({ drops }) => drops)
    .filter((name) => name === "arp-queue-full" || name === "arp-negative").length;
  const back = rig.returned.filter(({ hex }) => hex !== "").length;
  const told = rig.recorders
    .flatMap(({ drops }) => drops)
    .filter((name) => name === "arp-negative");
  assert.ok(back + dropped >= world.sent, "a frame was lost without a trace");
  assert.ok(back + dropped - told.length <= world.sent, "a frame came back twice");
}

const VARIANTS: [name: string, config: Partial<ArpConfig>, isAll: boolean][] = [
  ["as shipped", {}, true],
  ["with small bounds", { maxEntries: 6, maxPending: 4, waitingFrames: 5, pendingFrames: 2 }, true],
  ["with second chance and a short timeout", { ageing: "second-chance", timeout: 3000 }, true],
  ["with a short timeout and answers to all", { timeout: 4000, answer: "all" }, true],
  ["told to askers only", { propagate: "askers", timeout: 60_000 }, false],
];

for (const cores of [1, 2, 4]) {
  for (const [name, config, isAll] of VARIANTS) {
    test(`ARP-3 ARP-4 ARP-6 ${cores} cores ${name} agree after any interleaving, with one requester`, () => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 120, size: "max" }), (steps) => {
          const world = new World(cores, config);
          for (const one of steps) world.run(one);
          world.calm();
          check(world, isAll);
        }),
        { numRuns: cores === 1 ? 20 : 60 },
      );
    });
  }
}
