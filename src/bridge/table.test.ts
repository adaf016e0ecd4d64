import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CHANNEL_MASK,
  Flag,
  highOf,
  lowOf,
  macOf,
  makeKey,
  pairOf,
  SLOT_BYTES,
  Slot,
  StationTable,
  vlanOf,
} from "./table.ts";

const CHANNELS = 4;

interface Entry {
  channel: number;
  version: number;
  isStatic: boolean;
}

/** What the table must hold, said with a Map. */
class Model {
  readonly entries = new Map<string, Entry>();
  flushed: { channel: number; vlan: number; version: number }[] = [];

  flush(channel: number, vlan: number, version: number): void {
    for (const [name, entry] of this.entries) {
      const at = Number(name.split(" ")[1]);
      if (entry.isStatic || entry.version > version) continue;
      const isPair = channel >= 0 && vlan > 0;
      const hit = isPair
        ? pairOf(channel, vlan) === pairOf(entry.channel, at)
        : (channel < 0 || channel === entry.channel) && (vlan === 0 || vlan === at);
      if (hit) this.entries.delete(name);
    }
  }

  countOf(channel: number): number {
    let count = 0;
    for (const entry of this.entries.values()) if (entry.channel === channel) count++;
    return count;
  }
}

const macs = fc.integer({ min: 1, max: 60 }).map((n) => 0x0200_0000_0000 + n * 0x01_0001_0001);
const vlans = fc.constantFrom(1, 2, 4094);
const channels = fc.integer({ min: 0, max: CHANNELS - 1 });
const operations = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.constant("learn" as const), macs, vlans, channels) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("static" as const), macs, vlans, channels) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("delete" as const), macs, vlans, channels) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("bury" as const), macs, vlans, channels) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constant("flush-channel" as const), macs, vlans, channels),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constant("flush-vlan" as const), macs, vlans, channels) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("flush-pair" as const), macs, vlans, channels) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("flush-all" as const), macs, vlans, channels) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("reclaim" as const), macs, vlans, channels) },
  ),
  { maxLength: 250, size: "max" },
);

/** Makes room as the engine does; checks that who gives way is who should. */
function makeRoom(
  table: StationTable,
  model: Model,
  low: number,
  key: number,
  limit: number,
): number {
  const known = table.findAny(low, key);
  if (known >= 0) {
    table.release(known);
    return known;
  }
  const free = table.place(low, key);
  if (free >= 0) return free;
  table.reclaim();
  const victim = table.victim(low, key);
  const candidates: number[] = [];
  for (let slot = 0; slot < table.size; slot++) {
    if (table.state(slot) === Slot.Live) candidates.push(slot);
  }
  if (victim < 0) {
    const statics = candidates.filter((slot) => (table.meta(slot) & Flag.Static) !== 0).length;
    assert.ok(statics >= limit, "only static entries refuse to give way");
    return -1;
  }
  assert.equal(table.meta(victim) & Flag.Static, 0, "a static entry never gives way");
  model.entries.delete(
    `${macOf(table.low(victim), table.key(victim))} ${vlanOf(table.key(victim))}`,
  );
  table.release(victim);
  return victim;
}

test("BR-1 a table of any size and probe limit holds what a plain map holds, through learning, deletion and every flush", () => {
  fc.assert(
    fc.property(
      operations,
      fc.constantFrom(1, 2, 8),
      fc.constantFrom(16, 64, 256),
      (ops, limit, size) => {
        const table = new StationTable(size, limit, CHANNELS, 0x1234567);
        const model = new Model();
        let version = 0;
        for (const [what, mac, vlan, channel] of ops) {
          version += 64;
          const low = lowOf(mac);
          const key = makeKey(highOf(mac), vlan);
          const name = `${mac} ${vlan}`;
          const slot = table.find(low, key);
          if (what === "learn") {
            if (slot >= 0 && (table.meta(slot) & Flag.Static) !== 0) continue;
            if (slot >= 0) table.renew(slot, channel | Flag.InUse, version);
            else {
              const free = makeRoom(table, model, low, key, limit);
              if (free < 0) continue;
              table.set(free, low, key, channel | Flag.InUse, version, 0);
            }
            model.entries.set(name, { channel, version, isStatic: false });
          } else if (what === "static") {
            const free = makeRoom(table, model, low, key, limit);
            if (free < 0) {
              model.entries.delete(name);
              continue;
            }
            table.set(free, low, key, channel | Flag.Static, 0, 0);
            model.entries.set(name, { channel, version: 0, isStatic: true });
          } else if (what === "delete") {
            if (slot >= 0) table.entomb(slot, version);
            model.entries.delete(name);
          } else if (what === "bury") {
            if (table.findAny(low, key) < 0) table.bury(low, key, version);
          } else if (what === "reclaim") table.reclaim();
          else {
            const byChannel = what === "flush-channel" || what === "flush-pair" ? channel : -1;
            const byVlan = what === "flush-vlan" || what === "flush-pair" ? vlan : 0;
            table.flush(byChannel, byVlan, version);
            model.flush(byChannel, byVlan, version);
          }
        }

        for (const [name, entry] of model.entries) {
          const [mac, vlan] = name.split(" ").map(Number) as [number, number];
          const slot = table.find(lowOf(mac), makeKey(highOf(mac), vlan));
          assert.notEqual(slot, -1, name);
          assert.equal(table.meta(slot) & CHANNEL_MASK, entry.channel);
          assert.equal(table.version(slot), entry.version);
        }
        table.reclaim();
        assert.equal(table.entries, model.entries.size);
        for (let channel = 0; channel < CHANNELS; channel++) {
          assert.equal(table.count(channel), model.countOf(channel));
        }
        const again = new StationTable(4096, 64, CHANNELS, 99);
        for (const [name, entry] of model.entries) {
          const [mac, vlan] = name.split(" ").map(Number) as [number, number];
          const low = lowOf(mac);
          const key = makeKey(highOf(mac), vlan);
          const meta = entry.channel | (entry.isStatic ? Flag.Static : Flag.InUse);
          again.set(again.place(low, key), low, key, meta, entry.version, 5);
        }
        assert.equal(table.digest, again.digest, "the digest knows no order, slot or flag of use");
      },
    ),
    { numRuns: 300 },
  );
});

