import assert from "node:assert/strict";
import { test } from "node:test";
import { SUPERVISION_DEFAULTS } from "../core/supervision-config.ts";
import { check } from "./check.ts";
import { compile, type Facts, ranges } from "./compile.ts";
import { configRows } from "./config-text.ts";
import type { Configuration } from "./configuration.ts";
import { SMALL } from "./example.ts";
import { planOf } from "./fake-appliance.ts";
import { derivedMac } from "./machine.ts";
import { changes } from "./plan.ts";

const facts: Facts = {
  link: (name) => ({
    mac: name === "eth1" ? 0x020000000011 : 0x020000000007,
    mtu: name === "eth1" ? 9000 : 1500,
  }),
  derivedMac: (driver, port) => derivedMac(`${driver} ${port}`),
};

function checked(text: string): Configuration {
  const { configuration, faults } = check(text);
  assert.deepEqual(
    faults.filter(({ severity }) => severity === "fault"),
    [],
  );
  return configuration as Configuration;
}

const BRIDGED = `ports:
  a: {driver: packet, interface: eth1}
  b: {driver: packet, interface: eth2}
  t: {driver: tap, interface: ll0}
bridges: {br0: {stp: {protocol: off}, channels: {a: {}, b: {mode: trunk, native-vlan: none, trunk-vlans: "2-4,9"}}}}
interfaces:
  in: {bridge: br0, vlan: 1, addresses: [192.0.2.1/24]}
  out: {channel: t, addresses: [198.51.100.1/24]}
`;

test("an interface on a bridge has the lowest MAC of its ports, on a channel the port's", () => {
  const { config } = compile(checked(BRIDGED), facts);

  assert.equal(config.common.interfaces[0]?.mac, 0x020000000007);
  assert.equal(config.common.interfaces[1]?.mac, derivedMac("tap t"));
});

test("a MAC that is written counts more than any other", () => {
  const text = BRIDGED.replace("stp:", "mac: 02-00-00-00-00-aa, stp:").replace(
    "ll0}",
    "ll0, mac: 0200.0000.00bb}",
  );
  const { config } = compile(checked(text), facts);

  assert.equal(config.common.interfaces[0]?.mac, 0x0200000000aa);
  assert.equal(config.common.interfaces[1]?.mac, 0x0200000000bb);
});

test("the MTU of an interface is the least of its ports, and at most Ethernet's", () => {
  const { config } = compile(checked(BRIDGED), facts);

  assert.equal(config.common.ports[0]?.mtu, 9000);
  assert.equal(config.common.interfaces[0]?.mtu, 1500);
});

test("channels of a bridge keep their VLANs, as ranges", () => {
  const { config, drivers } = compile(checked(BRIDGED), facts);

  assert.deepEqual(config.bridging.bridges[0]?.channels, [
    { channel: 0, mode: "access", accessVlan: 1, nativeVlan: 1, trunkVlans: [[1, 4094]] },
    {
      channel: 1,
      mode: "trunk",
      accessVlan: 1,
      nativeVlan: 0,
      trunkVlans: [
        [2, 4],
        [9, 9],
      ],
    },
  ]);
  assert.deepEqual(drivers[0], { driver: "packet", name: "a", interface: "eth1", force: false });
  assert.deepEqual(ranges([]), []);
});

