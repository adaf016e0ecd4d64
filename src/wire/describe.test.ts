import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import * as arp from "./arp.ts";
import { openCapture } from "./capture.ts";
import { describe } from "./describe.ts";
import * as icmp from "./icmp.ts";
import * as icmpv6 from "./icmpv6.ts";
import * as ipv4 from "./ipv4.ts";
import * as ipv6 from "./ipv6.ts";
import * as llc from "./llc.ts";
import * as offload from "./offload.ts";
import * as segment from "./segment.ts";
import * as tcp from "./tcp.ts";
import { parseHex } from "./text.ts";
import * as udp from "./udp.ts";
import * as vlan from "./vlan.ts";

const ZEROS = (count: number): string => "00".repeat(count);
const A = "ffffffffffff 02000000000a";
const FROM = "02:00:00:00:00:0a > ff:ff:ff:ff:ff:ff";
const IP4 = "4500 0028 0001 0000 40";

const GOLDEN: readonly (readonly [string, string])[] = [
  [
    `${A} 0806 0001080006040001 02000000000a c0000201 000000000000 c0000202`,
    `${FROM} ARP request who has 192.0.2.2 tell 192.0.2.1 at 02:00:00:00:00:0a, 42 bytes`,
  ],
  [
    `${A} 0806 0001080006040001 02000000000a 00000000 000000000000 c0000209`,
    `${FROM} ARP probe who has 192.0.2.9 asks 02:00:00:00:00:0a, 42 bytes`,
  ],
  [
    `${A} 8100 a064 0806 0001080006040001 02000000000a c0000209 000000000000 c0000209`,
    `${FROM} vlan 100 pcp 5 ARP announcement 192.0.2.9 is at 02:00:00:00:00:0a, 46 bytes`,
  ],
  [
    `${A} 0806 0001080006040002 02000000000a c0000201 02000000000b c0000202`,
    `${FROM} ARP reply 192.0.2.1 is at 02:00:00:00:00:0a, 42 bytes`,
  ],
  [
    `${A} 8035 0001080006040003 02000000000a 00000000 02000000000a 00000000`,
    `${FROM} RARP request who is 02:00:00:00:00:0a tell 02:00:00:00:00:0a, 42 bytes`,
  ],
  [
    `${A} 8035 0001080006040004 02000000000a c0000201 02000000000b c0000202`,
    `${FROM} RARP reply 02:00:00:00:00:0b is 192.0.2.2, 42 bytes`,
  ],
  [
    `${A} 0806 0001080006040008 02000000000a c0000201 02000000000b 00000000`,
    `${FROM} InARP request which address has 02:00:00:00:00:0b tell 192.0.2.1, 42 bytes`,
  ],
  [
    `${A} 0806 0001080006040009 02000000000a c0000201 02000000000b c0000202`,
    `${FROM} InARP reply 02:00:00:00:00:0a is 192.0.2.1, 42 bytes`,
  ],
  [
    `${A} 0806 0005080102020001 aaaa bbbb cccc dddd`,
    `${FROM} ARP operation 1 hardware 5/2 protocol 0x0801/2, 30 bytes`,
  ],
  [
    `0180c2000000 02000000000a 0007 424203 00000080`,
    "02:00:00:00:00:0a > 01:80:c2:00:00:00 BPDU topology change version 0, 21 bytes",
  ],
  [
    `0180c2000000 02000000000a 0027 424203 0000 02 02 0e 1000 02aa00000099 ${ZEROS(26)}`,
    "02:00:00:00:00:0a > 01:80:c2:00:00:00 BPDU rapid version 2, 56 bytes",
  ],
  [
    `0180c2000002 02000000000a 8809 0101 ${ZEROS(108)}`,
    "02:00:00:00:00:0a > 01:80:c2:00:00:02 LACP version 1, 124 bytes",
  ],
  [
    `0180c2000002 02000000000a 8809 0201 ${ZEROS(108)}`,
    "02:00:00:00:00:0a > 01:80:c2:00:00:02 marker version 1, 124 bytes",
  ],
  [
    "3333ff00000a 02000000000a 86dd 60000000 0018 3a ff 00000000000000000000000000000000 " +
      "ff0200000000000000000001ff00000a 87007d1300000000 fe80000000000000000000fffe00000a",
    "02:00:00:00:00:0a > 33:33:ff:00:00:0a IPv6 :: > ff02::1:ff00:a hops 255 " +
      "ICMPv6 neighbor solicitation for fe80::ff:fe00:a, 78 bytes",
  ],
  [
    `${A} 0800 ${IP4}06 f6cb c0000201 c0000202 0050c000 00000001 00000002 5012ffff 0000 0000`,
    `${FROM} IPv4 192.0.2.1 > 192.0.2.2 ttl 64 TCP 80 > 49152 [S.] seq 1 ack 2 data 0, 54 bytes`,
  ],
  [
    `${A} 0800 4500 001c 0001 0000 40 01 f6dc c0000201 c0000202 0800 0000 0007 0009`,
    `${FROM} IPv4 192.0.2.1 > 192.0.2.2 ttl 64 ICMP echo request id 7 seq 9, 42 bytes`,
  ],
  [
    `${A} 0800 4500 001c 0001 0000 40 01 0000 c0000201 c0000202 0304 0000 0000 0578`,
    `${FROM} IPv4 192.0.2.1 > 192.0.2.2 ttl 64 (wrong header checksum) ICMP fragmentation needed mtu 1400, 42 bytes`,
  ],
  [
    `${A} 0800 4500 0014 0001 0001 40 11 f6d3 c0000201 c0000202`,
    `${FROM} IPv4 192.0.2.1 > 192.0.2.2 ttl 64 protocol 17 fragment 1 at 8, 34 bytes`,
  ],
  [
    `01005e000012 02000000000a 0800 4500 0028 0000 0000 ff 70 0000 c0000201 e0000012 21079601 0101 1813 c0000264 7365637265743132`,
    "02:00:00:00:00:0a > 01:00:5e:00:00:12 IPv4 192.0.2.1 > 224.0.0.18 ttl 255 (wrong header checksum) " +
      "VRRP version 2 vrid 7 priority 150, 54 bytes",
  ],
  [`${A} 88a8 1001 8100 0002 88cc 00`, `${FROM} s-vlan 1 dei vlan 2 LLDP, 23 bytes`],
  [`${A} 8100 00`, `${FROM} tag cut short, 15 bytes`],
  [`${A} 1234 ${"ab".repeat(20)}`, `${FROM} type 0x1234 ${"ab".repeat(16)}..., 34 bytes`],
  ["0102", "runt 0102, 2 bytes"],
];

