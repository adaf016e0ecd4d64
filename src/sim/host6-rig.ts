// The IPv6 side of one core between a recorder, links that remember and neighbours that are told by
// hand: frames in hex go in, frames in hex come out. What neighbour discovery would say of
// addresses is said when the rig is made.

import type { CommonConfig, InterfaceConfig } from "../engine/config.ts";
import type { Interface6Config, Ipv6Words, Neighbours6 } from "../engine/ipv6.ts";
import type { Links } from "../engine/out.ts";
import { HOST6_DEFAULTS, type Host6Config } from "../host/config6.ts";
import { Host6 } from "../host/host6.ts";
import type { EchoSink6 } from "../host/sender6.ts";
import type { Mac, Millis, Offset } from "../lib/units.ts";
import { formatIpv6, parseHex, parseIpv6 } from "../wire/text.ts";
import { plainChecksum, type SentFrame } from "./host-rig.ts";
import { Recorder } from "./recorder.ts";

/** An address in words; for constants in tests. */
export function words(text: string): Ipv6Words {
  const found = parseIpv6(text);
  if (found === undefined) throw new Error(`${text} is no IPv6 address`);
  return found;
}

const ipv6: Interface6Config = {
  addresses: [],
  acceptAdvertisements: false,
  autoconfigure: false,
  acceptRedirects: false,
  advertise: null,
};
const common: Pick<InterfaceConfig, "proxyArp" | "addresses" | "ipv6"> = {
  proxyArp: false,
  addresses: [],
  ipv6,
};

/**
 * lan 2001:db8:1::1/64 and wan 2001:db8:2::1/64 on MTU 1500, narrow 2001:db8:3::/127 on MTU 1280.
 */
export const RIG6_INTERFACES: CommonConfig["interfaces"] = [
  { name: "lan", mac: 0x020000000101, bridge: 0, channel: -1, vlan: 10, mtu: 1500, ...common },
  { name: "wan", mac: 0x020000000102, bridge: -1, channel: 1, vlan: 0, mtu: 1500, ...common },
  { name: "narrow", mac: 0x020000000103, bridge: -1, channel: 2, vlan: 0, mtu: 1280, ...common },
];
/** What neighbour discovery tells of them: interface, address, prefix length. */
export const RIG6_ADDRESSES: readonly (readonly [number, string, number])[] = [
  [0, "fe80::1", 64],
  [0, "2001:db8:1::1", 64],
  [1, "fe80::1", 64],
  [1, "2001:db8:2::1", 64],
  [2, "fe80::1", 64],
  [2, "2001:db8:3::", 127],
];

interface WaitingFrame {
  readonly iface: number;
  readonly address: string;
  readonly handle: number;
}

export class Host6Rig implements Links, Neighbours6, EchoSink6 {
  readonly recorder: Recorder;
  readonly host: Host6;
  readonly sent: SentFrame[] = [];
  readonly waiting: WaitingFrame[] = [];
  /** What the resolver was asked, in order: "interface address". */
  readonly asked: string[] = [];
  /** Redirects asked for: "interface target". */
  readonly redirects: string[] = [];
  /** Confirmations: "interface address". */
  readonly confirmed: string[] = [];
  /** Replies and refusals of own pings, as text. */
  readonly heard: string[] = [];
  /** Routers that are not reachable. */
  readonly lost: Set<string> = new Set();
  readonly #macs: Map<string, Mac> = new Map();
  now: Millis = 1000;

  constructor(
    config: Partial<Host6Config> = {},
    interfaces: CommonConfig["interfaces"] = RIG6_INTERFACES,
    addresses: typeof RIG6_ADDRESSES = RIG6_ADDRESSES,
    cores = 1,
  ) {
    this.recorder = new Recorder(0, cores);
    const shared: CommonConfig = { ports: [], channels: [], interfaces };
    this.host = new Host6({ ...HOST6_DEFAULTS, ...config }, shared, this.recorder, this);
    this.host.attach(this);
    this.host.listen(this);
    for (const [iface, address, prefix] of addresses) {
      this.host.addressUp(iface, ...words(address), prefix, true);
    }
  }

  /** Makes a neighbour known, and sends what waits for it. */
  learn(iface: number, text: string, mac: Mac): void {
    const address = formatIpv6(...words(text));
    this.#macs.set(`${iface} ${address}`, mac);
    for (const frame of this.#take(iface, address)) {
      const start = this.recorder.heldStart(frame.handle);
      this.host.resolved(iface, mac, start, this.recorder.heldEnd(frame.handle), this.now);
      this.recorder.release(frame.handle);
    }
  }

