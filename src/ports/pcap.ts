// A capture file as a port: its frames are received once, in order and as fast as they are taken, and frames sent are
// written to another file, pcapng or pcap by the name's ending. All frames arrive at the first core, which hands them
// on; every core appends what it sends, one burst per write, so bursts of cores interleave whole.
//
// A file has no place for an offload header: open checksums are computed and super-frames cut on the way out.

import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { BIG_BUFFER, HEADROOM, OFFLOAD } from "../engine/frame.ts";
import type { Arena, Planner } from "../lib/arena.ts";
import type { Copy } from "../lib/copy.ts";
import type { CoreId, Mac, Millis, Offset } from "../lib/units.ts";
import { openCapture } from "../wire/capture.ts";
import * as offload from "../wire/offload.ts";
import * as pcap from "../wire/pcap.ts";
import * as pcapng from "../wire/pcapng.ts";
import { type CaptureReader, Direction, LINK_ETHERNET } from "../wire/record.ts";
import { segmentCount, segmentRoom, writeSegment } from "../wire/segment.ts";
import { Errno, SystemError } from "./linux/errno.ts";
import { type Batch, BURST, type Port, type PortStatus } from "./port.ts";

/** Longest frame that is written without a cut: what a big buffer holds. */
const BIG_ROOM: number = BIG_BUFFER - HEADROOM;

/** Configuration of a capture port. */
export interface PcapConfig {
  readonly driver: "pcap";
  readonly name?: string;
  /** Read to its end; "" or absent: nothing is received. */
  readonly file?: string;
  /** Where frames sent are written; "" or absent: they are let go. */
  readonly out?: string;
  readonly mac?: Mac;
  readonly mtu?: number;
}

/** Where one core's buffers lie. */
export interface PcapPlan {
  readonly cores: readonly { readonly frames: Offset; readonly scratch: Offset }[];
}

export function planPcap(planner: Planner, cores: number): PcapPlan {
  const plans: { frames: Offset; scratch: Offset }[] = [];
  for (let core = 0; core < cores; core++) {
    // Only the first core receives.
    const frames = core === 0 ? planner.reserve(BURST * BIG_BUFFER, 4096) : 0;
    plans.push({ frames, scratch: planner.reserve(BIG_BUFFER, 4096) });
  }
  return { cores: plans };
}

/** One core's side of the files. */
export class PcapPort implements Port {
  readonly descriptors: readonly number[] = [];
  /** The fault that ended the reading, "" when the file was read to its end. */
  fault = "";
  readonly #config: PcapConfig;
  readonly #view: DataView;
  readonly #u8: Uint8Array;
  readonly #copy: Copy;
  readonly #frames: Offset;
  readonly #scratch: Offset;
  readonly #bytes: Uint8Array = new Uint8Array(0);
  readonly #reader: CaptureReader | null = null;
  readonly #isNg: boolean;
  #out = -1;
  #used = 0;
  #lost = 0;
  /** True when the next frame of the file lies in the next buffer already. */
  #isReady = false;
  #readyEnd: Offset = 0;
  #parts: Uint8Array[] = [];

