// A core dies, stalls, leaves and comes back, on the virtual clock: what is lost, who plays the roles, what it costs,
// and that tables are equal again (CORE-8, CORE-9).

import assert from "node:assert/strict";
import { test } from "node:test";
import { Coherence, comparableTables } from "../../src/core/coherence.ts";
import { EventCode } from "../../src/engine/event.ts";
import { Table } from "../../src/engine/message.ts";
import type { OwnerVariant } from "../../src/nd/config.ts";
import { ND_DEFAULTS } from "../../src/nd/config.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { access, plainConfig } from "../../src/sim/configs.ts";
import { iface6, ip6, ROUTER6, station, stationMac, type Words } from "../../src/sim/nd-rig.ts";
import * as nd from "../../src/wire/nd.ts";
import { arpReply, ip, isRequestFor, mac, plain, udp } from "./frames.ts";
import { Bench, configOf, MEMBERS } from "./lag-bench.ts";

const SIZES = [2, 4, 8];
/** The failure timeout and a look of the supervisor: after that a death is known. */
const KNOWN = 320;
/** A start, the tables and the buckets one by one. */
const BACK = 3000;
const OWN = "02:ee:00:00:00:01";

const address = (n: number): string => `192.0.2.${n}`;
const hostMac = (n: number): string => `02:00:00:00:01:${n.toString(16).padStart(2, "0")}`;

/** A router with one network on a bridge and one beyond; frames that left, in hex. */
function router(cores: number, bridge: object = {}): { cluster: Cluster; sent: string[] } {
  const sent: string[] = [];
  const own = { mac: mac(OWN), bridge: 0, channel: -1, proxyArp: false, mtu: 1500 };
  const config = plainConfig({
    cores,
    members: [access(10), access(10), access(20)],
    bridge,
    interfaces: [
      { ...own, name: "in", vlan: 10, addresses: [{ address: ip("192.0.2.254"), prefix: 24 }] },
      { ...own, name: "out", vlan: 20, addresses: [{ address: ip("198.51.100.1"), prefix: 24 }] },
    ],
    arp: { acd: "off" },
  });
  const cluster = new Cluster(config, {
    onFrame: (_port, _core, view, start, end) => {
      sent.push(Buffer.from(new Uint8Array(view.buffer, start, end - start)).toString("hex"));
    },
  });
  cluster.run(20);
  return { cluster, sent };
}

/** Messages by name that a step cost, moves of buckets and snapshots apart. */
function cost(cluster: Cluster, step: () => void): Record<string, number> {
  const before = cluster.messages();
  step();
  const spent: Record<string, number> = {};
  for (const [name, count] of Object.entries(cluster.messages())) {
    const more = count - (before[name] ?? 0);
    if (more > 0) spent[name] = more;
  }
  return spent;
}

const staging = new DataView(new ArrayBuffer(256));

function advertisementOf(n: number): Uint8Array {
  const to = ip6("2001:db8::1");
  const from = station(n);
  const hardware = stationMac(n);
  const end = nd.writeAdvertisement(staging, 0, mac(OWN), hardware, from, to, from, hardware, 0x60);
  return new Uint8Array(staging.buffer.slice(0, end));
}

const buckets = (cluster: Cluster): number[] => [...cluster.supervision.membership.buckets(128)];
const dealt = (cores: number): number[] => Array.from({ length: 128 }, (_, n) => n % cores);