test("a frame is told in one line", () => {
  for (const [hex, line] of GOLDEN) {
    const bytes = parseHex(hex) ?? assert.fail(hex);
    assert.equal(describe(new DataView(bytes.buffer as ArrayBuffer), 0, bytes.length), line);
  }
});

test("every cut of every golden frame is told without a read behind it", () => {
  for (const [hex] of GOLDEN) {
    const bytes = parseHex(hex) ?? assert.fail(hex);
    for (let length = 0; length < bytes.length; length++) {
      const line = describe(new DataView(bytes.slice(0, length).buffer), 0, length);
      assert.ok(line.endsWith(`, ${length} bytes`));
    }
  }
});

const CAPTURES = new URL("../../test/fixtures/captures/", import.meta.url);

test("every frame of every capture of real peers is told, and the known kinds by name", () => {
  const words = new Map<string, RegExp>([
    ["802.1D_spanning_tree.pcap", / BPDU configuration version 0, /],
    ["802.1w_rapid_STP.pcap", / BPDU rapid version 2, /],
    ["LACP.pcap", / LACP version 1, /],
    ["own_lacp_ovs_ovs_fast_blackhole.pcap", / LACP version 1, /],
    ["own_carp_ucarp_kill.pcap", / (ARP|VRRP) /],
    ["own_vrrp2_v4_keepalived_link.pcap", / (ARP|VRRP version 2 vrid 51 priority) /],
    ["own_vrrp3_v6_keepalived_frr.pcap", / (ICMPv6 neighbor|VRRP version 3 vrid 51) /],
  ]);
  let told = 0;
  for (const name of readdirSync(CAPTURES).filter((file) => /\.pcap(ng)?$/.test(file))) {
    const bytes = readFileSync(new URL(name, CAPTURES));
    const reader = openCapture(bytes);
    for (let record = reader.next(); record !== undefined; record = reader.next()) {
      const frame = new DataView(new Uint8Array(bytes.subarray(record.start, record.end)).buffer);
      assert.match(describe(frame, 0, frame.byteLength), words.get(name) ?? /./);
      told++;
    }
  }
  assert.ok(told > 200);
});

