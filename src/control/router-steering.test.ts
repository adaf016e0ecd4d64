import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "../sim/cluster.ts";
import { carpFrame, hsrpFrame, vrrpFrame } from "../sim/vr-frames.ts";
import { check } from "./check.ts";
import { compile } from "./compile.ts";
import type { Configuration } from "./configuration.ts";

const FILE = `cores: {count: 4}
roles: {link: 3}
ports: {p0: {driver: memory}}
interfaces: {lan: {channel: p0, addresses: [192.0.2.2/24]}}
virtual-routers:
  gw: {protocol: vrrp, interface: lan, vrid: 10, addresses: [192.0.2.1]}
  h: {protocol: hsrp, interface: lan, vrid: 5, addresses: [192.0.2.5]}
`;

function compiled(text: string): ReturnType<typeof compile>["config"] {
  const { configuration, faults } = check(text);
  assert.deepEqual(
    faults.filter(({ severity }) => severity === "fault"),
    [],
  );
  const facts = { link: () => undefined, derivedMac: () => 0x0200_0000_0001 };
  return compile(configuration as Configuration, facts as never).config;
}

test("VR-2 advertisements are steered to the link master, before any rule of the user, and nothing else is", () => {
  const rules = "steering: {rules: [{protocol: 112, core: 1}, {protocol: udp, core: 1}]}\n";
  const cluster = new Cluster(compiled(FILE + rules));
  const { view, u8 } = cluster.arena;
  const at = 64 * 1024;
  const coreOf = (frame: Uint8Array): number => {
    u8.set(frame, at);
    return cluster.steer(0, view, at, at + frame.length);
  };
  assert.equal(coreOf(vrrpFrame()), 3);
  assert.equal(coreOf(vrrpFrame({ addresses6: [[0xfe80_0000, 0, 0, 1]] })), 3);
  assert.equal(coreOf(carpFrame()), 3);
  assert.equal(coreOf(hsrpFrame()), 3);
  assert.equal(coreOf(hsrpFrame({ version: 2 })), 3);
  const toHost = hsrpFrame();
  toHost[33] = 9;
  assert.equal(coreOf(toHost), 1, "to an address that is no group: the user's rule");
});

test("VR-2 without virtual routers, or without their protocol, no rule is added", () => {
  assert.equal(compiled(FILE).steering.rules.length, 4);
  assert.equal(compiled(FILE.replace(/ {2}h: .*\n/, "")).steering.rules.length, 1);
  assert.equal(compiled(FILE.slice(0, FILE.indexOf("virtual-routers"))).steering.rules.length, 0);
});
