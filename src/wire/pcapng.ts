// The capture format with several interfaces and comments (draft-ietf-opsawg-pcapng), either byte order, any time
// resolution. Blocks that are not known are passed over. Reading never throws: a broken file ends with a fault that
// names the place.
//
//   block:  type 4 | total length 4 | body, a multiple of 4 | total length 4
//   option: code 2 | length 2 | value, padded to a multiple of 4

import type {
  CaptureFault,
  CaptureInterface,
  CaptureReader,
  CaptureRecord,
  CaptureStamp,
} from "./record.ts";
import { LINK_ETHERNET } from "./record.ts";

/** Block types (draft section 11.1). */
const Block = { Section: 0x0a0d0d0a, Interface: 1, Packet: 2, Simple: 3, Enhanced: 6 } as const;
const ORDER_MAGIC = 0x1a2b3c4d;
/** Type and both lengths. */
const FRAME = 12;
/** Bytes of the fixed part of each body. */
const SECTION_BODY = 16;
const INTERFACE_BODY = 8;
const ENHANCED_BODY = 20;
const SIMPLE_BODY = 4;

/** Option codes (sections 3.5, 4.2, 4.3). */
const Option = {
  Comment: 1,
  PacketFlags: 2,
  InterfaceName: 2,
  Application: 4,
  Resolution: 9,
  TimeOffset: 14,
} as const;

/** Units per second where if_tsresol is absent. */
const MICROSECONDS = 1_000_000n;

interface Interface extends CaptureInterface {
  readonly perSecond: bigint;
  readonly offsetSeconds: number;
}

interface OptionPlace {
  readonly code: number;
  readonly start: number;
  readonly end: number;
}

const padded = (length: number): number => (length + 3) & ~3;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** True when the bytes begin as a section header does. */
export function isPcapng(bytes: Uint8Array): boolean {
  return bytes[0] === 0x0a && bytes[1] === 0x0d && bytes[2] === 0x0d && bytes[3] === 0x0a;
}

/** Units per second of an if_tsresol byte: a negative power of ten or, with the top bit, of two. */
function unitsPerSecond(resolution: number): bigint {
  return (resolution & 0x80) === 0 ? 10n ** BigInt(resolution) : 2n ** BigInt(resolution & 0x7f);
}

export class PcapngReader implements CaptureReader {
  readonly interfaces: Interface[] = [];
  fault: CaptureFault | undefined;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #little = false;
  /** Index of the section's interface 0 in `interfaces`. */
  #base = 0;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  next(): CaptureRecord | undefined {
    const view = this.#view;
    while (this.fault === undefined && this.#at < view.byteLength) {
      const at = this.#at;
      if (view.byteLength - at < FRAME) return this.#stop(at, "a block header is cut short");
      const isSection = view.getUint32(at) === Block.Section;
      if (at === 0 && !isSection)
        return this.#stop(0, "the file does not begin with a section header");
      if (isSection && !this.#enterSection(at)) return undefined;
      const length = view.getUint32(at + 4, this.#little);
      if (length < FRAME || length % 4 !== 0) return this.#stop(at, "a block length is impossible");
      if (length > view.byteLength - at) return this.#stop(at, "a block is longer than the file");
      const end = at + length - 4;
      if (view.getUint32(end, this.#little) !== length) {
        return this.#stop(at, "the two lengths of a block differ");
      }
      this.#at = end + 4;
      const record = this.#block(
        at,
        isSection ? Block.Section : view.getUint32(at, this.#little),
        end,
      );
      if (record !== undefined) return record;
    }
    return undefined;
  }

  /** Takes the byte order of a new section; interfaces are numbered anew there. */
  #enterSection(at: number): boolean {
    if (this.#view.byteLength - at < FRAME + SECTION_BODY) {
      return this.#refuse(at, "a section header is cut short");
    }
    this.#little = this.#view.getUint32(at + 8, true) === ORDER_MAGIC;
    if (!this.#little && this.#view.getUint32(at + 8) !== ORDER_MAGIC) {
      return this.#refuse(at, "a section header has no byte order");
    }
    if (this.#view.getUint16(at + 12, this.#little) !== 1) {
      return this.#refuse(at, "a section's major version is not 1");
    }
    this.#base = this.interfaces.length;
    return true;
  }

  /** Reads one whole block; a frame comes back, everything else is remembered or passed over. */
  #block(at: number, type: number, end: number): CaptureRecord | undefined {
    const body = at + 8;
    switch (type) {
      case Block.Interface:
        return end - body < INTERFACE_BODY
          ? this.#stop(at, "an interface block is cut short")
          : this.#interface(at, body, end);
      case Block.Enhanced:
      case Block.Packet:
        return end - body < ENHANCED_BODY
          ? this.#stop(at, "a packet block is cut short")
          : this.#packet(at, body, end, type === Block.Packet);
      case Block.Simple:
        return end - body < SIMPLE_BODY
          ? this.#stop(at, "a packet block is cut short")
          : this.#simple(at, body, end);
      default:
        return undefined;
    }
  }

