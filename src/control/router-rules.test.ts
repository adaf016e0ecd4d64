import assert from "node:assert/strict";
import { test } from "node:test";
import type { VrRouterConfig } from "../vr/config.ts";
import { check } from "./check.ts";
import { compile } from "./compile.ts";

/** A file with one interface, 192.0.2.2/24 and 2001:db8::2/64, and these virtual routers. */
const file = (...routers: string[]): string => `
cores: {count: 1}
ports: {p0: {driver: memory}, p1: {driver: memory}}
interfaces:
  lan: {channel: p0, addresses: [192.0.2.2/24, "2001:db8::2/64"]}
  wan: {channel: p1, addresses: [198.51.100.2/24]}
virtual-routers:
${routers.map((router, n) => `  r${n}: {${router}}`).join("\n")}
`;
const faultsOf = (...routers: string[]): { path: string; expected: string; hint: string }[] =>
  check(file(...routers)).faults.filter(({ severity }) => severity === "fault");

/** [what, the router, where the fault is, a word of the remedy]. */
const WRONG: readonly (readonly [string, string, string, RegExp])[] = [
  [
    "an address outside the subnet",
    "protocol: vrrp, interface: lan, vrid: 1, addresses: [198.51.100.9]",
    "addresses[0]",
    /192\.0\.2\.2\/24/,
  ],
  [
    "an own address below 255",
    "protocol: vrrp, interface: lan, vrid: 1, addresses: [192.0.2.2]",
    "addresses[0]",
    /priority: 255/,
  ],
  [
    "an owner of a foreign address",
    "protocol: vrrp, interface: lan, vrid: 1, priority: 255, addresses: [192.0.2.1]",
    "addresses[0]",
    /254/,
  ],
  ["no address", "protocol: vrrp, interface: lan, vrid: 1, addresses: []", "addresses", /^$/],
  [
    "an interface that is missing",
    "protocol: vrrp, interface: lam, vrid: 1, addresses: [192.0.2.1]",
    "interface",
    /lan/,
  ],
  [
    "half a second in version 2",
    "protocol: vrrp, version: 2, interface: lan, vrid: 1, interval: 500ms, addresses: [192.0.2.1]",
    "interval",
    /version 3/,
  ],
  [
    "an interval that version 3 cannot say",
    "protocol: vrrp, interface: lan, vrid: 1, interval: 15ms, addresses: [192.0.2.1]",
    "interval",
    /^$/,
  ],
  [
    "a password in version 3",
    "protocol: vrrp, interface: lan, vrid: 1, password: x, addresses: [192.0.2.1]",
    "password",
    /5798/,
  ],
  [
    "IPv6 in version 2",
    'protocol: vrrp, version: 2, interface: lan, vrid: 1, addresses: ["fe80::1"]',
    "addresses",
    /version: 3/,
  ],
  [
    "IPv6 without link-local",
    'protocol: vrrp, interface: lan, vrid: 16, addresses: ["2001:db8::1"]',
    "addresses",
    /fe80::10/,
  ],
  [
    "a group that HSRP version 1 lacks",
    "protocol: hsrp, version: 1, interface: lan, vrid: 300, addresses: [192.0.2.1]",
    "vrid",
    /version: 2/,
  ],
  [
    "a hold time below the hello",
    "protocol: hsrp, interface: lan, vrid: 3, hello: 3s, hold: 3s, addresses: [192.0.2.1]",
    "hold",
    /three times/,
  ],
  [
    "CARP without an interval",
    "protocol: carp, interface: lan, vrid: 3, password: x, advbase: 0, addresses: [192.0.2.1]",
    "advskew",
    /interval/,
  ],
  [
    "a track of two things",
    "protocol: vrrp, interface: lan, vrid: 1, addresses: [192.0.2.1], track: [{port: p0, channel: p1}]",
    "track[0]",
    /^$/,
  ],
  [
    "a track of nothing there",
    "protocol: vrrp, interface: lan, vrid: 1, addresses: [192.0.2.1], track: [{port: p9}]",
    "track[0].port",
    /p0/,
  ],
];

for (const [what, router, path, remedy] of WRONG) {
  test(`OPS-1 VR-3 ${what} is refused, with its place and what to do`, () => {
    const [fault, ...more] = faultsOf(router);

    assert.equal(fault?.path, `virtual-routers.r0.${path}`);
    assert.match(fault?.hint ?? "", remedy);
    assert.deepEqual(more, []);
  });
}

test("OPS-1 VR-3 one virtual MAC has one router: VRRP and CARP share theirs, versions of HSRP do not", () => {
  const vrrp = "protocol: vrrp, interface: lan, vrid: 7, addresses: [192.0.2.1]";
  const carp = "protocol: carp, interface: lan, vrid: 7, password: x, addresses: [192.0.2.3]";
  const hsrp = (version: number, address: string): string =>
    `protocol: hsrp, version: ${version}, interface: lan, vrid: 7, addresses: [${address}]`;

  assert.equal(faultsOf(vrrp, carp)[0]?.path, "virtual-routers.r1.vrid");
  assert.deepEqual(faultsOf(vrrp, hsrp(1, "192.0.2.4"), hsrp(2, "192.0.2.5")), []);
  assert.equal(faultsOf(vrrp, hsrp(1, "192.0.2.1"))[0]?.path, "virtual-routers.r1.addresses[0]");
});

function compiled(router: string): VrRouterConfig {
  const { configuration, faults } = check(file(router));
  assert.ok(configuration !== undefined, JSON.stringify(faults));
  const { config } = compile(configuration, {
    link: () => undefined,
    derivedMac: () => 0x02ee_0000_0001,
  });
  return config.vr?.routers[0] ?? assert.fail();
}

test("VR-3 a virtual router is compiled with the specification's defaults, IPv6 link-local first", () => {
  const router = compiled(
    'protocol: vrrp, interface: lan, vrid: 9, addresses: [192.0.2.1, "2001:db8::1", "fe80::9"], track: [{channel: p1, decrement: 60}, {route: 0.0.0.0/0}]',
  );

  assert.equal(router.version, 3);
  assert.equal(router.priority, 100);
  assert.equal(router.interval, 1000);
  assert.equal(router.checksum, "rfc9568");
  assert.deepEqual([router.preempt, router.preemptDelay, router.accept], [true, 0, true]);
  assert.deepEqual(router.addresses, [0xc0000201]);
  assert.equal(router.addresses6[0]?.[0], 0xfe800000);
  const [channel, route] = router.tracks;
  assert.deepEqual(channel, { kind: "channel", channel: 1, decrement: 60, name: "channel p1" });
  assert.deepEqual(
    [route?.kind, route?.decrement, route?.name],
    ["route4", 255, "route 0.0.0.0/0"],
  );
});

test("VR-5 CARP and HSRP are compiled with their own defaults and passwords", () => {
  const carp = compiled(
    "protocol: carp, interface: lan, vrid: 7, password: secret, addresses: [192.0.2.7]",
  );
  assert.deepEqual([carp.version, carp.advbase, carp.advskew, carp.preempt], [2, 1, 0, false]);
  assert.equal(String.fromCharCode(...(carp.password ?? [])), "secret");
  const hsrp = compiled("protocol: hsrp, interface: lan, vrid: 5, addresses: [192.0.2.5]");
  assert.deepEqual([hsrp.version, hsrp.hello, hsrp.hold, hsrp.priority], [2, 3000, 10_000, 100]);
  assert.equal(String.fromCharCode(...(hsrp.password ?? [])), "cisco\0\0\0");
});
