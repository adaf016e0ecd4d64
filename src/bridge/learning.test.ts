import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { writerOf } from "../lib/version.ts";
import { BridgeRig, bridgeFrame as frame, rigConfig } from "../sim/bridge-rig.ts";
import { access } from "../sim/configs.ts";
import type { Bridging } from "./bridging.ts";
import { Clock, firstAt, timeOf } from "./clock.ts";
import type { Ageing, BridgeConfig } from "./config.ts";

const A = 0x0200_0000_000a;
const B = 0x0200_0000_000b;
const ALL = 0xffff_ffff_ffff;
const members = [access(10), access(10), access(10)];

const rigOf = (cores: number, bridge: Partial<BridgeConfig> = {}): BridgeRig =>
  new BridgeRig({ cores, members, bridge });
const see = (rig: BridgeRig, core: number, mac: number, channel: number, now: number): void =>
  rig.receive(core, channel, frame(ALL, mac), now);

function assertEqual(rig: BridgeRig): void {
  const first = rig.entries(0);
  for (let core = 1; core < rig.bridges.length; core++) {
    assert.deepEqual(rig.entries(core), first, `core ${core}`);
    const { entries, digest } = (rig.bridges[core] as Bridging).summary();
    assert.deepEqual(
      { entries, digest },
      {
        entries: rig.bridges[0]?.summary().entries,
        digest: rig.bridges[0]?.summary().digest,
      },
    );
  }
}

// --- versions --------------------------------------------------------------------------------------------------------

test("BR-4 versions of one core grow, also when time stands still or another core is ahead", () => {
  const clock = new Clock(3);
  const first = clock.next(5);
  assert.equal(writerOf(first), 3);
  assert.equal(timeOf(first), 5);
  assert.ok(clock.next(5) > first);
  clock.witness(firstAt(9) + 63);
  const after = clock.next(5);
  assert.ok(after > firstAt(9) + 63);
  assert.equal(writerOf(after), 3);
  assert.equal(firstAt(5) <= first && first < firstAt(5.0625), true);
});

// --- costs (BR-3) ----------------------------------------------------------------------------------------------------

for (const cores of [1, 2, 4, 8]) {
  test(`BR-3 with ${cores} cores learning, a move and a flag set again cost ${cores - 1} messages each, all else none`, () => {
    const rig = rigOf(cores, { ageingTime: 10_000 });
    rig.tickTo(0, 0, 1);

    see(rig, 0, A, 0, 1);
    assert.equal(rig.settle(1), cores - 1, "new");
    for (let n = 0; n < 100; n++)
      for (let core = 0; core < cores; core++) see(rig, core, A, 0, 2 + n);
    assert.equal(rig.settle(200), 0, "steady, on every core");
    see(rig, cores - 1, A, 1, 201);
    assert.equal(rig.settle(201), cores - 1, "moved");
    for (let core = 0; core < cores; core++) see(rig, core, A, 1, 202);
    assert.equal(rig.settle(202), 0, "where all know it to be");

    rig.tickTo(10_000, 10_010, 1);
    assert.equal(rig.settle(10_010), 0, "a cleared flag is nobody's business");
    see(rig, cores >> 1, A, 1, 10_011);
    assert.equal(rig.settle(10_011), cores - 1, "seen again");
    for (let core = 0; core < cores; core++) see(rig, core, A, 1, 10_012);
    assert.equal(rig.settle(10_012), 0, "said once");
    assertEqual(rig);
  });
}

test("BR-10 learning alone costs no message, whatever happens", () => {
  const rig = rigOf(4, { learning: "independent", ageingTime: 10_000 });

  for (let core = 0; core < 4; core++) {
    for (let n = 0; n < 10; n++) see(rig, core, A + n, (core + n) % 3, 1 + n);
  }
  see(rig, 0, A, 1, 50);
  rig.tickTo(0, 40_000, 100);

  assert.equal(rig.collect(), 0);
  assert.equal(rig.bridges[0]?.summary().entries, 0, "aged by each alone");
});

