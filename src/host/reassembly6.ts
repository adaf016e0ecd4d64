// Fragmented IPv6 packets for us (RFC 8200 4.5), collected (fragments.ts) and copied together when whole.

import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as ipv6 from "../wire/ipv6.ts";
import { lengthAt } from "./extensions6.ts";
import { Fragments } from "./fragments.ts";
import * as header6 from "./header6.ts";

const ETHERNET = ethernet.LENGTH;
/** Bytes of a fragment header. */
export const FRAGMENT_HEADER = 8;
/** Words of a key (RFC 8200 4.5): source, destination, identification. */
const KEY = 9;

/** Where the fragment at `at` belongs in the fragmentable part. */
export const place = (view: DataView, at: Offset): number => view.getUint16(at + 2) & 0xfff8;
export const hasMore = (view: DataView, at: Offset): boolean => (view.getUint16(at + 2) & 1) !== 0;

export class Reassembly6 extends Fragments {
  readonly #out: Out;
  readonly #how: Uint8Array;

  constructor(out: Out, packets: number, fragments: number, lifetime: Millis) {
    super(out, packets, fragments, lifetime, KEY);
    this.#out = out;
    this.#how = new Uint8Array(packets);
  }

  /**
   * Keeps the fragment in start..end, whose fragment header stands at `at` and whose length was checked; `how` it is
   * addressed to us says sender6.ts. Returns its packet when that is whole now, else -1.
   */
  accept(iface: number, how: number, start: Offset, at: Offset, end: Offset, now: Millis): number {
    const { view } = this.#out;
    const data = at + FRAGMENT_HEADER;
    if (data === end) return this.refuse();
    const source = start + ETHERNET + header6.SOURCE;
    for (let word = 0; word < KEY - 1; word++) {
      this.wanted[word] = view.getInt32(source + word * 4);
    }
    this.wanted[KEY - 1] = view.getInt32(at + 4);
    const row = this.rowOf(iface, now);
    if (row < 0) return this.refuse();
    this.#how[row] = how;
    const from = place(view, at);
    return this.keep(row, start, end, data - start, from, end - data, hasMore(view, at));
  }

  /** How the packet is addressed to us (sender6.ts). */
  how(row: number): number {
    return this.#how[row] as number;
  }

  /** Where the headers end and the fragmentable part begins, from the start of the whole packet's frame. */
  headers(row: number): number {
    return this.data(this.first(row)) - FRAGMENT_HEADER;
  }

  /** Length of the whole packet's frame. */
  frameLength(row: number): number {
    return this.headers(row) + this.total(row);
  }

  /**
   * Writes the whole packet into a buffer, which lives until the end of the burst: its start, or -1 when there is none.
   * The headers are the first fragment's, without the fragment header.
   */
  join(row: number): Offset {
    const out = this.#out;
    const { view } = out;
    const headers = this.headers(row);
    const total = this.total(row);
    const start = out.scratch(headers + total);
    if (start < 0) return -1;
    const first = this.beginning(row);
    out.copy(first, start, first + headers);
    for (let fragment = this.first(row); fragment >= 0; fragment = this.next(fragment)) {
      const from = this.start(fragment) + this.data(fragment);
      out.copy(from, start + headers + this.place(fragment), from + this.length(fragment));
    }
    const ip = start + ETHERNET;
    header6.setPayloadLength(view, ip, headers - ETHERNET - ipv6.LENGTH + total);
    // The header before the fragment header now names what was behind it.
    let field = ip + header6.NEXT;
    for (let at = ip + ipv6.LENGTH; at < start + headers; at += lengthAt(view, at)) field = at;
    view.setUint8(field, view.getUint8(first + headers));
    return start;
  }
}
