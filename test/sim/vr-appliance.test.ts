// Virtual routers of whole appliances on the virtual clock: the very cores, buses, bridges and hosts of the product.
// What a host on the segment sees of them: who answers ARP, to which MAC packets go, for how long nobody forwards.

import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "../../src/control/check.ts";
import { compile } from "../../src/control/compile.ts";
import type { Configuration } from "../../src/control/configuration.ts";
import type { ApplianceConfig } from "../../src/core/config.ts";
import { Table } from "../../src/engine/message.ts";
import { Cluster } from "../../src/sim/cluster.ts";
import { readVrrp } from "../../src/sim/vr-frames.ts";
import * as checksum from "../../src/wire/checksum.ts";
import { arpReply, arpRequest, plain, udp } from "./frames.ts";

const HOST = "02:00:00:00:00:63";
const HOST_IP = "192.0.2.99";
const VIP = "192.0.2.1";
const VMAC = 0x0000_5e00_010a;
const SIZES = [1, 2, 4, 8];

type Place = "routed" | "bridged";

function configOf(index: number, cores: number, place: Place, more: string): ApplianceConfig {
  const lan =
    place === "routed"
      ? "interfaces: {lan: {channel: p0, "
      : "bridges: {br0: {stp: {protocol: off}, channels: {p0: {}}}}\ninterfaces: {lan: {bridge: br0, vlan: 1, ";
  const text = `cores: {count: ${cores}}
ports: {p0: {driver: memory}, p1: {driver: memory}}
${lan}addresses: [192.0.2.${index + 2}/24]}, wan: {channel: p1, addresses: [198.51.100.${index + 2}/24]}}
virtual-routers:
  gw: {protocol: vrrp, interface: lan, vrid: 10, priority: ${150 - index * 50}, addresses: [${VIP}], ${more}}
`;
  const { configuration, faults } = check(text);
  assert.deepEqual(
    faults.filter(({ severity }) => severity === "fault"),
    [],
  );
  const facts = {
    link: () => undefined,
    derivedMac: (_driver: string, port: string) =>
      0x0200_0000_0101 + index * 0x10 + Number(port.slice(1)),
  };
  return compile(configuration as Configuration, facts as never).config;
}

interface Seen {
  readonly at: number;
  readonly from: number;
  readonly bytes: Uint8Array;
}

/** Appliances whose first ports are on one segment with a host. */
class Segment {
  readonly appliances: Cluster[] = [];
  /** Everything that was on the segment. */
  seen: Seen[] = [];
  readonly dead: Set<number> = new Set();
  /** Which core of an appliance gets what arrives; -1 = where a NIC would put it. */
  coreOf: (appliance: number) => number = () => -1;
  now = 0;
  /** Who asked for the host's MAC. */
  readonly #asked: Uint8Array[] = [];

  constructor(count: number, cores: number, place: Place = "routed", more = "", slots = 256) {
    for (let index = 0; index < count; index++) {
      const cluster = new Cluster(configOf(index, cores, place, more), { seed: index + 1, slots });
      cluster.onFrame = (port, _core, view, start, end) => {
        const bytes = new Uint8Array(view.buffer, start, end - start).slice();
        if (port !== 0) return;
        this.#carry(index, bytes);
        if (isForHost(bytes)) this.#asked.push(bytes);
      };
      this.appliances.push(cluster);
    }
  }

  #carry(from: number, bytes: Uint8Array): void {
    this.seen.push({ at: this.now, from, bytes });
    for (const [index, one] of this.appliances.entries()) {
      if (index !== from && !this.dead.has(index)) one.inject(0, bytes, this.coreOf(index));
    }
  }

  /** The host sends. */
  send(bytes: Uint8Array): void {
    this.#carry(-1, bytes);
  }

  run(duration: number, each: () => void = () => {}): void {
    for (const until = this.now + duration; this.now < until; ) {
      this.now++;
      each();
      for (const bytes of this.#asked.splice(0)) {
        const text = Buffer.from(bytes).toString("hex");
        const mac = text.slice(44, 56).replaceAll(/..(?=.)/g, "$&:");
        const address = [...bytes.subarray(28, 32)].join(".");
        this.send(arpReply(mac, address, HOST, HOST_IP));
      }
      for (const [index, one] of this.appliances.entries()) if (!this.dead.has(index)) one.run(1);
    }
  }

  take(): Seen[] {
    return this.seen.splice(0);
  }

  states(): string[] {
    return this.appliances.map((one, index) => {
      if (this.dead.has(index)) return "dead";
      const names = one.cores
        .filter(({ core }) => one.isRunning(core))
        .map(({ dispatch }) => dispatch.vr.runner.machines[0]?.stateName ?? "?");
      assert.equal(new Set(names).size, 1, "all cores know the same state");
      return names[0] as string;
    });
  }
}