// --- one entry everywhere (BR-4) ---------------------------------------------------------------------------------------

test("BR-4 two cores that learn one MAC on two channels at once end with the same entry, on all cores", () => {
  for (const now of [7, 7.03]) {
    const rig = rigOf(4);
    see(rig, 1, A, 0, 7);
    see(rig, 3, A, 1, now);
    rig.settle(8);

    assertEqual(rig);
    assert.equal(rig.entries(0).length, 1);
    assert.equal(
      rig.bridges[2]?.locate(0, A, 10),
      1,
      "later, or the higher core of the same moment",
    );
  }
});

test("BR-4 what a core says after it has heard another is newer, although its clock stood still", () => {
  const rig = rigOf(2);
  for (let n = 0; n < 5; n++) see(rig, 0, A, n & 1, 7);
  rig.settle(7);
  see(rig, 1, A, 2, 7);
  rig.settle(7);

  assertEqual(rig);
  assert.equal(rig.bridges[0]?.locate(0, A, 10), 2);
});

test("BR-4 a word that is older than a deletion does not bring the station back", () => {
  const rig = rigOf(3);
  see(rig, 0, A, 0, 1);
  rig.settle(1);
  see(rig, 1, A, 1, 2); // Its message to core 2 waits.
  rig.collect();
  rig.deliverOne(0, 2);
  rig.bridges[0]?.clear({ mac: A }, 3);

  rig.settle(4);

  assert.deepEqual(rig.entries(0), []);
  assertEqual(rig);
});

const step = fc.record({
  kind: fc.constantFrom(
    "see",
    "see",
    "see",
    "see",
    "deliver",
    "deliver",
    "deliver",
    "clear",
    "linkDown",
    "age",
    "timer",
    "look",
  ),
  core: fc.nat(3),
  station: fc.nat(7),
  channel: fc.nat(2),
  pick: fc.nat(11),
  wait: fc.constantFrom(0, 0, 0.03, 0.2, 1, 30),
});

/** The bus is quiet for long before a timer; then the cores' walks, frames and messages mix again. */
function passTimer(rig: BridgeRig, before: number, pick: number): number {
  rig.settle(before);
  let now = (Math.floor(before / 20_000) + 1) * 20_000;
  for (let n = 0; n < 3 * rig.bridges.length; n++) {
    rig.bridges[(n + pick) % rig.bridges.length]?.tick(now);
    if (pick % 3 === 0) rig.deliverOne(pick + n, now);
    now += 0.5;
  }
  return now;
}

function play(
  rig: BridgeRig,
  steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
): number {
  const cores = rig.bridges.length;
  let now = 0;
  for (const { kind, core, station, channel, pick, wait } of steps) {
    now += wait;
    const on = core % cores;
    const bridge = rig.bridges[on] as Bridging;
    if (kind === "see") see(rig, on, A + station * 0x101, channel, now);
    else if (kind === "deliver") rig.deliverOne(pick, now);
    else if (kind === "linkDown") bridge.linkDown(channel, now);
    else if (kind === "age") for (const each of rig.bridges) each.tick(now);
    else if (kind === "look") bridge.summary();
    else if (kind === "timer") now = passTimer(rig, now, pick);
    else if (pick < 3) bridge.clear({ mac: A + station * 0x101 }, now);
    else if (pick < 6) bridge.clear({ vlan: 10, channel }, now);
    else if (pick < 9) bridge.clear({ vlan: 10 }, now);
    else bridge.clear({}, now);
  }
  rig.settle(now);
  return now;
}

