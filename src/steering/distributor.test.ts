import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  frameOf,
  naiveFields,
  naiveInput,
  naiveMatch,
  naiveToeplitz,
  rules,
  type Shape,
  shapes,
} from "../../test/fixtures/steering-frames.ts";
import { defaultSteering, Scheme, type SteeringConfig, SYMMETRIC_KEY } from "./config.ts";
import { Distributor } from "./distributor.ts";
import { fillBuckets } from "./indirection.ts";

const MASTERS = [2, 3];
const roles = { master: (role: number): number => MASTERS[role] as number };

function make(
  config: SteeringConfig,
  core = 0,
  loads = new Float64Array(config.cores),
): Distributor {
  const buckets = new Uint8Array(128);
  fillBuckets(buckets, config.cores);
  return new Distributor(config, core, { buckets, loads }, roles, new Float64Array(128));
}

/** A frame between guard bytes, so that a read beyond its end shows. */
function place(frame: Uint8Array, guard: number): { view: DataView; start: number; end: number } {
  const bytes = new Uint8Array(frame.length + 128).fill(guard);
  bytes.set(frame, 64);
  return { view: new DataView(bytes.buffer), start: 64, end: 64 + frame.length };
}

function pick(distributor: Distributor, frame: Uint8Array, port = 0, now = 0): number {
  const { view, start, end } = place(frame, 0);
  return distributor.pick(port, view, start, end, now);
}

/** The core that the specification names, the long way. */
function naivePick(
  config: SteeringConfig,
  frame: readonly number[],
  port: number,
  self: number,
): number {
  const fields = naiveFields(frame);
  if (fields === undefined) return self;
  if (fields.etherType === 0x0806 || fields.etherType === 0x8035) return MASTERS[0] as number;
  const isBpdu = fields.macs.slice(0, 6).join() === [1, 0x80, 0xc2, 0, 0, 0].join();
  if (fields.etherType === 0x8809 || isBpdu) return MASTERS[1] as number;
  const core = (input: number[]): number =>
    (naiveToeplitz(config.key, input) % config.buckets) % config.cores;
  if (fields.target.length > 0) return core(fields.target);
  for (const rule of config.rules) {
    if (!naiveMatch(rule, fields, port)) continue;
    return rule.role === undefined ? (rule.core ?? 0) : (MASTERS[rule.role] as number);
  }
  return core(naiveInput(fields));
}

const configs = fc.record({
  buckets: fc.constantFrom(2, 4, 32, 128),
  cores: fc.integer({ min: 1, max: 8 }),
  rules: fc.array(rules, { maxLength: 6 }),
});

