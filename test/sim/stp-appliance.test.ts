// Spanning tree on whole appliances in virtual time (BR-7): a ring of three, each of N cores, with broadcasts that are
// counted wherever they come out. No copy twice, ever; one tree in bounded time; what each event costs in messages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DROP_AT } from "../../src/engine/counter.ts";
import { Drop } from "../../src/engine/drop.ts";
import { EventCode } from "../../src/engine/event.ts";
import { Table } from "../../src/engine/message.ts";
import type { Millis, PortId } from "../../src/lib/units.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { type StpBridgeOptions, stpBridge, stpRowsOf } from "../../src/sim/stp-bridge.ts";
import { Wiring } from "../../src/sim/wiring.ts";

const NAMES = ["a", "b", "c"] as const;
type Name = (typeof NAMES)[number];
/** Ports 0 and 1 are the ring's, 2 a host's. */
const HOST: PortId = 2;
const CORES = [1, 2, 4, 8] as const;
/** Stations of which every one of eight cores gets some. */
const FLOWS = 64;
/** Until nothing of a change is left: a port may send six BPDUs at once, then one in a second (17.13.12). */
const CALM: Millis = 7000;

/** A broadcast of a host, with a number in it. */
function broadcast(from: number, number: number): Uint8Array {
  const frame = new Uint8Array(60).fill(0xff, 0, 6);
  frame.set([0x02, 0, 0, 0, from >>> 8, from & 255], 6);
  frame.set([0x88, 0xb5, number >>> 8, number & 255], 12);
  return frame;
}

class RingOfThree {
  readonly wiring: Wiring = new Wiring();
  readonly clusters: Readonly<Record<Name, Cluster>>;
  /** Copies of each numbered broadcast by where they came out. */
  readonly copies: Map<string, number> = new Map();
  #sent = 0;

  constructor(cores: number, channels: StpBridgeOptions["channels"] = {}) {
    const clusters: Partial<Record<Name, Cluster>> = {};
    for (const [index, name] of NAMES.entries()) {
      const mac = 0x02aa_0000_0000 + index * 0x100;
      const stp = { priority: 4096 * (index + 1) };
      const cluster = new Cluster(stpBridge({ cores, ports: 3, mac, stp, channels }), {
        seed: index + 1,
      });
      clusters[name] = cluster;
      this.wiring.addCluster(name, cluster);
    }
    this.clusters = clusters as Record<Name, Cluster>;
    for (const [index, name] of NAMES.entries()) {
      this.wiring.join(name, 1, NAMES[(index + 1) % 3] as Name, 0);
    }
    this.wiring.onFrame = (node, _port, frame) => {
      if (frame[12] !== 0x88 || frame[13] !== 0xb5) return;
      const key = `${(frame[14] as number) * 256 + (frame[15] as number)} at ${node}`;
      this.copies.set(key, (this.copies.get(key) ?? 0) + 1);
    };
  }

  /** A host's broadcast; its number. */
  say(from: Name): number {
    const number = ++this.#sent;
    const index = NAMES.indexOf(from);
    this.clusters[from].inject(HOST, broadcast(index + 1, number));
    return number;
  }

  /** Where a broadcast came out. */
  heard(number: number): string[] {
    return NAMES.filter((name) => this.copies.has(`${number} at ${name}`));
  }

  /** Lets time pass in which little happens, in steps of ten milliseconds. */
  rest(duration: Millis = CALM): void {
    this.wiring.run(duration, undefined, 10);
  }

  /** The state and role of a port, as every core has it. */
  state(name: Name, channel: number): string {
    const { cores } = this.clusters[name];
    const words = cores.map((core) => {
      const { rows } = core.dispatch.stp.rows(0, 512, this.wiring.now);
      const row = rows.find((one) => one["channel"] === channel);
      return `${row?.["role"]} ${row?.["state"]}`;
    });
    return [...new Set(words)].join(" / ");
  }

  /** What does not hold once all is quiet, "" when everything does. */
  fault(): string {
    for (const from of NAMES) {
      const number = this.say(from);
      this.wiring.run(5);
      const others = NAMES.filter((name) => name !== from).join();
      if (this.heard(number).join() !== others) return `${from} is heard by ${this.heard(number)}`;
    }
    return "";
  }