  #interface(at: number, body: number, end: number): undefined {
    const view = this.#view;
    let name = "";
    let perSecond = MICROSECONDS;
    let offsetSeconds = 0;
    for (const option of this.#options(at, body + INTERFACE_BODY, end)) {
      const length = option.end - option.start;
      if (option.code === Option.InterfaceName) name = this.#text(option);
      if (option.code === Option.Resolution && length >= 1) {
        perSecond = unitsPerSecond(view.getUint8(option.start));
      }
      if (option.code === Option.TimeOffset && length >= 8) {
        offsetSeconds = Number(view.getBigInt64(option.start, this.#little));
      }
    }
    const linkType = view.getUint16(body, this.#little);
    const snapLength = view.getUint32(body + 4, this.#little);
    this.interfaces.push({ name, linkType, snapLength, perSecond, offsetSeconds });
    return undefined;
  }

  /** An enhanced packet block, or the old packet block: only the interface field differs. */
  #packet(at: number, body: number, end: number, isOld: boolean): CaptureRecord | undefined {
    const view = this.#view;
    const number = isOld ? view.getUint16(body, this.#little) : view.getUint32(body, this.#little);
    const owner = this.interfaces[this.#base + number];
    if (owner === undefined) return this.#stop(at, "a packet names an unknown interface");
    const kept = view.getUint32(body + 12, this.#little);
    const start = body + ENHANCED_BODY;
    if (kept > end - start) return this.#stop(at, "a packet is longer than its block");
    const high = view.getUint32(body + 4, this.#little);
    const units = (BigInt(high) << 32n) | BigInt(view.getUint32(body + 8, this.#little));
    const comments: string[] = [];
    let direction = 0;
    for (const option of this.#options(at, start + padded(kept), end)) {
      if (option.code === Option.Comment) comments.push(this.#text(option));
      if (option.code === Option.PacketFlags && option.end - option.start >= 4) {
        direction = view.getUint32(option.start, this.#little) & 3;
      }
    }
    if (this.fault !== undefined) return undefined;
    return {
      interface: this.#base + number,
      seconds: Number(units / owner.perSecond) + owner.offsetSeconds,
      nanos: Number(((units % owner.perSecond) * 1_000_000_000n) / owner.perSecond),
      start,
      end: start + kept,
      originalLength: view.getUint32(body + 16, this.#little),
      direction,
      comments,
    };
  }

  /** A simple packet block: interface 0, no time, and a length that the snap length bounds. */
  #simple(at: number, body: number, end: number): CaptureRecord | undefined {
    const owner = this.interfaces[this.#base];
    if (owner === undefined) return this.#stop(at, "a packet names an unknown interface");
    const originalLength = this.#view.getUint32(body, this.#little);
    const limit = owner.snapLength === 0 ? originalLength : owner.snapLength;
    const kept = Math.min(originalLength, limit);
    const start = body + SIMPLE_BODY;
    if (kept > end - start) return this.#stop(at, "a packet is longer than its block");
    return {
      interface: this.#base,
      seconds: 0,
      nanos: 0,
      start,
      end: start + kept,
      originalLength,
      direction: 0,
      comments: [],
    };
  }

  /** The options of the block at `at`; sets the fault and returns none when one runs past the block. */
  #options(at: number, from: number, end: number): OptionPlace[] {
    const found: OptionPlace[] = [];
    let next = from;
    while (next < end) {
      if (end - next < 4) return this.#noOptions(at);
      const code = this.#view.getUint16(next, this.#little);
      const start = next + 4;
      const stop = start + this.#view.getUint16(next + 2, this.#little);
      if (code === 0) return found;
      if (stop > end) return this.#noOptions(at);
      found.push({ code, start, end: stop });
      next = start + padded(stop - start);
    }
    return found;
  }

  #noOptions(at: number): OptionPlace[] {
    this.#stop(at, "an option is longer than its block");
    return [];
  }

  #text(option: OptionPlace): string {
    return decoder.decode(this.#bytes.slice(option.start, option.end));
  }

  #stop(at: number, text: string): undefined {
    this.fault = { at, text };
    return undefined;
  }

  #refuse(at: number, text: string): false {
    this.fault = { at, text };
    return false;
  }
}

/** A block of the type with the body behind it, padded; big-endian, as everything that is written here. */
function block(type: number, body: Uint8Array): Uint8Array {
  const length = FRAME + padded(body.length);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type);
  view.setUint32(4, length);
  bytes.set(body, 8);
  view.setUint32(length - 4, length);
  return bytes;
}

function option(code: number, value: Uint8Array): Uint8Array {
  const kept = value.length > 0xffff ? value.slice(0, 0xffff) : value;
  const bytes = new Uint8Array(4 + padded(kept.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code);
  view.setUint16(2, kept.length);
  bytes.set(kept, 4);
  return bytes;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const END_OF_OPTIONS: Uint8Array = new Uint8Array(4);

/** What a file begins with; `application` names the program that writes it. */
export function sectionHeader(application: string): Uint8Array {
  const body = new Uint8Array(SECTION_BODY);
  const view = new DataView(body.buffer);
  view.setUint32(0, ORDER_MAGIC);
  view.setUint16(4, 1);
  view.setBigInt64(8, -1n); // The section's length is not known while it is written.
  return block(
    Block.Section,
    join([body, option(Option.Application, encoder.encode(application)), END_OF_OPTIONS]),
  );
}

/** An Ethernet interface with times in nanoseconds; interfaces are numbered in the order written. */
export function interfaceBlock(name: string): Uint8Array {
  const body = new Uint8Array(INTERFACE_BODY);
  new DataView(body.buffer).setUint16(0, LINK_ETHERNET);
  return block(
    Block.Interface,
    join([
      body,
      option(Option.InterfaceName, encoder.encode(name)),
      option(Option.Resolution, new Uint8Array([9])),
      END_OF_OPTIONS,
    ]),
  );
}

/** One frame; `frame` holds the bytes kept of it. */
export function packetBlock(stamp: CaptureStamp, frame: Uint8Array): Uint8Array {
  const body = new Uint8Array(ENHANCED_BODY + padded(frame.length));
  const view = new DataView(body.buffer);
  const time = BigInt(stamp.seconds) * 1_000_000_000n + BigInt(stamp.nanos);
  view.setUint32(0, stamp.interface);
  view.setBigUint64(4, time);
  view.setUint32(12, frame.length);
  view.setUint32(16, stamp.originalLength);
  body.set(frame, ENHANCED_BODY);
  const options = stamp.comments.map((text) => option(Option.Comment, encoder.encode(text)));
  if (stamp.direction !== 0) {
    options.push(option(Option.PacketFlags, new Uint8Array([0, 0, 0, stamp.direction])));
  }
  if (options.length > 0) options.push(END_OF_OPTIONS);
  return block(Block.Enhanced, join([body, ...options]));
}
