// Protection of a bridge beside real kernels (BR-9): a flood of broadcasts, a cable that makes a loop, isolated hosts,
// and too many stations behind one port.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Appliance, type Rig, type Seen, until, withRig } from "./rig.ts";

/** Long: the machine may be busy with other suites. */
const PATIENCE = 60_000;
const ALL = "ffffffffffff";

/** `more` of the bridge, and of each channel. */
const config = (channels: readonly string[], more = ""): string => `cores: {count: 2}
ports:
${channels.map((_, n) => `  p${n}: {driver: packet, interface: p${n}}`).join("\n")}
bridges:
  br0:
    stp: {protocol: "off"}
    snooping: false
    ${more}
    channels:
${channels.map((options, n) => `      p${n}: {${options}}`).join("\n")}
`;

async function hosts(rig: Rig, ...names: string[]): Promise<void> {
  await rig.mute("sw");
  for (const [n, name] of names.entries()) {
    await rig.host(name);
    await rig.cable(name, "eth0", "sw", `p${n}`);
    await rig.address(name, "eth0", `10.0.0.${n + 1}/24`);
  }
}

const frame = (to: string, from: string, number = 0): string =>
  `${to}${from}88b6${number.toString(16).padStart(8, "0")}${"00".repeat(42)}`;

const dropsOf = async (appliance: Appliance, reason: string): Promise<number> =>
  (await appliance.show("drops"))
    .filter((row) => row["reason"] === reason)
    .reduce((sum, row) => sum + Number(row["count"]), 0);

test("BR-9 a flood of broadcasts passes at the rate of storm control, over both cores", async () => {
  await withRig(async (rig) => {
    const rate = 200;
    await hosts(rig, "a", "b");
    const storm = `storm-control: {broadcast: ${rate}pps, burst: 20}`;
    const appliance = await rig.linkloom("sw", config([storm, ""]));
    const heard = await rig.sniff("b", "eth0", "88b6");
    const sources = Array.from({ length: 16 }, (_, n) =>
      frame(ALL, `0200000000${(16 + n).toString(16)}`),
    );
    // Sixteen frames a round of two milliseconds: some thousands a second, where the machine is able to.
    await rig.wire("a", "send", "eth0", 1500, 0.002, ...sources);
    await until(
      "the storm to be seen",
      async () => (await dropsOf(appliance, "storm")) > 0,
      PATIENCE,
    );
    const seen = heard();
    const elapsed = (seen.at(-1)?.t ?? 0) - (seen[0]?.t ?? 0);
    const most = rate * elapsed * 1.1 + 3 * 20;
    console.log(
      `${seen.length} of ${1500 * 16} broadcasts passed in ${elapsed.toFixed(2)} s, ${await dropsOf(appliance, "storm")} dropped`,
    );
    assert.ok(seen.length <= most, `${seen.length} frames in ${elapsed} s are more than ${most}`);
    assert.ok(seen.length >= 20, "the burst at least");
    const events = await appliance.show("events");
    assert.ok(events.some((row) => row["cause"] === "storm"));
    assert.equal(await rig.ping("b", "10.0.0.1", 3), 3, "answers and what is asked still pass");
    assert.equal(await appliance.stop(), 0);
  });
});

test("BR-9 a cable between two ports is found by a probe, one port is shut, and the network works", async () => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b");
    await rig.cable("sw", "p2", "sw", "p3");
    const loops = "loop-detection: {interval: 200ms, recovery: 10m}";
    const appliance = await rig.linkloom(
      "sw",
      config(["", "", "", ""], `move-limit: 0\n    ${loops}`),
    );
    await until(
      "the loop to be shut",
      async () => {
        const rows = (await appliance.show("protection")).filter((row) => row["state"] === "shut");
        return (
          rows.length === 2 &&
          rows.every((row) => row["channel"] === "p3" && row["reason"] === "loop")
        );
      },
      PATIENCE,
    );
    const heard = await rig.sniff("b", "eth0", "88b6");
    await rig.wire("a", "send", "eth0", 1, 0, frame(ALL, "02000000000a", 7));
    const count = (): Seen[] => heard().filter(({ hex }) => hex.slice(28, 36) === "00000007");
    await until("the broadcast", () => count().length > 0, PATIENCE);
    assert.equal(await rig.ping("a", "10.0.0.2", 5), 5);
    assert.equal(count().length, 1, "once, not for ever");
    const events = await appliance.show("events");
    assert.ok(events.some((row) => row["cause"] === "loop-detected"));

    await rig.in("sw", "ip", "link", "set", "p2", "down");
    const cleared = await appliance.cli("clear", "protection", "p3");
    assert.equal(cleared.code, 0, cleared.stderr);
    await until(
      "the channel to be open",
      async () => (await appliance.show("protection")).every((row) => row["state"] === "open"),
      PATIENCE,
    );
    assert.equal(await appliance.stop(), 0);
  });
});

test("BR-9 isolated hosts reach the uplink and not each other; a limit keeps stations out", async () => {
  await withRig(async (rig) => {
    await hosts(rig, "a", "b", "up");
    const appliance = await rig.linkloom(
      "sw",
      config(["isolated: true", "isolated: true", "mac-limit: {limit: 5, action: drop}"]),
    );
    assert.equal(await rig.ping("a", "10.0.0.3", 3), 3);
    assert.equal(await rig.ping("b", "10.0.0.3", 3), 3);
    assert.equal(await rig.ping("a", "10.0.0.2", 2, "-w", "1"), 0);

    const strangers = Array.from({ length: 20 }, (_, n) =>
      frame(ALL, `0200000001${(16 + n).toString(16)}`),
    );
    await rig.wire("up", "send", "eth0", 3, 0.01, ...strangers);
    await until(
      "stations to be refused",
      async () => (await dropsOf(appliance, "mac-limit")) > 0,
      PATIENCE,
    );
    const rows = await until(
      "as many as the limit on every core",
      async () => {
        const found = await appliance.show("protection", "--channel", "p2");
        return found.length === 2 && found.every((row) => row["stations"] === 5) && found;
      },
      PATIENCE,
    );
    assert.equal(rows[0]?.["mac-limit"], 5);
    assert.equal(await appliance.stop(), 0);
  });
});
