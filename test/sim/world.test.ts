// A simulated neighbourhood around whole appliances, in virtual time: stations that talk, move and fall silent. What
// they get, and what the cores' tables are in the end, must not depend on the number of cores.

import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "../../src/control/check.ts";
import { compile } from "../../src/control/compile.ts";
import { Table } from "../../src/engine/message.ts";
import {
  FIRST_LIGHT_BEHAVIOUR,
  FIRST_LIGHT_PORTS,
  FIRST_LIGHT_STRANGERS,
  firstLightConfig,
  populateFirstLight,
} from "../../src/lab/first-light.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { World } from "../../src/sim/world.ts";

function rig(
  cores: number,
  seed: number,
  behaviour: Partial<typeof FIRST_LIGHT_BEHAVIOUR>,
): { cluster: Cluster; world: World } {
  const { configuration } = check(firstLightConfig(cores));
  assert.ok(configuration !== undefined);
  let next = 0;
  const plan = compile(configuration, {
    link: () => undefined,
    derivedMac: () => 0x02ee_0000_0000 + next++,
  });
  const cluster = new Cluster(plan.config, { seed });
  const world = new World(
    FIRST_LIGHT_PORTS,
    seed,
    { ...FIRST_LIGHT_BEHAVIOUR, ...behaviour },
    (port, view, start, end) => {
      const frame = new Uint8Array(view.buffer.slice(start, end) as ArrayBuffer);
      // Every fifth frame lands on a core that chance chose, as with a NIC that cannot steer.
      cluster.inject(port, frame, frame.length % 5 === 0 ? frame.length % cores : -1);
    },
    FIRST_LIGHT_STRANGERS,
  );
  populateFirstLight(world);
  cluster.onFrame = (port, _core, view, start, end) =>
    world.deliver(port, view, start, end, cluster.now);
  return { cluster, world };
}

for (const cores of [1, 2, 4, 8]) {
  test(`BR-2 ARP-3 HOST-3 ND-1 on ${cores} cores every ping between stations that stay and listen is answered`, () => {
    const { cluster, world } = rig(cores, 7, { move: 0, silence: 0 });

    cluster.run(5000, (now) => world.tick(now));
    world.calm();
    cluster.run(1500, (now) => world.tick(now));

    const { sent, answered, lost, duplicates, sent6, answered6 } = world.totals();
    assert.ok(sent6 > 300, `${sent6} sent over IPv6`);
    assert.equal(answered6, sent6, "IPv6 pings go to nobody who is not there");
    assert.ok(sent > 2500, `${sent} sent`);
    assert.equal(answered + lost, sent);
    assert.ok(lost <= sent * 0.012, `${lost} of ${sent} lost; only strangers do not answer`);
    assert.equal(duplicates, 0);
    assert.ok(cluster.isCoherent(Table.Bridge) && cluster.isCoherent(Table.Arp));
    assert.ok(cluster.isCoherent(Table.Nd), "neighbour tables are equal");
  });

  test(`BR-4 BR-5 ARP-6 ND-1 on ${cores} cores tables agree after stations moved and fell silent for a minute`, () => {
    const { cluster, world } = rig(cores, 11, {});

    cluster.run(60_000, (now) => world.tick(now));
    world.calm();
    cluster.run(3000, (now) => world.tick(now));
    cluster.settle();

    assert.ok(world.moves > 100 && world.silences > 20, `${world.moves} moves`);
    assert.ok(cluster.isCoherent(Table.Bridge), "bridge tables are equal");
    assert.ok(cluster.isCoherent(Table.Arp), "ARP tables are equal");
    assert.ok(cluster.isCoherent(Table.Nd), "neighbour tables are equal");
    const { answered, lost } = world.totals();
    assert.ok(lost / (answered + lost) < 0.1, `${lost} of ${answered + lost} lost`);
  });
}
