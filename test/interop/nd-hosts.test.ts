// Neighbour discovery against Linux: kernel hosts, ndisc6 and rdisc6 of the ndisc6 package, and radvd, on the appliance
// as a router and as a host, through changes of MAC and router flag, silence and return, and duplicate addresses.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Appliance, type Rig, until, withRig } from "./rig.ts";

type Row = Record<string, unknown>;

/** Two links on a bridge, a router on both. */
function router(cores: number, more = ""): string {
  return `cores: {count: ${cores}}
ports:
  p0: {driver: packet, interface: p0}
  p1: {driver: packet, interface: p1}
bridges:
  br0:
    stp: {protocol: "off"}
    channels:
      p0: {mode: access, access-vlan: 10}
      p1: {mode: access, access-vlan: 20}
interfaces:
  v10:
    bridge: br0
    vlan: 10
    addresses: ["2001:db8:1::1/64"]
    router-advertisements: {interval: 4s, dns: ["2001:db8:1::53"]}
  v20: {bridge: br0, vlan: 20, addresses: ["2001:db8:2::1/64"]}
${more}`;
}

/** One link, the appliance a host on it that configures itself. */
const host = (cores: number): string => `cores: {count: ${cores}}
forwarding: {ipv6: false}
ports:
  p0: {driver: packet, interface: p0}
interfaces:
  up: {channel: p0, ipv6: true}
`;

/** Turns IPv6 on for a host's cable. */
async function speak(rig: Rig, name: string, address = "", via = ""): Promise<void> {
  await rig.sysctl(name, {
    "net.ipv6.conf.all.disable_ipv6": 0,
    "net.ipv6.conf.default.disable_ipv6": 0,
    "net.ipv6.conf.eth0.disable_ipv6": 0,
    "net.ipv6.conf.eth0.router_solicitation_delay": 0,
  });
  if (address !== "") await rig.in(name, "ip", "addr", "add", address, "dev", "eth0", "nodad");
  if (via !== "") await rig.in(name, "ip", "-6", "route", "add", "default", "via", via);
}

async function twoLinks(rig: Rig, cores: number): Promise<Appliance> {
  await rig.mute("sw");
  for (const [n, name] of ["a", "b"].entries()) {
    await rig.host(name);
    await rig.cable(name, "eth0", "sw", `p${n}`);
  }
  await speak(rig, "a", "2001:db8:1::a/64");
  await speak(rig, "b", "2001:db8:2::b/64", "2001:db8:2::1");
  const appliance = await rig.linkloom("sw", router(cores));
  for (const [host, own] of [
    ["a", "2001:db8:1::1"],
    ["b", "2001:db8:2::1"],
  ] as const) {
    await until(
      `duplicate detection of ${own}`,
      async () => (await rig.try(host, "ping", "-6", "-c1", "-W1", own)).code === 0,
      30_000,
    );
  }
  return appliance;
}

/** Rows of `show nd` about an address. */
const neighbour = (appliance: Appliance, address: string): Promise<Row[]> =>
  appliance.show("nd", address);

/** Waits until every core has the address at the host's MAC. */
async function knows(
  rig: Rig,
  appliance: Appliance,
  name: string,
  address: string,
  cores: number,
): Promise<Row[]> {
  const mac = await rig.macOf(name, "eth0");
  return until(`${address} at ${mac} on every core`, async () => {
    const rows = await neighbour(appliance, address);
    return rows.length === cores && rows.every((row) => row["mac"] === mac) && rows;
  });
}