test("CORE-4 CORE-5 a frame goes where rules, hash and table say, as a plain model says it", () => {
  fc.assert(
    fc.property(
      configs,
      fc.array(shapes, { minLength: 20, maxLength: 20 }),
      fc.nat(1),
      (part, list, port) => {
        const config = { ...defaultSteering(part.cores), ...part };
        const distributor = make(config, 1 % part.cores);
        for (const shape of list) {
          const frame = frameOf(shape);
          assert.equal(
            pick(distributor, frame, port),
            naivePick(config, [...frame], port, 1 % part.cores),
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("CORE-4 no read passes the end of a frame of any length", () => {
  const config = {
    ...defaultSteering(4),
    rules: [
      { protocol: 6, destinationPort: 80, core: 1 },
      { vlan: 5, core: 2 },
    ],
  };
  const distributor = make(config);
  fc.assert(
    fc.property(shapes, (shape) => {
      const frame = frameOf(shape);
      for (let length = 0; length <= frame.length; length++) {
        const cut = frame.slice(0, length);
        const expected = naivePick(config, [...cut], 0, 0);
        for (const guard of [0, 0x45, 0x88, 0xff]) {
          const { view, start, end } = place(cut, guard);
          assert.equal(distributor.pick(0, view, start, end, 0), expected);
        }
        // The frame is the whole buffer: a read beyond it would throw.
        assert.equal(distributor.pick(0, new DataView(cut.buffer), 0, length, 0), expected);
      }
    }),
    { numRuns: 60 },
  );
});

test("CORE-4 random bytes never throw", () => {
  const distributor = make(defaultSteering(3));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 128 }), (bytes) => {
      const core = distributor.pick(0, new DataView(bytes.slice().buffer), 0, bytes.length, 0);
      assert.ok(core >= 0 && core < 4);
    }),
    { numRuns: 3000 },
  );
});

test("CORE-4 with the symmetric key both directions of a flow go to one core", () => {
  const distributor = make({ ...defaultSteering(8), key: SYMMETRIC_KEY });
  fc.assert(
    fc.property(shapes, (shape) => {
      // A tag without a tag's content would read the ports as its VLAN.
      fc.pre(shape.etherType !== 0x8100 && shape.etherType !== 0x88a8);
      const there: Shape = { ...shape, protocol: shape.protocol === 58 ? 6 : shape.protocol };
      const back: Shape = {
        ...there,
        to: there.from,
        from: there.to,
        source: there.destination,
        destination: there.source,
        sourcePort: there.destinationPort,
        destinationPort: there.sourcePort,
      };
      const [a, b] = [there, back].map((one) => {
        const { view, start, end } = place(frameOf(one), 0);
        return distributor.hashOf(view, start, end);
      });
      // The frame's bytes behind the header may differ where they are no ports: only hashed fields count.
      assert.deepEqual(a, b);
    }),
  );
});

const BASE: Shape = {
  to: 0x020000000002,
  from: 0x020000000001,
  tag: -1,
  tagType: 0x8100,
  etherType: 0x0800,
  source: [0xc0000201, 0, 0, 1],
  destination: [0xc0000202, 0, 0, 2],
  protocol: 6,
  fragment: 0,
  options: 0,
  sourcePort: 1234,
  destinationPort: 80,
  icmpType: 136,
  first: -1,
  tail: 0,
};

test("CORE-4 a tag does not change where an IP flow goes, and does where MACs decide", () => {
  const distributor = make(defaultSteering(8));
  const hash = (shape: Shape): number => {
    const { view, start, end } = place(frameOf(shape), 0);
    return distributor.hashOf(view, start, end).hash;
  };

  assert.equal(hash(BASE), 0xb999a8f7);
  assert.equal(hash({ ...BASE, tag: 10 }), 0xb999a8f7);
  assert.equal(hash({ ...BASE, tag: 10, tagType: 0x88a8 }), 0xb999a8f7);
  assert.equal(hash({ ...BASE, fragment: 0x2000 }), 0x5ceea90c);
  assert.notEqual(
    hash({ ...BASE, etherType: 0x88cc, tag: 10 }),
    hash({ ...BASE, etherType: 0x88cc, tag: 11 }),
  );
  assert.equal(
    hash({ ...BASE, etherType: 0x88cc, tag: 0xe000 }),
    hash({ ...BASE, etherType: 0x88cc }),
  );
});

test("CORE-5 ARP, LACP and BPDU follow their roles when these move", () => {
  const masters = [0, 1];
  const buckets = new Uint8Array(128);
  const moving = { master: (role: number): number => masters[role] as number };
  const distributor = new Distributor(
    defaultSteering(4),
    0,
    { buckets, loads: new Float64Array(4) },
    moving,
    new Float64Array(128),
  );
  const arp = frameOf({ ...BASE, etherType: 0x0806 });
  const rarp = frameOf({ ...BASE, etherType: 0x8035, tag: 7 });
  const lacp = frameOf({ ...BASE, etherType: 0x8809, to: 0x0180c2000002 });
  const bpdu = frameOf({ ...BASE, etherType: 0x0027, to: 0x0180c2000000 });

  assert.deepEqual(
    [arp, rarp, lacp, bpdu].map((frame) => pick(distributor, frame)),
    [0, 0, 1, 1],
  );
  masters[0] = 3;
  masters[1] = 2;
  assert.deepEqual(
    [arp, rarp, lacp, bpdu].map((frame) => pick(distributor, frame)),
    [3, 3, 2, 2],
  );
});

test("CORE-5 a Neighbor Advertisement goes to the owner of its target, whoever sends it", () => {
  const distributor = make(defaultSteering(8));
  fc.assert(
    fc.property(shapes, (shape) => {
      const frame = frameOf({
        ...shape,
        to: 1,
        etherType: 0x86dd,
        protocol: 58,
        icmpType: 136,
        first: -1,
        tagType: 0x8100,
      });
      const [a, b, c, d] = shape.source as [number, number, number, number];
      assert.equal(pick(distributor, frame), distributor.ownerOf(a, b, c, d));
    }),
  );
});

test("CORE-7 the scheme of each port is its own (hybrid)", () => {
  const config = {
    ...defaultSteering(4),
    portSchemes: [-1, Scheme.Port, Scheme.Port],
    portCores: [-1, -1, 3],
  };
  const distributor = make(config);
  const frame = frameOf(BASE);

  assert.equal(pick(distributor, frame, 0), (0xb999a8f7 % 128) % 4);
  assert.equal(pick(distributor, frame, 1), 1);
  assert.equal(pick(distributor, frame, 2), 3);
});

test("CORE-7 by function: named jobs go to their cores, the rest by flow", () => {
  const config = {
    ...defaultSteering(4),
    scheme: Scheme.Function,
    functions: { tcp: 1, icmp: 2, other: 3 },
  };
  const distributor = make(config);
  const at = (change: Partial<Shape>): number => pick(distributor, frameOf({ ...BASE, ...change }));

  assert.equal(at({}), 1);
  assert.equal(at({ etherType: 0x86dd }), 1);
  assert.equal(at({ protocol: 1 }), 2);
  assert.equal(at({ etherType: 0x86dd, protocol: 58, icmpType: 128 }), 2);
  for (const etherType of [0x88cc, 0x0000, 0xffff, 0x0801, 0x07ff, 0x86dc, 0x86de, 0x0027]) {
    assert.equal(at({ etherType, first: 0 }), 3, etherType.toString(16));
  }
  const udp = naivePick(config, [...frameOf({ ...BASE, protocol: 17 })], 0, 0);
  assert.equal(at({ protocol: 17 }), udp);
});

test("CORE-7 least load gives every N frames to the least loaded core", () => {
  const loads = Float64Array.of(0.9, 0.1, 0.5, 0.95);
  const distributor = make(
    { ...defaultSteering(4), scheme: Scheme.LeastLoad, unitFrames: 3 },
    0,
    loads,
  );
  const frame = frameOf(BASE);
  const next = (now: number): number => pick(distributor, frame, 0, now);

  assert.deepEqual([next(0), next(0), next(0)], [1, 1, 1]);
  loads[1] = 0.99;
  loads[3] = 0;
  assert.deepEqual([next(1), next(1), next(1)], [3, 3, 3]);
});

test("CORE-7 least load spreads over equal cores instead of crowding one", () => {
  const distributor = make({ ...defaultSteering(4), scheme: Scheme.LeastLoad });
  const seen = [0, 0, 0, 0];
  for (let n = 0; n < 400; n++) {
    const core = pick(distributor, frameOf(BASE), 0, n / 100);
    seen[core] = (seen[core] as number) + 1;
  }
  assert.deepEqual(seen, [100, 100, 100, 100]);
});

test("CORE-7 time slice keeps one core for the slice", () => {
  const loads = Float64Array.of(0.5, 0.1);
  const distributor = make(
    { ...defaultSteering(2), scheme: Scheme.TimeSlice, unitTime: 10 },
    0,
    loads,
  );
  const frame = frameOf(BASE);

  assert.equal(pick(distributor, frame, 0, 0), 1);
  loads[1] = 0.9;
  assert.equal(pick(distributor, frame, 0, 9.9), 1);
  assert.equal(pick(distributor, frame, 0, 10), 0);
});

test("CORE-7 the arbiter gives a new flow to the winner, and a known flow keeps its core", () => {
  const loads = Float64Array.of(0.8, 0.1, 0.8);
  const config = { ...defaultSteering(3), scheme: Scheme.Arbiter };
  const distributor = make(config, 0, loads);
  const first = frameOf(BASE);
  const second = frameOf({ ...BASE, sourcePort: 443 });

  assert.equal(pick(distributor, first, 0, 0), 1);
  loads[1] = 0.9;
  loads[2] = 0;
  assert.equal(pick(distributor, first, 0, 100), 1);
  assert.equal(pick(distributor, second, 0, 100), 2);
  assert.equal(pick(distributor, first, 0, 101 + config.flowTimeout), 2);
});

test("CORE-7 the arbiter's votes: load, then priority, then none above the threshold, stale ones last", () => {
  const loads = Float64Array.of(0.5, 0.5, 0.5);
  const reported = Float64Array.of(0, 0, 0);
  const buckets = new Uint8Array(128);
  const config = {
    ...defaultSteering(3),
    scheme: Scheme.Arbiter,
    priorities: [2, 1, 3],
    loadThreshold: 0.8,
  };
  const distributor = new Distributor(
    config,
    0,
    { buckets, loads, reported },
    roles,
    new Float64Array(128),
  );
  let flow = 0;
  const next = (now: number): number =>
    pick(distributor, frameOf({ ...BASE, sourcePort: flow++ }), 0, now);

  assert.equal(next(0), 1, "equal loads: the best priority");
  loads[1] = 0.9;
  assert.equal(next(1), 0, "above the threshold: the next priority");
  loads[0] = 0.1;
  assert.equal(next(2), 0);
  reported[2] = 5000;
  loads[2] = 0.7;
  assert.equal(next(5000), 2, "only core 2 reported lately");
  loads[2] = Number.NaN;
  assert.equal(next(5001), 0, "a core that takes no part is not chosen");
});

test("CORE-7 a core above its load threshold passes new flows on and keeps the old", () => {
  const loads = Float64Array.of(0, 0);
  const distributor = make({ ...defaultSteering(2), loadThreshold: 0.9 }, 0, loads);
  const flows = Array.from({ length: 64 }, (_, n) => frameOf({ ...BASE, sourcePort: n }));
  const before = flows.slice(0, 32).map((frame) => pick(distributor, frame, 0, 0));
  assert.ok(before.includes(0) && before.includes(1));

  loads[0] = 0.95;
  const after = flows.map((frame) => pick(distributor, frame, 0, 10));

  assert.deepEqual(after.slice(0, 32), before);
  assert.ok(after.slice(32).every((core) => core === 1));
});

test("CORE-7 a flow never changes its core within the time that its frames may be under way", () => {
  const config = { ...defaultSteering(4), scheme: Scheme.Arbiter, flows: 16, flowTimeout: 2000 };
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(60), fc.nat(400), fc.nat(3), fc.nat(100)), { maxLength: 300 }),
      (steps) => {
        const loads = new Float64Array(4);
        const distributor = make(config, 0, loads);
        const last = new Map<number, { core: number; at: number }>();
        let now = 0;
        for (const [flow, wait, busy, load] of steps) {
          now += wait / 10;
          loads[busy] = load / 100;
          const core = pick(distributor, frameOf({ ...BASE, sourcePort: flow }), 0, now);
          const old = last.get(flow);
          if (old !== undefined && now - old.at <= 1000) assert.equal(core, old.core);
          last.set(flow, { core, at: now });
        }
        assert.ok(distributor.flowCounts(now).flows <= 16);
      },
    ),
    { numRuns: 300 },
  );
});