for (const ageing of ["each-tells", "each-silent", "one"] as const satisfies readonly Ageing[]) {
  test(`BR-4 whatever the order of messages, when they stop all cores hold the same (${ageing})`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 4 }),
        fc.array(step, { maxLength: 120, size: "max" }),
        (cores, steps) => {
          const rig = rigOf(cores, { ageing, moveLimit: 0, ageingTime: 20_000 });
          play(rig, steps);
          assertEqual(rig);
        },
      ),
      { numRuns: 250 },
    );
  });
}

test("BR-4 BR-10 tables far too small for the traffic still end equal, and stop talking", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 4 }),
      fc.constantFrom(1, 2, 4),
      fc.array(step, { maxLength: 150, size: "max" }),
      (cores, probeLimit, steps) => {
        const rig = rigOf(cores, { tableSize: 4, probeLimit, moveLimit: 0, seed: 7 });
        play(rig, steps);
        assertEqual(rig);
      },
    ),
    { numRuns: 250 },
  );
});

// --- ageing (BR-5) -----------------------------------------------------------------------------------------------------

const P = 10_000;

for (const ageing of ["each-tells", "each-silent", "one"] as const) {
  test(`BR-5 an idle station is flushed at the second timer, on all cores (${ageing})`, () => {
    const rig = rigOf(4, { ageing, ageingTime: P });
    rig.tickTo(0, 0, 1);
    see(rig, 2, A, 0, 500);
    rig.settle(500);

    rig.tickTo(P, P + 20, 1);
    assert.equal(rig.settle(P + 20), 0);
    assert.equal(rig.entries(3).length, 1, "its flag was cleared, no more");
    rig.tickTo(2 * P, 2 * P + 20, 1);

    assert.equal(rig.settle(2 * P + 20), ageing === "each-silent" ? 0 : 3, "a flush is told once");
    for (let core = 0; core < 4; core++) assert.deepEqual(rig.entries(core), []);
  });

  test(`BR-5 a station that only one core sees stays on all, at one word a period (${ageing})`, () => {
    const rig = rigOf(4, { ageing, ageingTime: P });
    rig.tickTo(0, 0, 1);
    see(rig, 3, A, 0, 1);
    rig.settle(1);

    for (let period = 1; period <= 6; period++) {
      rig.tickTo(period * P, period * P + 20, 1);
      assert.equal(rig.settle(period * P + 20), 0);
      for (let n = 0; n < 10; n++) see(rig, 3, A, 0, period * P + 5000 + n);
      assert.equal(rig.settle(period * P + 5010), 3);
      for (let core = 0; core < 4; core++)
        assert.equal(rig.entries(core).length, 1, `core ${core}`);
    }
    assertEqual(rig);
  });
}

test("BR-5 in the variant one, the link master alone flushes, whoever that is", () => {
  const rig = rigOf(3, { ageing: "one", ageingTime: P });
  for (const recorder of rig.recorders) recorder.masters[1] = 2;
  rig.tickTo(0, 0, 1);
  see(rig, 0, A, 0, 1);
  rig.settle(1);

  for (let period = 1; period <= 4; period++) {
    for (const core of [0, 1]) for (let n = 0; n < 10; n++) rig.bridges[core]?.tick(period * P + n);
  }
  assert.equal(rig.collect(), 0);
  assert.equal(rig.entries(0).length, 1);
  rig.tickTo(5 * P, 5 * P + 10, 1);
  rig.tickTo(6 * P, 6 * P + 10, 1);

  assert.equal(rig.settle(6 * P + 10), 2);
  assertEqual(rig);
  assert.deepEqual(rig.entries(2), []);
});

