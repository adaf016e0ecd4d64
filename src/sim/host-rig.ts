// The IPv4 side of one core between a recorder, links that remember and a resolver whose neighbours are told by hand:
// frames in hex go in, frames in hex come out.

import type { CommonConfig } from "../engine/config.ts";
import type { Links, Resolver } from "../engine/out.ts";
import { HOST_DEFAULTS, type HostConfig } from "../host/config.ts";
import { Host } from "../host/host.ts";
import type { EchoSink } from "../host/sender.ts";
import type { Ipv4, Mac, Millis, Offset } from "../lib/units.ts";
import { formatIpv4, parseHex, parseIpv4 } from "../wire/text.ts";
import { Recorder } from "./recorder.ts";

/** A frame that left through an interface, and its offload header. */
export interface SentFrame {
  readonly iface: number;
  readonly hex: string;
  readonly offload: string;
}

interface WaitingFrame {
  readonly iface: number;
  readonly address: Ipv4;
  readonly handle: number;
}

/** lan 192.0.2.1/24 and wan 198.51.100.1/30 on MTU 1500, narrow 203.0.113.0/31 on MTU 600. */
export const RIG_INTERFACES: CommonConfig["interfaces"] = [
  {
    name: "lan",
    mac: 0x020000000101,
    bridge: 0,
    channel: -1,
    vlan: 10,
    addresses: [{ address: 0xc0000201, prefix: 24 }],
    proxyArp: false,
    mtu: 1500,
  },
  {
    name: "wan",
    mac: 0x020000000102,
    bridge: -1,
    channel: 1,
    vlan: 0,
    addresses: [{ address: 0xc6336401, prefix: 30 }],
    proxyArp: false,
    mtu: 1500,
  },
  {
    name: "narrow",
    mac: 0x020000000103,
    bridge: -1,
    channel: 2,
    vlan: 0,
    addresses: [{ address: 0xcb007100, prefix: 31 }],
    proxyArp: false,
    mtu: 600,
  },
];

export class HostRig implements Links, Resolver, EchoSink {
  readonly recorder: Recorder;
  readonly host: Host;
  readonly sent: SentFrame[] = [];
  readonly waiting: WaitingFrame[] = [];
  /** What the resolver was asked, in order: "interface address". */
  readonly asked: string[] = [];
  /** Replies and refusals of own pings, as text. */
  readonly heard: string[] = [];
  readonly #macs = new Map<string, Mac>();
  now: Millis = 1000;

  constructor(
    config: Partial<HostConfig> = {},
    interfaces: CommonConfig["interfaces"] = RIG_INTERFACES,
    core = 0,
    cores = 1,
  ) {
    this.recorder = new Recorder(core, cores);
    const common: CommonConfig = { ports: [], channels: [], interfaces };
    this.host = new Host({ ...HOST_DEFAULTS, ...config }, common, this.recorder, this);
    this.host.attach(this);
    this.host.listen(this);
  }

  /** Makes a neighbour known, and sends what waits for it. */
  learn(iface: number, text: string, mac: Mac): void {
    const address = parseIpv4(text) ?? 0;
    this.#macs.set(`${iface} ${address}`, mac);
    for (const frame of this.#take(iface, address)) {
      const start = this.recorder.heldStart(frame.handle);
      this.host.resolved(iface, mac, start, this.recorder.heldEnd(frame.handle), this.now);
      this.recorder.release(frame.handle);
    }
  }

  /** The neighbour did not answer. */
  fail(iface: number, text: string): void {
    for (const frame of this.#take(iface, parseIpv4(text) ?? 0)) {
      const start = this.recorder.heldStart(frame.handle);
      this.host.failed(iface, start, this.recorder.heldEnd(frame.handle), this.now);
      this.recorder.release(frame.handle);
    }
  }

  /** Delivers a frame in hex, with an offload header in hex when one is given. */
  deliver(iface: number, hex: string, offload = ""): void {
    const data = parseHex(hex) ?? new Uint8Array();
    const start = this.recorder.scratch(data.length);
    this.recorder.bytes.set(data, start);
    this.recorder.bytes.set(parseHex(offload) ?? new Uint8Array(), start - 10);
    this.host.deliver(iface, 0, start, start + data.length, this.now);
  }

  output(iface: number, start: Offset, end: Offset): void {
    const { recorder } = this;
    const offload = recorder.hex(start - 10, start);
    this.sent.push({ iface, hex: recorder.hex(start, end), offload });
  }