test("routes, neighbours, roles, rules and durations become numbers", () => {
  const text = `${SMALL.replace("cores: {count: 2}", "cores: {count: 2, tick: 2ms, priorities: {1: 5}}")}
roles: {link: 1}
neighbours: {arp: {retry-interval: 500ms, accept-gratuitous: create}, static: [{address: 192.0.2.9, mac: "02:00:00:00:00:09", interface: vlan10}]}
steering: {scheme: arbiter, key: symmetric, rules: [{port: p1, protocol: udp, source-port: 53, role: arp}]}
`;
  const { config } = compile(checked(text), facts);

  assert.deepEqual(config.cores, {
    count: 2,
    tick: 2,
    idle: "sleep",
    priorities: [0, 5],
    supervision: SUPERVISION_DEFAULTS,
  });
  assert.deepEqual(config.roles, [-1, 1]);
  assert.equal(config.arp.retryInterval, 500);
  assert.equal(config.arp.acceptGratuitous, "learn");
  assert.deepEqual(config.arp.statics, [{ iface: 0, address: 0xc0000209, mac: 0x020000000009 }]);
  assert.deepEqual(config.host.routes, [
    { to: 0, prefix: 0, via: 0xc6336401, interface: -1, kind: "unicast" },
  ]);
  assert.equal(config.steering.scheme, 5);
  assert.deepEqual(config.steering.key.slice(0, 4), [0x6d, 0x5a, 0x6d, 0x5a]);
  assert.equal(config.steering.rules[0]?.port, 1);
  assert.equal(config.steering.rules[0]?.role, 0);
});

test("names keep their numbers over a reload, and a number is not given on while tables may hold it", () => {
  const before = planOf(SMALL).config;
  const gone = checked(
    SMALL.replace("  p0: {driver: memory}\n", "").replace(
      "      p0: {mode: access, access-vlan: 10}\n",
      "",
    ),
  );

  const without = compile(gone, facts, before);
  const names = (plan: typeof without): string[] =>
    plan.config.common.ports.map(({ name }) => name);
  assert.deepEqual(names(without), ["", "p1", "wan"]);
  assert.equal(without.drivers[0], null);
  assert.deepEqual(without.config.common.channels[0], { name: "", ports: [] });
  assert.equal(without.config.common.interfaces[1]?.channel, 2);

  const swapped = compile(checked(SMALL.replaceAll("p0", "px")), facts, before);
  assert.deepEqual(names(swapped), ["", "p1", "wan", "px"]);
  const back = compile(checked(SMALL.replaceAll("p0", "px")), facts, without.config);
  assert.deepEqual(names(back), ["px", "p1", "wan"]);
});

test("derived MACs are unicast, locally administered and the same every time", () => {
  for (const name of ["a", "b", "tap t", ""]) {
    const mac = derivedMac(name);
    assert.equal(Math.floor(mac / 2 ** 40) & 3, 2);
    assert.equal(mac, derivedMac(name));
    assert.ok(Number.isSafeInteger(mac) && mac < 2 ** 48);
  }
  assert.notEqual(derivedMac("a"), derivedMac("b"));
});

test("OPS-1 the configuration prints as flat rows in the file's own notation", () => {
  const rows = new Map(configRows(checked(SMALL)).map(({ path, value }) => [path, value]));

  assert.equal(rows.get("cores.tick"), "1ms");
  assert.equal(rows.get("steering.unit"), "1");
  assert.equal(rows.get("steering.rebalance.threshold"), "20%");
  assert.equal(rows.get("bridges.br0.ageing-time"), "5m");
  assert.equal(rows.get("interfaces.vlan10.addresses[0]"), "192.0.2.1/24");
  assert.equal(rows.get("routes[0].via"), "198.51.100.1");
  assert.equal(rows.get("forwarding.ipv4"), "true");
  assert.equal(rows.get("global-cache.size"), "64MiB");
});

test("OPS-1 what differs between two files is named by its path", () => {
  const after = SMALL.replace("192.0.2.1/24", "192.0.2.3/24").replace(
    "p1: {mode: trunk,",
    "p1: {mode: trunk, native-vlan: none,",
  );

  assert.deepEqual(changes(checked(SMALL), checked(SMALL)), []);
  assert.deepEqual(changes(checked(SMALL), checked(after.replace(" native-vlan: 1,", ""))), [
    "bridges.br0.channels.p1.native-vlan",
    "interfaces.vlan10.addresses[0]",
  ]);
});