for (const cores of [2, 4]) {
  test(`kernel hosts and ${cores} cores agree: addresses, MACs, router flag, changes, silence and return`, async () => {
    await withRig(async (rig) => {
      const appliance = await twoLinks(rig, cores);
      // The default route comes from our own advertisements.
      await until("an advertised default route", async () =>
        (await rig.in("a", "ip", "-6", "route", "show", "default")).includes("proto ra"),
      );
      assert.equal(
        await rig.ping("a", "2001:db8:2::b", 3, "-I", "2001:db8:1::a"),
        3,
        "routed without loss",
      );
      const rows = await knows(rig, appliance, "a", "2001:db8:1::a", cores);
      assert.equal(new Set(rows.map((row) => row["owner"])).size, 1, "one owner");
      assert.ok(rows.every((row) => row["router"] === false));
      const [seen] = JSON.parse(
        await rig.in("a", "ip", "-6", "-j", "neigh", "show", "2001:db8:1::1"),
      ) as {
        lladdr?: string;
      }[];
      const interfaces = await appliance.show("interfaces");
      const ours = interfaces.find((row) => row["interface"] === "v10")?.["mac"];
      const viaLocal = await rig.in("a", "ip", "-6", "neigh", "show");
      assert.ok(seen === undefined || seen.lladdr === ours);
      assert.ok(viaLocal.includes(String(ours)) && viaLocal.includes("router"));

      // ndisc6 and rdisc6 read what we say.
      const found = await rig.in("a", "ndisc6", "-1", "2001:db8:1::1", "eth0");
      assert.match(found, new RegExp(String(ours), "i"));
      const advertised = await rig.in("a", "rdisc6", "-1", "eth0");
      assert.match(advertised, /Prefix\s*: 2001:db8:1::\/64/);
      assert.match(advertised, /Router lifetime\s*:\s*12 /);
      assert.match(advertised, /Recursive DNS server\s*: 2001:db8:1::53/);
      // What the kernel made of the prefix is known, too.
      const auto = (
        JSON.parse(await rig.in("a", "ip", "-6", "-j", "addr", "show", "dev", "eth0")) as {
          addr_info: { local: string; dynamic?: boolean }[];
        }[]
      )[0]?.addr_info.find(({ dynamic }) => dynamic === true)?.local;
      assert.ok(auto !== undefined, "the kernel made an address of the prefix");
      assert.equal((await rig.try("b", "ping", "-6", "-c2", "-W2", auto)).code, 0);

      // Another MAC.
      const before = await rig.macOf("b", "eth0");
      await rig.in("b", "ip", "link", "set", "eth0", "down");
      await rig.in("b", "ip", "link", "set", "eth0", "address", "02:00:00:00:0b:0b");
      await rig.in("b", "ip", "link", "set", "eth0", "up");
      await speak(rig, "b");
      await rig.try("b", "ip", "addr", "add", "2001:db8:2::b/64", "dev", "eth0", "nodad");
      await rig.try("b", "ip", "-6", "route", "add", "default", "via", "2001:db8:2::1");
      assert.notEqual(await rig.macOf("b", "eth0"), before);
      await until(
        "a ping after the change",
        async () => (await rig.try("b", "ping", "-6", "-c1", "-W1", "2001:db8:2::1")).code === 0,
      );
      await knows(rig, appliance, "b", "2001:db8:2::b", cores);
      assert.equal(await rig.ping("a", "2001:db8:2::b", 2), 2);

      // The router flag: a kernel that forwards says so in its answers.
      await rig.sysctl("b", { "net.ipv6.conf.all.forwarding": 1 });
      await appliance.cli("clear", "nd", "2001:db8:2::b");
      assert.equal(await rig.ping("a", "2001:db8:2::b", 1), 1);
      await until("the router flag", async () =>
        (await neighbour(appliance, "2001:db8:2::b")).every((row) => row["router"] === true),
      );

      const told = (await appliance.cli("explain", "nd", "2001:db8:2::b")).stdout;
      assert.match(told, /owns it/);

      // Silence: who goes away is deleted on all cores; who comes back is found again.
      await rig.in("b", "ip", "link", "set", "eth0", "down");
      await appliance.cli("clear", "nd", "2001:db8:2::b");
      const lost = await rig.try("a", "ping", "-6", "-c4", "-W1", "2001:db8:2::b");
      assert.match(lost.stdout, /unreachable/i);
      await until(
        "nobody to know who is gone",
        async () => (await neighbour(appliance, "2001:db8:2::b")).length === 0,
      );
      await rig.in("b", "ip", "link", "set", "eth0", "up");
      await rig.try("b", "ip", "addr", "add", "2001:db8:2::b/64", "dev", "eth0", "nodad");
      await rig.try("b", "ip", "-6", "route", "add", "default", "via", "2001:db8:2::1");
      await until(
        "a ping after the return",
        async () => (await rig.try("a", "ping", "-6", "-c1", "-W1", "2001:db8:2::b")).code === 0,
      );
      await knows(rig, appliance, "b", "2001:db8:2::b", cores);

      const coherence = await appliance.show("coherence");
      const mine = coherence.filter((row) => row["table"] === "nd");
      assert.equal(mine.length, cores);
      assert.ok(
        mine.every((row) => row["equal"] === true),
        JSON.stringify(mine),
      );
    });
  });
}

