// The table of virtual MACs against a plain map, on one core and on several that hear different things.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Prng } from "../lib/prng.ts";
import { vrrpFrame } from "../sim/vr-frames.ts";
import { VrRig, type VrRouter, vrConfig } from "../sim/vr-rig.ts";
import { makeSaid, sayAddresses, type VmacSaid, VmacTable } from "./vmac.ts";

const CAPACITY = 16;

const said = (vrid: number, priority: number, family: 4 | 6 = 4): VmacSaid => {
  const one = { ...makeSaid(), iface: 1, mac: 0x0000_5e00_0100 + vrid, vrid, family, priority };
  sayAddresses(one, [0xc000_0200 + vrid], []);
  one.timeout = 4000;
  return one;
};

test("VR-1 random operations on the table agree with a map", () => {
  const operation = fc.record({
    vrid: fc.integer({ min: 1, max: 24 }),
    family: fc.constantFrom(4 as const, 6 as const),
    priority: fc.integer({ min: 0, max: 255 }),
    what: fc.constantFrom("put", "put", "remove", "say"),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const table = new VmacTable(CAPACITY);
      const model = new Map<string, number>();
      for (const { vrid, family, priority, what } of operations) {
        const key = `${vrid} ${family}`;
        const one = said(vrid, priority, family);
        const slot = table.find(1, one.mac, family);
        assert.equal(slot >= 0, model.has(key));
        if (what === "put") {
          const put = table.put(one, 0, 1, 0);
          assert.equal(put >= 0, model.has(key) || model.size < CAPACITY);
          if (put >= 0) model.set(key, priority);
        } else if (what === "remove" && slot >= 0) {
          table.remove(slot);
          model.delete(key);
        } else if (slot >= 0) {
          const back = makeSaid();
          table.say(slot, back);
          assert.equal(back.priority, model.get(key));
          assert.equal(table.isSame(slot, said(vrid, back.priority, family)), true);
        }
        assert.equal(table.size, model.size);
      }
    }),
  );
});

const advertise = (router: VrRouter, core: number, vrid: number, priority: number): void => {
  const addresses4 = [0xc000_0200 + vrid];
  router.cores[core]?.receive(vrrpFrame({ vrid, priority, addresses4 }));
};

const rowsOf = (router: VrRouter, core: number): Record<string, unknown>[] => {
  const { rows } = router.cores[core]?.vr.vmacRows(0, 10_000, router.rig.now) ?? { rows: [] };
  return rows.map(({ "age-ms": _age, updated: _updated, ...rest }) => rest);
};

test("VR-2 whatever core hears what, all tables are equal, and hold what was heard in its time", () => {
  for (const ageing of ["timestamp", "flag"] as const) {
    for (let seed = 1; seed <= 4; seed++) {
      const random = new Prng(seed);
      const cores = [1, 2, 4, 8][seed % 4] as number;
      const rig = new VrRig([vrConfig([], { ageing })], { cores });
      const { first: router } = rig;
      /** By VRID: when it was heard last, and its priority. */
      const model = new Map<number, { at: number; priority: number }>();
      for (let n = 0; n < 120; n++) {
        const vrid = 1 + random.below(20);
        const priority = 100 + random.below(3);
        if (random.chance(0.02)) {
          router.cores[random.below(cores)]?.vr.flushVmacs(-1, -1, rig.now);
          model.clear();
        } else {
          advertise(router, random.below(cores), vrid, priority);
          model.set(vrid, { at: rig.now, priority });
        }
        router.settle();
        router.check();
        // Longer than the limit on what one port may change.
        rig.run(random.below(300), undefined, 25);
        const rows = rowsOf(router, random.below(cores));
        const present = new Map(rows.map(({ vrid: id, priority: one }) => [id, one]));
        for (const [id, { at, priority: expected }] of model) {
          const age = rig.now - at;
          if (age < 4000) assert.equal(present.get(id), expected, `seed ${seed} vrid ${id}`);
          else if (age > 8600)
            assert.equal(present.has(id), false, `seed ${seed} vrid ${id} stays`);
        }
        assert.ok([...present.keys()].every((id) => model.has(id as number)));
        for (let core = 1; core < cores; core++) {
          assert.deepEqual(new Set(rowsOf(router, core)), new Set(rowsOf(router, 0)));
        }
      }
    }
  }
});

test("VR-1 a row has the fields of the specification, and a static one never ages or changes", () => {
  const mac = 0x0000_5e00_010b;
  const statics = [
    { iface: 0, mac, vrid: 11, family: 4, priority: 7, addresses: [0xc000_020b], addresses6: [] },
  ] as const;
  const rig = new VrRig([vrConfig([], { statics })], { cores: 2 });
  advertise(rig.first, 1, 11, 200);
  advertise(rig.first, 1, 12, 200);
  rig.run(500);
  const rows = rig.first.cores[0]?.vr.vmacRows(0, 10, rig.now).rows ?? [];
  assert.deepEqual(
    rows.map(({ vrid, priority, origin, addresses, "owner-core": core, mac: text }) => [
      vrid,
      priority,
      origin,
      addresses,
      core,
      text,
    ]),
    [
      [11, 7, "static", ["192.0.2.11"], 0, "00:00:5e:00:01:0b"],
      [12, 200, "dynamic", ["192.0.2.12"], 1, "00:00:5e:00:01:0c"],
    ],
  );
  rig.run(60_000, undefined, 50);
  assert.equal(rowsOf(rig.first, 0).length, 1);
  rig.first.cores[0]?.vr.flushVmacs(-1, -1, rig.now);
  rig.first.settle();
  assert.equal(rowsOf(rig.first, 1).length, 1);
});

test("VR-2 the rows of a core that died are aged by the link master", () => {
  const rig = new VrRig([vrConfig([])], { cores: 4 });
  advertise(rig.first, 3, 20, 100);
  rig.first.settle();
  assert.equal(rowsOf(rig.first, 0)[0]?.["owner-core"], 3);
  rig.first.kill(3);
  rig.run(10_000, undefined, 10);
  for (const core of [0, 1, 2]) assert.equal(rowsOf(rig.first, core).length, 0);
});

test("VR-2 the table is bounded, and what floods it is counted and throws nobody out", () => {
  const rig = new VrRig([vrConfig([], { maxEntries: 8 })], { cores: 2 });
  for (let vrid = 1; vrid <= 200; vrid++) advertise(rig.first, 0, vrid, 100);
  rig.first.settle();
  rig.first.check();
  assert.equal(rowsOf(rig.first, 1).length, 8);
  const full = rig.first.drops.filter((reason) => reason === "vr-table-full");
  assert.equal(full.length, 192);
});

test("VR-2 a flood of changes costs messages by its limit, not by the frame", () => {
  const rig = new VrRig([vrConfig([])], { cores: 4 });
  for (let n = 0; n < 5000; n++) advertise(rig.first, 1, 1 + (n % 255), n % 254);
  assert.ok((rig.first.messages.get("vmac-entry") ?? 0) <= 200 * 3);
  rig.first.settle();
  rig.first.check();
});
