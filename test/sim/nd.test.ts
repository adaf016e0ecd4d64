// Neighbour discovery on whole appliances of 1, 2, 4 and 8 cores: what the distributor steers, what events cost in
// messages and frames, ownership through the distributor's own bucket moves, and 65,536 neighbours.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketsOf } from "../../src/core/layout.ts";
import { Table } from "../../src/engine/message.ts";
import { ND_DEFAULTS } from "../../src/nd/config.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { access, plainConfig } from "../../src/sim/configs.ts";
import { iface6, ip6, ROUTER6, station, stationMac, type Words } from "../../src/sim/nd-rig.ts";
import { moveWordsOf } from "../../src/steering/indirection.ts";
import { MoveControl } from "../../src/steering/move.ts";
import * as wire from "../../src/wire/nd.ts";
import { formatIpv6 } from "../../src/wire/text.ts";

const SIZES = [1, 2, 4, 8];
const OWN_MAC = 0x02ee00000001;
const OWN = ip6("2001:db8::1");

interface Sent {
  readonly port: number;
  readonly core: number;
  readonly hex: string;
}
interface Rig {
  readonly cluster: Cluster;
  readonly sent: Sent[];
}

function rig(cores: number, maxEntries = 8192): Rig {
  const sent: Sent[] = [];
  const config = plainConfig({
    cores,
    members: [access(10), access(10)],
    interfaces: [{ ...iface6(ROUTER6), mac: OWN_MAC }],
  });
  const nd = { ...ND_DEFAULTS, dadTransmits: 0, maxEntries };
  const cluster = new Cluster(
    { ...config, nd },
    {
      onFrame: (port, core, view, start, end) => {
        const bytes = new Uint8Array(view.buffer, start, end - start);
        sent.push({ port, core, hex: Buffer.from(bytes).toString("hex") });
      },
    },
  );
  cluster.run(3_000, undefined, 10);
  cluster.settle();
  sent.length = 0;
  return { cluster, sent };
}

function cost(cluster: Cluster, step: () => void): Record<string, number> {
  const before = cluster.messages();
  step();
  cluster.settle();
  const spent: Record<string, number> = {};
  for (const [name, count] of Object.entries(cluster.messages())) {
    const more = count - (before[name] ?? 0);
    if (more > 0) spent[name] = more;
  }
  return spent;
}

const only = (name: string, count: number): Record<string, number> =>
  count > 0 ? { [name]: count } : {};

/** Sends a packet from a core to an address. */
function send(cluster: Cluster, core: number, to: Words): void {
  const from = cluster.cores[core];
  assert.ok(from !== undefined);
  const payload = from.scratch(64);
  from.dispatch.host6.send(to, -1, 17, payload, payload + 8, cluster.now);
}

const staging = new DataView(new ArrayBuffer(256));

function advertisement(n: number): Uint8Array {
  const x = station(n);
  const mac = stationMac(n);
  const end = wire.writeAdvertisement(staging, 0, OWN_MAC, mac, x, OWN, x, mac, 0x60);
  return new Uint8Array(staging.buffer.slice(0, end));
}

const solicitations = (sent: readonly Sent[], x: Words): Sent[] => {
  const target = [...x].map((word) => word.toString(16).padStart(8, "0")).join("");
  return sent.filter(({ hex }) => hex.slice(108, 110) === "87" && hex.slice(124, 156) === target);
};
const handedOver = (cluster: Cluster): number =>
  cluster.cores.reduce((sum, core) => sum + core.dispatch.nd.handedOver, 0);
const runners = (cluster: Cluster, x: Words): number[] =>
  cluster.cores.flatMap(({ dispatch, core }) => (dispatch.nd.runs(0, ...x) ? [core] : []));

for (const cores of SIZES) {
  test(`ND-4 on ${cores} whole cores a miss costs one ask at most, and its answer ${cores - 1} messages`, () => {
    const { cluster, sent } = rig(cores);
    for (let n = 1; n <= 16; n++) {
      const x = station(n);
      const asker = n % cores;
      const owner = (cluster.cores[0] as Cluster["cores"][number]).distributor.ownerOf(...x);
      const asked = cost(cluster, () => send(cluster, asker, x));
      assert.deepEqual(asked, only("nd-ask", asker === owner ? 0 : 1));
      const solicited = solicitations(sent, x);
      assert.deepEqual(
        solicited.map(({ core, port }) => [core, port]).sort(),
        [
          [owner, 0],
          [owner, 1],
        ],
        "one solicitation of the owner's, flooded",
      );
      const answered = cost(cluster, () => cluster.inject(0, advertisement(n)));
      assert.equal(answered["nd-entry"] ?? 0, cores - 1);
      assert.equal(answered["frame"] ?? 0, 0, "the distributor's rule took it to the owner");
      assert.equal(answered["nd-heard"] ?? 0, 0);
      assert.deepEqual(runners(cluster, x), [owner]);
      const mac = stationMac(n).toString(16).padStart(12, "0");
      assert.equal(sent.filter(({ hex }) => hex.startsWith(mac)).length, 1, "the packet left");
    }
    assert.equal(handedOver(cluster), 0);
    assert.ok(cluster.isCoherent(Table.Nd));
    const steady = cost(cluster, () => {
      for (let n = 0; n < 200; n++) send(cluster, n % cores, station(1 + (n % 16)));
    });
    assert.deepEqual(steady, {}, "steady traffic costs nothing");
    // Refreshed: the owner's answers say nothing new.
    const refreshed = cost(cluster, () => {
      for (let n = 1; n <= 16; n++) cluster.inject(0, advertisement(n));
    });
    assert.deepEqual(refreshed, {});
  });
}

