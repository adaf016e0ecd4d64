// Spanning tree through the death of cores (BR-7, CORE-8): a ring of three appliances, whose link masters die one after
// the other, silently. The neighbours must not notice: no role, no state, no topology change anywhere.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Table } from "../../src/engine/message.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { stpBridge, stpRowsOf } from "../../src/sim/stp-bridge.ts";
import { Wiring } from "../../src/sim/wiring.ts";

const NAMES = ["a", "b", "c"] as const;

for (const cores of [2, 4]) {
  test(`BR-7 CORE-8 on ${cores} cores a link master dies and comes back, and no tree changes`, () => {
    const wiring = new Wiring();
    const clusters = NAMES.map((name, index) => {
      const mac = 0x02aa_0000_0000 + index * 0x100;
      const stp = { priority: 4096 * (index + 1) };
      const config = stpBridge({ cores, ports: 2, mac, stp, channels: {} });
      const cluster = new Cluster(config, { seed: index + 1 });
      wiring.addCluster(name, cluster);
      return cluster;
    });
    for (const [index, name] of NAMES.entries()) {
      wiring.join(name, 1, NAMES[(index + 1) % 3] as string, 0);
    }
    wiring.run(10_000, undefined, 10);
    const tree = (): unknown[] =>
      clusters.flatMap((cluster) =>
        stpRowsOf(cluster, wiring.now).map((row) => [row["channel"], row["role"], row["state"]]),
      );
    const before = tree();
    assert.ok(before.length > 0);

    for (const cluster of clusters) {
      cluster.kill(cluster.supervision.membership.master(1));
      // Longer than the three hellos after which a neighbour gives up what it heard (17.21.23).
      const look = (): void => {
        for (const one of clusters) one.watch();
        assert.deepEqual(tree(), before);
      };
      wiring.run(8000, look, 10);
      assert.equal(cluster.supervision.restarts(0), 1);
      assert.ok(cluster.isCoherent(Table.Stp));
      assert.equal(cluster.supervision.state(0), "online");
    }
  });
}
