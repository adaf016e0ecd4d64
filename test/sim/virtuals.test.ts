// What a virtual router does to the rest of its cores (VR-4), on whole appliances of 1, 2 and 4 cores: who takes frames
// to the virtual MAC, who answers for the addresses and with what, on a bridge and on a port of its own. The machines
// are left out: what they tell is told by hand, on every core.

import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "../../src/control/check.ts";
import { compile } from "../../src/control/compile.ts";
import type { Virtual } from "../../src/engine/virtual.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import * as checksum from "../../src/wire/checksum.ts";
import * as nd from "../../src/wire/nd.ts";
import { formatMac } from "../../src/wire/text.ts";
import { arpRequest, ip, mac, plain, udp } from "./frames.ts";

const VMAC = "00:00:5e:00:01:09";
const VMAC6 = "00:00:5e:00:02:09";
const A = "02:00:00:00:00:0a";
const FAR = "02:00:00:00:00:0b";
const VIP = "192.0.2.100";
const VIP6 = [0x20010db8, 0, 0, 0x100] as const;
const LINK_LOCAL = [0xfe800000, 0, 0, 0x9] as const;
const plainText = (text: string): string => text.replaceAll(":", "");

/** `lan` on a bridge, or on a channel of its own; `wan` on a channel; host A and host FAR are known. */
function rig(
  cores: number,
  bridged: boolean,
): { cluster: Cluster; sent: { port: number; hex: string }[] } {
  const place = bridged ? "bridge: br0, vlan: 10" : "channel: p0";
  const bridges = bridged
    ? 'bridges: {br0: {stp: {protocol: "off"}, channels: {p0: {access-vlan: 10}, p1: {access-vlan: 10}}}}'
    : "";
  const text = `
cores: {count: ${cores}}
ports:
  p0: {driver: memory}
  p1: {driver: memory}
  p2: {driver: memory}
${bridges}
interfaces:
  lan: {${place}, addresses: [192.0.2.1/24, "2001:db8::1/64"]}
  wan: {channel: p2, addresses: [198.51.100.1/24]}
neighbours:
  nd: {dad-transmits: 0}
  static:
    - {address: 192.0.2.10, mac: "${A}", interface: lan}
    - {address: 198.51.100.11, mac: "${FAR}", interface: wan}
`;
  const { configuration, faults } = check(text);
  assert.ok(configuration !== undefined, JSON.stringify(faults));
  let next = 0;
  const { config } = compile(configuration, {
    link: () => undefined,
    derivedMac: () => 0x02ee_0000_0000 + next++,
  });
  const sent: { port: number; hex: string }[] = [];
  const cluster = new Cluster(config, {
    onFrame: (port, _core, view, start, end) => {
      sent.push({
        port,
        hex: Buffer.from(new Uint8Array(view.buffer, start, end - start)).toString("hex"),
      });
    },
  });
  cluster.run(5000, () => {}, 50);
  cluster.settle();
  sent.length = 0;
  return { cluster, sent };
}

const FOUR: Virtual = {
  name: "gw",
  iface: 0,
  family: 4,
  mac: mac(VMAC),
  addresses: [ip(VIP)],
  addresses6: [],
  accept: true,
};
const SIX: Virtual = {
  ...FOUR,
  family: 6,
  mac: mac(VMAC6),
  addresses: [],
  addresses6: [LINK_LOCAL, VIP6],
};

function tell(cluster: Cluster, virtual: Virtual, active: boolean): void {
  for (const core of cluster.cores) core.dispatch.virtuals.setVirtual(virtual, active, cluster.now);
}

/** An echo request from host A. */
function echo(toMac: string, to: string): Uint8Array {
  const frame = udp(toMac, A, "192.0.2.10", to, 0, 0);
  const view = new DataView(frame.buffer);
  view.setUint8(23, 1);
  view.setUint16(24, 0);
  view.setUint16(24, checksum.compute(view, 14, 34));
  view.setUint32(34, 0x08000000);
  view.setUint16(36, checksum.compute(view, 34, frame.length));
  return frame;
}

