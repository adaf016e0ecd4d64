// VLANs with another maker's switch as the tagged peer, and frames that try to change VLAN (BR-6).

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startOvs } from "./ovs.ts";
import { type Appliance, type Rig, until, withRig } from "./rig.ts";

const VLANS = [10, 20, 30];

test("BR-6 Open vSwitch on a trunk: hosts of three VLANs and of the native one reach each other and the appliance", async () => {
  await withRig(async (rig) => {
    await rig.mute("sw");
    await rig.mute("o");
    await rig.cable("o", "eth0", "sw", "p0");
    // Host hN is on Linkloom's access port in VLAN N, host oN on Open vSwitch's.
    for (const [n, vlan] of [1, ...VLANS].entries()) {
      for (const [name, switched, port, last] of [
        [`h${vlan}`, "sw", `p${n + 1}`, 2],
        [`o${vlan}`, "o", `e${vlan}`, 3],
      ] as const) {
        await rig.host(name);
        await rig.cable(name, "eth0", switched, port);
        await rig.address(name, "eth0", `10.0.${vlan}.${last}/24`);
        await rig.in(name, "ip", "route", "add", "default", "via", `10.0.${vlan}.1`);
        // Open vSwitch in user space passes unfinished checksums on as if they were finished.
        await rig.in(name, "ethtool", "-K", "eth0", "tx", "off");
      }
    }
    const ovs = await startOvs(rig, "o");
    const native = ["tag=1", `trunks=${VLANS}`, "vlan_mode=native-untagged"];
    await ovs("add-port", "br0", "eth0", "--", "set", "port", "eth0", ...native);
    for (const vlan of [1, ...VLANS]) await ovs("add-port", "br0", `e${vlan}`, `tag=${vlan}`);

    const appliance = await rig.linkloom(
      "sw",
      `cores: {count: 2}
ports:
${[0, 1, 2, 3, 4].map((n) => `  p${n}: {driver: packet, interface: p${n}}`).join("\n")}
bridges:
  br0:
    stp: {protocol: "off"}
    channels:
      p0: {mode: trunk, native-vlan: 1, trunk-vlans: "${VLANS}"}
${[1, ...VLANS].map((vlan, n) => `      p${n + 1}: {mode: access, access-vlan: ${vlan}}`).join("\n")}
interfaces:
${[1, ...VLANS].map((vlan) => `  v${vlan}: {bridge: br0, vlan: ${vlan}, addresses: [10.0.${vlan}.1/24]}`).join("\n")}
`,
    );
    const trunk = await rig.sniff("o", "eth0");

    for (const vlan of [1, ...VLANS]) {
      const [host, far] = [`h${vlan}`, `o${vlan}`];
      assert.equal(await rig.ping(host, `10.0.${vlan}.3`), 3, `${host} to ${far}`);
      assert.equal(await rig.ping(far, `10.0.${vlan}.2`), 3, `${far} to ${host}`);
      assert.equal(await rig.ping(far, `10.0.${vlan}.1`), 3, `${far} to the appliance`);
      assert.equal(await rig.ping(host, `10.0.${vlan}.1`), 3, `${host} to the appliance`);
      const next = VLANS[(VLANS.indexOf(vlan) + 1) % VLANS.length] as number;
      assert.equal(await rig.ping(far, `10.0.${next}.3`), 3, `${far} to o${next}, routed`);
      const arp = await appliance.show("arp", `10.0.${vlan}.3`);
      const mac = await rig.macOf(far, "eth0");
      assert.deepEqual(
        arp.map((row) => [row["mac"], row["vlan"], row["channel"]]),
        [
          [mac, vlan, "p0"],
          [mac, vlan, "p0"],
        ],
      );
      const stations = await appliance.show("bridge", mac);
      assert.deepEqual(
        stations.map((row) => [row["vlan"], row["channel"]]),
        [
          [vlan, "p0"],
          [vlan, "p0"],
        ],
      );
      // What Linkloom put on the trunk: a tag for all VLANs but the native one.
      const source = (await rig.macOf(host, "eth0")).replaceAll(":", "");
      const tags = trunk()
        .filter(({ hex }) => hex.slice(12, 24) === source)
        .map(({ tci }) => (tci < 0 ? 1 : tci & 0xfff));
      assert.ok(tags.length >= 3 && tags.every((tag) => tag === vlan), `${host}: ${tags}`);
    }
    const tcp = await rig.iperf("h10", "o10", "10.0.10.3", "-t", "1");
    assert.ok(tcp.gigabits > 0.05, `${tcp.gigabits} Gbit/s`);
    const coherence = await appliance.show("coherence");
    assert.ok(
      coherence.every(({ equal }) => equal === true),
      JSON.stringify(coherence),
    );
  });
});

