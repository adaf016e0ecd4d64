// Hostile BPDUs against the spanning tree engine of a bridge of eight ports: real ones with fields that matter drawn
// from few values, so that machines are led everywhere, and cut, stretched and mutated ones, from a seed. Used by the
// unit test (a share) and by `npm run fuzz` (ten million).

import assert from "node:assert/strict";
import { DROP_NAMES } from "../../src/engine/drop.ts";
import { Prng } from "../../src/lib/prng.ts";
import type { StpNode } from "../../src/sim/stp-node.ts";
import { StpWorld } from "../../src/sim/stp-rig.ts";
import { bytes } from "./frames.ts";

const PORTS = 8;
const OWN = 0x0200_0000_1100;
const BODY = "1000 02aa00000099 00000000 1000 02aa00000099 8001 0000 1400 0200 0f00";
const HEAD = "0180c2000000 02bb00000001";

const TEMPLATES: readonly Uint8Array[] = [
  bytes(`${HEAD} 0027 424203 0000 02 02 3c ${BODY} 00`),
  bytes(`${HEAD} 0027 424203 0000 02 02 0e ${BODY} 00`),
  bytes(`${HEAD} 0026 424203 0000 00 00 00 ${BODY}`),
  bytes(`${HEAD} 0007 424203 0000 00 80`),
  bytes(`${HEAD} 0069 424203 0000 03 02 7c ${BODY} 00 ${"11".repeat(66)}`),
  bytes(
    `01000ccccccd 02bb00000001 81000064 0032 aaaa03 00000c 010b 0000 02 02 3c ${BODY} 00 00000002 0064`,
  ),
];

export interface BpduFuzz {
  readonly frames: number;
  readonly drops: Record<string, number>;
  readonly sent: number;
  readonly transitions: number;
  readonly heapGrown: number;
}

/** Plays `count` BPDUs; throws what the engine throws, and when its machines do not come to rest. */
export function fuzzBpdus(seed: number, count: number): BpduFuzz {
  const random = new Prng(seed);
  const world = new StpWorld({ seed, tick: 50 });
  const guards = { rootGuard: true, loopGuard: true, tcnGuard: true };
  const ports = Array.from({ length: PORTS }, (_, port) => (port === 6 ? guards : {}));
  const guarded = { bpduGuard: true, guardRecovery: 1000 };
  const node = world.add({
    name: "A",
    address: OWN,
    cores: 1,
    ports: [...ports.slice(0, 7), guarded],
  });
  for (let port = 0; port < PORTS; port++) world.plug("A", port, `s${port}`);
  world.run(10);
  let heap = 0;
  for (let done = 0; done < count; done++) {
    give(node, world, random);
    // A hundred in a second and port are looked at; a quarter more are sent.
    if (done % 8 === 7) world.run(8);
    if (random.chance(1e-4))
      node.stp.linkChanged(random.below(PORTS), random.chance(0.5), 0, world.now);
    // Now and then what was heard runs out, and all begins anew.
    if (random.chance(1e-3)) world.run(7000);
    if (random.chance(1e-5)) world.run(40_000);
    if (done % 4096 === 0) clean(node);
    if (done === 200_000) heap = heapUsed();
  }
  const heapGrown = heap === 0 ? 0 : heapUsed() - heap;
  assert.equal(node.stp.restless, 0, "machines do not come to rest");
  // Loop guard holds a port until its cable was pulled.
  for (const up of [false, true]) {
    for (let port = 0; port < PORTS; port++) node.stp.linkChanged(port, up, 0, world.now);
    world.run(120_000);
  }
  const states = node.cores[0]?.states.join("");
  assert.equal(states, "2".repeat(PORTS), "when all is quiet every port forwards");
  const rows = node.stp.rows(0, 100, world.now).rows;
  return {
    frames: count,
    drops: Object.fromEntries([...node.drops].map(([reason, n]) => [DROP_NAMES[reason] ?? "", n])),
    sent: world.frames,
    transitions: rows.reduce((sum, row) => sum + Number(row["transitions"] ?? 0), 0),
    heapGrown,
  };
}

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** Events are for people; here nobody reads them. */
function clean(node: StpNode): void {
  node.events.length = 0;
}

function give(node: StpNode, world: StpWorld, random: Prng): void {
  const port = random.below(PORTS);
  const which = random.below(TEMPLATES.length);
  let frame = Uint8Array.from(TEMPLATES[which] as Uint8Array);
  if (which === 5) {
    const core = node.cores[0];
    if (random.chance(0.3)) frame[random.below(frame.length)] = random.next();
    core?.bytes.set(frame, 4096);
    core?.stp?.pvst(port, port, 4096, 4096 + random.below(frame.length + 1), world.now);
    return;
  }
  if (frame.length > 40) vary(frame, random);
  const kind = random.below(8);
  if (kind === 0)
    for (let flips = random.below(6); flips > 0; flips--)
      frame[random.below(frame.length)] = random.next();
  if (kind === 1) frame = frame.slice(0, 14 + random.below(frame.length - 13));
  if (kind === 2) frame = Uint8Array.from([...frame, ...new Uint8Array(random.below(60))]);
  world.inject(node, port, frame);
}

/** Other flags, priorities, costs, senders and times: some good, some of our own, some that nobody should send. */
function vary(frame: Uint8Array, random: Prng): void {
  const view = new DataView(frame.buffer);
  const at = 17;
  view.setUint8(at + 4, random.next());
  view.setUint16(at + 5, 4096 * random.below(16));
  view.setUint8(at + 12, random.below(4));
  if (random.chance(0.5))
    view.setUint32(at + 13, random.chance(0.1) ? random.next() : random.below(5) * 20_000);
  view.setUint8(at + 24, random.below(4));
  if (random.chance(0.1)) {
    view.setUint16(at + 17, 0x8000);
    view.setUint16(at + 19, Math.floor(OWN / 2 ** 32));
    view.setUint32(at + 21, OWN % 2 ** 32);
  }
  view.setUint16(at + 25, 0x8001 + random.below(10));
  view.setUint16(at + 27, 256 * random.below(22));
  if (random.chance(0.05))
    for (let field = 29; field < 35; field++) view.setUint8(at + field, random.next());
}
