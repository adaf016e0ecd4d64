// Link aggregation with the real Linux bonding driver (mode 802.3ad) in a small virtual machine: active and passive,
// fast and slow, two and four members; cuts, a blackhole, and a partner that restarts.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Guest, prepareGuest } from "./guest.ts";
import {
  blackhole,
  H2,
  type LacpOptions,
  makeCablesTo,
  mend,
  startLinkloom,
  untilActive,
} from "./lacp-rig.ts";
import { type Rig, withRig } from "./rig.ts";

const FAST: LacpOptions = {
  members: 2,
  cores: 2,
  active: true,
  rate: "fast",
  theirs: "active",
  theirRate: "fast",
};
/** Of the bonding driver's files: 1 = fast. */
const BOND = "/sys/class/net/bond0/bonding";

/** The driver makes bond0 as it is loaded. */
async function bond(guest: Guest, options: LacpOptions): Promise<void> {
  await guest.run(`echo 802.3ad > ${BOND}/mode; echo layer3+4 > ${BOND}/xmit_hash_policy`);
  await guest.run(`echo ${options.theirRate} > ${BOND}/lacp_rate; echo 100 > ${BOND}/miimon`);
  if (options.theirs === "passive") await guest.run(`echo off > ${BOND}/lacp_active`);
  for (let n = 0; n < options.members; n++) {
    await guest.run(`ip link set eth${n} down; echo +eth${n} > ${BOND}/slaves`);
  }
  await guest.run(`ip addr add ${H2}/24 dev bond0; ip link set bond0 up`);
}

/** Runs `body` against a guest with a bond, or says why it cannot. */
async function withBond(
  context: TestContext,
  options: LacpOptions,
  body: (rig: Rig, guest: Guest) => Promise<void>,
): Promise<void> {
  const boot = await prepareGuest();
  if (typeof boot === "string") {
    context.skip(`the Linux bonding driver cannot run here: ${boot}`);
    return;
  }
  await withRig(async (rig) => {
    await makeCablesTo(rig, options.members, "tap");
    const taps = Array.from({ length: options.members }, (_, n) => `b${n}`);
    const guest = await Guest.start(rig, "m", taps, boot);
    await bond(guest, options);
    await body(rig, guest);
  });
}

const SHAPES: readonly (readonly [string, LacpOptions])[] = [
  ["both active and fast, two members", FAST],
  ["we are passive", { ...FAST, active: false }],
  ["they are passive", { ...FAST, theirs: "passive" }],
  ["both slow", { ...FAST, rate: "slow", theirRate: "slow" }],
  ["four members on four cores", { ...FAST, members: 4, cores: 4 }],
];

for (const [name, options] of SHAPES) {
  test(`LAG-2 the Linux bonding driver aggregates with us: ${name}`, async (context) => {
    await withBond(context, options, async (rig, guest) => {
      const appliance = await startLinkloom(rig, options);
      const took = await untilActive(appliance, options.members, 75_000);
      context.diagnostic(`bundled ${Math.round(took)} ms after the start`);
      await delay(1500);
      assert.equal(await rig.ping("h1", H2), 3);

      const [channel] = await appliance.show("channels", "--channel", "LA/1");
      const theirs = await guest.run("cat /proc/net/bonding/bond0");
      assert.match(theirs, new RegExp(`Number of ports: ${options.members}`), theirs);
      const mac = /System MAC address: (\S+)/.exec(theirs)?.[1] ?? "";
      assert.equal(channel?.["partner-system"], `65535,${mac}`);
      const churned = theirs.match(/Churn State: churned/g) ?? [];
      assert.equal(churned.length, 0);
    });
  });
}

test("LAG-4 the Linux bonding driver: cuts and a blackhole of members, and a restart of the partner", async (context) => {
  await withBond(context, FAST, async (rig, guest) => {
    const appliance = await startLinkloom(rig, FAST);
    await untilActive(appliance, 2, 20_000);
    await delay(1500);
    for (const member of [0, 1]) {
      const ping = rig.startPing("h1", H2);
      await delay(500);
      await guest.setLink(member, false);
      await rig.in("m", "ip", "link", "set", `a${member}`, "down");
      await untilActive(appliance, 1, 3000);
      await delay(1500);
      const { gapMs } = await ping.stop();
      context.diagnostic(`cut of member ${member}: silence of ${Math.round(gapMs)} ms`);
      assert.ok(gapMs < 1500, `${gapMs} ms`);
      await guest.setLink(member, true);
      await mend(rig, member);
      await untilActive(appliance, 2, 15_000);
      await delay(1500);
    }
    await blackhole(rig, 0, "a");
    const found = await untilActive(appliance, 1, 5000);
    context.diagnostic(`blackhole: found after ${Math.round(found)} ms`);
    assert.ok(found < 3600);
    await mend(rig, 0);
    await untilActive(appliance, 2, 15_000);

    await guest.run("ip link set bond0 down; sleep 1; ip link set bond0 up", 30_000);
    await untilActive(appliance, 2, 30_000);
    await delay(2000);
    assert.equal(await rig.ping("h1", H2), 3, "the partner restarted");
  });
});