/** x and y in VLAN 10, z in VLAN 20, and two trunks: k with native VLAN 10, l with none. */
async function crafted(rig: Rig): Promise<Appliance> {
  await rig.mute("sw");
  for (const [n, name] of ["x", "y", "z", "k", "l"].entries()) {
    await rig.mute(name);
    await rig.cable(name, "eth0", "sw", `p${n}`);
  }
  return rig.linkloom(
    "sw",
    `cores: {count: 2}
ports:
${[0, 1, 2, 3, 4].map((n) => `  p${n}: {driver: packet, interface: p${n}}`).join("\n")}
bridges:
  br0:
    stp: {protocol: "off"}
    channels:
      p0: {mode: access, access-vlan: 10}
      p1: {mode: access, access-vlan: 10}
      p2: {mode: access, access-vlan: 20}
      p3: {mode: trunk, native-vlan: 10, trunk-vlans: "20"}
      p4: {mode: trunk, native-vlan: none, trunk-vlans: "10,20"}
`,
  );
}

const BROADCAST = "ffffffffffff";
const SENDER = "020000000001";
/** An experimental Ethernet type and a padded payload that says which frame it is. */
const payload = (mark: string): string => `88b5${mark}${"00".repeat(60)}`;
const tag = (tci: number, type = "8100"): string => `${type}${tci.toString(16).padStart(4, "0")}`;

/** Sends from x; for each host, what arrived of it behind the addresses. */
async function spread(rig: Rig, ...frames: string[]): Promise<Record<string, string[]>> {
  const names = ["x", "y", "z", "k", "l"];
  const sniffers = await Promise.all(names.map((name) => rig.sniff(name, "eth0")));
  await rig.wire("x", "send", "eth0", 1, 0, ...frames.map((rest) => BROADCAST + SENDER + rest));
  // One that surely arrives, so that what did not come before it does not come at all.
  await rig.wire("x", "send", "eth0", 1, 0, BROADCAST + SENDER + payload("eeee"));
  await until("the last frame", () => sniffers[4]?.().some(({ hex }) => hex.includes("88b5eeee")));
  await delay(100);
  return Object.fromEntries(
    names.map((name, n) => [
      name,
      (sniffers[n]?.() ?? [])
        .filter(({ hex }) => hex.slice(12, 24) === SENDER && !hex.includes("88b5eeee"))
        .map(({ hex }) => hex.slice(24)),
    ]),
  );
}

async function dropped(appliance: Appliance, reason: string): Promise<number> {
  const rows = await appliance.show("drops");
  return rows
    .filter((row) => row["reason"] === reason)
    .reduce((sum, row) => sum + Number(row["count"]), 0);
}

test("BR-6 a priority tag belongs to the port's VLAN, and its priority stays on a trunk", async () => {
  await withRig(async (rig) => {
    await crafted(rig);
    const seen = await spread(rig, tag(0x6000) + payload("0001"));
    assert.deepEqual(seen, {
      x: [],
      y: [payload("0001")],
      z: [],
      k: [payload("0001")],
      l: [tag(0x600a) + payload("0001")],
    });
  });
});

test("BR-6 frames that hide a second tag to hop into another VLAN pass nowhere", async () => {
  await withRig(async (rig) => {
    const appliance = await crafted(rig);
    const hidden = tag(20) + payload("0002");
    // The outer tag is the access port's own VLAN, or none but a priority: without it the inner one would count.
    const seen = await spread(
      rig,
      tag(10) + hidden,
      tag(0x6000) + hidden,
      tag(20) + payload("0003"),
    );
    for (const name of ["x", "y", "z", "k"]) assert.deepEqual(seen[name], [], name);
    // On a trunk that tags VLAN 10 they stay what they are: VLAN 10 with something inside.
    assert.deepEqual(seen["l"], [tag(10) + hidden, tag(0x600a) + hidden]);
    assert.equal(await dropped(appliance, "vlan-double-tag"), 2);
    assert.equal(await dropped(appliance, "vlan-tagged-on-access"), 1);
  });
});

test("BR-6 frames with a service tag (QinQ) pass whole", async () => {
  await withRig(async (rig) => {
    await crafted(rig);
    const service = tag(100, "88a8") + tag(20) + payload("0004");
    assert.deepEqual(await spread(rig, service), {
      x: [],
      y: [service],
      z: [],
      k: [service],
      l: [tag(10) + service],
    });
  });
});
