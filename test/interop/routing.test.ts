// The appliance as a host and as a router between kernel hosts (HOST-2, HOST-3): what ping, iperf3 and `ip neigh` there
// say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Appliance, type Rig, until, withRig } from "./rig.ts";

/** Two subnets on a bridge, one routed port to the network above, one with a small MTU. */
function config(cores: number, routes: string): string {
  return `cores: {count: ${cores}}
ports:
  p0: {driver: packet, interface: p0}
  p1: {driver: packet, interface: p1}
  p2: {driver: packet, interface: p2}
  p3: {driver: packet, interface: p3}
bridges:
  br0:
    stp: {protocol: "off"}
    channels:
      p0: {mode: access, access-vlan: 10}
      p1: {mode: access, access-vlan: 20}
interfaces:
  v10: {bridge: br0, vlan: 10, addresses: [10.0.1.1/24, 10.0.3.1/24]}
  v20: {bridge: br0, vlan: 20, addresses: [10.0.2.1/24]}
  wan: {channel: p2, addresses: [198.51.100.2/30]}
  small: {channel: p3, addresses: [10.0.4.1/24], mtu: 1000}
routes: [${routes}]
`;
}

/** Hosts a and b in the two subnets, u above with 203.0.113.1 behind it, s on the cable with the small MTU. */
async function network(rig: Rig): Promise<void> {
  await rig.mute("sw");
  const places = { a: "10.0.1.2/24", b: "10.0.2.2/24", u: "198.51.100.1/30", s: "10.0.4.2/24" };
  for (const [n, [name, address]] of Object.entries(places).entries()) {
    await rig.host(name);
    await rig.cable(name, "eth0", "sw", `p${n}`);
    await rig.address(name, "eth0", address);
  }
  await rig.in("a", "ip", "route", "add", "default", "via", "10.0.1.1");
  await rig.in("b", "ip", "route", "add", "default", "via", "10.0.2.1");
  await rig.in("s", "ip", "route", "add", "default", "via", "10.0.4.1");
  await rig.in("s", "ip", "link", "set", "eth0", "mtu", "1000");
  await rig.in("u", "ip", "route", "add", "10.0.0.0/16", "via", "198.51.100.2");
  await rig.address("u", "lo", "203.0.113.1/32");
}

const UP = "{to: 0.0.0.0/0, via: 198.51.100.1}";

/** The kernel's neighbours of a host: address to MAC. */
async function neighbours(rig: Rig, host: string): Promise<Map<string, string>> {
  const rows = JSON.parse(await rig.in(host, "ip", "-j", "neigh")) as {
    dst: string;
    lladdr?: string;
  }[];
  return new Map(rows.map(({ dst, lladdr = "" }) => [dst, lladdr]));
}

/** Fails unless every core knows the host by the MAC that its kernel has. */
async function knows(rig: Rig, appliance: Appliance, host: string, address: string): Promise<void> {
  const mac = await rig.macOf(host, "eth0");
  const rows = await appliance.show("arp", address);
  const cores = (await appliance.show("cores")).length;
  assert.deepEqual(
    rows.map((row) => [row["core"], row["mac"], row["state"]]),
    Array.from({ length: cores }, (_, core) => [core, mac, "reachable"]),
    address,
  );
}

for (const cores of [2, 4]) {
  test(`HOST-2 HOST-3 with ${cores} cores the appliance answers pings on each address and forwards between its subnets`, async () => {
    await withRig(async (rig) => {
      await network(rig);
      const appliance = await rig.linkloom("sw", config(cores, UP));

      for (const address of ["10.0.1.1", "10.0.3.1", "10.0.2.1", "198.51.100.2"]) {
        assert.equal(await rig.ping("a", address), 3, address);
        assert.equal(await rig.ping("a", address, 3, "-s", "4000"), 3, `${address}, in fragments`);
      }
      assert.equal(await rig.ping("u", "198.51.100.2"), 3);
      for (const [from, to] of [
        ["a", "10.0.2.2"],
        ["b", "10.0.1.2"],
        ["a", "203.0.113.1"],
        ["b", "198.51.100.1"],
        ["u", "10.0.2.2"],
      ] as const) {
        assert.equal(await rig.ping(from, to), 3, `${from} to ${to}`);
        assert.equal(
          await rig.ping(from, to, 3, "-s", "4000"),
          3,
          `${from} to ${to}, in fragments`,
        );
      }

      // Both sides' tables agree.
      const interfaces = await appliance.show("interfaces");
      const macOf = (name: string): unknown =>
        interfaces.find((row) => row["interface"] === name)?.["mac"];
      assert.equal((await neighbours(rig, "a")).get("10.0.1.1"), macOf("v10"));
      assert.equal((await neighbours(rig, "b")).get("10.0.2.1"), macOf("v20"));
      assert.equal((await neighbours(rig, "u")).get("198.51.100.2"), macOf("wan"));
      await knows(rig, appliance, "a", "10.0.1.2");
      await knows(rig, appliance, "b", "10.0.2.2");
      await knows(rig, appliance, "u", "198.51.100.1");
      const coherence = await appliance.show("coherence");
      assert.ok(
        coherence.every(({ equal }) => equal === true),
        JSON.stringify(coherence),
      );

      const routes = await appliance.show("routes", "203.0.113.1");
      const byDefault = routes.filter(({ destination }) => destination === "0.0.0.0/0");
      assert.equal(byDefault.length, cores);
      const pinged = await appliance.cli("send", "ping", "203.0.113.1", "--count", "2");
      assert.equal(pinged.code, 0, pinged.stderr);
      assert.match(pinged.stdout, /2 of 2 answered/);
    });
  });
}