/** What left for the bytes that were put on a core's queue. */
function answers(
  of: ReturnType<typeof rig>,
  frame: Uint8Array,
  core: number,
): { port: number; hex: string }[] {
  of.sent.length = 0;
  of.cluster.inject(0, frame, core);
  of.cluster.settle();
  return of.sent.splice(0);
}

for (const bridged of [true, false]) {
  const where = bridged ? "on a bridge" : "on a port of its own";
  for (const cores of [1, 2, 4]) {
    test(`VR-4 ${cores} cores ${where} take frames to the virtual MAC while it is active, and refuse them after`, () => {
      const of = rig(cores, bridged);
      const through = udp(VMAC, A, "192.0.2.10", "198.51.100.11", 1000, 2000);
      const passes = (core: number): boolean =>
        answers(of, through, core).some(
          ({ port, hex }) => port === 2 && hex.startsWith(plainText(FAR)),
        );

      for (let core = 0; core < cores; core++) assert.ok(!passes(core), "before");
      tell(of.cluster, FOUR, true);
      for (let core = 0; core < cores; core++) assert.ok(passes(core), `core ${core} while active`);
      tell(of.cluster, { ...FOUR, mac: mac("00:00:5e:00:01:0a") }, true);
      tell(of.cluster, FOUR, false);
      for (let core = 0; core < cores; core++) assert.ok(!passes(core), "after");
    });
  }

  test(`VR-4 ARP for the virtual address is answered ${where} with the virtual MAC alone, and not by a backup`, () => {
    const of = rig(2, bridged);
    const asks = arpRequest(A, "192.0.2.10", VIP);
    const about = (frames: { hex: string }[]): string[] =>
      frames.map(({ hex }) => hex).filter((hex) => hex.slice(40, 44) === "0002");

    assert.deepEqual(about(answers(of, asks, 1)), []);
    tell(of.cluster, FOUR, true);
    const [reply = ""] = about(answers(of, asks, 1));
    assert.equal(reply.slice(0, 24), plainText(A) + plainText(VMAC), "the Ethernet source, too");
    assert.equal(reply.slice(44, 64), `${plainText(VMAC)}c0000264`);
    // The interface's own address keeps its own MAC.
    const [own = ""] = about(answers(of, arpRequest(A, "192.0.2.10", "192.0.2.1"), 1));
    assert.notEqual(own.slice(12, 24), plainText(VMAC));
    tell(of.cluster, FOUR, false);
    assert.deepEqual(about(answers(of, asks, 1)), []);
  });

  test(`VR-4 pings of the virtual address are answered ${where} where packets to it are accepted, else refused`, () => {
    const of = rig(2, bridged);
    const request = echo(VMAC, VIP);
    const replies = (core: number): number =>
      answers(of, request, core).filter(({ hex }) => hex.slice(68, 72) === "0000").length;

    tell(of.cluster, FOUR, true);
    for (const core of [0, 1]) assert.equal(replies(core), 1);
    tell(of.cluster, { ...FOUR, accept: false }, true);
    for (const core of [0, 1]) assert.equal(replies(core), 0);
    assert.ok((of.cluster.drops()["ip-not-for-us"] ?? 0) >= 2);
    tell(of.cluster, FOUR, false);
    for (const core of [0, 1]) assert.equal(replies(core), 0);
  });

  test(`VR-4 solicitations of a virtual address are answered ${where} with the virtual MAC and the router's flag`, () => {
    const of = rig(2, bridged);
    const view = new DataView(new ArrayBuffer(256));
    const group = [0xff020000, 0, 1, 0xff000100] as const;
    const from = [0xfe800000, 0, 0, 0xa] as const;
    const end = nd.writeSolicitation(
      view,
      0,
      nd.groupMac(group[3]),
      mac(A),
      from,
      group,
      VIP6,
      mac(A),
      -1,
    );
    const asks = new Uint8Array(view.buffer.slice(0, end));
    const about = (core: number): string[] =>
      answers(of, asks, core)
        .map(({ hex }) => hex)
        .filter((hex) => hex.slice(108, 110) === "88");

    for (const core of [0, 1]) assert.deepEqual(about(core), [], "before");
    for (const accept of [true, false]) {
      tell(of.cluster, { ...SIX, accept }, true);
      for (const core of [0, 1]) {
        const [reply = ""] = about(core);
        assert.equal(reply.slice(0, 24), plainText(A) + plainText(VMAC6));
        assert.equal(reply.slice(116, 118), "e0", "router, solicited, override");
        assert.ok(reply.endsWith(`0201${plainText(VMAC6)}`));
      }
    }
    tell(of.cluster, SIX, false);
    for (const core of [0, 1]) assert.deepEqual(about(core), [], "after");
  });
}