test("CORE-1 one core needs no steering, and a port that the kernel steers needs none either", () => {
  assert.equal(make(defaultSteering(1)).needed(0), false);
  const distributor = make(defaultSteering(2));
  assert.equal(distributor.needed(0), true);
  distributor.setSteered(0, true);
  assert.equal(distributor.needed(0), false);
  assert.equal(distributor.needed(1), true);
});

test("CORE-10 frames are counted per bucket that decided, not for rules", () => {
  const frames = new Float64Array(128);
  const buckets = new Uint8Array(128);
  const config = { ...defaultSteering(2), rules: [{ protocol: 17, core: 1 }] };
  const distributor = new Distributor(
    config,
    0,
    { buckets, loads: new Float64Array(2) },
    roles,
    frames,
  );

  pick(distributor, frameOf(BASE));
  pick(distributor, frameOf(BASE));
  pick(distributor, frameOf({ ...BASE, protocol: 17 }));

  assert.equal(frames[0xb999a8f7 % 128], 2);
  assert.equal(
    frames.reduce((sum, count) => sum + count),
    2,
  );
});

test("CORE-5 a reload changes rules, key and schemes at once", () => {
  const distributor = make(defaultSteering(4));
  distributor.configure({ ...defaultSteering(4), rules: [{ protocol: 6, core: 3 }] });
  assert.equal(pick(distributor, frameOf(BASE)), 3);
  distributor.configure({ ...defaultSteering(4), key: SYMMETRIC_KEY });
  const { view, start, end } = place(frameOf(BASE), 0);
  const { hash } = distributor.hashOf(view, start, end);
  assert.equal(hash >>> 16, hash & 0xffff);
});
