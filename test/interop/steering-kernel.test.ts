// The kernel's steering programs against the distributor: CORE-6, the same core for the same frame.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import * as fc from "fast-check";
import { close } from "../../src/ports/linux/ffi.ts";
import {
  defaultSteering,
  Scheme,
  type SteeringConfig,
  SYMMETRIC_KEY,
} from "../../src/steering/config.ts";
import { Distributor } from "../../src/steering/distributor.ts";
import { addKernelFrames, fillBuckets } from "../../src/steering/indirection.ts";
import { frameOf, rules, shapes } from "../fixtures/steering-frames.ts";
import { type Loaded, load, run } from "./steering-bpf.ts";

const MASTERS = [2, 3];
const roles = { master: (role: number): number => MASTERS[role] as number };

const buckets = new Uint8Array(128);
fillBuckets(buckets, 4);
const probe = load(defaultSteering(4), buckets, MASTERS, 0);
const skip =
  typeof probe === "number" ? `SKIPPED: bpf(2) refused with errno ${-probe}; needs CAP_BPF` : false;
if (skip !== false) console.error(skip);

const configs = fc.record({
  cores: fc.constant(4),
  buckets: fc.constantFrom(2, 16, 128),
  key: fc.constantFrom(
    defaultSteering(4).key,
    SYMMETRIC_KEY,
    Array.from({ length: 16 }, (_, n) => n * 13 + 1),
  ),
  scheme: fc.constantFrom(Scheme.Flow, Scheme.Flow, Scheme.Port, Scheme.Function),
  functions: fc.constantFrom({}, { tcp: 1, other: 3 }, { ip: 2, icmp: 0 }),
  rules: fc.array(rules, { maxLength: 12 }),
});

function make(config: SteeringConfig): { distributor: Distributor; program: Loaded } {
  const table = new Uint8Array(128).map((_, bucket) => (bucket * 5 + (bucket >> 2)) % config.cores);
  const program = load(config, table, MASTERS, 1);
  if (typeof program === "number") throw new Error(`bpf: errno ${-program}`);
  assert.ok(program.fd >= 0, program.log);
  const shared = { buckets: table, loads: new Float64Array(config.cores) };
  return { distributor: new Distributor(config, 0, shared, roles, new Float64Array(128)), program };
}

test("CORE-6 the eBPF program passes the verifier and names the distributor's core for every frame", {
  skip,
}, () => {
  let compared = 0;
  fc.assert(
    fc.property(configs, fc.array(shapes, { minLength: 40, maxLength: 40 }), (part, list) => {
      const { distributor, program } = make({ ...defaultSteering(4), ...part });
      for (const shape of list) {
        const frame = frameOf(shape);
        const expected = distributor.pick(1, new DataView(frame.buffer), 0, frame.length, 0);
        const { result } = run(program.fd, frame);
        assert.equal(result, expected, Buffer.from(frame).toString("hex"));
        compared++;
      }
      close(program.fd);
    }),
    { numRuns: 120, endOnFailure: true },
  );
  assert.ok(compared >= 4800);
});

test("CORE-6 frames cut at every length are steered alike", { skip }, () => {
  const { distributor, program } = make({
    ...defaultSteering(4),
    rules: [
      { protocol: 17, destinationPort: 53, core: 3 },
      { vlan: 10, core: 1 },
    ],
  });
  let refused = 0;
  let compared = 0;
  fc.assert(
    fc.property(shapes, (shape) => {
      const frame = frameOf(shape);
      for (let length = 14; length <= frame.length; length++) {
        const cut = frame.slice(0, length);
        const { result } = run(program.fd, cut);
        if (result < 0) {
          // A test run takes no IP frame without a whole header; on the wire these are tried below.
          refused++;
          assert.ok(
            length < (shape.etherType === 0x0800 ? 34 : 54),
            `errno ${-result} at ${length}`,
          );
          continue;
        }
        const expected = distributor.pick(1, new DataView(cut.buffer), 0, length, 0);
        assert.equal(result, expected, Buffer.from(cut).toString("hex"));
        compared++;
      }
    }),
    { numRuns: 60 },
  );
  assert.ok(compared > refused);
});

