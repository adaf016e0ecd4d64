import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { FIELDS, Message } from "../engine/message.ts";
import { Recorder } from "../sim/recorder.ts";
import { defaultSteering } from "./config.ts";
import { Distributor } from "./distributor.ts";
import {
  fillBuckets,
  MOVE_WORDS,
  MoveWord,
  STATE_BUCKETS_AT,
  STATE_BYTES,
  STATE_MOVE_AT,
} from "./indirection.ts";
import { DEFAULT_LIMITS, MoveAction, MoveControl, MoveMachine, PARK } from "./move.ts";
import { Mover } from "./mover.ts";

/** The state page with its views, as cores and control core share it. */
function newPage(cores: number): { buckets: Uint8Array; words: Int32Array } {
  const page = new SharedArrayBuffer(STATE_BYTES);
  const buckets = new Uint8Array(page, STATE_BUCKETS_AT, 128);
  fillBuckets(buckets, cores);
  return { buckets, words: new Int32Array(page, STATE_MOVE_AT, MOVE_WORDS) };
}

/** A record or a frame on its way from one core to another. */
interface Item {
  readonly type: number;
  readonly from: number;
  readonly epoch: number;
  readonly hex: string;
}

/** An Out whose records and frames towards one core keep their common order, as rings do. */
class RingOut extends Recorder {
  readonly staged: { to: number; item: Item }[] = [];
  override send(to: number): void {
    const at = this.draftAt;
    const item = {
      type: this.view.getUint8(at),
      from: this.core,
      epoch: this.view.getInt32(at + FIELDS),
      hex: "",
    };
    this.staged.push({ to, item });
  }
  draftAt = 0;
  override draft(type: number): number {
    this.draftAt = super.draft(type);
    return this.draftAt;
  }
  override handover(to: number, _port: number, start: number, end: number): void {
    this.staged.push({
      to,
      item: { type: Message.frame as number, from: this.core, epoch: 0, hex: this.hex(start, end) },
    });
  }
}

/** UDP of a flow (its source port) with a number in the payload. */
function frameHex(flow: number, number: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  return `02000000000202000000000108004500002400010000401100000a0000010a000002${hex(flow, 4)}0035000c0000${hex(number, 8)}`;
}

/** Cores that run rounds as core/core.ts does, over queues that the kernel or a fixed rule fills. */
class World {
  readonly cores: RingOut[] = [];
  readonly distributors: Distributor[] = [];
  readonly movers: Mover[] = [];
  readonly queues: string[][] = [];
  readonly rings: Item[][] = [];
  readonly control: MoveControl;
  readonly delivered: string[] = [];
  readonly count: number;
  readonly page: { buckets: Uint8Array; words: Int32Array };
  readonly kernel: boolean;
  /** Ignores PARK: to see that the test notices. */
  careless = false;
  readonly #numbers: number[] = [];
  #landing: { queue: number; hex: string } | null = null;
  readonly #probe: Distributor;
  now = 0;