for (const cores of SIZES) {
  test(`CORE-9 on ${cores} cores a silent core is found dead in time, starts again and gets its buckets back`, () => {
    const { cluster } = router(cores);
    const dead = cores - 1;
    cluster.kill(dead);
    cluster.run(KNOWN);
    assert.ok(!buckets(cluster).includes(dead));

    cluster.run(BACK);
    assert.equal(cluster.supervision.state(dead), "online");
    assert.deepEqual(buckets(cluster), dealt(cores));
  });

  test(`CORE-9 on ${cores} cores two that start again at the same moment do not wait for each other for ever`, () => {
    const { cluster } = router(cores);
    cluster.kill(0, false);
    cluster.kill(cores - 1, false);

    cluster.run(BACK);

    assert.equal(cluster.supervision.state(0), "online");
    assert.equal(cluster.supervision.state(cores - 1), "online");
  });

  test(`CORE-8 on ${cores} cores the death of both roles' core costs no message while nothing is pending, and no frame`, () => {
    const { cluster, sent } = router(cores);
    cluster.inject(0, arpReply(OWN, "192.0.2.254", hostMac(1), address(1)));
    cluster.run(3000);
    sent.length = 0;

    const spent = cost(cluster, () => {
      cluster.kill(0, false);
      cluster.watch();
      for (let n = 0; n < 5; n++) {
        cluster.now++;
        cluster.round();
      }
    });

    assert.deepEqual(spent, {});
    assert.deepEqual(sent, []);
    assert.equal(cluster.supervision.membership.master(0), 1);
  });

  test(`LAG-2 CORE-8 on ${cores} cores the link master's death costs N-2 messages for each member, and the partner notices nothing`, () => {
    const bench = new Bench(configOf(cores));
    bench.run(4000);
    const { cluster } = bench;
    assert.equal(bench.partner.distributing.length, MEMBERS);

    const spent = cost(cluster, () => {
      cluster.kill(0, false);
      cluster.watch();
      for (let n = 0; n < 5; n++) {
        cluster.now++;
        cluster.round();
      }
    });
    const others = cores - 2;
    const expected = { "lag-mux": MEMBERS * others, "lag-ack": MEMBERS * others };
    assert.deepEqual(spent, others === 0 ? {} : expected);

    let fewest = MEMBERS;
    bench.run(10_000, () => {
      fewest = Math.min(fewest, bench.partner.distributing.length);
    });
    assert.equal(fewest, MEMBERS, "no member was ever given up");
    assert.ok(cluster.isCoherent(Table.Lag));
  });

  test(`LAG-2 CORE-8 on ${cores} cores a link master that falls silent, again and again, never lets a partner expire`, () => {
    const bench = new Bench(configOf(cores));
    bench.run(4000);
    let fewest = MEMBERS;
    for (let n = 0; n < 4; n++) {
      bench.cluster.kill(bench.cluster.supervision.membership.master(1));
      bench.run(4000, () => {
        fewest = Math.min(fewest, bench.partner.distributing.length);
      });
    }

    assert.equal(fewest, MEMBERS);
    for (const mux of bench.muxes) assert.deepEqual(mux, new Array(MEMBERS).fill("distributing"));
  });

  test(`ARP-4 CORE-8 on ${cores} cores the next master asks again for what the dead one was asking for`, () => {
    const { cluster, sent } = router(cores);
    const far = cores - 1;
    const packet = (): void => {
      cluster.inject(2, udp(OWN, hostMac(9), "198.51.100.9", address(7), 1000, 80), far);
    };
    packet();
    cluster.run(10);
    assert.equal(sent.filter((hex) => isRequestFor(hex, address(7))).length > 0, true);
    sent.length = 0;

    cluster.kill(0);
    cluster.run(KNOWN + 20);

    assert.ok(
      sent.some((hex) => isRequestFor(hex, address(7))),
      "asked again at once",
    );
    cluster.inject(0, arpReply(OWN, "192.0.2.254", hostMac(7), address(7)));
    cluster.run(20);
    const mine = hostMac(7).replaceAll(":", "");
    assert.ok(
      sent.some((hex) => hex.startsWith(mine) && hex.includes("11")),
      "the frame that waited",
    );
  });

  test(`CORE-9 on ${cores} cores a core taken out of service loses no frame and keeps flows in order`, () => {
    const { cluster, sent } = router(cores);
    const flows = 64;
    for (const n of [1, 2]) {
      cluster.inject(n - 1, plain("ff:ff:ff:ff:ff:ff", hostMac(n)));
    }
    cluster.run(20);
    sent.length = 0;
    const frames: number[] = new Array<number>(flows).fill(0);
    let next = 0;
    const each = (): void => {
      const n = next++ % flows;
      const frame = udp(hostMac(2), hostMac(1), address(1), address(2), 1000 + n, 80);
      // The packet's identification numbers the frames of its flow; the bridge does not look at checksums.
      new DataView(frame.buffer).setUint16(18, frames[n] as number);
      frames[n] = (frames[n] as number) + 1;
      assert.ok(cluster.inject(0, frame));
    };
    cluster.run(100, each);
    for (let core = 0; core < cores; core++) {
      assert.equal(cluster.offline(core), "");
      cluster.run(2000, each);
      assert.equal(cluster.supervision.state(core), "offline");
      cluster.online(core);
      cluster.run(2000, each);
      assert.equal(cluster.supervision.state(core), "online");
    }
    cluster.run(50);

    const seen: number[] = new Array<number>(flows).fill(0);
    for (const hex of sent) {
      const data = Buffer.from(hex, "hex");
      if (data.readUInt16BE(12) !== 0x0800) continue;
      const n = data.readUInt16BE(34) - 1000;
      assert.equal(data.readUInt16BE(18), seen[n], `flow ${n} in order`);
      seen[n] = (seen[n] as number) + 1;
    }
    assert.deepEqual(seen, frames);
  });
}