/** xorshift32: the same frames on every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const TYPES = [0x0800, 0x0806, 0x8035, 0x8100, 0x86dd, 0x8809, 0x88a8, 0x88cc, 0x0027, 0x9100];

/** Every check that stands before unchecked reads, and the reads that it allows. */
function look(view: DataView, at: number, end: number): void {
  if (ipv4.isReadable(view, at, end)) {
    ipv4.options(view, at);
    if (ipv4.isValid(view, at, end)) icmp.isAnswerable(view, at);
  }
  if (ipv6.isValid(view, at, end)) {
    const found = ipv6.upper(view, at);
    if (found >= 0) assert.ok(at + ipv6.upperOffset(found) <= end);
  }
  if (arp.isValid(view, at, end)) arp.targetIp(view, at);
  if (tcp.isValid(view, at, end)) tcp.flags(view, at);
  if (udp.isValid(view, at, end)) assert.ok(at + udp.length(view, at) <= end);
  if (icmp.isValid(view, at, end)) icmp.gateway(view, at);
  if (icmpv6.isValid(view, at, end) && icmpv6.hasTarget(view, at, end)) icmpv6.target(view, at, 3);
  if (llc.isBpdu(view, at, end)) llc.bpduType(view, at);
}

test("a hundred thousand random frames pass every check and are told, without a throw, in three seconds of CPU", () => {
  const next = random(0x1badb002);
  const offloadBytes = offload.OFFLOAD;
  // One buffer per length, exactly as long as the frame: a read behind the end throws.
  const buffers = Array.from({ length: 128 }, (_, length) => new Uint8Array(offloadBytes + length));
  const begun = process.cpuUsage();
  for (let round = 0; round < 100_000; round++) {
    const length = next() % 128;
    const bytes = buffers[length] ?? assert.fail();
    for (let index = 0; index < bytes.length; index++) bytes[index] = next();
    const view = new DataView(bytes.buffer);
    if (length >= 14) view.setUint16(offloadBytes + 12, TYPES[next() % TYPES.length] ?? 0);
    if (length >= 24 && next() % 2 === 0) shape(view, offloadBytes + 14, next());
    const end = bytes.length;
    describe(view, offloadBytes, end);
    const at = vlan.payload(view, offloadBytes, end);
    if (at >= 0) look(view, at, end);
    look(view, offloadBytes, end);
    const count = segment.segmentCount(view, offloadBytes, end);
    if (count > 0) segment.segmentRoom(view, offloadBytes, end);
    if (count === 0) offload.finishChecksum(view, offloadBytes, end);
  }
  const elapsed = process.cpuUsage(begun).user / 1000;
  assert.ok(elapsed < 3000, `${elapsed} ms`);
});

/** Makes the next header nearly right, so that the checks behind the first are reached too. */
function shape(view: DataView, at: number, choice: number): void {
  const rest = view.byteLength - at;
  if (choice % 3 === 0) view.setUint16(at, 0x4500 | ((choice >> 8) & 0x0fff));
  if (choice % 3 === 1) view.setUint8(at, 0x60);
  if (choice % 3 === 2) view.setUint32(at + 2, 0x08000604);
  if (choice % 3 === 0) view.setUint16(at + 2, rest);
  if (choice % 3 === 1) view.setUint16(at + 4, rest - 40);
  if (choice % 3 === 1 && rest > 8)
    view.setUint8(at + 6, [0, 6, 17, 43, 44, 51, 58, 60][(choice >> 8) % 8] ?? 0);
  if (choice % 3 === 0 && rest >= 10)
    view.setUint8(at + 9, [1, 2, 6, 17, 58, 112][(choice >> 8) % 6] ?? 0);
}
