// Ports of two cores in the kernel's hands: each frame reaches the core that the distributor names, whatever its
// length, also after a bucket moved and after the interface was down. AF_PACKET by eBPF, by classic BPF and by the
// mere spread; TAP by eBPF.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Arena, PAGE, Planner } from "../../src/lib/arena.ts";
import { openPort, type PortDriverConfig, planPort } from "../../src/ports/factory.ts";
import { close } from "../../src/ports/linux/ffi.ts";
import { Interface } from "../../src/ports/linux/interface.ts";
import type { Port } from "../../src/ports/port.ts";
import { type StatePage, shareStatePage } from "../../src/ports/steering.ts";
import { defaultSteering, type SteeringConfig } from "../../src/steering/config.ts";
import { Distributor } from "../../src/steering/distributor.ts";
import { fillBuckets, STATE_BUCKETS_AT, STATE_ROLE_AT } from "../../src/steering/indirection.ts";
import { inNamespace, ip, RawSocket } from "./namespace.ts";
import { assertFrames, planSend, type Rig, receiveAll } from "./suite.ts";

const CORES = 2;
const MASTER = 1;
/** Too long for an ordinary slot. Packet sockets put headers of frames beyond a page where no program reads them. */
const LONG = 3900;
const config: SteeringConfig = defaultSteering(CORES);

interface Steered {
  readonly arena: Arena;
  readonly ports: readonly Port[];
  readonly steered: readonly boolean[];
  readonly buckets: Uint8Array;
  /** The core of a frame, by the software. */
  pick(frame: Uint8Array): number;
  /** What each core received. */
  receive(count: number): Uint8Array[][];
  close(): void;
}

function open(driver: PortDriverConfig, how: "page" | "classic" | "spread"): Steered {
  const planner = new Planner();
  const at = planner.reserve(PAGE, PAGE);
  const plan = planPort(planner, driver, CORES);
  const room = planSend(planner);
  const arena = Arena.create(planner.size);
  arena.i32[(at + STATE_ROLE_AT) >> 2] = MASTER;
  const buckets = arena.u8.subarray(at + STATE_BUCKETS_AT, at + STATE_BUCKETS_AT + 128);
  fillBuckets(buckets, CORES);
  const map = how === "page" ? shareStatePage(arena, at) : -1;
  const page: { page?: StatePage } = how === "spread" ? {} : { page: { at, map } };
  const opened = Array.from({ length: CORES }, (_, core) =>
    openPort(driver, { arena, plan, port: 0, core, cores: CORES, steering: config, ...page }),
  );
  const roles = { master: () => MASTER };
  const shared = { buckets, loads: new Float64Array(CORES) };
  const ports = opened.map((one) => one.driver);
  return {
    arena,
    ports,
    steered: opened.map((one) => one.steered),
    buckets,
    pick(frame) {
      arena.u8.set(frame, room);
      // A new one each time, since a running one follows only the control core's bucket moves.
      const distributor = new Distributor(config, 0, shared, roles, new Float64Array(128));
      return distributor.pick(0, arena.view, room, room + frame.length, 0);
    },
    receive(count) {
      return ports.map((port) => {
        const rig: Rig = { arena, port, room, collect: () => [], close: () => undefined };
        return receiveAll(rig, count);
      });
    },
    close() {
      for (const port of ports) port.close();
      if (map >= 0) close(map);
    },
  };
}

/** UDP in IPv4 of flow `flow`, numbered, with or without a tag; every seventh is ARP. */
function packet(flow: number, number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x02, 0, 0, 0, 0, flow, 0x02, 0, 0, 1, 0, flow]);
  let at = 12;
  if (flow % 3 === 0) {
    view.setUint32(at, 0x8100000a);
    at += 4;
  }
  if (flow % 7 === 0) {
    view.setUint16(at, 0x0806);
    view.setUint32(at + 2, number);
    return bytes;
  }
  view.setUint16(at, 0x0800);
  at += 2;
  bytes.set([0x45, 0, (length - at) >> 8, (length - at) & 255, 0, 0, 0, 0, 64, 17], at);
  bytes.set([10, 0, 0, flow, 10, 0, 1, flow * 3], at + 12);
  view.setUint16(at + 20, 1000 + flow);
  view.setUint16(at + 22, 53);
  view.setUint32(at + 28, number);
  return bytes;
}

const mixed = (count: number, longest: number): Uint8Array[] =>
  Array.from({ length: count }, (_, number) =>
    packet((number * 11) % 97, number, number % 8 === 0 ? longest : 80 + (number % 900)),
  );

const OWN = "lls0";
const FAR = "lls1";

function setUp(name: string, up: boolean): void {
  const link = new Interface(name);
  assert.ok(link.setUp(up));
  link.close();
}

