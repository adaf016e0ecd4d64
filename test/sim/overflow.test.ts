// CORE-3 on whole appliances: a core that does not run fills the rings towards it, then the backlogs behind them; when
// it runs again its tables equal the others', whatever was given up in between.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BACKLOG, PEER_RESYNCS } from "../../src/core/bus.ts";
import { PEER_AT, PEER_COUNTERS } from "../../src/engine/counter.ts";
import { Drop } from "../../src/engine/drop.ts";
import { EventCode } from "../../src/engine/event.ts";
import { Table } from "../../src/engine/message.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { access, plainConfig } from "../../src/sim/configs.ts";
import { Scheme } from "../../src/steering/config.ts";
import { formatMac } from "../../src/wire/text.ts";
import { plain } from "./frames.ts";

const CORES = 3;

/** All frames of port 0 belong to core 0, so that core 0 learns while core 2 does not run. */
function cluster(): Cluster {
  const config = plainConfig({
    cores: CORES,
    members: [access(10), access(10)],
    bridge: { tableSize: 32_768, moveLimit: 0 },
  });
  const steering = { ...config.steering, scheme: Scheme.Port, portCores: [0, 0] };
  return new Cluster({ ...config, steering });
}

/** Lets `count` stations speak on port 0 while only the cores in `running` turn. */
function speak(appliance: Cluster, first: number, count: number, running: readonly number[]): void {
  for (let station = first; station < first + count; station++) {
    appliance.inject(0, plain("02:ff:ff:ff:ff:ff", formatMac(0x020000000000 + station)), 0);
    for (const core of running) appliance.cores[core]?.round(appliance.now);
  }
}

function resyncs(appliance: Cluster): number {
  let total = 0;
  for (const { counters } of appliance.cores) {
    for (let peer = 0; peer < CORES; peer++) {
      total += counters[PEER_AT + peer * PEER_COUNTERS + PEER_RESYNCS] as number;
    }
  }
  return total;
}

/** Lets the world's ends take what was flooded, and the cores come to rest. */
function rest(appliance: Cluster): void {
  appliance.run(200);
  appliance.settle();
}

test("CORE-3 a full ring keeps messages in order behind it; nothing is lost and nothing re-sent", () => {
  const appliance = cluster();
  speak(appliance, 0, 2000, [0, 1]);
  assert.ok((appliance.cores[0]?.bus.backlogged ?? 0) > 0, "the ring to the sleeper is full");

  rest(appliance);

  assert.equal(resyncs(appliance), 0);
  assert.ok(appliance.isCoherent(Table.Bridge));
  assert.equal(appliance.cores[2]?.dispatch.replicated(Table.Bridge)?.summary().entries, 2000);
});

test("CORE-3 past the backlog's bound the table is sent again, whole, and is equal after", () => {
  const appliance = cluster();
  const count = BACKLOG + 3000;
  speak(appliance, 0, count, [0, 1]);

  rest(appliance);

  assert.ok(resyncs(appliance) > 0, "the bound was met");
  assert.ok(appliance.isCoherent(Table.Bridge));
  const entries = appliance.cores.map(
    (core) => core.dispatch.replicated(Table.Bridge)?.summary().entries,
  );
  assert.deepEqual(entries, [count, count, count]);
});

test("CORE-3 what was removed while a peer's ring was over its bound is gone there too", () => {
  const appliance = cluster();
  speak(appliance, 0, 100, [0, 1, 2]);
  rest(appliance);
  speak(appliance, 100, BACKLOG + 3000, [0, 1]);
  appliance.cores[0]?.dispatch.bridging.clear({ channel: 0 }, appliance.now + 1);
  appliance.now += 5;
  speak(appliance, 50_000, 10, [0, 1]);

  rest(appliance);

  assert.ok(appliance.isCoherent(Table.Bridge));
  assert.equal(appliance.cores[2]?.dispatch.replicated(Table.Bridge)?.summary().entries, 10);
});

test("CORE-3 frames beyond the bound are dropped and counted, and their buffers come back", () => {
  const appliance = new Cluster(plainConfig({ cores: CORES, members: [access(10), access(10)] }));
  const [first] = appliance.cores;
  assert.ok(first !== undefined);
  const free = first.pool.free;
  // Frames of core 2's flows that land on core 0 while core 2 does not run.
  for (let n = 0; n < 12_000; n++) {
    const frame = plain("02:ff:ff:ff:ff:ff", formatMac(0x020000000000 + (n % 500)));
    appliance.inject(0, frame, 0);
    if (n % 32 === 31) first.round(appliance.now);
  }
  const drops = appliance.drops();
  assert.ok((drops["handover-full"] ?? 0) + (drops["pool-empty"] ?? 0) > 0, JSON.stringify(drops));

  rest(appliance);
  appliance.run(20_000, undefined, 10);

  const told = appliance.takeEvents().filter(({ code }) => code === EventCode["bound-met"]);
  const full = [Drop["handover-full"], Drop["pool-empty"]];
  assert.ok(
    told.some(({ a }) => full.includes(a)),
    "people are told, once",
  );
  assert.ok(told.length <= 6, `${told.length} events`);
  assert.equal(first.pool.free, free, "every buffer is free again");
});
