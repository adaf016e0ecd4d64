// Who stands in for a core that a rule or a scheme names, when it does not serve (CORE-5, CORE-9).

import assert from "node:assert/strict";
import { test } from "node:test";
import { Role } from "../engine/role.ts";
import { buildClassic } from "./classic.ts";
import { defaultSteering, Scheme, type SteeringConfig } from "./config.ts";
import { Distributor } from "./distributor.ts";

const CORES = 4;

/** A UDP packet over IPv4 with a destination port. */
function frame(port: number): DataView {
  const view = new DataView(new ArrayBuffer(64));
  view.setUint16(12, 0x0800);
  view.setUint8(14, 0x45);
  view.setUint16(16, 46);
  view.setUint8(23, 17);
  view.setUint32(26, 0xc0000201);
  view.setUint32(30, 0xc0000202);
  view.setUint16(34, 1000);
  view.setUint16(36, port);
  return view;
}

function pick(config: SteeringConfig, covers: Uint8Array, port: number): number {
  const buckets = Uint8Array.from({ length: 128 }, (_, bucket) => bucket % CORES);
  const shared = { buckets, loads: new Float64Array(CORES), covers };
  const roles = { master: (role: number): number => (role === Role.Arp ? 3 : 2) };
  const distributor = new Distributor(config, 0, shared, roles, new Float64Array(128));
  return distributor.pick(0, frame(port), 0, 60, 0);
}

const rules = [
  { protocol: 17, destinationPort: { value: 53, mask: 0xffff }, core: 1 },
  { protocol: 17, destinationPort: { value: 54, mask: 0xffff }, role: Role.Arp },
];

test("CORE-5 CORE-9 a rule's core, a port's core and a job's core stand for who stands in for them", () => {
  const plain = defaultSteering(CORES);
  const home = Uint8Array.of(0, 1, 2, 3);
  const gone = Uint8Array.of(0, 3, 2, 3);
  const ruled = { ...plain, rules };
  assert.deepEqual([pick(ruled, home, 53), pick(ruled, gone, 53)], [1, 3]);
  assert.equal(pick(ruled, gone, 54), 3, "a role is where it is");
  const byPort = { ...plain, scheme: Scheme.Port, portCores: [1] };
  assert.deepEqual([pick(byPort, home, 9), pick(byPort, gone, 9)], [1, 3]);
});

test("CORE-6 CORE-9 the classic program, too, names who stands in, and only then another core", () => {
  const config = { ...defaultSteering(CORES), scheme: Scheme.Port, portCores: [1] };
  const buckets = new Uint8Array(128);
  const build = (...covers: number[]): Uint8Array =>
    buildClassic(config, buckets, [0, 0], 0, Uint8Array.from(covers)).bytes;

  assert.deepEqual(build(), build(0, 1, 2, 3));
  assert.notDeepEqual(build(), build(0, 2, 2, 3));
});