test("BR-5 no core flushes what another still sees, at whatever moments frames and timers fall", () => {
  // A period minus the time that the walk takes and the timers differ by.
  const gaps = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: P - 30 })), {
    minLength: 5,
    maxLength: 25,
    size: "max",
  });
  for (const ageing of ["each-tells", "one"] as const) {
    fc.assert(
      fc.property(gaps, fc.array(fc.nat(9), { minLength: 3, maxLength: 3 }), (sightings, lag) => {
        const rig = rigOf(3, { ageing, ageingTime: P });
        rig.tickTo(0, 0, 1);
        let now = 0;
        for (const [core, gap] of sightings) {
          const next = now + gap;
          // Every millisecond in which a timer fires or its walk goes on, also when a frame falls into it.
          for (let at = now + 1; at < next; at++) {
            const since = at % P;
            if (since >= 20) at += P - since; // To the next timer.
            if (at >= next) break;
            for (const [each, late] of lag.entries()) {
              if (at % P >= late) rig.bridges[each]?.tick(at);
            }
            rig.settle(at);
          }
          see(rig, core, A, 0, next);
          rig.settle(next);
          for (let each = 0; each < 3; each++) {
            const moves = rig.bridges[each]?.rows(0, 9, next).rows.map((row) => row["age-ms"]);
            assert.deepEqual(
              moves,
              [next - (sightings[0]?.[1] ?? 0)],
              "there since it was first seen",
            );
          }
          now = next;
        }
      }),
      { numRuns: 150 },
    );
  }
});

test("BR-5 a word that came between two cores' walks counts for both, although the later walk clears its flag", () => {
  for (const ageing of ["each-tells", "one", "each-silent"] as const) {
    const rig = rigOf(2, { ageing, ageingTime: P });
    rig.tickTo(0, 0, 1);
    see(rig, 1, A, 0, 1);
    rig.settle(1);
    const walk = (core: number, at: number): void => {
      for (let n = 0; n < 4; n++) rig.bridges[core]?.tick(at + n);
      rig.settle(at + 4);
    };

    walk(1, P);
    see(rig, 1, A, 0, P + 4);
    rig.settle(P + 4);
    walk(0, P + 5);
    see(rig, 1, A, 0, 2 * P - 1);
    walk(1, 2 * P);
    walk(0, 2 * P + 5);

    assert.equal(rig.entries(0).length, 1, ageing);
    assertEqual(rig);
  }
});

test("BR-5 a flush that crosses a core's own traffic is answered, and the station stays everywhere", () => {
  const rig = rigOf(2, { ageingTime: P });
  rig.tickTo(0, 0, 1);
  see(rig, 0, A, 0, 1);
  rig.settle(1);
  rig.tickTo(P, P + 5, 1);
  see(rig, 1, A, 0, 2 * P - 1); // Core 1 sees it; its word is under way when core 0's timer runs.
  rig.collect();
  rig.bridges[0]?.tick(2 * P);
  rig.settle(2 * P);

  assertEqual(rig);
  assert.equal(rig.entries(0).length, 1);
});

test("BR-5 a dead core's stations are flushed by another one period later", () => {
  const rig = rigOf(3, { ageingTime: P });
  rig.tickTo(0, 0, 1);
  see(rig, 0, A, 0, 1);
  rig.settle(1);

  for (let period = 1; period <= 3; period++) {
    for (const core of [1, 2]) for (let n = 0; n < 5; n++) rig.bridges[core]?.tick(period * P + n);
    for (const core of [1, 2]) rig.lose(core, 0);
    rig.settle(period * P + 9);
  }

  assert.deepEqual(rig.entries(1), []);
  assert.deepEqual(rig.entries(2), []);
});

test("BR-5 the walk over a large table is cut into slices, and every entry gets its turn", () => {
  const rig = new BridgeRig({ members, bridge: { tableSize: 8192, ageingTime: P } });
  rig.tickTo(0, 0, 1);
  for (let n = 0; n < 2000; n++) rig.receive(0, 0, frame(ALL, A + n * 0x10001), 1);

  rig.tickTo(P, P + 100, 1);
  rig.bridges[0]?.tick(2 * P);
  const after = rig.bridges[0]?.summary().entries ?? 0;
  assert.ok(after > 1500 && after < 2000, `${after} left after one tick`);
  rig.tickTo(2 * P, 2 * P + 15, 1);
  assert.equal(rig.bridges[0]?.summary().entries, 0);
});

