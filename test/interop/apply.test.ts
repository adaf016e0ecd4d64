// A change of one channel among twenty, looked at on the wire: what the other nineteen say to their partner does not
// change for a moment (OPS-1). The partner is a second appliance in a namespace of its own.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Appliance, type Rig, until, withRig } from "./rig.ts";

const CHANNELS = 20;
const NUMBERS = Array.from({ length: CHANNELS }, (_, n) => n + 1);
const CHANGED = 7;
/** Synchronization, collecting and distributing of an actor's state (IEEE 802.3-2005 43.4.2.2). */
const CARRIES = 0x38;

/** Every LACPDU that comes in on any device: time, device, the actor's state. */
const WATCH = `
import socket, sys, time
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x8809))
print("ready", flush=True)
while True:
    frame, origin = link.recvfrom(2048)
    if origin[2] != 4 and len(frame) > 33 and frame[14] == 1:
        print(origin[0], frame[32], flush=True)
`;

const configOf = (
  cores: number,
  more: (channel: number) => string,
): string => `cores: {count: ${cores}}
ports:
${NUMBERS.map((n) => `  la${n}: {driver: packet, interface: la${n}}`).join("\n")}
channels:
${NUMBERS.map((n) => `  LA/${n}: {members: [la${n}], lacp: {activity: active${more(n)}}}`).join("\n")}
`;

/** Channels that carry frames now. */
async function up(appliance: Appliance): Promise<number> {
  return (await appliance.show("channels")).filter((row) => row["up"] === true).length;
}

interface Said {
  readonly device: string;
  readonly state: number;
}

const carries = ({ state }: Said): boolean => (state & CARRIES) === CARRIES;

/** What comes to the partner, device by device, from now on. */
async function watchWire(rig: Rig): Promise<() => Said[]> {
  const watch = rig.start("o", "/usr/bin/python3", "-c", WATCH);
  await until("the watcher", () => watch.output().includes("ready"));
  return () =>
    watch
      .output()
      .split("\n")
      .flatMap((line) => {
        const [, device, state] = /^(la\d+) (\d+)$/.exec(line) ?? [];
        return device === undefined ? [] : [{ device, state: Number(state) }];
      });
}

/** Changes one channel and lets the change go back; the devices on which an aggregate was left meanwhile. */
async function changeOne(rig: Rig, near: Appliance, file: string): Promise<string[]> {
  const said = await watchWire(rig);
  const broke = (): string[] => [
    ...new Set(
      said()
        .filter((one) => !carries(one))
        .map(({ device }) => device),
    ),
  ];
  const devices = (): number => new Set(said().map(({ device }) => device)).size;
  await until("a word of every channel", () => devices() === CHANNELS, 120_000);
  const returns = async (): Promise<number> =>
    (await near.show("history")).filter((row) => /nobody confirmed/.test(String(row["by"]))).length;
  const before = await returns();
  const applied = await near.cli("apply", file, "--confirm", "8s");
  assert.equal(applied.code, 0, applied.stderr);
  await until("its new beginning", () => broke().includes(`la${CHANGED}`), 60_000);
  await until("the way back", async () => (await returns()) > before, 60_000);
  await until("all channels as before", async () => (await up(near)) === CHANNELS, 60_000);
  await delay(2000);
  console.log(
    `${said().length} LACPDUs of ${CHANNELS} channels; began anew: ${broke().join(", ")}`,
  );
  return broke();
}

test("OPS-1 a change of one channel of twenty disturbs that one alone, and goes back unless confirmed", {
  timeout: 600_000,
}, async () => {
  await withRig(async (rig) => {
    for (const name of ["sw", "o"]) await rig.mute(name);
    for (const n of NUMBERS) await rig.cable("sw", `la${n}`, "o", `la${n}`);
    const far = await rig.linkloom(
      "o",
      configOf(1, () => ""),
    );
    const near = await rig.linkloom(
      "sw",
      configOf(2, () => ""),
    );
    await until("all channels", async () => (await up(near)) === CHANNELS, 90_000);
    await until("all channels at the partner", async () => (await up(far)) === CHANNELS, 90_000);

    const file = join(rig.directory, "next.yaml");
    writeFileSync(
      file,
      configOf(2, (n) => (n === CHANGED ? ", key: 77" : "")),
    );
    const plan = await near.json<{ summary: string; changes: { object: string }[] }>("plan", file);
    assert.equal(plan.summary, "0 failovers, 1 channel renegotiates");
    assert.deepEqual(
      plan.changes.map(({ object }) => object),
      [`channel LA/${CHANGED}`],
    );

    // A machine that does not let the partner run for three seconds breaks channels too; a fault of ours would each
    // time.
    let broke: string[] = [];
    for (let attempt = 0; attempt < 3 && broke.length !== 1; attempt++) {
      broke = await changeOne(rig, near, file);
    }
    assert.deepEqual(broke, [`la${CHANGED}`]);
    const rows = await near.show("lacp", "--channel", `LA/${CHANGED}`);
    assert.equal(rows.find(({ core }) => core === 0)?.["actor-key"], CHANGED);

    const bad = join(rig.directory, "bad.yaml");
    writeFileSync(bad, configOf(2, () => "").replace("interface: la3}", "interface: nothere}"));
    const refused = await near.cli("apply", bad);
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, /ports\.la3\.interface/);
    await until("all channels still", async () => (await up(near)) === CHANNELS, 60_000);
  });
});