  constructor(count: number, kernel: boolean) {
    this.count = count;
    this.kernel = kernel;
    this.page = newPage(count);
    this.control = new MoveControl(this.page.buckets, this.page.words);
    const shared = { buckets: this.page.buckets, loads: new Float64Array(count) };
    const roles = { master: (): number => 0 };
    const config = { ...defaultSteering(count), buckets: 2 };
    this.#probe = new Distributor(
      config,
      0,
      { buckets: new Uint8Array(128), loads: shared.loads },
      roles,
      new Float64Array(128),
    );
    for (let core = 0; core < count; core++) {
      const out = new RingOut(core, count);
      const distributor = new Distributor(config, core, shared, roles, new Float64Array(128));
      distributor.setSteered(0, kernel);
      this.cores.push(out);
      this.distributors.push(distributor);
      const receiver = {
        receive: (_port: number, start: number, end: number): void =>
          this.#deliver(out, start, end),
      };
      this.movers.push(new Mover(distributor, out, receiver, () => true));
      this.queues.push([]);
      this.rings.push([]);
    }
  }

  #deliver(out: RingOut, start: number, end: number): void {
    this.delivered.push(out.hex(start, end));
  }

  /** The kernel's program reads the byte now; the frame is in the queue when the next one comes, or a little later. */
  arrive(flow: number): void {
    this.land();
    const number = (this.#numbers[flow] ?? 0) + 1;
    this.#numbers[flow] = number;
    const hex = frameHex(flow, number);
    let queue = flow % this.count;
    if (this.kernel) {
      const out = this.cores[0] as RingOut;
      const { start, end } = out.frame(hex);
      const bucket = this.#probe.bucketOf(0, out.view, start, end);
      queue = this.page.buckets[bucket] as number;
    }
    this.#landing = { queue, hex };
  }

  land(): void {
    if (this.#landing !== null) this.queues[this.#landing.queue]?.push(this.#landing.hex);
    this.#landing = null;
  }

  round(core: number): void {
    const out = this.cores[core] as RingOut;
    const mover = this.movers[core] as Mover;
    const distributor = this.distributors[core] as Distributor;
    for (const item of (this.rings[core] as Item[]).splice(0)) {
      if (item.type !== Message.frame) {
        const at = out.draft(item.type);
        out.view.setInt32(at + FIELDS, item.epoch);
        assert.ok(mover.message(item.type, item.from, at, this.now));
        continue;
      }
      const { start, end } = out.frame(item.hex);
      if (!this.careless && mover.holdsBack(0, start, end, this.now)) continue;
      this.#deliver(out, start, end);
    }
    const burst = (this.queues[core] as string[]).splice(0, 4);
    mover.observe(this.now);
    for (const hex of burst) {
      const { start, end } = out.frame(hex);
      const to = distributor.needed(0) ? distributor.pick(0, out.view, start, end, this.now) : core;
      if (to === core || (to === PARK && this.careless)) this.#deliver(out, start, end);
      else if (to === PARK) mover.park(0, start, end);
      else out.handover(to, 0, start, end);
    }
    mover.received(0, burst.length, 4, this.now);
    mover.round(this.now);
    for (const { to, item } of out.staged.splice(0)) (this.rings[to] as Item[]).push(item);
  }

  /** Runs everything until nothing is left. */
  settle(): void {
    this.land();
    for (let n = 0; n < 400; n++) {
      this.now += 1;
      for (let core = 0; core < this.count; core++) this.round(core);
    }
  }

  /** Per flow, the numbers in the order of delivery. */
  orders(): Map<number, number[]> {
    const orders = new Map<number, number[]>();
    for (const hex of this.delivered) {
      const flow = Number.parseInt(hex.slice(68, 72), 16);
      const list = orders.get(flow) ?? [];
      orders.set(flow, list);
      list.push(Number.parseInt(hex.slice(84, 92), 16));
    }
    return orders;
  }

  isOrdered(): boolean {
    for (const [flow, list] of this.orders()) {
      if (list.length !== this.#numbers[flow]) return false;
      for (const [index, number] of list.entries()) if (number !== index + 1) return false;
    }
    return true;
  }
}

type Step = readonly ["frame" | "core" | "move" | "land", number, number];
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.tuple(fc.constant("frame" as const), fc.nat(5), fc.nat(2)) },
    { weight: 16, arbitrary: fc.tuple(fc.constant("core" as const), fc.nat(7), fc.nat(8)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("move" as const), fc.nat(1), fc.nat(7)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("land" as const), fc.nat(0), fc.nat(0)) },
  ),
  { minLength: 50, maxLength: 300 },
);

/** Plays steps; moves keep the distance that MoveControl asks for, and no core stalls longer than A waits. */
function play(world: World, list: readonly Step[]): void {
  let lastMove = -1000;
  const lastRound = new Array<number>(world.count).fill(0);
  for (const [kind, a, b] of list) {
    if (kind === "frame") {
      world.now += b / 100;
      world.arrive(a);
    } else if (kind === "land") world.land();
    else if (kind === "core") {
      world.now += b / 8;
      const late = lastRound.findIndex((at) => world.now - at > 10);
      const core = late >= 0 ? late : a % world.count;
      lastRound[core] = world.now;
      world.round(core);
    } else if (world.now - lastMove > DEFAULT_LIMITS.targetWait) {
      lastMove = world.now;
      world.control.move(a, b % world.count);
    }
    // The kernel's program is done within a millisecond.
    if (kind !== "frame") world.land();
  }
  world.settle();
}

for (const kernel of [true, false]) {
  const where = kernel ? "in the kernel" : "in software";
  test(`CORE-7 frames keep their order per flow, and none is lost, while buckets move, steered ${where}`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), steps, (count, list) => {
        const world = new World(count, kernel);
        play(world, list);
        assert.ok(world.isOrdered());
        for (const distributor of world.distributors) {
          assert.equal(distributor.move.forced, 0);
          assert.equal(distributor.move.parked, 0);
          assert.equal(distributor.move.active, false);
          assert.deepEqual(
            [...distributor.move.map.subarray(0, 2)],
            [...world.page.buckets.subarray(0, 2)],
          );
        }
        for (const out of world.cores) assert.equal(out.held, 0);
      }),
      { numRuns: 250 },
    );
  });

  test(`CORE-7 the simulation notices a core that does not park, steered ${where}`, () => {
    const found = fc.check(
      fc.property(fc.integer({ min: 2, max: 5 }), steps, (count, list) => {
        const world = new World(count, kernel);
        world.careless = true;
        play(world, list);
        return world.isOrdered();
      }),
      { numRuns: 2000, endOnFailure: true },
    );
    assert.equal(found.failed, true);
  });
}

test("CORE-7 a move costs one message from every core but the source, and one from the source", () => {
  const world = new World(4, true);
  const sent = { passed: 0, drained: 0 };
  for (const out of world.cores) {
    const send = out.send.bind(out);
    out.send = (to: number): void => {
      send(to);
      if (out.view.getUint8(out.draftAt) === Message["steer-passed"]) sent.passed++;
      else sent.drained++;
    };
  }

  world.control.move(0, 2);
  world.settle();

  assert.deepEqual(sent, { passed: 3, drained: 1 });
});

