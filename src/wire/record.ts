// A frame in a capture file, and the reader that gives one after the other. Times are whole seconds and nanoseconds,
// because nanoseconds since 1970 do not fit a double.

/** Where an interface was captured, as far as the file says. */
export interface CaptureInterface {
  /** if_name; "" where the format or the file has none. */
  readonly name: string;
  /** LINKTYPE of the tcpdump group's registry; 1 is Ethernet. */
  readonly linkType: number;
  /** Bytes kept of each frame; 0 means all. */
  readonly snapLength: number;
}

/** LINKTYPE_ETHERNET, the only one that Linkloom plays. */
export const LINK_ETHERNET = 1;

/** Bits 0-1 of epb_flags (pcapng 4.3.1). */
export const Direction = { Unknown: 0, In: 1, Out: 2 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/** One captured frame. */
export interface CaptureRecord {
  /** Index into the reader's `interfaces`. */
  readonly interface: number;
  readonly seconds: number;
  readonly nanos: number;
  /** The bytes that were kept, as offsets into the file. */
  readonly start: number;
  readonly end: number;
  /** Bytes that the frame had on the wire. */
  readonly originalLength: number;
  readonly direction: number;
  readonly comments: readonly string[];
}

/** Why a file is not read on, and the offset of the block or record where that is. */
export interface CaptureFault {
  readonly at: number;
  readonly text: string;
}

export interface CaptureReader {
  /** Interfaces met so far; complete after the last record. */
  readonly interfaces: readonly CaptureInterface[];
  /** Set once `next` has met something that it cannot read; what came before stands. */
  readonly fault: CaptureFault | undefined;
  /** The next frame; undefined at the end and at a fault. */
  next(): CaptureRecord | undefined;
}

/** What a writer needs to know of a frame beside its bytes. */
export interface CaptureStamp {
  readonly interface: number;
  readonly seconds: number;
  readonly nanos: number;
  readonly originalLength: number;
  readonly direction: number;
  readonly comments: readonly string[];
}
