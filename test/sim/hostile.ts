// Hostile frames against a whole core: cut, stretched, mutated and random ones of every kind the appliance reads, from
// a seed. Used by the unit test (a share) and by `npm run fuzz` (ten million).

import assert from "node:assert/strict";
import { CORE_AT, CoreCounter } from "../../src/engine/counter.ts";
import { FRAME_ROOM, HEADROOM, OFFLOAD } from "../../src/engine/frame.ts";
import { Prng } from "../../src/lib/prng.ts";
import { Batch } from "../../src/ports/port.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { access, plainConfig, trunk } from "../../src/sim/configs.ts";
import { snoopDefaults } from "../../src/snoop/config.ts";
import * as checksum from "../../src/wire/checksum.ts";
import { arpReply, arpRequest, bytes, ip, mac, plain, udp } from "./frames.ts";
import {
  data4,
  data6,
  join4,
  join6,
  leave4,
  query4,
  query6,
  report4,
  report6,
} from "./multicast-frames.ts";

const OWN = "02:ee:00:00:00:01";
const A = "02:00:00:00:00:0a";

/** IGMP and MLD of every version and kind (BR-8). */
function multicastTemplates(): Uint8Array[] {
  const group = "239.1.2.3";
  const group6 = "ff15::1:2";
  return [
    ...[1, 2, 3].map((version) => query4(A, "192.0.2.10", "0.0.0.0", version)),
    query4(A, "192.0.2.10", group, 3, 1000),
    join4(A, "192.0.2.10", group, 1),
    join4(A, "192.0.2.10", group),
    leave4(A, "192.0.2.10", group),
    ...[1, 2, 3, 4, 5, 6].map((kind) =>
      report4(A, "192.0.2.10", kind, group, ["192.0.2.7", "192.0.2.8"]),
    ),
    ...[1, 2].map((version) => query6(A, "fe80::a", "::", version)),
    query6(A, "fe80::a", group6, 2, 1000),
    join6(A, "fe80::a", group6),
    join6(A, "fe80::a", group6, true),
    ...[1, 2, 3, 4].map((kind) => report6(A, "fe80::a", kind, group6)),
    data4(A, "192.0.2.10", group),
    data6(A, "fe80::a", group6),
  ];
}

/** Frames to start from: every protocol the appliance reads, to itself and through it. */
function templates(): Uint8Array[] {
  const echo = udp(OWN, A, "192.0.2.10", "192.0.2.1", 1, 1);
  echo[23] = 1;
  echo[34] = 8;
  return [
    plain("02:00:00:00:00:0b", A),
    plain("ff:ff:ff:ff:ff:ff", A, 10),
    arpRequest(A, "192.0.2.10", "192.0.2.1"),
    arpRequest(A, "192.0.2.10", "192.0.2.10"),
    arpReply(OWN, "192.0.2.1", A, "192.0.2.10"),
    udp(OWN, A, "192.0.2.10", "198.51.100.11", 1000, 2000),
    udp(OWN, A, "192.0.2.10", "192.0.2.1", 1000, 2000),
    echo,
    bytes(
      `ffffffffffff 02000000000a8035 0001080006040003 02000000000a 00000000 02000000000a 00000000`,
    ),
    bytes(`0180c2000000 02000000000a 0026 424203 0000000000 1000${"02".repeat(30)}`),
    bytes(`0180c2000002 02000000000a 8809 0101 0114 ${"00".repeat(108)}`),
    bytes(
      `3333ff00000b 02000000000a 86dd 60000000 0020 3aff ${"fe".repeat(32)} 8700 ${"00".repeat(30)}`,
    ),
    bytes(
      `${OWN.replaceAll(":", "")}02000000000a 8100000a 0800 46000030 00000000 0101 0000 c000020a c0000201 ${"83".repeat(24)}`,
    ),
    bytes(
      `01005e000001 02000000000a 0800 4500001c00000000 0102 0000 c000020a e0000001 1100 0000 00000000`,
    ),
  ];
}

export interface FuzzResult {
  readonly frames: number;
  readonly drops: Record<string, number>;
  readonly sent: number;
  readonly heapGrown: number;
}

/** Puts the checksum of an IGMP or MLD frame right, so that what is behind it is read. */
function mend(frame: Uint8Array, length: number): void {
  const view = new DataView(frame.buffer, frame.byteOffset, length);
  if (length < 62) return;
  if (view.getUint16(12) === 0x0800 && frame[23] === 2 && (frame[14] ?? 0) >> 4 === 4) {
    const at = 14 + ((frame[14] ?? 0) & 15) * 4;
    const end = 14 + view.getUint16(16);
    if (end > length || at + 8 > end || at < 34) return;
    view.setUint16(24, 0);
    view.setUint16(24, checksum.compute(view, 14, at));
    view.setUint16(at + 2, 0);
    view.setUint16(at + 2, checksum.compute(view, at, end));
  } else if (view.getUint16(12) === 0x86dd && frame[20] === 0 && frame[54] === 58) {
    const end = 54 + view.getUint16(18);
    if (end > length || end < 70) return;
    view.setUint16(64, 0);
    const sum = checksum.pseudo6(view, 14, 58, end - 62);
    view.setUint16(64, checksum.finish(checksum.add(view, 62, end, sum)));
  }
}