// --- re-sync (CORE-3) ---------------------------------------------------------------------------------------------------

function resync(rig: BridgeRig, from: number, to: number, now: number, misses = false): void {
  const sender = rig.bridges[from] as Bridging;
  const receiver = rig.bridges[to] as Bridging;
  rig.settle(now);
  receiver.resyncBegin(from);
  for (let cursor = 0; cursor >= 0; ) {
    cursor = sender.resync(to, cursor, 3);
    assert.ok(rig.collect() <= 3, "as many as were asked for");
    rig.settle(now);
  }
  receiver.resyncEnd(from, now, misses);
  rig.settle(now);
}

test("CORE-3 after lost messages a re-sync brings learning, moves, deletions and flushes across", () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60, size: "max" }),
      fc.array(step, { maxLength: 40, size: "max" }),
      (before, lost) => {
        const rig = rigOf(3, { moveLimit: 0 });
        let now = play(rig, before) + 1;
        for (const { kind, station, channel, pick } of lost) {
          now += 0.25;
          const bridge = rig.bridges[0] as Bridging;
          if (kind === "linkDown") bridge.linkDown(channel, now);
          else if (kind === "clear")
            bridge.clear(pick < 8 ? { mac: A + station * 0x101 } : { vlan: 10 }, now);
          else see(rig, 0, A + station * 0x101, channel, now);
          rig.lose(0, 1);
          rig.settle(now);
        }

        resync(rig, 0, 1, now + 1);

        assertEqual(rig);
      },
    ),
    { numRuns: 150 },
  );
});

test("CORE-3 a core that lost its memory gets all back, also what it had told itself", () => {
  const rig = rigOf(3);
  for (let n = 0; n < 30; n++) see(rig, n % 3, A + n, n % 2, n);
  rig.settle(50);
  const fresh = rigOf(3);
  rig.bridges[1] = fresh.bridges[1] as Bridging;
  rig.recorders[1] = fresh.recorders[1] as (typeof rig.recorders)[number];

  resync(rig, 0, 1, 60);
  resync(rig, 2, 1, 61);

  assert.equal(rig.entries(1).length, 30);
  assertEqual(rig);
});

test("CORE-3 a peer's entry that it does not name any more is gone", () => {
  const rig = rigOf(2);
  see(rig, 0, A, 0, 1);
  see(rig, 1, B, 0, 1);
  rig.settle(1);
  const receiver = rig.bridges[1] as Bridging;

  receiver.resyncBegin(0);
  receiver.resyncEnd(0, 1, false);

  assert.equal(receiver.locate(0, A, 10), -1);
  assert.equal(receiver.locate(0, B, 10), 0, "its own stays");
});

test("CORE-3 BR-4 an entry that only some cores entombed for a teller that started anew ends the same on all", () => {
  const rig = rigOf(3);
  see(rig, 2, A, 0, 1);
  rig.settle(1);
  // Core 2 starts anew and, before it has been told anything, sends its empty table to core 0 alone.
  const receiver = rig.bridges[0] as Bridging;
  receiver.resyncBegin(2);
  receiver.resyncEnd(2, 1, false);
  assert.deepEqual([rig.entries(0).length, rig.entries(1).length], [0, 1]);

  // The background check has everybody send everything.
  for (const from of [0, 1, 2])
    for (const to of [0, 1, 2]) if (to !== from) resync(rig, from, to, 60);

  assertEqual(rig);
});

test("CORE-3 BR-4 a core that hears that its own word is gone tells those to whom it had just given it", () => {
  const rig = rigOf(4);
  see(rig, 2, A, 0, 1);
  rig.settle(1);
  // Core 2 has begun anew once more, and named nothing to core 0 alone; then everybody sends everything at once.
  const receiver = rig.bridges[0] as Bridging;
  receiver.resyncBegin(2);
  receiver.resyncEnd(2, 1, false);
  resync(rig, 2, 1, 60);
  resync(rig, 2, 3, 60);
  resync(rig, 0, 2, 60);
  rig.settle(61);

  assert.deepEqual(rig.entries(1), []);
  assertEqual(rig);
});

