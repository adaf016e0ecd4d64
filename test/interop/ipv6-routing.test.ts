// The appliance as an IPv6 host and as a router between kernel hosts (HOST-2, HOST-3): what ping,
// traceroute6 and iperf3 there say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Rig, until, withRig } from "./rig.ts";
import { answers6, linkLocalOf, route6, says6, speak6 } from "./rig6.ts";

/** Two subnets on a bridge, one routed port to the network above, one with the smallest MTU. */
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
  v10: {bridge: br0, vlan: 10, addresses: ["2001:db8:1::1/64", 10.0.1.1/24]}
  v20: {bridge: br0, vlan: 20, addresses: ["2001:db8:2::1/64"]}
  wan: {channel: p2, addresses: ["2001:db8:f::2/64"]}
  small: {channel: p3, addresses: ["2001:db8:4::1/64"], mtu: 1280}
routes: [${routes}]
`;
}

/**
 * Hosts a and b in the two subnets, u above with 2001:db8:ffff::1 behind it, s on the cable with
 * the small MTU.
 */
async function network(rig: Rig): Promise<void> {
  await rig.mute("sw");
  const places: readonly (readonly [string, string, string])[] = [
    ["a", "2001:db8:1::2/64", "2001:db8:1::1"],
    ["b", "2001:db8:2::2/64", "2001:db8:2::1"],
    ["u", "2001:db8:f::1/64", ""],
    ["s", "2001:db8:4::2/64", "2001:db8:4::1"],
  ];
  for (const [n, [name, address, gateway]] of places.entries()) {
    await rig.host(name);
    await rig.cable(name, "eth0", "sw", `p${n}`);
    await speak6(rig, name, "eth0", address, gateway);
  }
  await rig.in("s", "ip", "link", "set", "eth0", "mtu", "1280");
  await rig.in("u", "ip", "-6", "route", "add", "2001:db8::/44", "via", "2001:db8:f::2");
  await rig.in("u", "ip", "-6", "addr", "add", "2001:db8:ffff::1/128", "dev", "lo");
}

const UP = '{to: "::/0", via: "2001:db8:f::1"}';

/**
 * The appliance's own addresses are used a second after the start: duplicate detection comes first
 * (RFC 4862 5.4).
 */
async function answered(rig: Rig, ...targets: (readonly [string, string])[]): Promise<void> {
  for (const [from, to] of targets) {
    await until(
      `${from} to reach ${to}`,
      async () => (await answers6(rig, from, to, 1)) === 1,
      15_000,
    );
  }
}

for (const cores of [1, 4]) {
  test(`HOST-2 HOST-3 with ${cores} cores the appliance answers IPv6 pings and forwards between its subnets`, async () => {
    await withRig(async (rig) => {
      await network(rig);
      const appliance = await rig.linkloom("sw", config(cores, UP));
      await answered(rig, ["a", "2001:db8:1::1"], ["b", "2001:db8:2::1"], ["u", "2001:db8:f::2"]);

      for (const address of ["2001:db8:1::1", "2001:db8:2::1", "2001:db8:f::2"]) {
        assert.equal(await answers6(rig, "a", address), 3, address);
      }
      // The subnet's routers, asked from outside (RFC 4291 2.6.1).
      assert.equal(await answers6(rig, "b", "2001:db8:1::"), 3);
      for (const size of ["1452", "4000", "60000"]) {
        assert.equal(await answers6(rig, "a", "2001:db8:1::1", 2, "-s", size), 2, `${size} bytes`);
      }
      assert.match(await says6(rig, "a", "ff02::1%eth0"), /64 bytes from fe80::/);
      for (const [from, to] of [
        ["a", "2001:db8:2::2"],
        ["b", "2001:db8:1::2"],
        ["a", "2001:db8:ffff::1"],
        ["u", "2001:db8:2::2"],
      ] as const) {
        assert.equal(await answers6(rig, from, to), 3, `${from} to ${to}`);
        assert.equal(
          await answers6(rig, from, to, 2, "-s", "4000"),
          2,
          `${from} to ${to}, fragments`,
        );
      }

      assert.deepEqual(await route6(rig, "a", "2001:db8:ffff::1"), [
        "2001:db8:1::1",
        "2001:db8:ffff::1",
      ]);
      assert.deepEqual(await route6(rig, "a", "2001:db8:2::1"), ["2001:db8:2::1"]);

      const rows = await appliance.show("routes", "2001:db8:ffff::1");
      const byDefault = rows.filter(({ destination }) => destination === "::/0");
      assert.deepEqual(
        byDefault.map(({ via, interface: name, origin }) => [via, name, origin]),
        Array.from({ length: cores }, () => ["2001:db8:f::1", "wan", "static"]),
      );
      const all = await appliance.show("routes");
      const connected = all.filter(({ core, origin }) => core === 0 && origin === "connected");
      assert.deepEqual(connected.map(({ destination }) => destination).sort(), [
        "10.0.1.0/24",
        "2001:db8:1::/64",
        "2001:db8:2::/64",
        "2001:db8:4::/64",
        "2001:db8:f::/64",
      ]);
      const pinged = await appliance.cli("send", "ping", "2001:db8:ffff::1", "--count", "2");
      assert.equal(pinged.code, 0, pinged.stderr);
      assert.match(pinged.stdout, /2 of 2 answered/);
    });
  });
}

test("HOST-3 an IPv6 sender is told when hops run out, no route is there, or a packet is too big", async () => {
  await withRig(async (rig) => {
    await network(rig);
    const routes = [
      '{to: "2001:db8:ffff::/48", via: "2001:db8:f::1"}',
      '{to: "2001:db8:dead::/48", kind: blackhole}',
      '{to: "2001:db8:beef::/48", kind: prohibit}',
    ];
    await rig.linkloom("sw", config(2, routes.join(", ")));
    await answered(rig, ["a", "2001:db8:1::1"], ["a", "2001:db8:2::2"], ["a", "2001:db8:4::2"]);
    const from = "From 2001:db8:1::1 icmp_seq=1";

    // The pings until the appliance had its addresses used up errors that may leave in a second.
    const told = (what: string, ...args: string[]): Promise<true | undefined> =>
      until(
        `the sender to be told ${what}`,
        async () => (await says6(rig, "a", ...args)).includes(`${from} ${what}`) || undefined,
        30_000,
      );

    await told("Time exceeded: Hop limit", "-t", "1", "2001:db8:2::2");
    assert.match(await says6(rig, "a", "-t", "2", "2001:db8:2::2"), /64 bytes from 2001:db8:2::2/);
    await told("Destination unreachable: No route", "2001:db8:77::1");
    await told("Destination unreachable: Administratively prohibited", "2001:db8:beef::1");
    assert.doesNotMatch(await says6(rig, "a", "2001:db8:dead::1"), /From/);
    await told("Destination unreachable: Address unreachable", "-W", "6", "2001:db8:2::99");

    for (const [kind, target] of [
      ["SOCK_DGRAM", "2001:db8:1::1"],
      ["SOCK_STREAM", "2001:db8:2::1"],
    ]) {
      const knock = `import socket