  constructor(config: PcapConfig, arena: Arena, plan: PcapPlan, core: CoreId) {
    this.#config = config;
    this.#view = arena.view;
    this.#u8 = arena.u8;
    this.#copy = arena.copy;
    const places = plan.cores[core] as PcapPlan["cores"][number];
    this.#frames = places.frames;
    this.#scratch = places.scratch;
    const { file = "", out = "" } = config;
    this.#isNg = !out.endsWith(".pcap");
    if (file !== "" && core === 0) {
      this.#bytes = this.#open(file, () => readFileSync(file));
      this.#reader = openCapture(this.#bytes);
    }
    if (out !== "") {
      // The first core empties the file; the others append to it, before or after it has written the header.
      if (core === 0) this.#open(out, () => closeSync(openSync(out, "w")));
      this.#out = this.#open(out, () => openSync(out, "a"));
      if (core === 0)
        writeSync(this.#out, this.#isNg ? header(config.name ?? "") : pcap.fileHeader());
    }
  }

  receive(batch: Batch): void {
    let count = 0;
    const room = batch.start.length;
    while (count < room && this.#look()) {
      batch.start[count] = this.#frames + this.#used * BIG_BUFFER + HEADROOM;
      batch.end[count] = this.#readyEnd;
      this.#isReady = false;
      this.#used++;
      count++;
    }
    batch.count = count;
  }

  release(): void {
    this.#used = 0;
  }

  send(batch: Batch): number {
    let taken = 0;
    for (let index = 0; index < batch.count; index++) {
      taken += this.#put(batch.start[index] as number, batch.end[index] as number);
    }
    if (this.#parts.length > 0) {
      writeSync(this.#out, Buffer.concat(this.#parts));
      this.#parts = [];
    }
    return taken;
  }

  pending(): boolean {
    return this.#look();
  }

  lost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  status(_now: Millis): PortStatus {
    const { file = "", out = "", mac = 0, mtu = 1500 } = this.#config;
    return {
      driver: "pcap",
      interface: file === "" ? out : file,
      up: true,
      mac,
      mtu,
      note: this.fault,
    };
  }

  close(): void {
    if (this.#out >= 0) closeSync(this.#out);
    this.#out = -1;
  }

  /** Brings the file's next frame into the next buffer; false at the end, or without a buffer. */
  #look(): boolean {
    if (this.#isReady) return true;
    if (this.#reader === null || this.#used >= BURST || this.fault !== "") return false;
    for (;;) {
      const record = this.#reader.next();
      if (record === undefined) {
        const { fault } = this.#reader;
        if (fault !== undefined) this.fault = `${fault.text}, at byte ${fault.at}`;
        return false;
      }
      const length = record.end - record.start;
      const isEthernet = this.#reader.interfaces[record.interface]?.linkType === LINK_ETHERNET;
      if (!isEthernet || length > BIG_ROOM || length < record.originalLength) {
        // Another kind of link, or cut off by the capture: not a frame that can be played.
        this.#lost++;
        continue;
      }
      const start = this.#frames + this.#used * BIG_BUFFER + HEADROOM;
      this.#u8.set(this.#bytes.subarray(record.start, record.end), start);
      offload.clear(this.#view, start);
      this.#readyEnd = start + length;
      this.#isReady = true;
      return true;
    }
  }

  /** Queues one frame for the file, whole and finished; 1 when that could be done. */
  #put(start: Offset, end: Offset): number {
    if (offload.isPlain(this.#view, start)) {
      this.#record(start, end);
      return 1;
    }
    if (offload.isSuper(this.#view, start)) return this.#cut(start, end);
    const to = this.#scratch + HEADROOM;
    if (end - start > BIG_ROOM) return 0;
    this.#copy(start - OFFLOAD, to - OFFLOAD, end);
    if (!offload.finishChecksum(this.#view, to, to + end - start)) return 0;
    this.#record(to, to + end - start);
    return 1;
  }

  #cut(start: Offset, end: Offset): number {
    const count = segmentCount(this.#view, start, end);
    if (count === 0 || segmentRoom(this.#view, start, end) > BIG_ROOM) return 0;
    const to = this.#scratch + HEADROOM;
    for (let index = 0; index < count; index++) {
      this.#record(to, writeSegment(this.#view, this.#copy, start, end, index, to));
    }
    return 1;
  }

  #record(start: Offset, end: Offset): void {
    if (this.#out < 0) return;
    const frame = this.#u8.slice(start, end);
    const time = performance.timeOrigin + performance.now();
    const seconds = Math.floor(time / 1000);
    const nanos = Math.floor((time - seconds * 1000) * 1e6);
    const stamp = { interface: 0, seconds, nanos, originalLength: frame.length, comments: [] };
    this.#parts.push(
      this.#isNg
        ? pcapng.packetBlock({ ...stamp, direction: Direction.Out }, frame)
        : pcap.record(seconds, nanos, frame, frame.length),
    );
  }

  #open<T>(path: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw this.#refusal(path, error as NodeJS.ErrnoException);
    }
  }

  #refusal(path: string, cause: NodeJS.ErrnoException): SystemError {
    const { name = "" } = this.#config;
    const action = `Cannot open ${name === "" ? "a port" : `port "${name}"`} on "${path}"`;
    const errno = -(cause.errno ?? -Errno.EINVAL);
    return new SystemError(action, "open", errno, name, undefined, { cause });
  }
}

/** What a new pcapng file begins with. */
function header(name: string): Uint8Array {
  return Buffer.concat([pcapng.sectionHeader("linkloom"), pcapng.interfaceBlock(name)]);
}
