// `explain frame` on real ports: what it says beforehand is what the very frame then does (OPS-4).

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Appliance, type Rig, until, withRig } from "./rig.ts";

const CONFIG = `cores: {count: 2, failure-timeout: 10s}
ports:
  p0: {driver: packet, interface: p0}
  p1: {driver: packet, interface: p1}
  p2: {driver: packet, interface: p2}
bridges:
  br0:
    stp: {protocol: "off"}
    channels:
      p0: {mode: access, access-vlan: 10}
      p1: {mode: trunk, native-vlan: 1, trunk-vlans: "10,20"}
      p2: {mode: access, access-vlan: 20}
interfaces:
  vlan10: {bridge: br0, vlan: 10, addresses: [192.0.2.1/24]}
  vlan20: {bridge: br0, vlan: 20, addresses: [198.51.100.1/24]}
`;

const A = "02000000000a";
const B = "02000000000b";
const ETHERTYPE = "88b5";

interface Told {
  readonly lines: readonly string[];
  readonly sent: readonly { readonly port: string; readonly hex: string }[];
  readonly cores: readonly { readonly drops: readonly string[] }[];
}

/** Sends frames of a host's device, each as it stands. */
const send = (rig: Rig, name: string, hex: string): Promise<string> =>
  rig.python(
    name,
    `import socket
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
link.send(bytes.fromhex("${hex}"))`,
  );

async function dropsOf(appliance: Appliance, reason: string): Promise<number> {
  const rows = await appliance.show("drops", "--reason", reason);
  return rows.reduce((sum, row) => sum + Number(row["count"]), 0);
}

test("OPS-4 what explain says of a frame is what the frame then does", {
  timeout: 300_000,
}, async () => {
  await withRig(async (rig) => {
    await rig.mute("sw");
    for (const [n, name] of ["a", "b", "c"].entries()) {
      await rig.host(name);
      await rig.cable(name, "eth0", "sw", `p${n}`);
    }
    const appliance = await rig.linkloom("sw", CONFIG);
    const heard = {
      p0: await rig.sniff("a", "eth0"),
      p1: await rig.sniff("b", "eth0"),
      p2: await rig.sniff("c", "eth0"),
    };
    const explain = (hex: string): Promise<Told> =>
      appliance.json<Told>("explain", "frame", hex, "--port", "p0");

    const pad = "00".repeat(42);
    const request = `ffffffffffff${A}08060001080006040001${A}c000020a000000000000c0000201`;
    const frames = [
      // To a station that nobody knows: it floods, tagged on the trunk.
      { hex: `${B}${A}${ETHERTYPE}0001${pad}`, drop: "" },
      // A question for our address: it is answered, and floods no less.
      { hex: `${request}${"00".repeat(18)}`, drop: "" },
      // A tag on an access port: given up.
      { hex: `${B}${A}81000014${ETHERTYPE}0002${pad}`, drop: "vlan-tagged-on-access" },
    ];
    for (const { hex, drop } of frames) {
      const before = drop === "" ? 0 : await dropsOf(appliance, drop);
      const told = await explain(hex);
      assert.equal(
        drop === "" ? 0 : await dropsOf(appliance, drop),
        before,
        "asking changes nothing",
      );

      await send(rig, "a", hex);

      for (const { port, hex: expected } of told.sent) {
        await until(`${expected} on ${port}: ${told.lines.join(" ")}`, () =>
          heard[port as keyof typeof heard]().some((seen) => seen.hex.startsWith(expected)),
        );
      }
      const drops = told.cores.flatMap((one) => one.drops);
      if (drop === "") assert.ok(told.sent.length > 0, told.lines.join(" "));
      else {
        assert.deepEqual([told.sent.length, drops], [0, [drop]]);
        await until(
          `a frame counted as ${drop}`,
          async () => (await dropsOf(appliance, drop)) > before,
        );
      }
    }
    // What it did not say has not happened: VLAN 20 has heard nothing of it.
    const strangers = heard.p2().filter(({ hex }) => hex.slice(12, 24) === A);
    assert.deepEqual(strangers, []);
  });
});