test("ND-7 a duplicate of our address is found before we use it, and of theirs the kernel finds", async () => {
  await withRig(async (rig) => {
    await rig.mute("sw");
    for (const [n, name] of ["a", "b"].entries()) {
      await rig.host(name);
      await rig.cable(name, "eth0", "sw", `p${n}`);
      await speak(rig, name);
    }
    await rig.in("a", "ip", "addr", "add", "2001:db8:1::1/64", "dev", "eth0", "nodad");
    const appliance = await rig.linkloom("sw", router(2));
    const events = await until("the event", async () => {
      const rows = await appliance.show("events");
      return rows.some((row) => row["cause"] === "nd-duplicate") && rows;
    });
    const duplicate = events.find((row) => row["cause"] === "nd-duplicate");
    assert.equal(duplicate?.["subject"], "nd 2001:db8:1::1");
    assert.match(String(duplicate?.["evidence"]), new RegExp(await rig.macOf("a", "eth0")));

    // b tries to take the address that we have on the other link: the kernel's own detection fails on our answer.
    await until("our address on v20", async () =>
      (await appliance.show("events")).some(
        (row) =>
          row["cause"] === "nd-own" &&
          row["subject"] === "nd 2001:db8:2::1" &&
          row["to"] === "preferred",
      ),
    );
    await rig.in("b", "ip", "addr", "add", "2001:db8:2::1/64", "dev", "eth0");
    await until("the kernel's verdict", async () =>
      (await rig.in("b", "ip", "-6", "addr", "show", "dev", "eth0")).includes("dadfailed"),
    );
  });
});

test("ND-7 radvd's advertisements make the appliance a host: default route, prefix, address; silence undoes them", async () => {
  await withRig(async (rig) => {
    await rig.mute("sw");
    await rig.host("r");
    await rig.cable("r", "eth0", "sw", "p0");
    await speak(rig, "r", "2001:db8:9::1/64");
    await rig.address("r", "lo", "203.0.113.1/32");
    await rig.sysctl("r", { "net.ipv6.conf.all.forwarding": 1 });
    await rig.in("r", "ip", "-6", "addr", "add", "2001:db8:77::1/128", "dev", "lo");
    const config = join(rig.directory, "radvd.conf");
    writeFileSync(
      config,
      `interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultLifetime 8;
         prefix 2001:db8:9::/64 { AdvOnLink on; AdvAutonomous on; AdvValidLifetime 60; AdvPreferredLifetime 30; }; };\n`,
    );
    const appliance = await rig.linkloom("sw", host(2));
    const radvd = rig.start(
      "r",
      "/usr/sbin/radvd",
      "-n",
      "-m",
      "stderr",
      "-d",
      "1",
      "-C",
      config,
      "-p",
      join(rig.directory, "radvd.pid"),
    );
    const routes = (): Promise<Row[]> => appliance.show("routes");
    await until(
      "a default route",
      async () =>
        (await routes()).some((row) => row["destination"] === "::/0") &&
        (await routes()).length > 0,
    );
    const own = await until("an address of the prefix", async () =>
      (await routes()).find(
        (row) => row["origin"] === "local" && String(row["destination"]).startsWith("2001:db8:9:"),
      ),
    );
    const address = String(own["destination"]).replace("/128", "");
    assert.equal((await rig.try("r", "ping", "-6", "-c2", "-W2", address)).code, 0);
    const [first] = await until("the router as a neighbour", async () => {
      const rows = (await appliance.show("nd")).filter((row) => row["router"] === true);
      return rows.length > 0 && rows;
    });
    assert.equal(first?.["mac"], await rig.macOf("r", "eth0"));
    const pinged = await appliance.cli("send", "ping", "2001:db8:77::1", "--count", "1");
    assert.equal(pinged.code, 0, pinged.stdout + pinged.stderr);
    await rig.finish(radvd);
    await until(
      "the default route is gone",
      async () => !(await routes()).some((row) => row["destination"] === "::/0"),
      15_000,
    );
  });
});