s = socket.socket(socket.AF_INET6, socket.${kind}); s.settimeout(2)
try: s.connect(("${target}", 9)); s.send(b"x"); s.recv(9)
except ConnectionRefusedError: print("refused")
except TimeoutError: print("silence")`;
      await until(
        `${target} to refuse`,
        async () => (await rig.python("a", knock)) === "refused\n",
        30_000,
      );
    }

    // On the way of 1,280 bytes: told, then cut by the sender.
    const big = await says6(rig, "a", "-M", "do", "-s", "1400", "2001:db8:4::2");
    assert.match(big, /Packet too big: mtu=1280/);
    await until("the sender to cut", async () =>
      (await says6(rig, "a", "-s", "1400", "2001:db8:4::2")).includes("1408 bytes from"),
    );
    // Path MTU discovery lets TCP through.
    await rig.in("a", "ip", "-6", "route", "flush", "cache");
    const through = await rig.iperf("a", "s", "2001:db8:4::2", "-t", "1");
    assert.ok(through.gigabits > 0.05, JSON.stringify(through));
  });
});

test("HOST-3 TCP over IPv6 is routed with default offloads", async (context) => {
  await withRig(async (rig) => {
    await network(rig);
    const appliance = await rig.linkloom("sw", config(2, UP));
    await answered(rig, ["a", "2001:db8:2::2"], ["a", "2001:db8:ffff::1"]);
    const one = await rig.iperf("a", "b", "2001:db8:2::2", "-t", "2");
    const back = await rig.iperf("a", "b", "2001:db8:2::2", "-t", "2", "-R");
    const up = await rig.iperf("a", "u", "2001:db8:ffff::1", "-t", "2", "-P", "4");
    for (const [what, { gigabits, retransmits }] of Object.entries({ one, back, up })) {
      context.diagnostic(`${what}: ${gigabits.toFixed(2)} Gbit/s, ${retransmits} sent again`);
    }
    for (const { gigabits, bytes, retransmits } of [one, back, up]) {
      assert.ok(gigabits > 0.1, `${gigabits} Gbit/s`);
      assert.ok(retransmits < bytes / 1428 / 10, `${retransmits} sent again of ${bytes} bytes`);
    }
    const bad = ["transport-checksum", "checksum-offload", "ip-too-big", "bus-unknown"];
    const drops = (await appliance.show("drops")).filter(({ reason }) =>
      bad.includes(String(reason)),
    );
    assert.deepEqual(drops, []);
  });
});

test("HOST-3 a sender on the same link as the next hop is redirected, and its kernel follows", async () => {
  await withRig(async (rig) => {
    await network(rig);
    // A second router in subnet 10, with a network behind it.
    await rig.host("r");
    await rig.cable("r", "eth0", "sw", "p4");
    await speak6(rig, "r", "eth0", "2001:db8:1::9/64");
    await rig.sysctl("r", { "net.ipv6.conf.all.forwarding": 1 });
    await rig.in("r", "ip", "-6", "addr", "add", "2001:db8:9::1/128", "dev", "lo");
    await rig.in("r", "ip", "-6", "addr", "add", "fe80::9/64", "dev", "eth0", "nodad");
    const text = config(2, '{to: "2001:db8:9::/48", via: "fe80::9", interface: v10}')
      .replace("  p3: {driver", "  p4: {driver: packet, interface: p4}\n  p3: {driver")
      .replace("      p1: {mode", "      p4: {mode: access, access-vlan: 10}\n      p1: {mode");
    const appliance = await rig.linkloom("sw", text);
    // RFC 4861 8.1: a redirect must come from the first hop, so a host names its router by the
    // link-local address.
    const rows = await appliance.show("interfaces");
    const mac = String(rows.find((row) => row["interface"] === "v10")?.["mac"]);
    const router = [linkLocalOf(mac), "dev", "eth0"];
    await rig.in("a", "ip", "-6", "route", "replace", "default", "via", ...router);
    await answered(rig, ["a", "2001:db8:1::1"], ["a", "2001:db8:9::1"]);
    await until("the kernel to go the short way", async () => {
      await answers6(rig, "a", "2001:db8:9::1", 1);
      return (await rig.in("a", "ip", "-6", "route", "get", "2001:db8:9::1")).includes(
        "via fe80::9",
      );
    });
    assert.equal(await answers6(rig, "a", "2001:db8:9::1"), 3);
  });
});
