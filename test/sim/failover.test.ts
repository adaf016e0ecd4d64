// A core dies, stalls, leaves and comes back, on the virtual clock: what is lost, who plays the roles, what it costs,
// and that tables are equal again (CORE-8, CORE-9).

import assert from "node:assert/strict";
import { test } from "node:test";
import { Table } from "../../src/engine/message.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { access, plainConfig } from "../../src/sim/configs.ts";

test("CORE-9 a core that falls silent is dead after the timeout, is started again and gets its buckets back", () => {
  const cluster = new Cluster(plainConfig({ cores: 4, members: [access(1), access(1)] }));
  cluster.run(50);
  cluster.kill(2);
  cluster.run(320);

  assert.ok(![...cluster.supervision.membership.buckets(128)].includes(2));

  cluster.run(2000);
  assert.equal(cluster.supervision.state(2), "online");
  assert.deepEqual(
    [...cluster.supervision.membership.buckets(128)],
    Array.from({ length: 128 }, (_, bucket) => bucket % 4),
  );
  assert.ok(cluster.isCoherent(Table.Bridge));
});