  /** The neighbour did not answer. */
  fail(iface: number, text: string): void {
    for (const frame of this.#take(iface, formatIpv6(...words(text)))) {
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

  resolve(iface: number, at: Offset, start: Offset, end: Offset): Mac {
    const address = this.#addressAt(at);
    this.asked.push(`${iface} ${address}`);
    const mac = this.#macs.get(`${iface} ${address}`);
    if (mac !== undefined) return mac;
    const handle = this.recorder.hold(start, end);
    if (handle >= 0) this.waiting.push({ iface, address, handle });
    return -1;
  }

  confirm(iface: number, at: Offset): void {
    this.confirmed.push(`${iface} ${this.#addressAt(at)}`);
  }

  isReachable(iface: number, at: Offset): boolean {
    return !this.lost.has(`${iface} ${this.#addressAt(at)}`);
  }

  redirect(iface: number, start: Offset, _end: Offset, target: Offset): void {
    const about = this.#addressAt(start + 14 + 24);
    this.redirects.push(`${iface} ${about} by ${this.#addressAt(target)}`);
  }

  replied6(from: Ipv6Words, id: number, sequence: number, bytes: number, hops: number): void {
    const who = formatIpv6(...from);
    this.heard.push(`${who} id ${id} seq ${sequence} bytes ${bytes} hops ${hops}`);
  }

  refused6(
    destination: Ipv6Words,
    id: number,
    sequence: number,
    type: number,
    code: number,
    from: Ipv6Words,
  ): void {
    const what = `${formatIpv6(...destination)} id ${id} seq ${sequence}`;
    this.heard.push(`${what}: type ${type} code ${code} from ${formatIpv6(...from)}`);
  }

  /** Puts an address into the arena, as a message would have it. */
  place(text: string): Offset {
    const at = this.recorder.scratch(16);
    for (const [index, word] of words(text).entries()) {
      this.recorder.view.setUint32(at + index * 4, word);
    }
    return at;
  }

  /** What left and was dropped since the last call, and forgets it. */
  take(): { sent: SentFrame[]; drops: string[] } {
    return { sent: this.sent.splice(0), drops: this.recorder.drops.splice(0) };
  }

  #addressAt(at: Offset): string {
    const { view } = this.recorder;
    const [a, b] = [view.getUint32(at), view.getUint32(at + 4)];
    return formatIpv6(a, b, view.getUint32(at + 8), view.getUint32(at + 12));
  }

  #take(iface: number, address: string): WaitingFrame[] {
    const mine = this.waiting.filter((frame) => frame.iface === iface && frame.address === address);
    for (const frame of mine) this.waiting.splice(this.waiting.indexOf(frame), 1);
    return mine;
  }
}

/** The parts of a test packet that differ from an ordinary one. */
export interface Packet6Parts {
  readonly from: string;
  readonly to: string;
  /** 17 when absent. */
  readonly next?: number;
  /** 64 when absent. */
  readonly hops?: number;
  /** Traffic class and flow label. */
  readonly flow?: number;
  /** Hex. */
  readonly payload?: string;
  /** Payload length when it is not the payload's. */
  readonly length?: number;
  /** Destination MAC, twelve digits; the lan interface's when absent. */
  readonly mac?: string;
}

const digits = (value: number, bytes: number): string =>
  (value >>> 0).toString(16).padStart(bytes * 2, "0");
/** An address in 32 digits. */
export const hex6 = (text: string): string =>
  words(text)
    .map((word) => digits(word, 4))
    .join("");

/** An IPv6 packet in hex. */
export function packet6(parts: Packet6Parts): string {
  const { payload = "" } = parts;
  return [
    digits(0x60000000 + (parts.flow ?? 0), 4),
    digits(parts.length ?? payload.length / 2, 2),
    digits(parts.next ?? 17, 1),
    digits(parts.hops ?? 64, 1),
    hex6(parts.from),
    hex6(parts.to),
    payload,
  ].join("");
}

/** A frame to the rig's lan interface, in hex. */
export function frame6(parts: Packet6Parts): string {
  return `${parts.mac ?? "020000000101"}02000000000a86dd${packet6(parts)}`;
}

/**
 * UDP (17), TCP (6) or ICMPv6 (58) in hex with the checksum at its place; `segment` has zeros
 * there.
 */
export function upper6(from: string, to: string, next: number, segment: string): string {
  const pseudo = hex6(from) + hex6(to) + digits(segment.length / 2, 4) + digits(next, 4);
  const at = next === 6 ? 32 : next === 58 ? 4 : 12;
  const even = segment.length % 4 === 0 ? segment : `${segment}00`;
  return segment.slice(0, at) + digits(plainChecksum(pseudo + even), 2) + segment.slice(at + 4);
}

/** An ICMPv6 message in hex: type, code, the second word and what follows, with its checksum. */
export function icmp6(
  from: string,
  to: string,
  type: number,
  code: number,
  rest: number,
  data = "",
): string {
  const message = `${digits(type, 1)}${digits(code, 1)}0000${digits(rest, 4)}${data}`;
  return upper6(from, to, 58, message);
}

/** `length` bytes that count up. */
export const filler6 = (length: number): string =>
  Array.from({ length }, (_, byte) => digits(byte & 255, 1)).join("");
