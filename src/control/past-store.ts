// The past of several objects as a chain in a bounded room: a whole snapshot now and then, between them what differed.
// A segment is a snapshot with its differences; the room is kept by dropping the oldest segments, whole.

import { Decoder, Encoder, Reader, type Row, Writer } from "./past-codec.ts";

/** What was read of an object: its rows, or why there are none. */
export type Reading = readonly Row[] | string;

/** An object whose past is kept. */
export interface Kept {
  readonly name: string;
  /** The fields that say which thing a row is. */
  readonly keys: readonly string[];
}

/** An object as it was. */
export interface Then {
  readonly rows: readonly Row[];
  /** When it was read. */
  readonly time: number;
}

/** Kinds of what a moment has of an object. */
const Part = {
  /** What differs from before. */
  Read: 0,
  /** The first of a segment, of an object that was read earlier: how much earlier, and its rows. */
  Carried: 1,
  /** Its rows are not kept; why. */
  Left: 2,
} as const;
const PARTS = 4;

/**
 * A segment ends when its differences take as much as its snapshot, and as this, or this share of the room; or after so
 * many. Our choice: going through one takes two milliseconds, and dropping one forgets some minutes.
 */
const SEGMENT_BYTES = 131_072;
const SEGMENT_SHARE = 32;
const SEGMENT_MOMENTS = 512;
const FIRST_BYTES = 4096;
/** No object may take more than this share of the room in one moment, so that all fit. Our choice. */
const SHARE = 64;
/** What a segment and a moment take beside their bytes: objects and numbers of the JavaScript engine. */
const SEGMENT_COST = 1024;
const MOMENT_COST = 32;

class Segment {
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  used = 0;
  /** Bytes of the first moment. */
  whole = 0;
  readonly times: number[] = [];
  readonly ends: number[] = [];

  get cost(): number {
    return SEGMENT_COST + this.bytes.length + this.times.length * MOMENT_COST;
  }

  /** Bytes that it will have for `count` more. */
  room(count: number): number {
    let size = this.bytes.length;
    while (size < this.used + count) size *= 2;
    return size - this.bytes.length;
  }

  add(time: number, moment: Uint8Array): void {
    const more = this.room(moment.length);
    if (more > 0) this.#resize(this.bytes.length + more);
    this.bytes.set(moment, this.used);
    this.used += moment.length;
    if (this.times.length === 0) this.whole = this.used;
    this.times.push(time);
    this.ends.push(this.used);
  }

  /** True when the next moment should begin another; `most` bytes of differences are enough. */
  isFull(most: number): boolean {
    const differences = this.used - this.whole;
    return this.times.length >= SEGMENT_MOMENTS || differences > Math.max(most, this.whole);
  }

  /** Gives back what it does not use. */
  seal(): void {
    this.#resize(this.used);
  }

  #resize(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes.subarray(0, this.used));
    this.bytes = bytes;
  }
}

/** What is known of an object while it is recorded. */
interface Track {
  readonly index: number;
  readonly kept: Kept;
  encoder: Encoder;
  /** The last reading and its time. */
  last: Reading | undefined;
  time: number;
}

export class PastStore {
  readonly #limit: number;
  readonly #tracks: readonly Track[];
  readonly #segments: Segment[] = [];
  readonly #moment = new Writer();
  readonly #part = new Writer();
  #sealed = 0;

