// The classic capture format (draft-ietf-opsawg-pcap): one link, microseconds or nanoseconds, either byte order.
// Reading never throws: a broken file ends with a fault that names the place.
//
//   file:   magic 4 | major 2 | minor 2 | zone 4 | accuracy 4 | snap length 4 | link type 4      then records
//   record: seconds 4 | fraction 4 | bytes kept 4 | bytes on the wire 4 | data

import type { CaptureFault, CaptureInterface, CaptureReader, CaptureRecord } from "./record.ts";
import { LINK_ETHERNET } from "./record.ts";

const HEADER = 24;
const RECORD = 16;
const MICROSECONDS = 0xa1b2c3d4;
const NANOSECONDS = 0xa1b23c4d;
const MAJOR = 2;
const MINOR = 4;
/** Bits of the link type field that hold the type; those above say how long a check sequence is. */
const LINK_MASK = 0xffff;
/** The snap length that tcpdump writes for "everything" (MAXIMUM_SNAPLEN). */
export const SNAP_LENGTH = 262144;

export class PcapReader implements CaptureReader {
  readonly interfaces: CaptureInterface[] = [];
  fault: CaptureFault | undefined;
  readonly #view: DataView;
  #little = false;
  #perSecond = 1e6;
  #at = HEADER;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#open();
  }

  #open(): undefined {
    const view = this.#view;
    if (view.byteLength < 4) return this.#stop(0, "the file is too short for a capture");
    const big = view.getUint32(0);
    const little = view.getUint32(0, true);
    this.#little = little === MICROSECONDS || little === NANOSECONDS;
    const magic = this.#little ? little : big;
    if (magic !== MICROSECONDS && magic !== NANOSECONDS) {
      return this.#stop(0, "the file is neither pcap nor pcapng");
    }
    if (view.byteLength < HEADER) return this.#stop(0, "the file header is cut short");
    if (view.getUint16(4, this.#little) !== MAJOR) {
      return this.#stop(4, "the major version is not 2");
    }
    this.#perSecond = magic === NANOSECONDS ? 1e9 : 1e6;
    const linkType = view.getUint32(20, this.#little) & LINK_MASK;
    this.interfaces.push({ name: "", linkType, snapLength: view.getUint32(16, this.#little) });
    return undefined;
  }

  next(): CaptureRecord | undefined {
    const view = this.#view;
    const at = this.#at;
    if (this.fault !== undefined || at === view.byteLength) return undefined;
    if (view.byteLength - at < RECORD) return this.#stop(at, "a record header is cut short");
    const fraction = view.getUint32(at + 4, this.#little);
    const kept = view.getUint32(at + 8, this.#little);
    const start = at + RECORD;
    if (kept > view.byteLength - start) return this.#stop(at, "a record is longer than the file");
    this.#at = start + kept;
    return {
      interface: 0,
      seconds: view.getUint32(at, this.#little) + Math.floor(fraction / this.#perSecond),
      nanos: (fraction % this.#perSecond) * (1e9 / this.#perSecond),
      start,
      end: start + kept,
      originalLength: view.getUint32(at + 12, this.#little),
      direction: 0,
      comments: [],
    };
  }

  #stop(at: number, text: string): undefined {
    this.fault = { at, text };
    return undefined;
  }
}

/** The file header of a capture of Ethernet frames with nanoseconds, big-endian. */
export function fileHeader(): Uint8Array {
  const bytes = new Uint8Array(HEADER);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, NANOSECONDS);
  view.setUint16(4, MAJOR);
  view.setUint16(6, MINOR);
  view.setUint32(16, SNAP_LENGTH);
  view.setUint32(20, LINK_ETHERNET);
  return bytes;
}

/** One record; `frame` holds the bytes kept of `originalLength`. */
export function record(
  seconds: number,
  nanos: number,
  frame: Uint8Array,
  originalLength: number,
): Uint8Array {
  const bytes = new Uint8Array(RECORD + frame.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, seconds);
  view.setUint32(4, nanos);
  view.setUint32(8, frame.length);
  view.setUint32(12, originalLength);
  bytes.set(frame, RECORD);
  return bytes;
}