/** Core 1's table of eight places was full for a while: it has given A up, which core 0 alone still holds. */
function withLostRefusal(): BridgeRig {
  const rig = rigOf(2, { tableSize: 8, probeLimit: 8 });
  see(rig, 0, A, 0, 1);
  rig.settle(1);
  for (let n = 0; n < 8; n++) see(rig, 1, B + n, 0, 2 + n);
  for (let n = 0; n < 8; n++) rig.bridges[1]?.clear({ mac: B + n }, 15);
  rig.lose(1, 0);
  rig.settle(20);
  assert.equal(rig.bridges[0]?.locate(0, A, 10), 0);
  assert.equal(rig.bridges[1]?.locate(0, A, 10), -1);
  return rig;
}

test("CORE-3 BR-4 a core whose refusals were lost names what it holds, and hears again what nobody holds", () => {
  const rig = withLostRefusal();

  resync(rig, 1, 0, 30, true);
  rig.tickTo(31, 32, 1);
  rig.settle(32);

  assert.equal(rig.bridges[0]?.locate(0, A, 10), -1);
  assertEqual(rig);
});

test("CORE-3 BR-4 without lost refusals a re-sync has nobody name what it holds", () => {
  const rig = withLostRefusal();

  resync(rig, 1, 0, 30);
  rig.tickTo(31, 40, 1);

  assert.equal(rig.collect(), 0);
  assert.equal(rig.bridges[0]?.locate(0, A, 10), 0, "so that it stays");
});

test("CORE-3 what a core holds is named a slice a tick, while the ring has room, and not to a core that is gone", () => {
  const rig = rigOf(2);
  for (let n = 0; n < 100; n++) see(rig, 0, A + n, 0, 1);
  rig.settle(1);
  const holder = rig.bridges[0] as Bridging;
  const named = (now: number): number => {
    holder.tick(now);
    const names = rig.recorders[0]?.messages.splice(0).map(({ name }) => name) ?? [];
    assert.ok(names.every((name) => name === "bridge-held"));
    return names.length;
  };

  holder.resyncEnd(1, 2, true);
  assert.deepEqual([3, 4, 5, 6, 7].map(named), [32, 32, 32, 4, 0]);

  holder.resyncEnd(1, 8, true);
  Object.assign(rig.recorders[0] as object, { room: () => 63 });
  assert.equal(named(9), 0);
  Object.assign(rig.recorders[0] as object, { room: () => 64 });
  assert.equal(named(10), 32);
  holder.coreLeft(1, 11);
  rig.collect();
  rig.lose(0, 1);
  assert.equal(named(12), 0);
});

test("BR-4 of a station that another core holds, a core says again that it is gone, and takes none up", () => {
  const rig = rigOf(2);
  const names = (): string[] =>
    rig.recorders[1]?.messages.splice(0).map(({ name, to }) => `${name} ${to}`) ?? [];
  const tellHeld = (now: number): string[] => {
    rig.bridges[0]?.resyncEnd(1, now, true);
    rig.bridges[0]?.tick(now);
    rig.deliverOne(0, now);
    return names();
  };
  see(rig, 0, A, 0, 1);
  rig.lose(0, 1);
  assert.deepEqual(tellHeld(2), [], "not known here: its own re-sync brings it");
  assert.equal(rig.bridges[1]?.locate(0, A, 10), -1);

  see(rig, 0, A, 1, 3);
  rig.settle(3);
  assert.deepEqual(tellHeld(4), [], "held here too");

  rig.bridges[1]?.clear({ mac: A }, 5);
  rig.lose(1, 0);
  assert.deepEqual(tellHeld(6), ["bridge-refuse 0"]);
});