test("VR-4 announcements name the virtual MAC, in ARP and in neighbour discovery", () => {
  const of = rig(1, true);
  const virtuals = of.cluster.cores[0]?.dispatch.virtuals ?? assert.fail();
  tell(of.cluster, FOUR, true);
  tell(of.cluster, SIX, true);
  virtuals.announce(FOUR, 2, of.cluster.now);
  virtuals.announce(SIX, 1, of.cluster.now);
  of.cluster.settle();

  const ofPort = of.sent.filter(({ port }) => port === 0).map(({ hex }) => hex);
  const gratuitous = `ffffffffffff${plainText(VMAC)}08060001080006040001${plainText(VMAC)}c0000264000000000000c0000264`;
  assert.equal(ofPort.filter((hex) => hex === gratuitous).length, 2);
  const unsolicited = ofPort.filter(
    (hex) => hex.slice(24, 28) === "86dd" && hex.slice(108, 110) === "88",
  );
  assert.equal(unsolicited.length, 2, "one for each address");
  for (const hex of unsolicited) {
    assert.equal(hex.slice(0, 24), `333300000001${plainText(VMAC6)}`);
    assert.equal(hex.slice(116, 118), "a0", "router and override");
  }
});

test("VR-4 an operator's announcement of a virtual address names the virtual MAC, and a backup announces nothing", () => {
  const of = rig(2, true);
  const resolver = of.cluster.cores[0]?.dispatch.resolver ?? assert.fail();
  const announce = (): number => resolver.announce(-1, ip(VIP), of.cluster.now);

  assert.equal(announce(), 0);
  tell(of.cluster, FOUR, true);
  assert.equal(announce(), 1);
  of.cluster.settle();
  const [frame] = of.sent.filter(({ hex }) => hex.slice(24, 28) === "0806");
  assert.equal(frame?.hex.slice(12, 24), plainText(VMAC));
});

test("VR-4 another station's frame with a virtual MAC of ours is neither learned nor called a loop", () => {
  const of = rig(1, true);
  tell(of.cluster, FOUR, true);
  answers(of, plain("ff:ff:ff:ff:ff:ff", VMAC), 0);

  const { bridging } = of.cluster.cores[0]?.dispatch ?? assert.fail();
  assert.equal(bridging.locate(0, mac(VMAC), 10), -1, formatMac(mac(VMAC)));
});

test("VR-4 a reload keeps what is active, and lets go of an interface that is gone", () => {
  const of = rig(2, true);
  tell(of.cluster, FOUR, true);
  const { config } = of.cluster;
  const through = udp(VMAC, A, "192.0.2.10", "198.51.100.11", 1000, 2000);
  const passes = (): boolean => answers(of, through, 1).some(({ port }) => port === 2);

  for (const core of of.cluster.cores) core.configure(config, of.cluster.now);
  assert.ok(passes());
  const [lan, wan] = config.common.interfaces;
  const renamed = [{ ...lan, name: "other" }, wan] as typeof config.common.interfaces;
  const other = { ...config, common: { ...config.common, interfaces: renamed } };
  for (const core of of.cluster.cores) core.configure(other, of.cluster.now);
  assert.ok(!passes());
});