test("HOST-3 a sender is told when the TTL runs out, no route is there, or a packet is too big", async () => {
  await withRig(async (rig) => {
    await network(rig);
    await rig.linkloom("sw", config(2, "{to: 203.0.113.0/24, via: 198.51.100.1}"));
    const says = async (...args: string[]): Promise<string> => {
      const done = await rig.try("a", "ping", "-n", "-c", "1", "-W", "2", ...args);
      return done.stdout + done.stderr;
    };

    assert.match(
      await says("-t", "1", "10.0.2.2"),
      /From 10\.0\.1\.1 icmp_seq=1 Time to live exceeded/,
    );
    assert.match(await says("-t", "2", "10.0.2.2"), /64 bytes from 10\.0\.2\.2/);
    assert.match(
      await says("192.0.2.99"),
      /From 10\.0\.1\.1 icmp_seq=1 Destination Net Unreachable/,
    );
    assert.match(await says("203.0.113.1"), /64 bytes from 203\.0\.113\.1/);
    // A port that nobody listens on.
    const refused = await rig.python(
      "a",
      `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.connect(("10.0.1.1", 9)); s.send(b"x")
try: s.recv(9)
except ConnectionRefusedError: print("refused")
t = socket.socket(); t.settimeout(2)
try: t.connect(("10.0.2.1", 9))
except ConnectionRefusedError: print("refused")`,
    );
    assert.equal(refused, "refused\nrefused\n");

    // In the way of 1,000 bytes: told when the packet may not be cut, cut when it may.
    assert.match(
      await says("-M", "do", "-s", "1200", "10.0.4.2"),
      /From 10\.0\.1\.1 icmp_seq=1 .*\(mtu = 1000\)/,
    );
    await rig.in("a", "ip", "route", "flush", "cache");
    assert.match(await says("-M", "dont", "-s", "1200", "10.0.4.2"), /1208 bytes from 10\.0\.4\.2/);
    assert.match(await says("-M", "dont", "-s", "4000", "10.0.4.2"), /4008 bytes from 10\.0\.4\.2/);

    // Path MTU discovery lets TCP through.
    await rig.in("a", "ip", "route", "flush", "cache");
    const through = await rig.iperf("a", "s", "10.0.4.2", "-t", "1");
    assert.ok(through.gigabits > 0.1, JSON.stringify(through));
  });
});

for (const cores of [2, 4]) {
  test(`HOST-3 TCP is routed with default offloads, ${cores} cores`, async (context) => {
    await withRig(async (rig) => {
      await network(rig);
      const appliance = await rig.linkloom("sw", config(cores, UP));
      // The kernel as the router of the same two hosts, over cables of their own.
      await rig.host("kernel");
      await rig.sysctl("kernel", { "net.ipv4.ip_forward": 1 });
      for (const [n, name] of ["a", "b"].entries()) {
        await rig.cable(name, "eth1", "kernel", `k${n}`);
        await rig.address(name, "eth1", `10.9.${n}.2/24`);
        await rig.address("kernel", `k${n}`, `10.9.${n}.1/24`);
        await rig.in(name, "ip", "route", "add", "10.9.0.0/16", "via", `10.9.${n}.1`);
      }
      const kernel = await rig.iperf("a", "b", "10.9.1.2", "-t", "2");
      const one = await rig.iperf("a", "b", "10.0.2.2", "-t", "2");
      const back = await rig.iperf("a", "b", "10.0.2.2", "-t", "2", "-R");
      const up = await rig.iperf("a", "u", "203.0.113.1", "-t", "2", "-P", "4");
      for (const [what, { gigabits, retransmits }] of Object.entries({ kernel, one, back, up })) {
        context.diagnostic(`${what}: ${gigabits.toFixed(2)} Gbit/s, ${retransmits} sent again`);
      }
      for (const { gigabits, bytes, retransmits } of [one, back, up]) {
        assert.ok(retransmits < bytes / 1448 / 10, `${retransmits} sent again of ${bytes} bytes`);
        assert.ok(gigabits > kernel.gigabits / 5, `${gigabits} of the kernel's ${kernel.gigabits}`);
      }
      const bad = [
        "ip-checksum",
        "transport-checksum",
        "checksum-offload",
        "ip-too-big",
        "bus-unknown",
      ];
      const drops = (await appliance.show("drops")).filter(({ reason }) =>
        bad.includes(String(reason)),
      );
      assert.deepEqual(drops, []);
      await until("equal tables", async () =>
        (await appliance.show("coherence")).every(({ equal }) => equal === true),
      );
    });
  });
}