/** Plays `count` frames; throws what the appliance throws, and when buffers do not come back. */
export function fuzz(seed: number, count: number, only?: "multicast"): FuzzResult {
  const random = new Prng(seed);
  const bridge = { bridge: 0, channel: -1, proxyArp: true, mtu: 1500, mac: mac(OWN) };
  const snoop = snoopDefaults(0, [0, 1, 2], { mac: mac(OWN), maxGroups: 64 });
  const cluster = new Cluster(
    {
      ...plainConfig({
        cores: 1,
        members: [access(10), access(20), trunk(1, 10, 20)],
        bridge: { tableSize: 1024, moveLimit: 0 },
        arp: { receiveRate: 1e6, requestRate: 1e6, maxEntries: 512 },
        host: { icmpPerSecond: 1e6, icmpTotalBurst: 1e6 },
        interfaces: [
          { ...bridge, name: "a", vlan: 10, addresses: [{ address: ip("192.0.2.1"), prefix: 24 }] },
          {
            ...bridge,
            name: "b",
            vlan: 20,
            addresses: [{ address: ip("198.51.100.1"), prefix: 24 }],
          },
        ],
        routedPorts: 0,
      }),
      snoop: { bridges: [snoop] },
    },
    { slots: 1024 },
  );
  const [core] = cluster.cores;
  assert.ok(core !== undefined);
  const ends = cluster.ends.map((queues) => queues[0]);
  const base =
    only === "multicast" ? multicastTemplates() : [...templates(), ...multicastTemplates()];
  const scratch = new Uint8Array(FRAME_ROOM);
  const batch = new Batch(64);
  const { u8 } = cluster.arena;
  const free = core.pool.free;
  let heap = 0;
  let sent = 0;
  let place = 0;
  const staging = cluster.arena.buffer.byteLength - 128 * 2304;
  for (let done = 0; done < count; done += 64) {
    const port = random.below(ends.length);
    for (let n = 0; n < 64; n++) {
      const length = mutate(scratch, random.pick(base), random);
      if (random.chance(0.75)) mend(scratch, length);
      const start = staging + (place++ % 128) * 2304 + HEADROOM;
      u8.fill(0, start - OFFLOAD, start);
      // One frame in sixteen comes with an offload header that lies.
      if (random.chance(1 / 16))
        for (let at = 1; at <= OFFLOAD; at++) u8[start - at] = random.next();
      u8.set(scratch.subarray(0, length), start);
      batch.start[n] = start;
      batch.end[n] = start + length;
    }
    batch.count = 64;
    ends[port]?.send(batch);
    // Slowly enough that the limit of reports in a second lets them all be read.
    cluster.now += only === "multicast" ? 100 : 0.05;
    core.round(cluster.now);
    for (const end of ends) {
      if (end === undefined) continue;
      end.receive(batch);
      sent += batch.count;
      end.release();
    }
    if (done === 640_000) {
      globalThis.gc?.();
      heap = process.memoryUsage().heapUsed;
    }
  }
  globalThis.gc?.();
  const heapGrown = heap === 0 ? 0 : process.memoryUsage().heapUsed - heap;
  cluster.run(60_000, undefined, 10);
  assert.ok(
    core.pool.free >= free - 512,
    `buffers are lost: ${core.pool.free} of ${free} are free`,
  );
  return {
    frames: core.counters[CORE_AT + CoreCounter.FramesReceived] as number,
    drops: cluster.drops(),
    sent,
    heapGrown,
  };
}

/** Makes a frame of a template in place; returns its length. */
function mutate(into: Uint8Array, template: Uint8Array, random: Prng): number {
  const kind = random.below(8);
  if (kind === 0) {
    const length = random.below(160);
    for (let at = 0; at < length; at++) into[at] = random.next();
    return length;
  }
  into.set(template);
  let { length } = template;
  if (kind <= 2) length = random.below(length + 1);
  else if (kind === 3) {
    const longer = Math.min(FRAME_ROOM, length + random.below(1500));
    for (let at = length; at < longer; at++) into[at] = random.next();
    length = longer;
  }
  for (let flips = kind === 4 ? 0 : random.below(6); flips > 0; flips--)
    into[random.below(length || 1)] = random.next();
  // Many senders, so that tables fill and evict.
  if (length > 12 && random.chance(0.5)) {
    into[10] = random.next();
    into[11] = random.next();
  }
  return length;
}