test("BR-10 of a station's slots, the oldest entry of the channel with most entries gives way, never a static one", () => {
  // With as many probes as slots, all slots are candidates, so the choice can be said in a sentence.
  fc.assert(
    fc.property(
      fc.array(channels, { minLength: 16, maxLength: 16 }),
      fc.integer({ min: 0, max: 14 }),
      (where, statics) => {
        const table = new StationTable(16, 16, CHANNELS, 0);
        const counts = new Map<number, number>();
        for (const [n, channel] of where.entries()) {
          const low = lowOf(0x0200_0000_0000 + n);
          const key = makeKey(0x0200, 1);
          const isStatic = n < statics;
          table.set(
            table.place(low, key),
            low,
            key,
            channel | (isStatic ? Flag.Static : 0),
            isStatic ? 0 : 1000 - n,
            0,
          );
          counts.set(channel, (counts.get(channel) ?? 0) + 1);
        }
        const key = makeKey(0x0200, 2);

        assert.equal(table.place(1, key), -1);
        const victim = table.victim(1, key);

        const dynamic = where.map((channel, n) => ({ channel, n })).filter(({ n }) => n >= statics);
        const most = Math.max(...dynamic.map(({ channel }) => counts.get(channel) ?? 0));
        const fullest = dynamic.filter(({ channel }) => counts.get(channel) === most);
        const oldest = fullest.reduce((a, b) => (b.n > a.n ? b : a));
        assert.equal(macOf(table.low(victim), table.key(victim)), 0x0200_0000_0000 + oldest.n);
      },
    ),
  );
});

test("BR-1 an entry costs at most 48 bytes on a core", () => {
  assert.ok(SLOT_BYTES <= 48, `${SLOT_BYTES} bytes`);
});

for (const [stations, size] of [
  [4096, 8192],
  [65_536, 131_072],
] as const) {
  test(`BR-1 ${stations} stations find their place within eight slots of ${size}, all but a few in ten thousand`, () => {
    const table = new StationTable(size, 8, CHANNELS, 77);
    let refused = 0;
    for (let n = 0; n < stations; n++) {
      const low = lowOf(0x0200_0000_0000 + n);
      const key = makeKey(0x0200, 1 + (n & 7));
      const slot = table.place(low, key);
      if (slot < 0) refused++;
      else table.set(slot, low, key, 0, 1, 0);
    }

    assert.ok(refused <= stations / 2048, `${refused} refused`);
    for (let n = 0; n < stations; n++) {
      const slot = table.find(lowOf(0x0200_0000_0000 + n), makeKey(0x0200, 1 + (n & 7)));
      if (slot < 0) refused--;
    }
    assert.equal(refused, 0, "who was placed is found, although others moved on for him");
  });
}

test("BR-10 a flush changes one number, and its entries no longer count at once", () => {
  const table = new StationTable(64, 8, CHANNELS, 0);
  const key = makeKey(0x0200, 7);
  table.set(table.place(5, key), 5, key, 2, 100, 0);

  table.flush(2, 0, 99);
  assert.notEqual(table.find(5, key), -1, "newer than the flush");
  table.flush(2, 0, 100);

  assert.equal(table.find(5, key), -1);
  assert.equal(table.state(table.findAny(5, key)), Slot.Stale);
  assert.equal(table.count(2), 1, "not yet taken away");
  table.reclaim();
  assert.equal(table.count(2), 0);
  assert.equal(table.isFlushed(2, 7, 100), true);
  assert.equal(table.isFlushed(2, 7, 101), false);
});