  messages(name: Name): Record<string, number> {
    return this.clusters[name].messages();
  }
}

const ON_EDGE = { [HOST]: { edge: "on" } } as const;

for (const cores of CORES) {
  test(`BR-7 no broadcast comes twice and the tree heals within 250 ms, with ${cores} cores, through every cut and repair`, () => {
    const ring = new RingOfThree(cores, ON_EDGE);
    const { wiring } = ring;
    const speak = (now: Millis): void => {
      if (now % 3 === 0) ring.say(NAMES[(now / 3) % 3] as Name);
    };
    wiring.run(100, speak);
    assert.equal(ring.fault(), "");
    ring.rest();
    for (const cable of [0, 1, 2]) {
      for (const change of ["cut", "mend"] as const) {
        wiring[change](cable);
        // A core that is not the link master looks at links ten times a second.
        wiring.run(250, speak);
        assert.equal(ring.fault(), "", `${change} ${cable}`);
        for (const name of NAMES) assert.ok(ring.clusters[name].isCoherent(Table.Stp), name);
        ring.rest();
      }
    }
    for (const [copy, count] of ring.copies) assert.equal(count, 1, `${copy}: ${count} copies`);
    assert.equal(ring.state("c", 1), "root forwarding");
    assert.equal(ring.state("c", 0), "alternate discarding");
    assert.equal(ring.state("a", 0), "designated forwarding");
  });

  test(`BR-7 steady BPDUs cost no message with ${cores} cores, and one, the frame, where they land elsewhere`, () => {
    const ring = new RingOfThree(cores, ON_EDGE);
    ring.rest();
    const before = ring.clusters.b.messageCount();
    ring.rest(10_000);
    assert.equal(ring.clusters.b.messageCount() - before, 0);
    const [row] = stpRowsOf(ring.clusters.b, ring.wiring.now).filter((one) => one["channel"] === 0);
    assert.ok(Number(row?.["rstReceived"]) >= 5, "they did come");
    if (cores === 1) return;

    // From now on they land on the last core.
    let frames = 0;
    const node = ring.wiring.nodes.get("b");
    assert.ok(node !== undefined);
    ring.wiring.add("b", {
      ...node,
      inject: (port, frame) => {
        frames++;
        ring.clusters.b.inject(port, frame, cores - 1);
      },
    });
    const { frame = 0 } = ring.messages("b");
    const total = ring.clusters.b.messageCount();
    ring.rest(10_000);
    assert.ok(frames >= 5);
    assert.equal((ring.messages("b")["frame"] ?? 0) - frame, frames);
    assert.equal(ring.clusters.b.messageCount() - total, frames);
  });

  test(`BR-7 a change of state costs N-1 messages and N-1 acknowledgements, with ${cores} cores`, () => {
    const ring = new RingOfThree(cores, ON_EDGE);
    const { wiring } = ring;
    ring.rest();
    const { b } = ring.clusters;
    const counts = (): number[] => {
      const all = ring.messages("b");
      const of = (...names: string[]): number =>
        names.reduce((sum, name) => sum + (all[name] ?? 0), 0);
      return [of("stp-port", "stp-role", "stp-flush"), of("stp-ack"), of("bridge-delete")];
    };
    const before = counts();
    const total = b.messageCount();
    // An edge: its link goes and comes, nothing else changes and no topology does.
    b.ends[HOST]?.[0]?.setUp(false);
    wiring.run(200);
    const down = counts();
    assert.equal(ring.state("b", HOST), "disabled discarding");
    b.ends[HOST]?.[0]?.setUp(true);
    wiring.run(200);
    const up = counts();
    assert.equal(ring.state("b", HOST), "designated forwarding");
    const others = cores - 1;
    const first = down.map((count, n) => count - (before[n] as number));
    const second = up.map((count, n) => count - (down[n] as number));
    // To discard; and when every core does, to forget the stations there.
    assert.deepEqual(first, [2 * others, 2 * others, others], "the link goes");
    assert.deepEqual(second, [others, others, 0], "the link comes");
    const flushes = (up[2] as number) - (before[2] as number);
    const acks = first[1] as number;
    assert.equal(b.messageCount() - total, 2 * others + 2 * acks + flushes, "and nothing else");
  });

  test(`BR-7 every one of ${cores} cores blocks what is discarding, and forwards from the same millisecond on`, () => {
    const ring = new RingOfThree(cores, { [HOST]: { edge: "off" } });
    const { wiring, clusters } = ring;
    wiring.run(1000);
    assert.equal(ring.state("a", HOST), "designated discarding");
    const dropped = (): number[] =>
      clusters.a.cores.map(({ counters }) => counters[DROP_AT + Drop["stp-discarding"]] as number);
    // Stations enough for every core to get some.
    const say = (number: number): void => {
      for (let n = 0; n < FLOWS; n++) {
        clusters.a.inject(HOST, broadcast(0x900 + n, number + n), n % cores);
        wiring.run(1);
      }
      wiring.run(5);
    };
    say(1000);
    const drops = dropped();
    assert.equal(
      drops.reduce((sum, count) => sum + count, 0),
      FLOWS,
    );
    assert.ok(Math.min(...drops) > 0, `every core had some: ${drops}`);
    for (let n = 0; n < FLOWS; n++) assert.deepEqual(ring.heard(1000 + n), []);

    const states: string[] = [];
    for (const wait of [13_800, 400, 14_500, 400, 1000]) {
      const isClose = wait === 400;
      wiring.run(wait, () => isClose && states.push(ring.state("a", HOST)), isClose ? 1 : 10);
    }
    assert.equal(ring.state("a", HOST), "designated forwarding");
    const mixed = states.filter((state) => state.includes(" / ")).length;
    assert.ok(mixed <= 4, `cores differed for ${mixed} ms in two changes`);
    say(2000);
    for (let n = 0; n < FLOWS; n++) assert.deepEqual(ring.heard(2000 + n), ["b", "c"]);
  });
}

