// Hostile frames: neighbour discovery of any bytes, and the captures of other programs, never throw, hold no buffer,
// and leave the tables of all cores equal.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ip6, NdRig, OWN, station, stationMac } from "../sim/nd-rig.ts";
import * as wire from "../wire/nd.ts";

test("ND-1 messages of every type, cut and changed at will, are taken or counted, never thrown", () => {
  const change = fc.record({ at: fc.nat(120), value: fc.nat(255) });
  fc.assert(
    fc.property(
      fc.constantFrom(133, 134, 135, 136, 137, 130, 131, 143),
      fc.array(change, { maxLength: 6 }),
      fc.nat(140),
      fc.boolean(),
      fc.nat(2),
      (type, changes, length, mend, core) => {
        const rig = new NdRig(3);
        rig.receive(core, (view, start) => {
          const group = ip6("ff02::1:ff00:1");
          wire.writeSolicitation(
            view,
            start,
            wire.groupMac(group[3]),
            stationMac(1),
            station(1),
            group,
            OWN,
            stationMac(1),
            -1,
          );
          view.setUint8(start + 54, type);
          for (const { at, value } of changes) view.setUint8(start + 14 + at, value);
          const end = start + 14 + length;
          if (mend && length > 60) wire.finish(view, start, start + 54, end);
          return end;
        });
        rig.settle();
        rig.run(20, 10);
        assert.ok(rig.isCoherent());
        for (const [index, nd] of rig.nds.entries()) {
          nd.check();
          assert.equal(rig.recorder(index).held, nd.waitingFrames);
        }
      },
    ),
    { numRuns: 400 },
  );
});

test("CORE-3 a table that is sent again whole makes a core equal that missed everything", () => {
  const rig = new NdRig(3);
  for (let n = 1; n <= 40; n++) {
    rig.resolve(rig.ownerOf(station(n)), station(n));
    rig.advertise(station(n), stationMac(n));
    // Core 2 hears nothing of what the others run.
    rig.collect();
    for (const pair of ["0>2", "1>2"]) rig.queues.set(pair, []);
    rig.settle();
  }
  assert.ok(!rig.isCoherent());
  for (const from of [0, 1]) {
    rig.nd(2).resyncBegin(from);
    for (let cursor = 0; cursor >= 0; ) {
      cursor = rig.nd(from).resync(2, cursor, 16);
      rig.settle();
    }
    rig.nd(2).resyncEnd(from, rig.now);
  }
  assert.ok(rig.isCoherent());
  assert.equal(rig.nd(2).summary().entries, 40);
  // What is gone meanwhile goes there, too.
  rig.nd(0).clear({ address: station(3) }, rig.now);
  rig.collect();
  for (const pair of ["0>2", "1>2"]) rig.queues.set(pair, []);
  rig.settle();
  const owner = rig.ownerOf(station(3));
  assert.equal(owner, 0);
  rig.nd(2).resyncBegin(0);
  rig.nd(0).resync(2, 0, 1e6);
  rig.settle();
  rig.nd(2).resyncEnd(0, rig.now);
  assert.ok(rig.isCoherent());
});