for (const ageing of ["one", "each-tells"] as const) {
  test(`BR-5 CORE-8 variant ${ageing}: stations age although the core that learned them, and the link master, is dead`, () => {
    const { cluster } = router(4, { ageing, ageingTime: 10_000 });
    for (let n = 1; n <= 20; n++) cluster.inject(0, plain("ff:ff:ff:ff:ff:ff", hostMac(n)), n % 4);
    cluster.run(100);
    const entries = (core: number): number =>
      cluster.cores[core]?.dispatch.bridging.summary().entries ?? -1;
    assert.deepEqual([0, 1, 2, 3].map(entries), [20, 20, 20, 20]);
    cluster.kill(0);
    cluster.run(BACK);
    assert.deepEqual(
      [0, 1, 2, 3].map(entries),
      [20, 20, 20, 20],
      "the restarted core has them, too",
    );
    assert.ok(cluster.isCoherent(Table.Bridge));

    cluster.run(45_000, undefined, 10);
    assert.deepEqual([0, 1, 2, 3].map(entries), [0, 0, 0, 0]);
  });
}

for (const owner of ["hash", "first", "traffic"] as const satisfies readonly OwnerVariant[]) {
  test(`ND-2 CORE-8 variant ${owner}: a dead core's neighbours are run by exactly one other, and stay known`, () => {
    const config = plainConfig({
      cores: 4,
      members: [access(10), access(10)],
      interfaces: [{ ...iface6(ROUTER6), mac: mac(OWN) }],
    });
    const cluster = new Cluster({ ...config, nd: { ...ND_DEFAULTS, dadTransmits: 0, owner } });
    cluster.run(3000, undefined, 10);
    const stations = Array.from({ length: 24 }, (_, n) => station(n + 1));
    const runners = (to: Words): number[] =>
      cluster.cores
        .filter(({ core }) => cluster.supervision.membership.isAlive(core))
        .filter(({ dispatch }) => dispatch.nd.runs(0, ...to))
        .map(({ core }) => core);
    for (const [n, to] of stations.entries()) {
      const core = cluster.cores[n % 4];
      assert.ok(core !== undefined);
      const payload = core.scratch(64);
      core.dispatch.host6.send(to, -1, 17, payload, payload + 8, cluster.now);
      cluster.run(5);
      cluster.inject(0, advertisementOf(n + 1));
      cluster.run(5);
    }
    const before = stations.map((to) => runners(to).join());
    assert.ok(
      before.every((text) => text.length === 1),
      before.join(" "),
    );
    assert.ok(before.includes("2"));

    cluster.kill(2);
    cluster.run(KNOWN + 150);
    const after = stations.map((to) => runners(to));
    assert.ok(
      after.every((list) => list.length === 1 && !list.includes(2)),
      JSON.stringify(after),
    );
    cluster.run(BACK);
    assert.ok(stations.every((to) => runners(to).length === 1));
    assert.ok(cluster.isCoherent(Table.Nd));
  });
}

test("CORE-3 a table that differs although nothing changes is found, sent again, counted and told", () => {
  const { cluster } = router(4);
  for (let n = 1; n <= 20; n++) cluster.inject(0, plain("ff:ff:ff:ff:ff:ff", hostMac(n)), n % 4);
  cluster.run(100);
  // A bug, or messages lost for good: core 3 never hears of some stations.
  const { dispatch: deaf } = cluster.cores[3] as (typeof cluster.cores)[number];
  const hear = deaf.message;
  deaf.message = () => true;
  for (let n = 90; n < 100; n++) cluster.inject(0, plain("ff:ff:ff:ff:ff:ff", hostMac(n)), 0);
  cluster.run(50);
  deaf.message = hear;
  assert.ok(!cluster.isCoherent(Table.Bridge));
  const told: number[] = [];
  const coherence = new Coherence((code) => told.push(code));
  const comparable = comparableTables(cluster.config);

  for (let looks = 0; looks < 10; looks++) {
    cluster.now = Math.max(cluster.now, coherence.due);
    cluster.run(1);
    const digests = cluster.cores.map(({ dispatch }) =>
      [Table.Bridge, Table.Arp].map((table) => ({
        table,
        digest: dispatch.replicated(table)?.summary().digest ?? 0,
      })),
    );
    const resend = coherence.look(digests, comparable, cluster.now);
    for (const core of cluster.cores) if (resend !== 0) core.joining.resendAll(resend);
    cluster.run(200);
  }

  assert.ok(cluster.isCoherent(Table.Bridge));
  assert.deepEqual(told, [EventCode["table-differs"], EventCode["table-repaired"]]);
  assert.equal(coherence.repairs[Table.Bridge], 1);
  assert.equal(coherence.repairs[Table.Arp], 0);
});
