// What an event may cost, exactly, on whole appliances of 1, 2, 4 and 8 cores: messages between cores and frames on the
// wire (ARCHITECTURE.md, "What an event costs"). Frames are put on chosen cores' queues; steering's own rules hand ARP
// over.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Table } from "../../src/engine/message.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { access, plainConfig } from "../../src/sim/configs.ts";
import { arpReply, arpRequest, bytes, ip, isRequestFor, mac, plain, udp } from "./frames.ts";

const SIZES = [1, 2, 4, 8];
const OWN = "02:ee:00:00:00:01";
const A = "02:00:00:00:00:0a";
const B = "02:00:00:00:00:0b";

interface Rig {
  readonly cluster: Cluster;
  readonly sent: { port: number; hex: string }[];
}

function rig(cores: number, roles: readonly number[] = [-1, -1]): Rig {
  const sent: { port: number; hex: string }[] = [];
  const bridge = { name: "", mac: mac(OWN), bridge: 0, channel: -1, proxyArp: false, mtu: 1500 };
  const config = plainConfig({
    cores,
    roles,
    members: [access(10), access(10), access(20), access(20)],
    interfaces: [
      {
        ...bridge,
        name: "vlan10",
        vlan: 10,
        addresses: [{ address: ip("192.0.2.1"), prefix: 24 }],
      },
      {
        ...bridge,
        name: "vlan20",
        vlan: 20,
        addresses: [{ address: ip("198.51.100.1"), prefix: 24 }],
      },
    ],
    arp: { acd: "off" },
  });
  const cluster = new Cluster(config, {
    onFrame: (port, _core, view, start, end) => {
      sent.push({
        port,
        hex: Buffer.from(new Uint8Array(view.buffer, start, end - start)).toString("hex"),
      });
    },
  });
  cluster.run(5);
  cluster.settle();
  return { cluster, sent };
}

/** Messages by name that a step cost. */
function cost(cluster: Cluster, step: () => void): Record<string, number> {
  const before = cluster.messages();
  step();
  cluster.settle();
  const after = cluster.messages();
  const spent: Record<string, number> = {};
  for (const [name, count] of Object.entries(after)) {
    const more = count - (before[name] ?? 0);
    if (more > 0) spent[name] = more;
  }
  return spent;
}

const only = (name: string, count: number): Record<string, number> =>
  count > 0 ? { [name]: count } : {};

