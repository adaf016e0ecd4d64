// A thousand kernel neighbours in three VLANs, each with a MAC of its own (macvlan), resolved by two cores (ARP-1..5,
// BR-3).

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Rig, until, withRig } from "./rig.ts";

const VLANS = [10, 20, 30];
const COUNTS = [334, 333, 333];

/** Address and MAC of each neighbour. */
type Neighbours = Map<string, string>;

/** Gives a host `count` more stations on its cable, each with an address and a MAC that answers for it alone. */
async function populate(rig: Rig, host: string, vlan: number, count: number): Promise<Neighbours> {
  const stations: Neighbours = new Map();
  const lines: string[] = [];
  for (let n = 0; n < count; n++) {
    const low = 256 + n;
    const address = `10.${vlan}.${low >> 8}.${low & 255}`;
    const mac = `02:00:00:${vlan}:0${low >> 8}:${(low & 255).toString(16).padStart(2, "0")}`;
    lines.push(
      `link add link eth0 name m${n} address ${mac} type macvlan mode bridge`,
      `addr add ${address}/16 dev m${n}`,
      `link set m${n} up`,
    );
    stations.set(address, mac);
  }
  // Each device speaks for its own address alone, whichever the kernel sends by.
  for (const key of ["all", "default"]) {
    const keys = {
      [`net.ipv4.conf.${key}.arp_ignore`]: 1,
      [`net.ipv4.conf.${key}.arp_announce`]: 2,
    };
    await rig.sysctl(host, keys);
  }
  const batch = join(rig.directory, `${host}.batch`);
  writeFileSync(batch, `${lines.join("\n")}\nroute add default via 10.${vlan}.0.1 dev m0\n`);
  await rig.in(host, "ip", "-batch", batch);
  return stations;
}

/** What the kernel itself says of a host's stations. */
async function kernelMacs(rig: Rig, host: string): Promise<Neighbours> {
  const rows = JSON.parse(await rig.in(host, "ip", "-j", "addr")) as {
    ifname: string;
    address: string;
    addr_info: { family: string; local: string }[];
  }[];
  return new Map(
    rows
      .filter(({ ifname }) => ifname.startsWith("m"))
      .flatMap(({ address, addr_info }) => addr_info.map(({ local }) => [local, address] as const)),
  );
}

test("ARP-1 ARP-3 BR-3 1,000 neighbours in three VLANs: every core has all, as the kernel has them", async (context) => {
  await withRig(async (rig) => {
    // One limit for all namespaces of the machine (arp(7)).
    for (const n of [1, 2, 3]) {
      if (await rig.raise(`net.ipv4.neigh.default.gc_thresh${n}`, 16384)) continue;
      context.skip("the kernel's limit of neighbours may not be raised here; needs root");
      return;
    }
    await rig.mute("sw");
    await rig.host("s");
    await rig.cable("s", "eth0", "sw", "p3");
    await rig.address("s", "eth0", "10.40.0.2/16");
    await rig.in("s", "ip", "route", "add", "default", "via", "10.40.0.1");
    const wanted: Neighbours = new Map();
    for (const [n, vlan] of VLANS.entries()) {
      await rig.host(`h${vlan}`);
      await rig.cable(`h${vlan}`, "eth0", "sw", `p${n}`);
      const made = await populate(rig, `h${vlan}`, vlan, COUNTS[n] as number);
      for (const [address, mac] of made) wanted.set(address, mac);
    }
    assert.equal(wanted.size, 1000);
    const all = [...VLANS, 40];
    const appliance = await rig.linkloom(
      "sw",
      `cores: {count: 2}
ports:
${all.map((_, n) => `  p${n}: {driver: packet, interface: p${n}}`).join("\n")}
bridges:
  br0:
    stp: {protocol: "off"}
    channels:
${all.map((vlan, n) => `      p${n}: {mode: access, access-vlan: ${vlan}}`).join("\n")}
interfaces:
${all.map((vlan) => `  v${vlan}: {bridge: br0, vlan: ${vlan}, addresses: [10.${vlan}.0.1/16]}`).join("\n")}
`,
    );

    const start = performance.now();
    const silent = JSON.parse(await rig.wire("s", "sweep", 4, ...wanted.keys())) as string[];
    context.diagnostic(
      `1,000 neighbours answered after ${(performance.now() - start).toFixed(0)} ms`,
    );
    assert.deepEqual(silent, []);

    const coherence = await until("equal tables", async () => {
      const rows = await appliance.show("coherence");
      return rows.every(({ equal }) => equal === true) && rows;
    });
    assert.ok(coherence.length >= 4);
    const arp = await appliance.show("arp");
    const bridge = await appliance.show("bridge");
    for (const core of [0, 1]) {
      const dynamic = arp.filter((row) => row["core"] === core && row["origin"] === "dynamic");
      const known = new Map(dynamic.map(({ address, mac }) => [String(address), String(mac)]));
      known.delete("10.40.0.2");
      assert.equal(known.size, 1000);
      for (const [n, vlan] of VLANS.entries()) {
        const kernel = await kernelMacs(rig, `h${vlan}`);
        assert.equal(kernel.size, COUNTS[n]);
        for (const [address, mac] of kernel) assert.equal(known.get(address), mac, address);
      }
      const stations = new Map(
        bridge
          .filter((row) => row["core"] === core)
          .map(({ mac, vlan, channel }) => [mac, `${vlan} ${channel}`]),
      );
      for (const [address, mac] of wanted) {
        const vlan = Number(address.split(".")[1]);
        assert.equal(stations.get(mac), `${vlan} p${VLANS.indexOf(vlan)}`, mac);
      }
    }

    // The other way round: what the hosts' kernels know of the appliance.
    const interfaces = await appliance.show("interfaces");
    for (const vlan of VLANS) {
      const own = interfaces.find((row) => row["interface"] === `v${vlan}`)?.["mac"];
      const rows = JSON.parse(
        await rig.in(`h${vlan}`, "ip", "-j", "neigh", "show", `10.${vlan}.0.1`),
      ) as {
        lladdr?: string;
      }[];
      const macs = rows.map(({ lladdr }) => lladdr).filter((mac) => mac !== undefined);
      assert.ok(macs.length >= 1);
      assert.deepEqual([...new Set(macs)], [own]);
    }

    // A second sweep costs no request and no message.
    const messages = async (): Promise<number> =>
      (await appliance.show("cores")).reduce((sum, row) => sum + Number(row["messages-sent"]), 0);
    const requests = await rig.sniff("h10", "eth0", "0806");
    const before = await messages();
    assert.deepEqual(JSON.parse(await rig.wire("s", "sweep", 1, ...wanted.keys())), []);
    // Announcements of the appliance's own addresses ask nobody: sender and target are one.
    const asked = requests().filter(
      ({ hex }) => hex.slice(40, 44) === "0001" && hex.slice(56, 64) !== hex.slice(76, 84),
    );
    assert.deepEqual(asked, []);
    const sent = (await messages()) - before;
    assert.ok(sent < 20, `${sent} messages for 2,000 frames of known stations`);
  });
});