test("ND-2 the distributor's own moves take the machines along, one bucket after the other, through all cores", () => {
  const { cluster } = rig(4);
  const map = bucketsOf(cluster.arena, cluster.layout);
  const control = new MoveControl(map, moveWordsOf(map) as Int32Array);
  const stations = Array.from({ length: 24 }, (_, n) => n + 1);
  for (const n of stations) {
    send(cluster, n % 4, station(n));
    cluster.settle();
    cluster.inject(0, advertisement(n));
    cluster.settle();
  }
  const first = cluster.cores[0] as Cluster["cores"][number];
  for (let round = 0; round < 20; round++) {
    const n = stations[round % stations.length] as number;
    const bucket = first.distributor.bucketOfTarget(...station(n));
    const to = ((map[bucket] as number) + 1) % 4;
    control.move(bucket, to);
    cluster.run(250, () => {
      for (const other of stations) {
        const found = runners(cluster, station(other));
        assert.ok(
          found.length <= 1,
          `${formatIpv6(...station(other))} on ${found} at ${cluster.now}`,
        );
      }
    });
    cluster.settle();
    assert.deepEqual(runners(cluster, station(n)), [to]);
    cluster.inject(0, advertisement(n));
    cluster.settle();
  }
  for (const n of stations) assert.equal(runners(cluster, station(n)).length, 1);
  assert.equal(handedOver(cluster), 0, "advertisements went to the owner all the while");
  assert.ok(cluster.isCoherent(Table.Nd));
  assert.equal(cluster.drops()["nd-failed"] ?? 0, 0);
});

test("ND-1 65,536 neighbours are held by four cores, each with its share, and a tick stays short", (t) => {
  const { cluster } = rig(4, 65_536);
  const count = 65_536;
  for (let n = 1; n <= count; n++) {
    const x: Words = [0x20010db8, 0, n >>> 8, Math.imul(n, 0x9e3779b1) >>> 0];
    const group: Words = [0xff020000, 0, 1, 0xff000001];
    const end = wire.writeSolicitation(
      staging,
      0,
      wire.groupMac(group[3]),
      stationMac(n),
      x,
      group,
      OWN,
      stationMac(n),
      -1,
    );
    while (!cluster.inject(0, new Uint8Array(staging.buffer.slice(0, end)))) cluster.settle();
    if (n % 64 === 0) cluster.settle();
  }
  cluster.settle();
  for (let round = 0; round < 50; round++) {
    cluster.run(10);
    cluster.settle();
  }
  const summaries = cluster.cores.map(({ dispatch }) => dispatch.nd.summary());
  assert.deepEqual(
    summaries.map(({ entries }) => entries),
    [count, count, count, count],
  );
  assert.ok(cluster.isCoherent(Table.Nd));
  // Every one is used at once on its owner: 65,536 machines go to DELAY, and five seconds later to PROBE.
  let used = 0;
  for (const core of cluster.cores) {
    const at = core.scratch(128);
    for (let n = 1; n <= count; n++) {
      const x: Words = [0x20010db8, 0, n >>> 8, Math.imul(n, 0x9e3779b1) >>> 0];
      if (core.distributor.ownerOf(...x) !== core.core) continue;
      wire.writeWords(core.view, at, x);
      if (core.dispatch.nd.resolve(0, at, at, at + 60, cluster.now) === stationMac(n)) used++;
    }
  }
  assert.equal(used, count);
  cluster.now += 5_000;
  let longest = 0;
  const from = performance.now();
  for (let tick = 0; tick < 50; tick++) {
    cluster.now += 1;
    const begin = performance.now();
    for (const core of cluster.cores) core.dispatch.nd.tick(cluster.now);
    longest = Math.max(longest, performance.now() - begin);
    cluster.settle();
  }
  t.diagnostic(
    `50 ticks of four cores with all timers due: ${(performance.now() - from).toFixed(2)} ms, the longest ${longest.toFixed(2)} ms`,
  );
});

test("ND-4 the time from a miss to the first frame on memory ports is printed", (t) => {
  const { cluster, sent } = rig(2);
  const times: number[] = [];
  for (let n = 1; n <= 200; n++) {
    const begin = performance.now();
    send(cluster, n % 2, station(n));
    cluster.round();
    cluster.round();
    cluster.inject(0, advertisement(n));
    cluster.settle();
    times.push(performance.now() - begin);
  }
  const macs = new Set(sent.map(({ hex }) => hex.slice(0, 12)));
  for (let n = 1; n <= 200; n++) {
    assert.ok(macs.has(stationMac(n).toString(16).padStart(12, "0")), `packet ${n} left`);
  }
  times.sort((a, b) => a - b);
  t.diagnostic(
    `resolve to first frame: median ${((times[100] as number) * 1000).toFixed(0)} us, 99th ${((times[197] as number) * 1000).toFixed(0)} us`,
  );
});