  resolve(iface: number, address: Ipv4, start: Offset, end: Offset): Mac {
    this.asked.push(`${iface} ${formatIpv4(address)}`);
    const mac = this.#macs.get(`${iface} ${address}`);
    if (mac !== undefined) return mac;
    const handle = this.recorder.hold(start, end);
    if (handle >= 0) this.waiting.push({ iface, address, handle });
    return -1;
  }

  replied(from: Ipv4, id: number, sequence: number, bytes: number, ttl: number): void {
    this.heard.push(`${formatIpv4(from)} id ${id} seq ${sequence} bytes ${bytes} ttl ${ttl}`);
  }

  refused(
    destination: Ipv4,
    id: number,
    sequence: number,
    type: number,
    code: number,
    from: Ipv4,
  ): void {
    const what = `${formatIpv4(destination)} id ${id} seq ${sequence}`;
    this.heard.push(`${what}: type ${type} code ${code} from ${formatIpv4(from)}`);
  }

  /** What left and was dropped since the last call, and forgets it. */
  take(): { sent: SentFrame[]; drops: string[] } {
    return { sent: this.sent.splice(0), drops: this.recorder.drops.splice(0) };
  }

  #take(iface: number, address: Ipv4): WaitingFrame[] {
    const mine = this.waiting.filter((frame) => frame.iface === iface && frame.address === address);
    for (const frame of mine) this.waiting.splice(this.waiting.indexOf(frame), 1);
    return mine;
  }
}

/** The parts of a test packet that differ from an ordinary UDP-less one. */
export interface PacketParts {
  readonly from: string;
  readonly to: string;
  readonly protocol?: number;
  readonly ttl?: number;
  readonly id?: number;
  readonly tos?: number;
  /** The word with DF, MF and the offset. */
  readonly fragment?: number;
  /** Hex; a multiple of four bytes. */
  readonly options?: string;
  /** Hex. */
  readonly payload?: string;
  /** Destination MAC, twelve digits; the lan interface's when absent. */
  readonly mac?: string;
}

/** The Internet checksum as RFC 1071 writes it down, for tests that do not trust the one under test. */
export function plainChecksum(hex: string): number {
  let sum = 0;
  const even = hex.length % 4 === 0 ? hex : `${hex}00`;
  for (let at = 0; at < even.length; at += 4) sum += Number.parseInt(even.slice(at, at + 4), 16);
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  return ~sum & 0xffff;
}

const digits = (value: number, bytes: number): string =>
  (value >>> 0).toString(16).padStart(bytes * 2, "0");

/** An IPv4 packet in hex. */
export function packet(parts: PacketParts): string {
  const { options = "", payload = "" } = parts;
  const header = 20 + options.length / 2;
  const before = [
    digits(0x40 + header / 4, 1),
    digits(parts.tos ?? 0, 1),
    digits(header + payload.length / 2, 2),
    digits(parts.id ?? 0x1234, 2),
    digits(parts.fragment ?? 0, 2),
    digits(parts.ttl ?? 64, 1),
    digits(parts.protocol ?? 17, 1),
  ].join("");
  const address = (text: string): string => digits(parseIpv4(text) ?? 0, 4);
  const after = address(parts.from) + address(parts.to) + options;
  return before + digits(plainChecksum(`${before}0000${after}`), 2) + after + payload;
}

/** A frame to the rig's lan interface, in hex. */
export function frame(parts: PacketParts): string {
  return `${parts.mac ?? "020000000101"}02000000000a0800${packet(parts)}`;
}

/** An ICMP message in hex: type, code, the second word and what follows, with its checksum. */
export function icmpMessage(type: number, code: number, rest: number, data = ""): string {
  const before = digits(type, 1) + digits(code, 1);
  const after = digits(rest, 4) + data;
  return before + digits(plainChecksum(`${before}0000${after}`), 2) + after;
}

/** UDP (17) or TCP (6) in hex with the checksum at its place; `segment` has zeros there. */
export function transport(from: string, to: string, protocol: number, segment: string): string {
  const address = (text: string): string => digits(parseIpv4(text) ?? 0, 4);
  const pseudo = address(from) + address(to) + digits(protocol, 2) + digits(segment.length / 2, 2);
  const at = protocol === 6 ? 32 : 12;
  return segment.slice(0, at) + digits(plainChecksum(pseudo + segment), 2) + segment.slice(at + 4);
}