// --- reload (OPS-1) -----------------------------------------------------------------------------------------------------

test("OPS-1 a reload keeps stations, renumbers channels by name, and takes away what has no channel or VLAN left", () => {
  const rig = rigOf(1);
  see(rig, 0, A, 0, 1);
  see(rig, 0, B, 2, 1);
  see(rig, 0, B + 1, 1, 1);
  const bridge = rig.bridges[0] as Bridging;
  const { bridging, common } = rigConfig({
    members: [access(10), access(20)],
    bridge: { tableSize: 64 },
  });
  const renamed = {
    ...common,
    channels: [
      { name: "p2", ports: [2] },
      { name: "p0", ports: [0] },
    ],
  };

  bridge.configure(bridging, renamed, 5);

  assert.equal(bridge.locate(0, B, 10), 0, "p2 is channel 0 now");
  assert.equal(bridge.locate(0, A, 10), -1, "p0 is in VLAN 20 now");
  assert.equal(bridge.locate(0, B + 1, 10), -1, "p1 is gone");
  assert.equal(bridge.summary().entries, 1);
  assert.equal(bridge.isBridged(2), false);
});

test("OPS-1 a reload that changes nothing of a bridge disturbs nothing, and a muted channel stays muted", () => {
  const rig = rigOf(1, { moveLimit: 5 });
  for (let n = 0; n < 20; n++) see(rig, 0, A, n & 1, 100);
  const before = rig.entries(0);
  const { bridging, common } = rigConfig({ members, bridge: { moveLimit: 5, ageingTime: 60_000 } });

  rig.bridges[0]?.configure(bridging, common, 200);

  assert.deepEqual(rig.entries(0), before);
  rig.drops();
  see(rig, 0, B, 1, 300);
  assert.deepEqual(rig.drops(), ["muted"]);
});

test("OPS-1 static stations of the file come and go with a reload", () => {
  const rig = rigOf(1, { statics: [{ mac: A, vlan: 10, channel: 1 }] });
  const bridge = rig.bridges[0] as Bridging;
  bridge.addStatic(0, B + 7, 10, 0, 1);
  const next = rigConfig({ members, bridge: { statics: [{ mac: B, vlan: 10, channel: 2 }] } });

  bridge.configure(next.bridging, next.common, 2);

  assert.equal(bridge.locate(0, A, 10), -1);
  assert.equal(bridge.locate(0, B, 10), 2);
  assert.equal(bridge.locate(0, B + 7, 10), 0, "added live, so it stays");
});

test("OPS-1 cores that reload one after the other misread no message, and ask for what they could not use", () => {
  const rig = rigOf(2);
  const before = rigConfig({ members });
  const next = rigConfig({ members: [access(10), access(10)] });
  const swapped = {
    ...next.common,
    channels: [
      { name: "p1", ports: [1] },
      { name: "p0", ports: [0] },
    ],
  };
  assert.notDeepEqual(before.common, swapped);
  see(rig, 0, A, 0, 1);
  rig.settle(1);
  rig.bridges[0]?.configure(next.bridging, swapped, 10);
  see(rig, 0, B, 1, 11); // Channel 1 is p0 on core 0, and still p1 on core 1.
  rig.settle(11);
  assert.equal(rig.bridges[1]?.locate(0, B, 10), -1);
  rig.bridges[1]?.configure(next.bridging, swapped, 20);

  rig.tickTo(20, 1100, 10);
  const asks = rig.recorders[1]?.messages.splice(0) ?? [];
  assert.deepEqual(
    asks.map(({ name, to }) => `${name} ${to}`),
    ["resync-ask 0"],
  );
  resync(rig, 0, 1, 1200);

  assert.equal(rig.bridges[1]?.locate(0, A, 10), 1);
  assert.equal(rig.bridges[1]?.locate(0, B, 10), 1);
  assertEqual(rig);
});
