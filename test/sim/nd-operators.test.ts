// Neighbour discovery as operators meet it on whole appliances: what a stop tells the hosts, what timers are due, and
// how many advertisements were handed over.

import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "../../src/control/check.ts";
import { compile } from "../../src/control/compile.ts";
import { CORE_AT, CoreCounter } from "../../src/engine/counter.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { Station } from "../../src/sim/station.ts";
import * as icmpv6 from "../../src/wire/icmpv6.ts";
import * as nd from "../../src/wire/nd.ts";

const textOf = (cores: number, owner: string): string => `
cores: {count: ${cores}}
neighbours: {nd: {owner: ${owner}}}
ports:
  p0: {driver: memory}
  p1: {driver: memory}
interfaces:
  lan:
    channel: p0
    addresses: ["2001:db8:1::1/64"]
    router-advertisements: {lifetime: 1800s}
  wan: {channel: p1, addresses: ["2001:db8:2::1/64"]}
`;

/** An appliance and one station on its first port; router lifetimes that were advertised, by port. */
function rig(
  cores: number,
  owner = "hash",
): { cluster: Cluster; station: Station; lifetimes: number[][] } {
  const { configuration } = check(textOf(cores, owner));
  assert.ok(configuration !== undefined);
  let next = 0;
  const { config } = compile(configuration, {
    link: () => undefined,
    derivedMac: () => 0x02ee_0000_0000 + next++,
  });
  const lifetimes: number[][] = [[], []];
  const cluster = new Cluster(config);
  const station = new Station(
    {
      name: "h0",
      mac: 0x0200_0000_0a01,
      address: 0xc000020a,
      prefix: 24,
      gateway: 0xc0000201,
      tag: 0,
      ipv6: {
        address: [0x20010db8, 0x10000, 0, 0x10],
        prefix: 64,
        gateway: [0x20010db8, 0x10000, 0, 1],
      },
    },
    // Always to core 0, as a NIC does that cannot steer.
    (view, start, end) =>
      cluster.inject(0, new Uint8Array(view.buffer.slice(start, end) as ArrayBuffer), 0),
  );
  cluster.onFrame = (port, _core, view, start, end) => {
    const at = start + 14 + 40;
    const isAdvertisement =
      view.getUint16(start + 12) === 0x86dd &&
      view.getUint8(start + 14 + 6) === 58 &&
      icmpv6.type(view, at) === icmpv6.Type.RouterAdvertisement;
    if (isAdvertisement) lifetimes[port]?.push(nd.raLifetime(view, at));
    if (port === 0) station.receive(view, start, end, cluster.now);
  };
  return { cluster, station, lifetimes };
}

for (const cores of [1, 4]) {
  test(`ND-7 an appliance of ${cores} cores that stops says once that it is no router any more`, () => {
    const { cluster, lifetimes } = rig(cores);
    cluster.run(30_000, undefined, 10);
    const before = lifetimes[0] ?? [];
    assert.ok(before.length > 0 && before.every((lifetime) => lifetime === 1800), `${before}`);
    const told = before.length;

    for (const core of cluster.cores) core.leave();
    cluster.round();

    assert.deepEqual(lifetimes[0]?.slice(told), [0]);
    assert.deepEqual(lifetimes[1], [], "and nothing where it never said that it was one");
  });
}

test("ND-1 timers name what is due: duplicate detection, the neighbour, the next advertisement", () => {
  const { cluster, station } = rig(1);
  const timers = (): string[] =>
    (cluster.cores[0]?.dispatch.timers(cluster.now) ?? []).map(
      ({ timer, subject }) => `${timer} ${subject}`,
    );
  cluster.run(5, undefined, 1);
  assert.ok(timers().includes("nd-duplicate 2001:db8:1::1 lan"));
  cluster.run(4000, undefined, 10);
  assert.ok(!timers().some((timer) => timer.startsWith("nd-duplicate")));
  assert.ok(timers().includes("nd-advertise interface lan"));

  station.ping6([0x20010db8, 0x10000, 0, 1], cluster.now);
  cluster.run(50, undefined, 1);

  assert.equal(station.ipv6.pingsAnswered, 1);
  assert.ok(timers().includes("nd-delay 2001:db8:1::10 lan"), timers().join());
  const rows = cluster.cores[0]?.dispatch.timers(cluster.now) ?? [];
  const delay = rows.find(({ timer }) => timer === "nd-delay");
  assert.equal(delay?.["period-ms"], 5000);
  assert.ok((delay?.["due-ms"] as number) > 4900);
});

test("ND-3 advertisements that land on another core than the owner's are counted where they landed", () => {
  const { cluster } = rig(4, "first");
  cluster.run(4000, undefined, 10);
  const counted = (): number[] =>
    cluster.cores.map(({ counters }) => counters[CORE_AT + CoreCounter.NdHandedOver] as number);
  assert.deepEqual(counted(), [0, 0, 0, 0]);

  // Core 0 asks first and so owns every neighbour; the distributor gives advertisements to the cores of their hash.
  for (let host = 0x10; host < 0x30; host++) {
    const from = cluster.cores[0];
    assert.ok(from !== undefined);
    const payload = from.scratch(64);
    const to = [0x20010db8, 0x10000, 0, host] as const;
    from.dispatch.host6.send(to, -1, 17, payload, payload + 8, cluster.now);
    cluster.settle();
    const frame = new DataView(new ArrayBuffer(128));
    const link = 0x0200_0000_0a00 + host;
    const own = cluster.config.common.interfaces[0];
    const [a, b, c, d] = [0x20010db8, 0x10000, 0, 1];
    const flags = nd.Flag.Solicited | nd.Flag.Override;
    const router = [a, b, c, d] as number[];
    const end = nd.writeAdvertisement(frame, 0, own?.mac ?? 0, link, to, router, to, link, flags);
    cluster.inject(0, new Uint8Array(frame.buffer, 0, end), 0);
    cluster.settle();
  }
  cluster.run(500, undefined, 10);

  const [here, ...elsewhere] = counted();
  const sum = elsewhere.reduce((total, count) => total + count, 0);
  assert.equal(here, 0, "what lands on its owner is not handed over");
  assert.ok(sum > 8 && sum < 32, `${elsewhere} of 32`);
  assert.equal(sum, cluster.messages()["nd-heard"]);
});
