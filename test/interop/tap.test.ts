// The appliance's own machine uses the channels through a TAP port (HOST-4): its Linux side is one more station.

import assert from "node:assert/strict";
import { test } from "node:test";
import { until, withRig } from "./rig.ts";

function config(cores: number): string {
  return `cores: {count: ${cores}}
ports:
  p0: {driver: packet, interface: p0}
  p1: {driver: packet, interface: p1}
  t0: {driver: tap, interface: ll0}
bridges:
  br0:
    stp: {protocol: "off"}
    channels:
      p0: {mode: access, access-vlan: 10}
      p1: {mode: access, access-vlan: 20}
      t0: {mode: access, access-vlan: 10}
interfaces:
  v10: {bridge: br0, vlan: 10, addresses: [10.0.1.1/24]}
  v20: {bridge: br0, vlan: 20, addresses: [10.0.2.1/24]}
`;
}

for (const cores of [1, 2, 4]) {
  test(`HOST-4 through a TAP port the machine reaches hosts behind other ports, and they reach it, ${cores} cores`, async (context) => {
    await withRig(async (rig) => {
      await rig.host("sw");
      for (const [n, name] of ["a", "b"].entries()) {
        await rig.host(name);
        await rig.cable(name, "eth0", "sw", `p${n}`);
        await rig.address(name, "eth0", `10.0.${n + 1}.2/24`);
        await rig.in(name, "ip", "route", "add", "default", "via", `10.0.${n + 1}.1`);
      }
      const appliance = await rig.linkloom("sw", config(cores));
      await rig.address("sw", "ll0", "10.0.1.9/24");
      await rig.in("sw", "ip", "route", "add", "10.0.2.0/24", "via", "10.0.1.1");

      assert.equal(await rig.ping("sw", "10.0.1.2"), 3);
      assert.equal(await rig.ping("sw", "10.0.1.2", 3, "-s", "4000"), 3);
      assert.equal(await rig.ping("a", "10.0.1.9"), 3);
      assert.equal(await rig.ping("sw", "10.0.1.1"), 3, "the appliance itself");
      assert.equal(await rig.ping("sw", "10.0.2.2"), 3, "routed by the appliance");
      assert.equal(await rig.ping("b", "10.0.1.9"), 3, "and back");
      const mac = await rig.macOf("sw", "ll0");
      const stations = await appliance.show("bridge", mac);
      assert.deepEqual(
        stations.map((row) => [row["core"], row["vlan"], row["channel"]]),
        Array.from({ length: cores }, (_, core) => [core, 10, "t0"]),
      );

      const out = await rig.iperf("sw", "a", "10.0.1.2", "-t", "1");
      const back = await rig.iperf("sw", "a", "10.0.1.2", "-t", "1", "-R");
      const into = await rig.iperf("a", "sw", "10.0.1.9", "-t", "1", "-P", "4");
      const routed = await rig.iperf("b", "sw", "10.0.1.9", "-t", "1");
      const udp = await rig.iperf(
        "sw",
        "a",
        "10.0.1.2",
        "-u",
        "-b",
        "50M",
        "-l",
        "1400",
        "-t",
        "1",
      );
      for (const [what, { gigabits, retransmits, bytes }] of Object.entries({
        out,
        back,
        into,
        routed,
      })) {
        context.diagnostic(`TCP ${what}: ${gigabits.toFixed(2)} Gbit/s, ${retransmits} sent again`);
        assert.ok(gigabits > 0.3, `${what}: ${gigabits} Gbit/s`);
        assert.ok(
          retransmits < bytes / 1448 / 5,
          `${what}: ${retransmits} sent again of ${bytes} bytes`,
        );
      }
      assert.ok(udp.lost < 0.1, JSON.stringify(udp));

      // Linux would answer for every address of the machine on every interface: the appliance's ports are held quiet.
      const asked = await rig.in("a", "arping", "-c", "3", "-w", "5", "-I", "eth0", "10.0.1.9");
      const answers = [...asked.matchAll(/\[([0-9A-F:]{17})\]/gi)].map((hit) => hit[1]);
      assert.ok(answers.length >= 3, asked);
      for (const answer of answers) assert.equal(answer?.toLowerCase(), mac);

      if (cores > 1) {
        const rules = "steering: {rules: [{protocol: udp, destination-port: 9000, core: 1}]}\n";
        rig.reload("sw", appliance, config(cores) + rules);
        await until("the reload", () => appliance.output().includes("linkloom reloaded"));
        const rows = await appliance.show("steering", "--rules");
        assert.equal(rows.filter(({ origin }) => origin === "configured").length, 1);
        const addresses = await rig.in("sw", "ip", "-4", "addr", "show", "ll0");
        assert.match(addresses, /10\.0\.1\.9/, "the TAP stayed, with its addresses");
        assert.equal(await rig.ping("sw", "10.0.1.2"), 3);
        assert.equal(await rig.ping("b", "10.0.1.9"), 3);
      }

      assert.equal(await appliance.stop(), 0);
      const ignores = await rig.in("sw", "cat", "/proc/sys/net/ipv4/conf/p0/arp_ignore");
      assert.equal(ignores.trim(), "0", "as it was before");
      assert.notEqual(
        (await rig.try("sw", "ip", "link", "show", "ll0")).code,
        0,
        "the TAP is gone",
      );
    });
  });
}