/** An ARP request for the host's address. */
const isForHost = (bytes: Uint8Array): boolean =>
  bytes[12] === 8 && bytes[13] === 6 && bytes[21] === 1 && bytes[41] === 99;

const typeOf = ({ bytes }: Seen): number => ((bytes[12] as number) << 8) | (bytes[13] as number);
const macAt = ({ bytes }: Seen, at: number): number =>
  Number(`0x${Buffer.from(bytes.subarray(at, at + 6)).toString("hex")}`);
/** ARP replies about the virtual address: who sent them, and the MAC that they name. */
const answers = (seen: readonly Seen[]): [number, number][] =>
  seen
    .filter((one) => typeOf(one) === 0x0806 && one.bytes[21] === 2 && one.bytes[31] === 1)
    .map((one) => [one.from, macAt(one, 22)]);
const adverts = (seen: readonly Seen[]): Seen[] =>
  seen.filter((one) => typeOf(one) === 0x0800 && one.bytes[23] === 112);

/** An echo request from the host to the virtual address, by the virtual MAC. */
function ping(sequence: number): Uint8Array {
  const bytes = new Uint8Array(60);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from("00005e00010a020000000063080045000026", "hex"));
  view.setUint8(22, 64);
  view.setUint8(23, 1);
  view.setUint32(26, 0xc000_0263);
  view.setUint32(30, 0xc000_0201);
  view.setUint16(24, checksum.compute(view, 14, 34));
  view.setUint8(34, 8);
  view.setUint16(40, sequence);
  view.setUint16(36, checksum.compute(view, 34, 52));
  return bytes;
}

const isReply = (one: Seen): boolean =>
  typeOf(one) === 0x0800 && one.bytes[23] === 1 && one.bytes[34] === 0;

const ask = (segment: Segment): void => segment.send(arpRequest(HOST, HOST_IP, VIP));

test("VR-4 a Backup answers no ARP and takes no frame to the virtual MAC, the Active does with it alone", () => {
  for (const place of ["routed", "bridged"] as const) {
    for (const cores of [1, 4]) {
      const segment = new Segment(2, cores, place);
      segment.run(1000);
      assert.deepEqual(segment.states(), ["backup", "backup"]);
      ask(segment);
      for (let n = 0; n < 8; n++) segment.send(ping(n));
      segment.run(50);
      assert.deepEqual(answers(segment.take()), []);
      segment.run(6000);
      assert.deepEqual(segment.states(), ["active", "backup"]);
      segment.take();
      ask(segment);
      segment.run(50);
      assert.deepEqual(answers(segment.take()), [[0, VMAC]], `${place}, ${cores} cores`);
      for (let n = 0; n < 8; n++) {
        segment.coreOf = () => n % cores;
        segment.send(ping(n));
        segment.run(5);
      }
      const replies = segment.take().filter(isReply);
      assert.deepEqual(
        replies.map((one) => [one.from, macAt(one, 0)]),
        Array.from({ length: 8 }, () => [0, 0x0200_0000_0063]),
        `${place}, ${cores} cores: whatever core it lands on`,
      );
    }
  }
});

test("VR-4 all cores take the virtual MAC from the same tick on, and refuse it after", () => {
  for (const cores of SIZES) {
    const segment = new Segment(1, cores);
    segment.run(6000);
    const [appliance] = segment.appliances as [Cluster];
    const holders = (): number =>
      appliance.cores.filter(({ dispatch }) => dispatch.virtuals.active.length > 0).length;
    assert.equal(holders(), cores);
    // A higher one appears, and is gone again: at no tick do cores differ.
    for (let time = 0; time < 5000; time++) {
      if (time === 100)
        for (const { dispatch } of appliance.cores)
          dispatch.vr.setPriority("gw", 10, appliance.now);
      if (time === 200) appliance.inject(0, higher());
      segment.run(1);
      const count = holders();
      assert.ok(count === 0 || count === cores, `${count} of ${cores} at ${time} ms`);
      if (time === 210) assert.equal(count, 0);
    }
    assert.equal(holders(), cores);
    assert.equal(appliance.isCoherent(Table.Vr), true);
  }
});

/** An advertisement of priority 200, made by a third router. */
function higher(): Uint8Array {
  const third = new Segment(1, 1);
  for (const { dispatch } of third.appliances[0]?.cores ?? [])
    dispatch.vr.setPriority("gw", 200, 0);
  third.run(4000);
  const [first] = adverts(third.take());
  const bytes = (first as Seen).bytes.slice();
  const view = new DataView(bytes.buffer);
  // From 192.0.2.200.
  bytes[29] = 200;
  view.setUint16(24, 0);
  view.setUint16(24, checksum.compute(view, 14, 34));
  return bytes;
}