test("CORE-7 a target whose source is silent lets its frames go at the deadline", () => {
  const world = new World(2, true);
  const flow = 0;
  world.arrive(flow);
  world.settle();
  const bucket = world.distributors[0]?.move.map.indexOf(0) ?? 0;
  world.control.move(bucket, 1);
  for (let n = 0; n < 6; n++) world.arrive(n);
  world.land();
  const target = world.distributors[1] as Distributor;
  const before = world.delivered.length;
  for (let n = 0; n < 3; n++) world.round(1);
  const parked = target.move.parked;
  assert.ok(parked > 0);

  world.now += DEFAULT_LIMITS.targetWait;
  world.round(1);

  assert.equal(target.move.forced, 1);
  assert.equal(target.move.parked, 0);
  assert.equal(target.needed(0), false);
  assert.ok(world.delivered.length >= before + parked);
});

test("CORE-7 ND-2 a source that wakes when the target has gone on without it lets go at once", () => {
  for (const wakes of ["after", "before"]) {
    const { buckets, words } = newPage(2);
    const [source, target] = [0, 1].map((core) => new MoveMachine(core, 2, 1, buckets, words)) as [
      MoveMachine,
      MoveMachine,
    ];
    new MoveControl(buckets, words).move(0, 1);
    target.observe(0);
    if (wakes === "before") source.observe(DEFAULT_LIMITS.targetWait - 1);
    assert.equal(
      target.check(DEFAULT_LIMITS.targetWait, () => true),
      MoveAction.Release,
    );

    if (wakes === "after") source.observe(DEFAULT_LIMITS.targetWait + 200);
    else source.check(DEFAULT_LIMITS.targetWait, () => true);

    assert.equal(source.map[0], 1, `it wakes ${wakes} the target's deadline`);
    assert.ok(!source.active);
  }
});

test("CORE-7 the source does not wait for a core that is dead", () => {
  const { buckets, words } = newPage(3);
  const machine = new MoveMachine(0, 3, 1, buckets, words);
  new MoveControl(buckets, words).move(0, 1);
  assert.equal(machine.observe(0), MoveAction.None);
  machine.passed(1, words[MoveWord.Announced] as number);
  const isAlive = (core: number): boolean => core !== 2;

  assert.equal(machine.check(1, isAlive), MoveAction.None, "settles first");
  assert.equal(
    machine.check(1 + DEFAULT_LIMITS.settle, () => true),
    MoveAction.None,
    "core 2 lives",
  );
  assert.equal(machine.check(1 + DEFAULT_LIMITS.settle, isAlive), MoveAction.SendDrained);
  assert.equal(machine.map[0], 1);
  assert.equal(machine.forced, 0);
});

test("CORE-7 the source goes through what its queue held before it lets go, and no further under load", () => {
  const { buckets, words } = newPage(2);
  const machine = new MoveMachine(0, 2, 2, buckets, words, { ...DEFAULT_LIMITS, queue: 100 });
  new MoveControl(buckets, words).move(0, 1);
  machine.observe(0);
  machine.passed(1, 1);
  machine.check(0, () => true);
  const round = (now: number, count: number): number => {
    machine.received(0, count, 32, now);
    machine.received(1, 0, 32, now);
    return machine.check(now, () => true);
  };

  assert.equal(round(1, 0), MoveAction.None, "a queue that ran empty too early says nothing");
  assert.deepEqual([round(2, 32), round(3, 32), round(4, 32)], [0, 0, 0]);
  assert.equal(round(5, 32), MoveAction.SendDrained, "128 frames are more than it could hold");
});

test("CORE-7 a full car park drops the newest and counts it", () => {
  const { buckets, words } = newPage(2);
  const machine = new MoveMachine(1, 2, 1, buckets, words, { ...DEFAULT_LIMITS, parked: 2 });

  assert.deepEqual(
    [machine.park(7, 0), machine.park(8, 1), machine.park(9, 0)],
    [true, true, false],
  );
  assert.deepEqual(
    [machine.unpark(), machine.unparkedPort, machine.unpark(), machine.unparkedPort],
    [7, 0, 8, 1],
  );
  assert.equal(machine.unpark(), -1);
});

test("CORE-9 a rewritten table reaches every core at once, without a message", () => {
  const world = new World(3, false);
  world.control.rewrite(new Uint8Array(128).fill(2));
  for (let core = 0; core < 3; core++) world.round(core);
  for (const { move } of world.distributors) assert.equal(move.map[0], 2);
  assert.ok(world.rings.every((ring) => ring.length === 0));
});

test("CORE-7 a core that slept through moves takes the table as it is", () => {
  const { buckets, words } = newPage(3);
  const machine = new MoveMachine(2, 3, 1, buckets, words);
  const control = new MoveControl(buckets, words);
  control.move(0, 1);
  control.move(4, 0);
  machine.observe(0);
  assert.deepEqual([...machine.map.subarray(0, 6)], [1, 1, 2, 0, 0, 2]);
});
