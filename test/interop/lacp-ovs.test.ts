// Link aggregation with Open vSwitch in user space (LAG-1..6): active and passive, fast and slow, two and four
// members; cuts of a member with flows on it, a blackhole in one direction, and partners that restart.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  blackhole,
  Flows,
  H1,
  H2,
  type LacpOptions,
  makeCables,
  mend,
  startBond,
  startLinkloom,
  unplug,
  untilActive,
} from "./lacp-rig.ts";
import { until, withRig } from "./rig.ts";

const FAST: LacpOptions = {
  members: 2,
  cores: 2,
  active: true,
  rate: "fast",
  theirs: "active",
  theirRate: "fast",
};

const SHAPES: readonly (readonly [string, LacpOptions])[] = [
  ["both active and fast, two members", FAST],
  ["we are passive", { ...FAST, active: false }],
  ["they are passive", { ...FAST, theirs: "passive" }],
  ["both slow", { ...FAST, rate: "slow", theirRate: "slow" }],
  ["four members on four cores", { ...FAST, members: 4, cores: 4 }],
];

for (const [name, options] of SHAPES) {
  test(`LAG-2 Open vSwitch aggregates with us: ${name}`, async (context) => {
    await withRig(async (rig) => {
      await makeCables(rig, options.members);
      const control = await startBond(rig, "o", options, "e9");
      const appliance = await startLinkloom(rig, options);

      const took = await untilActive(appliance, options.members, 45_000);
      context.diagnostic(`bundled ${Math.round(took)} ms after the start`);
      assert.equal(await rig.ping("h1", H2), 3);

      for (const row of await appliance.show("lacp")) {
        assert.equal(row["mux"], "distributing");
        assert.equal(row["reason"], "bundled");
        const actor = row["actor"] as string[];
        assert.ok(actor.includes("collecting") && actor.includes("in-sync"));
      }
      // What we tell them last may wait for the limit of three LACPDUs in a second.
      await until("Open vSwitch to see both sides distribute", async () => {
        const theirs = await control("lacp/show");
        const status = `status: ${options.theirs} negotiated`;
        const distributing = theirs.match(/state:.*distributing/g) ?? [];
        return theirs.includes(status) && distributing.length === 2 * options.members;
      });
      const explained = await appliance.json<{ text: string }[]>("explain", "lacp", "LA/1");
      assert.match(
        explained[0]?.text ?? "",
        new RegExp(`is up: ${options.members} of ${options.members}`),
      );
    });
  });
}

test("LAG-4 a thousand TCP flows survive the cut of each member, and members come back", async (context) => {
  await withRig(async (rig) => {
    await makeCables(rig, 2);
    await startBond(rig, "o", FAST, "e9");
    const appliance = await startLinkloom(rig, FAST);
    await untilActive(appliance, 2, 15_000);
    const flows = await Flows.start(rig, 1000);
    for (const member of [0, 1]) {
      await unplug(rig, member);
      await untilActive(appliance, 1, 3000);
      await delay(2500);
      await mend(rig, member);
      const back = await untilActive(appliance, 2, 10_000);
      context.diagnostic(`member ${member} is back after ${Math.round(back)} ms`);
      await delay(1500);
    }
    const report = await flows.stop();
    context.diagnostic(JSON.stringify(report));
    assert.equal(report.alive, 1000);
  });
});

test("LAG-2 a blackhole in one direction is found in the short timeout; flows survive, the member comes back", async (context) => {
  await withRig(async (rig) => {
    await makeCables(rig, 2);
    await startBond(rig, "o", FAST, "e9");
    const appliance = await startLinkloom(rig, FAST);
    await untilActive(appliance, 2, 15_000);
    const flows = await Flows.start(rig, 200);
    await blackhole(rig, 0, "a");
    const found = await untilActive(appliance, 1, 5000);
    context.diagnostic(`nothing comes in: found after ${Math.round(found)} ms`);
    assert.ok(found < 3600, `${found} ms`);
    const explained = await appliance.json<{ text: string }[]>("explain", "lacp", "LA/1");
    assert.ok(
      explained.some(({ text }) => /la0 hears nothing any more/.test(text)),
      JSON.stringify(explained),
    );
    await delay(3500);
    const [row] = await appliance.show("lacp", "--port", "la0");
    assert.equal(row?.["receive"], "defaulted");
    await mend(rig, 0);
    await untilActive(appliance, 2, 10_000);
    await blackhole(rig, 1, "b");
    const other = await untilActive(appliance, 1, 8000);
    context.diagnostic(`nothing goes out: the partner took ${Math.round(other)} ms to say so`);
    await mend(rig, 1);
    await untilActive(appliance, 2, 10_000);
    // TCP tries again ever more slowly: after seven seconds without an answer, up to another seven later.
    await delay(9000);
    const report = await flows.stop();
    context.diagnostic(JSON.stringify(report));
    assert.equal(report.alive, 200);
  });
});

test("LAG-2 under full data load the longest gap between our LACPDUs stays below 1.2 s", async (context) => {
  await withRig(async (rig) => {
    await makeCables(rig, 2);
    await startBond(rig, "o", FAST, "e9");
    const appliance = await startLinkloom(rig, FAST);
    await untilActive(appliance, 2, 15_000);
    await delay(2000);
    const own = await rig.macOf("sw", "la0");
    // The kernel hands on slow-protocol frames alone, so the load does not drown who listens.
    const seen = await rig.sniff("o", "la0", "8809");
    const load = await rig.iperf("h1", "h2", H2, "-t", "15", "-P", "8");
    const back = await rig.iperf("h2", "h1", H1, "-t", "5", "-P", "8");
    const ours = seen()
      .filter(({ hex }) => hex.slice(12, 24) === own.replaceAll(":", ""))
      .map(({ t }) => t * 1000);
    const gaps = ours.slice(1).map((t, n) => t - (ours[n] as number));
    const histogram: Record<string, number> = {};
    for (const gap of gaps) {
      const bin = `${Math.floor(gap / 50) * 50} ms`;
      histogram[bin] = (histogram[bin] ?? 0) + 1;
    }
    const longest = Math.max(...gaps);
    context.diagnostic(
      `${load.gigabits.toFixed(2)} and ${back.gigabits.toFixed(2)} Gbit/s; gaps ${JSON.stringify(histogram)}`,
    );
    assert.ok(gaps.length >= 15, `${gaps.length} LACPDUs`);
    assert.ok(longest < 1200, `${longest} ms`);
    const [channel] = await appliance.show("channels", "--channel", "LA/1");
    const active = channel?.["active-members"] as string[] | undefined;
    assert.equal(active?.length, 2, "nothing flapped");
  });
});