  /** Keeps the past of `objects` in `limit` bytes. */
  constructor(limit: number, objects: readonly Kept[]) {
    this.#limit = limit;
    this.#tracks = objects.map((kept, index) => ({
      index,
      kept,
      encoder: new Encoder(kept.keys),
      last: undefined,
      time: 0,
    }));
  }

  /** Bytes that the past takes now; never above the limit. */
  get bytes(): number {
    return this.#sealed + (this.#segments.at(-1)?.cost ?? 0);
  }

  /** When each moment was, oldest first. */
  *times(): Generator<number> {
    for (const { times } of this.#segments) yield* times;
  }

  get oldest(): number | undefined {
    return this.#segments[0]?.times[0];
  }

  get newest(): number | undefined {
    return this.#segments.at(-1)?.times.at(-1);
  }

  /** Forgets what was before `time`, but for the moment that was still true then. */
  forget(time: number): void {
    while ((this.#segments[1]?.times[0] ?? Number.POSITIVE_INFINITY) <= time) this.#drop();
  }

  /**
   * Adds a moment: what was read then; what was not stays as it was. Times go up. Rows that are the very same list as
   * the last are not looked at. False when there is no room for it at all; then the past is empty.
   */
  add(time: number, readings: ReadonlyMap<string, Reading>): boolean {
    let segment = this.#segments.at(-1);
    const most = Math.min(SEGMENT_BYTES, this.#limit / SEGMENT_SHARE);
    if (segment === undefined || segment.isFull(most)) segment = this.#begin();
    this.#write(time, readings, segment.times.length === 0);
    if (segment.times.length > 0 && !this.#hasRoom(segment)) {
      // Alone with its own differences: the next begins with a snapshot.
      segment = this.#begin();
      this.#write(time, readings, true);
    }
    while (this.#segments.length > 1 && !this.#fits(segment)) this.#drop();
    if (!this.#fits(segment)) {
      this.#segments.length = 0;
      this.#sealed = 0;
      return false;
    }
    segment.add(time, this.#moment.written());
    this.#moment.clear();
    return true;
  }

  /** Whether the moment fits into the whole room beside nothing but its own segment. */
  #hasRoom(segment: Segment): boolean {
    return segment.cost + this.#growth(segment) <= this.#limit;
  }

  #fits(segment: Segment): boolean {
    return this.bytes + this.#growth(segment) <= this.#limit;
  }

  /** What the moment adds to a segment's cost. */
  #growth(segment: Segment): number {
    return segment.room(this.#moment.at) + MOMENT_COST;
  }

  #begin(): Segment {
    const last = this.#segments.at(-1);
    if (last !== undefined) {
      last.seal();
      this.#sealed += last.cost;
    }
    const segment = new Segment();
    this.#segments.push(segment);
    return segment;
  }

  #drop(): void {
    const first = this.#segments.shift();
    if (first !== undefined) this.#sealed -= first.cost;
  }

  /** Writes a moment; a whole one begins with every object anew. */
  #write(time: number, readings: ReadonlyMap<string, Reading>, whole: boolean): void {
    this.#moment.clear();
    for (const track of this.#tracks) {
      const fresh = readings.get(track.kept.name);
      if (whole) track.encoder = new Encoder(track.kept.keys);
      const reading = fresh ?? (whole ? track.last : undefined);
      if (reading === undefined) continue;
      const age = fresh === undefined ? time - track.time : -1;
      track.time = time - Math.max(age, 0);
      this.#object(track, reading, age, whole);
    }
  }

  /** One object of a moment; `age` >= 0: it was read so long before. */
  #object(track: Track, reading: Reading, age: number, whole: boolean): void {
    const part = this.#part;
    part.clear();
    let left = typeof reading === "string" ? reading : "";
    const same = !whole && reading === track.last;
    track.last = reading;
    if (typeof reading !== "string" && !same) {
      track.encoder.encode(reading, part);
      const most = Math.floor(this.#limit / SHARE);
      if (part.at > most) {
        left = `its rows take more than ${most} bytes`;
        part.clear();
      }
    }
    if (left !== "") {
      // Once rows are kept again, they are written whole.
      track.encoder = new Encoder(track.kept.keys);
      if (!same) part.text(left);
      track.last = left;
    }
    const kind = left !== "" ? Part.Left : age < 0 ? Part.Read : Part.Carried;
    this.#moment.varint(track.index * PARTS + kind);
    if (kind !== Part.Read) this.#moment.varint(Math.max(age, 0));
    this.#moment.varint(part.at);
    this.#moment.bytes(part.written());
  }

  /** An object as it was at a time; a text: why its rows are not kept; undefined: nothing is known of it then. */
  at(object: string, time: number): Then | string | undefined {
    const track = this.#tracks.find(({ kept }) => kept.name === object);
    const segment = this.#segments.findLast(({ times }) => (times[0] ?? time + 1) <= time);
    if (track === undefined || segment === undefined) return undefined;
    const decoder = new PartDecoder(segment.bytes, track.index);
    for (const [n, moment] of segment.times.entries()) {
      if (moment > time) break;
      decoder.moment(moment, segment.ends[n - 1] ?? 0, segment.ends[n] as number);
    }
    return decoder.result();
  }

  /** For each moment, oldest first: when, which objects were read, and the bytes of each. */
  *moments(): Generator<{ time: number; objects: { name: string; bytes: number }[] }> {
    for (const segment of this.#segments) {
      for (const [n, time] of segment.times.entries()) {
        const objects: { name: string; bytes: number }[] = [];
        const end = segment.ends[n] as number;
        for (const part of partsOf(segment.bytes, segment.ends[n - 1] ?? 0, end)) {
          if (part.kind === Part.Left) continue;
          const { name } = (this.#tracks[part.index] as Track).kept;
          objects.push({ name, bytes: part.end - part.start });
        }
        yield { time, objects };
      }
    }
  }
}

interface PartAt {
  readonly index: number;
  readonly kind: number;
  readonly age: number;
  readonly start: number;
  readonly end: number;
}

/** The objects of a moment that lies from `start` to `end`. */
function* partsOf(bytes: Uint8Array, start: number, end: number): Generator<PartAt> {
  const reader = new Reader(bytes, start);
  while (reader.at < end) {
    const head = reader.varint();
    const kind = head % PARTS;
    const age = kind === Part.Read ? 0 : reader.varint();
    const length = reader.varint();
    yield { index: Math.floor(head / PARTS), kind, age, start: reader.at, end: reader.at + length };
    reader.at += length;
  }
}

/** Follows one object through a segment. */
class PartDecoder {
  readonly #bytes: Uint8Array;
  readonly #index: number;
  #decoder: Decoder | undefined;
  #left = "";
  #time = 0;

  constructor(bytes: Uint8Array, index: number) {
    this.#bytes = bytes;
    this.#index = index;
  }

  moment(time: number, start: number, end: number): void {
    for (const part of partsOf(this.#bytes, start, end)) {
      if (part.index !== this.#index) continue;
      this.#time = time - part.age;
      if (part.kind === Part.Left) {
        if (part.end > part.start) this.#left = new Reader(this.#bytes, part.start).text();
        this.#decoder = undefined;
        continue;
      }
      this.#decoder ??= new Decoder();
      if (part.end > part.start) this.#decoder.apply(this.#bytes, part.start, part.end);
    }
  }

  result(): Then | string | undefined {
    if (this.#decoder !== undefined) return { rows: this.#decoder.rows(), time: this.#time };
    return this.#left === "" ? undefined : this.#left;
  }
}