test("BR-7 a reload that switches spanning tree off opens every channel, and on again blocks the ring", () => {
  const ring = new RingOfThree(2, ON_EDGE);
  const { wiring, clusters } = ring;
  wiring.run(1000);
  wiring.cut(2);
  wiring.run(200);
  const { config } = clusters.c;
  const [bridge] = config.stp?.bridges ?? [];
  assert.ok(bridge !== undefined);
  for (const core of clusters.c.cores) {
    core.configure({ ...config, stp: { bridges: [{ ...bridge, protocol: "off" }] } }, wiring.now);
  }
  wiring.run(50);
  assert.equal(ring.fault(), "", "all forward");
  for (const core of clusters.c.cores) core.configure(config, wiring.now);
  ring.rest();
  assert.equal(ring.fault(), "", "back in the tree");
  wiring.mend(2);
  ring.rest();
  assert.equal(ring.fault(), "");
  assert.equal(ring.state("c", 0), "alternate discarding");
});

test("BR-7 BPDU guard shuts a channel on every core, its event names who sent the BPDU, and clearing opens it", () => {
  const ring = new RingOfThree(4, { ...ON_EDGE, 0: { edge: "on", bpduGuard: true } });
  const { wiring, clusters } = ring;
  ring.rest(500);
  assert.equal(ring.state("c", 0), "disabled discarding", "b speaks there");
  const [shut] = clusters.c.takeEvents().filter(({ code }) => code === EventCode["stp-guard"]);
  assert.deepEqual([shut?.a, shut?.c], [0, 1]);
  assert.equal(shut?.d, clusters.b.config.common.ports[1]?.mac, "the port that sent the BPDU");
  assert.equal(ring.fault(), "a is heard by ", "each of the three has shut one cable");

  // The neighbour is taken away; the operator opens the channel.
  for (const cable of [0, 1]) wiring.cut(cable);
  ring.rest();
  for (const core of clusters.c.cores) core.dispatch.clearStp(0, wiring.now);
  ring.rest();
  assert.equal(ring.state("c", 0), "disabled discarding", "no link yet");
  const node = wiring.nodes.get("c");
  node?.setLink(0, true);
  ring.rest(200);
  assert.equal(ring.state("c", 0), "designated forwarding", "an edge again");
});
