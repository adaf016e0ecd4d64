import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "./check.ts";

const BASE = `cores: {count: 1}
ports: {p0: {driver: memory}, p1: {driver: memory}}
interfaces:
  lan: {channel: p0, addresses: ["2001:db8:1::1/64"]}
  wan: {channel: p1, addresses: ["2001:db8:2::1/64"]}
`;
const IFACES = "interfaces:\n  lan: {channel: p0, addresses: ";

/** Faults of a file as "place: expected". */
const faults = (text: string): string[] =>
  check(text)
    .faults.filter(({ severity }) => severity === "fault")
    .map(({ path, expected }) => `${path}: ${expected}`);
const routes = (list: string): string[] => faults(`${BASE}routes: [${list}]\n`);

test("HOST-3 IPv6 routes by a gateway, an interface or a refusal are taken", () => {
  const good = [
    '{to: "::/0", via: "2001:db8:2::2"}',
    '{to: "2001:db8:9::/48", via: "fe80::9", interface: wan}',
    '{to: "2001:db8:a::/48", interface: lan}',
    '{to: "2001:db8:b::/48", kind: blackhole}',
  ];
  assert.deepEqual(routes(good.join(", ")), []);
});

test("OPS-1 each fault of an IPv6 route is named with its place", () => {
  const cases: readonly (readonly [string, string])[] = [
    [
      '{to: "2001:db8:9::1/48", via: "2001:db8:2::2"}',
      "routes[0].to: a network: no bits set behind the prefix",
    ],
    ['{to: "ff02::/16", interface: lan}', "routes[0].to: addresses that can be routed"],
    ['{to: "fe80::/64", interface: lan}', "routes[0].to: addresses that can be routed"],
    ['{to: "::/0", via: "fe80::9"}', "routes[0].via: a next hop and its interface"],
    ['{to: "::/0", via: "2001:db8:2::1"}', "routes[0].via: another router's address"],
    ['{to: "::/0", via: "ff02::1"}', "routes[0].via: another router's address"],
    ['{to: "::/0", via: "2001:db8:7::2"}', "routes[0].via: an address in a subnet of an interface"],
    [
      '{to: "::/0", via: "2001:db8:2::2", interface: lan}',
      "routes[0].via: an address in a subnet of lan",
    ],
    ['{to: "::/0", via: "192.0.2.1"}', "routes[0].via: an address of the same family as to"],
    [
      '{to: "::/0", via: "2001:db8:2::2"}, {to: "::/0", interface: lan}',
      "routes[1].to: each destination once",
    ],
  ];
  for (const [list, fault] of cases) assert.deepEqual(routes(list), [fault], list);
});

test("OPS-1 addresses that no station can have are refused", () => {
  for (const address of ["ff02::1/64", "::/64", "::1/128", "::ffff:192.0.2.1/96"]) {
    const text = BASE.replace('"2001:db8:1::1/64"', `"${address}"`);
    assert.deepEqual(faults(text), [
      "interfaces.lan.addresses[0]: an address that a station may have",
    ]);
  }
});

test("OPS-1 an address and a subnet have one interface", () => {
  assert.deepEqual(faults(BASE.replace("2001:db8:2::1", "2001:db8:1::1")), [
    "interfaces.wan.addresses[0]: an address that no interface has yet",
  ]);
  assert.deepEqual(faults(BASE.replace("2001:db8:2::1", "2001:db8:1::2")), [
    "interfaces.wan.addresses[0]: a subnet of its own for each interface",
  ]);
});

test("RFC 8200 5: an interface that speaks IPv6 has an MTU of 1280 at least", () => {
  const text = BASE.replace(
    `${IFACES}["2001:db8:1::1/64"]`,
    `${IFACES}["2001:db8:1::1/64"], mtu: 1279`,
  );
  assert.deepEqual(faults(text), ["interfaces.lan.mtu: an MTU of 1280 or more"]);
});

test("OPS-1 a static neighbour lies on the link of its interface", () => {
  const neighbours = (address: string): string[] =>
    faults(
      `${BASE}neighbours: {static: [{address: "${address}", mac: "02:00:00:00:00:09", interface: lan}]}\n`,
    );
  assert.deepEqual(neighbours("2001:db8:1::9"), []);
  assert.deepEqual(neighbours("fe80::9"), []);
  assert.deepEqual(neighbours("2001:db8:2::9"), [
    "neighbours.static[0].address: an address in a subnet of lan",
  ]);
  assert.deepEqual(neighbours("2001:db8:1::1"), [
    "neighbours.static[0].address: a neighbour's address",
  ]);
});