test("CORE-10 the program counts the frames of each bucket in the state page", { skip }, () => {
  const { distributor, program } = make(defaultSteering(4));
  const mine = new Float64Array(128);
  for (const shape of fc.sample(shapes, { seed: 5, numRuns: 300 })) {
    const frame = frameOf(shape);
    run(program.fd, frame);
    const bucket = distributor.bucketOf(1, new DataView(frame.buffer), 0, frame.length);
    if (bucket >= 0) mine[bucket] = (mine[bucket] as number) + 1;
  }
  const kernel = new Float64Array(128);
  addKernelFrames(program.state, kernel);
  assert.deepEqual([...kernel], [...mine]);
});

test("CORE-6 the most rules that are steered in the kernel pass the verifier", { skip }, () => {
  const rule = {
    source: { ipv6: [1, 2, 3, 4], length: 128 },
    destination: { ipv6: [1, 2, 3, 4], length: 128 },
    sourcePort: 1,
    destinationPort: 2,
    vlan: 3,
    protocol: 6,
  } as const;
  const list = Array.from({ length: 512 }, (_, core) => ({ ...rule, core: core % 4 }));
  make({ ...defaultSteering(4), rules: list });
});

test("CORE-6 the cost of the program, for the record", { skip }, (context) => {
  const { program } = make(defaultSteering(4));
  const frame = frameOf({
    ...(fc.sample(shapes, { seed: 1, numRuns: 1 })[0] as never as object),
    to: 2,
    tag: -1,
    etherType: 0x0800,
    protocol: 6,
    fragment: 0,
    options: 0,
    first: -1,
  } as never);
  const { nanoseconds } = run(program.fd, frame, 200_000);
  context.diagnostic(`eBPF steering of a TCP frame: ${nanoseconds} ns`);
  assert.ok(nanoseconds < 10_000);
});

function inNamespace(
  kind: string,
  seed: number,
  frames: number,
): {
  refused?: unknown;
  sent: number;
  wrong: string[];
  lost: number;
  kernelFrames: number;
  moved: number;
  cores: number[];
} {
  const name = `ll-steering-${process.pid}`;
  const ip = (...words: string[]): void => {
    execFileSync("ip", words, { stdio: "pipe" });
  };
  ip("netns", "add", name);
  try {
    ip("-n", name, "link", "add", "sa", "type", "veth", "peer", "name", "sb");
    execFileSync("ip", [
      "netns",
      "exec",
      name,
      "sysctl",
      "-qw",
      "net.ipv6.conf.all.disable_ipv6=1",
    ]);
    ip("-n", name, "link", "set", "sa", "up");
    ip("-n", name, "link", "set", "sb", "up");
    const script = new URL("./steering-wire.ts", import.meta.url).pathname;
    const words = [
      "netns",
      "exec",
      name,
      process.execPath,
      script,
      kind,
      String(seed),
      String(frames),
    ];
    return JSON.parse(execFileSync("ip", words, { encoding: "utf8" }));
  } finally {
    ip("netns", "delete", name);
  }
}

function mayMakeNamespaces(): boolean {
  try {
    execFileSync("ip", ["netns", "add", `ll-steering-probe-${process.pid}`], { stdio: "pipe" });
    execFileSync("ip", ["netns", "delete", `ll-steering-probe-${process.pid}`], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}
const skipWire = mayMakeNamespaces()
  ? false
  : "SKIPPED: no right to make network namespaces; needs root";
if (skipWire !== false) console.error(skipWire);

for (const kind of ["ebpf", "classic"]) {
  test(`CORE-6 on a veth, tags taken off by the kernel, each frame lands on its core's socket: ${kind}`, {
    skip: skipWire || (kind === "ebpf" && skip),
  }, () => {
    for (const seed of [1, 2, 3]) {
      const result = inNamespace(kind, seed, 400);
      assert.deepEqual(result.wrong, []);
      assert.equal(result.lost, 0);
      assert.ok(result.sent >= 390, `${result.sent} sent`);
      assert.ok(
        result.cores.every((count) => count > 0),
        `all cores: ${result.cores}`,
      );
      if (kind === "ebpf") {
        assert.ok(result.kernelFrames > 0);
        assert.equal(result.moved, 1);
      }
    }
  });
}
