// CORE-7 on whole appliances: buckets move from core to core under traffic, frames land on cores in every way that
// steering allows, and no flow is reordered, lost or doubled.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketsOf } from "../../src/core/layout.ts";
import { Prng } from "../../src/lib/prng.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { access, plainConfig } from "../../src/sim/configs.ts";
import { moveWordsOf } from "../../src/steering/indirection.ts";
import { MoveControl } from "../../src/steering/move.ts";
import { udp } from "./frames.ts";

const A = "02:00:00:00:00:0a";
const B = "02:00:00:00:00:0b";
const FLOWS = 64;

/** A packet of a flow; its number stands in the last four bytes. */
function packet(flow: number, number: number): Uint8Array {
  const frame = udp(B, A, "192.0.2.10", "192.0.2.11", 1000 + flow, 2000);
  new DataView(frame.buffer).setUint32(frame.length - 4, number);
  return frame;
}

for (const cores of [2, 4]) {
  for (const seed of [1, 2, 3, 4]) {
    test(`CORE-7 CORE-6 buckets move on ${cores} cores and every flow stays in order (seed ${seed})`, () => {
      const random = new Prng(seed);
      const last = new Array<number>(FLOWS).fill(-1);
      let received = 0;
      const cluster = new Cluster(plainConfig({ cores, members: [access(10), access(10)] }), {
        seed,
        onFrame: (port, _core, view, start, end) => {
          if (port !== 1 || view.getUint16(start + 12) !== 0x0800) return;
          const flow = view.getUint16(start + 34) - 1000;
          const number = view.getUint32(end - 4);
          assert.equal(number, (last[flow] ?? -1) + 1, `flow ${flow} at ${cluster.now} ms`);
          last[flow] = number;
          received++;
        },
      });
      const buckets = bucketsOf(cluster.arena, cluster.layout);
      const words = moveWordsOf(buckets);
      assert.ok(words !== null);
      const control = new MoveControl(buckets, words);
      cluster.inject(1, udp(A, B, "192.0.2.11", "192.0.2.10", 1, 1));
      cluster.settle();

      let sent = 0;
      let moves = 0;
      const numbers = new Array<number>(FLOWS).fill(0);
      cluster.run(3000, (now) => {
        if (now % 150 === 0) {
          control.move(random.below(128), random.below(cores));
          moves++;
        }
        for (let n = random.below(12); n > 0; n--) {
          const flow = random.below(FLOWS);
          // A NIC that steers by the table of the moment; now and then one that does not steer at all, flow by flow.
          const stray = flow % 7 === 0 ? flow % cores : -1;
          if (cluster.inject(0, packet(flow, numbers[flow] ?? 0), stray)) {
            numbers[flow] = (numbers[flow] ?? 0) + 1;
            sent++;
          }
        }
      });
      cluster.run(500);
      cluster.settle();

      assert.ok(moves >= 19 && sent > 10_000, `${moves} moves, ${sent} frames`);
      assert.equal(received, sent, JSON.stringify(cluster.drops()));
    });
  }
}