for (const cores of SIZES) {
  const last = cores - 1;

  test(`BR-3 a new station costs ${cores - 1} messages on ${cores} cores, then none`, () => {
    const { cluster } = rig(cores);

    assert.deepEqual(
      cost(cluster, () => cluster.inject(0, plain(B, A))),
      only("bridge-learn", cores - 1),
    );
    const steady = cost(cluster, () => {
      for (let n = 0; n < 100; n++) cluster.inject(0, plain(B, A));
    });
    assert.deepEqual(steady, {});
    assert.ok(cluster.isCoherent(Table.Bridge));
  });

  test(`CORE-6 frames that land on any of ${cores} cores are handed over once, and only those`, () => {
    const { cluster } = rig(cores);
    const frames = 10 * cores;

    const spent = cost(cluster, () => {
      for (let n = 0; n < frames; n++) cluster.inject(0, plain(B, A), n % cores);
    });

    assert.equal(spent.frame ?? 0, frames - 10, "all but those of the right core");
    assert.equal(spent["bridge-learn"] ?? 0, cores - 1);
  });

  test(`BR-3 a station that moves costs ${cores - 1} messages on ${cores} cores`, () => {
    const { cluster } = rig(cores);
    cluster.inject(0, plain(B, A));
    cluster.settle();
    cluster.now += 10;

    const spent = cost(cluster, () => cluster.inject(1, plain(B, A)));

    assert.equal(spent["bridge-learn"] ?? 0, cores - 1);
    assert.ok(cluster.isCoherent(Table.Bridge));
  });

  test(`design 3: steady traffic of any kind costs no message on ${cores} cores`, () => {
    const { cluster, sent } = rig(cores);
    cluster.inject(0, arpRequest(A, "192.0.2.10", "192.0.2.1"));
    cluster.inject(2, arpRequest(B, "198.51.100.11", "198.51.100.1"));
    cluster.settle();
    cluster.run(20);
    sent.length = 0;

    const routed = udp(OWN, A, "192.0.2.10", "198.51.100.11", 1000, 2000);
    const spent = cost(cluster, () => {
      for (let n = 0; n < 200; n++) {
        cluster.inject(0, routed);
        if (n % 50 === 49) cluster.settle();
      }
    });

    assert.deepEqual(spent, {});
    assert.equal(sent.filter(({ port }) => port === 2).length, 200, "all were routed");
  });

  test(`ARP-3 a miss on the last of ${cores} cores costs one ask and one request on the wire`, () => {
    const { cluster, sent } = rig(cores);
    const packet = bytes("00".repeat(4));
    const asker = cluster.cores[last];
    assert.ok(asker !== undefined);
    const { host } = asker.dispatch;
    const payload = asker.scratch(64);
    asker.bytes.set(packet, payload);

    const asked = cost(cluster, () => {
      host.send(ip("192.0.2.10"), 17, payload, payload + 4, cluster.now);
    });

    assert.deepEqual(asked, only("arp-ask", last > 0 ? 1 : 0));
    const requests = sent.filter(({ hex }) => isRequestFor(hex, "192.0.2.10"));
    assert.deepEqual(
      requests.map(({ port }) => port).sort(),
      [0, 1],
      "one request, flooded to VLAN 10",
    );

    const answered = cost(cluster, () =>
      cluster.inject(0, arpReply(OWN, "192.0.2.1", A, "192.0.2.10"), 0),
    );
    assert.equal(answered["arp-entry"] ?? 0, cores - 1);
    assert.ok(cluster.isCoherent(Table.Arp));
    assert.equal(
      sent.filter(({ hex }) => hex.startsWith("02000000000a")).length,
      1,
      "the frame left",
    );
  });

  test(`ARP-3 all ${cores} cores miss at once: one request per retry, one ask per other core`, () => {
    const { cluster, sent } = rig(cores);

    const asked = cost(cluster, () => {
      for (const core of cluster.cores) {
        const payload = core.scratch(64);
        core.dispatch.host.send(ip("192.0.2.77"), 17, payload, payload + 4, cluster.now);
      }
    });

    assert.deepEqual(asked, only("arp-ask", cores - 1));
    assert.equal(
      sent.filter(({ hex }) => isRequestFor(hex, "192.0.2.77")).length,
      2,
      "two ports of one VLAN",
    );
    sent.length = 0;
    cluster.run(1500);
    assert.equal(sent.filter(({ hex }) => isRequestFor(hex, "192.0.2.77")).length, 2, "one retry");
    cluster.run(3000);
    assert.equal(
      sent.filter(({ hex }) => isRequestFor(hex, "192.0.2.77")).length,
      4,
      "three tries in all",
    );
    assert.equal(cluster.drops()["arp-failed"], cores);
  });

  test(`ARP-5 an unchanged pair costs nothing, a changed one ${cores - 1} messages on ${cores} cores`, () => {
    const { cluster } = rig(cores);
    const master = 0;
    cluster.inject(0, arpRequest(A, "192.0.2.10", "192.0.2.99"), master);
    cluster.settle();

    assert.deepEqual(
      cost(cluster, () => cluster.inject(0, arpRequest(A, "192.0.2.10", "192.0.2.99"), master)),
      {},
    );
    const changed = cost(cluster, () => {
      cluster.now += 2000;
      cluster.inject(0, arpRequest(B, "192.0.2.10", "192.0.2.99"), master);
    });
    assert.equal(changed["arp-entry"] ?? 0, cores - 1);
    assert.ok(cluster.isCoherent(Table.Arp));
  });

  test(`CORE-8 the ARP master may be any of ${cores} cores`, () => {
    const { cluster, sent } = rig(cores, [last, -1]);

    cluster.inject(0, arpRequest(A, "192.0.2.10", "192.0.2.1"), 0);
    cluster.settle();

    const replies = sent.filter(({ hex }) => hex.slice(40, 44) === "0002");
    assert.equal(replies.length, 1, "one core answers, once");
    assert.equal(cluster.messages().frame ?? 0, last > 0 ? 1 : 0);
    assert.ok(cluster.isCoherent(Table.Arp));
  });
}