function makePair(): void {
  ip("link", "add", OWN, "mtu", "9000", "type", "veth", "peer", "name", FAR, "mtu", "9000");
  setUp(FAR, true);
  setUp(OWN, true);
}

/** Sends frames, and holds what arrives to what the distributor says. */
function hold(port: Steered, far: RawSocket, frames: readonly Uint8Array[]): void {
  for (const frame of frames) far.send(frame);
  const got = port.receive(frames.length);
  for (let core = 0; core < CORES; core++) {
    assertFrames(
      got[core] as Uint8Array[],
      frames.filter((frame) => port.pick(frame) === core),
    );
  }
  assert.ok((got[0] as Uint8Array[]).length > 0 && (got[1] as Uint8Array[]).length > 0);
}

function overPair(
  how: "page" | "classic" | "spread",
  body: (port: Steered, far: RawSocket) => void,
): void {
  makePair();
  const port = open({ driver: "packet", interface: OWN }, how);
  const far = new RawSocket(FAR);
  try {
    body(port, far);
  } finally {
    far.close();
    port.close();
    ip("link", "del", OWN);
  }
}

/** Whether bpf(2) is allowed here: not in a user namespace. */
function hasBpf(): boolean {
  const planner = new Planner();
  const at = planner.reserve(PAGE, PAGE);
  const map = shareStatePage(Arena.create(planner.size), at);
  if (map >= 0) close(map);
  return map >= 0;
}

inNamespace(fileURLToPath(import.meta.url), () => {
  const options = hasBpf() ? {} : { skip: "SKIPPED: bpf(2) is refused: run as root" };
  test("CORE-6 AF_PACKET gives every frame to the core that the distributor names", options, () =>
    overPair("page", (port, far) => {
      assert.equal(port.ports[1]?.status(0).steering, "ebpf");
      assert.deepEqual(port.steered, [true, true]);
      hold(port, far, mixed(400, LONG));
    }),
  );

  test("CORE-6 a bucket's byte in the arena steers the next frame", options, () =>
    overPair("page", (port, far) => {
      for (let bucket = 0; bucket < 128; bucket++) port.buckets[bucket] = bucket < 100 ? 1 : 0;
      hold(port, far, mixed(300, LONG));
    }),
  );

  test(
    "CORE-6 the cores keep their places when the interface was down, and when it was removed",
    options,
    () =>
      overPair("page", (port, far) => {
        setUp(OWN, false);
        for (const one of port.ports) assert.equal(one.status(0).up, false);
        setUp(OWN, true);
        for (const one of port.ports) assert.equal(one.status(0).up, true);
        hold(port, far, mixed(200, LONG));

        ip("link", "del", OWN);
        for (const one of port.ports) assert.equal(one.status(0).up, false);
        makePair();
        const again = new RawSocket(FAR);
        // The second core looks first, and has to wait for its turn.
        assert.equal(port.ports[1]?.status(0).up, false);
        assert.equal(port.ports[0]?.status(0).up, true);
        assert.equal(port.ports[1]?.status(0).up, true);
        hold(port, again, mixed(200, LONG));
        again.close();
      }),
  );

  test("CORE-6 without eBPF a classic program names the same cores", () =>
    overPair("classic", (port, far) => {
      assert.equal(port.ports[1]?.status(0).steering, "cbpf");
      assert.deepEqual(port.steered, [false, false]);
      hold(port, far, mixed(400, LONG));
    }));

  test("CORE-6 without a program each frame still reaches one core, in order within a pair", () =>
    overPair("spread", (port, far) => {
      assert.equal(port.ports[0]?.status(0).steering, "software");
      assert.deepEqual(port.steered, [false, false]);
      const frames = mixed(400, LONG);
      for (const frame of frames) far.send(frame);
      const got = port.receive(frames.length);
      assert.equal(got.flat().length, frames.length);
      const macs = (frame: Uint8Array): string => Buffer.from(frame.slice(0, 12)).toString("hex");
      for (const pair of new Set(frames.map(macs))) {
        const cores = got.map((list) => list.filter((frame) => macs(frame) === pair));
        const used = cores.filter((list) => list.length > 0);
        assert.equal(used.length, 1, "one core per pair");
        assertFrames(
          used[0] as Uint8Array[],
          frames.filter((frame) => macs(frame) === pair),
        );
      }
    }));

  test("CORE-6 a TAP gives every frame to the core that the distributor names", options, () => {
    const port = open({ driver: "tap", interface: OWN, mac: 0x02000000000a }, "page");
    const far = new RawSocket(OWN);
    try {
      assert.equal(port.ports[1]?.status(0).steering, "ebpf");
      assert.deepEqual(port.steered, [true, true]);
      hold(port, far, mixed(400, 1400));
    } finally {
      far.close();
      port.close();
    }
  });
});