test("VR-3, VR-4 an Active that dies, and one that stops: how long a host gets no answer", () => {
  for (const [interval, death, release] of [
    ["1s", 3700, 650],
    ["100ms", 400, 80],
  ] as const) {
    for (const kind of ["death", "release"] as const) {
      const segment = new Segment(2, 2, "bridged", `interval: ${interval}`);
      segment.run(8000);
      assert.deepEqual(segment.states(), ["active", "backup"]);
      segment.take();
      if (kind === "release") {
        for (const core of segment.appliances[0]?.cores ?? []) core.leave();
        segment.appliances[0]?.settle();
      }
      segment.dead.add(0);
      const from = segment.now;
      let sequence = 0;
      segment.run(5000, () => segment.send(ping(sequence++)));
      const first = segment.take().find((one) => isReply(one) && one.from === 1);
      const outage = (first?.at ?? Number.POSITIVE_INFINITY) - from;
      assert.ok(
        outage <= (kind === "death" ? death : release),
        `${kind} at ${interval}: ${outage} ms`,
      );
    }
  }
});

test("VR-3 the core of the link master dies: the neighbour sees an Active all the time", () => {
  for (const cores of [2, 4]) {
    const segment = new Segment(2, cores);
    segment.run(8000);
    assert.deepEqual(segment.states(), ["active", "backup"]);
    segment.take();
    segment.appliances[0]?.kill(0);
    let other = 0;
    segment.run(8000, () => {
      const machine = segment.appliances[1]?.cores[0]?.dispatch.vr.runner.machines[0];
      if (machine?.stateName !== "backup") other++;
    });
    assert.equal(other, 0);
    assert.deepEqual(segment.states(), ["active", "backup"]);
    const gaps = adverts(segment.take())
      .filter(({ from }) => from === 0)
      .map(({ at }) => at);
    const longest = Math.max(...gaps.slice(1).map((at, n) => at - (gaps[n] as number)));
    assert.ok(longest < 1500, `${longest} ms without an advertisement`);
    for (const appliance of segment.appliances) assert.equal(appliance.isCoherent(Table.Vr), true);
  }
});

test("VR-6 an appliance that stood still for five seconds takes nothing over", () => {
  const segment = new Segment(2, 2);
  segment.run(8000);
  const [active, backup] = segment.appliances as [Cluster, Cluster];
  segment.dead.add(1);
  segment.run(5000);
  segment.dead.delete(1);
  backup.now = segment.now;
  segment.run(2000, () => assert.notEqual(segment.states()[1], "active"));
  assert.deepEqual(segment.states(), ["active", "backup"]);
  assert.equal(active.isCoherent(Table.Vr), true);
});

test("VR-3 advertisements leave in time while data fills the port's queue", () => {
  for (const place of ["bridged", "routed"] as const) {
    const segment = new Segment(1, 1, place, "interval: 100ms", 64);
    segment.run(3000);
    const [appliance] = segment.appliances as [Cluster];
    segment.run(4000);
    segment.send(ping(0));
    segment.run(50);
    segment.take();
    // Every turn, as many answers to echo requests as the queue takes, and as many forwarded packets.
    const forwarded = udp("02:00:00:00:01:02", HOST, "198.51.100.9", HOST_IP, 1, 2);
    let sequence = 0;
    segment.run(2000, () => {
      for (let n = 0; n < 64; n++) {
        appliance.inject(0, ping(sequence++));
        appliance.inject(1, forwarded);
      }
    });
    assert.ok((appliance.drops()["transmit-queue-full"] ?? 0) > 10_000);
    const times = adverts(segment.take()).map(({ at }) => at);
    assert.equal(times.length, 20);
    for (const [n, at] of times.entries()) {
      if (n > 0) assert.ok(at - (times[n - 1] as number) <= 101, `${place}: ${at}`);
    }
  }
});

test("VR-2, design 3: beside a router that is known, advertisements and data cost no message", () => {
  for (const cores of SIZES) {
    const segment = new Segment(2, cores);
    segment.run(10_000);
    const before = segment.appliances.map((one) => one.messageCount());
    segment.run(20_000, () => {
      if (segment.now % 500 === 0) segment.send(plain("ff:ff:ff:ff:ff:ff", HOST));
    });
    assert.deepEqual(
      segment.appliances.map((one) => one.messageCount()),
      before,
    );
  }
});

test("VR-3 what is on the wire is the same at any number of cores", () => {
  const play = (cores: number): string[] => {
    const segment = new Segment(2, cores);
    segment.run(9000);
    segment.dead.add(0);
    segment.run(6000);
    return adverts(segment.take()).map((one) => `${one.at} ${one.from} ${readVrrp(one).payload}`);
  };
  const one = play(1);
  assert.ok(one.length > 8);
  for (const cores of [2, 4, 8]) assert.deepEqual(play(cores), one);
});
