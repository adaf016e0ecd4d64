// Fragmented IPv4 datagrams for us (RFC 791 3.2, RFC 815), collected and not copied together: fragments.ts.

import type { Out } from "../engine/out.ts";
import type { Millis, Offset } from "../lib/units.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as ipv4 from "../wire/ipv4.ts";
import { Fragments } from "./fragments.ts";
import * as header from "./header.ts";

const ETHERNET = ethernet.LENGTH;
/** Most payload that a datagram can have: 65535 bytes less the shortest header. */
const MAX_DATA: number = 0xffff - ipv4.LENGTH;
/** Words of a key: source, destination, identification with protocol. */
const KEY = 3;

export class Reassembly extends Fragments {
  readonly #view: DataView;

  constructor(out: Out, datagrams: number, fragments: number, lifetime: Millis) {
    super(out, datagrams, fragments, lifetime, KEY);
    this.#view = out.view;
  }

  /** Keeps the fragment in start..end, a valid packet for us. Returns its datagram when that is whole now, else -1. */
  accept(iface: number, start: Offset, end: Offset, now: Millis): number {
    const view = this.#view;
    const ip = start + ETHERNET;
    const headers = ipv4.headerLength(view, ip);
    const length = ipv4.totalLength(view, ip) - headers;
    const place = header.place(view, ip) * 8;
    const more = (header.flags(view, ip) & ipv4.MORE_FRAGMENTS) !== 0;
    if (length === 0 || place + length > MAX_DATA || (more && length % 8 !== 0)) {
      return this.refuse();
    }
    this.wanted[0] = ipv4.source(view, ip);
    this.wanted[1] = ipv4.destination(view, ip);
    this.wanted[2] = (ipv4.id(view, ip) << 8) | ipv4.protocol(view, ip);
    const row = this.rowOf(iface, now);
    if (row < 0) return this.refuse();
    return this.keep(row, start, end, ETHERNET + headers, place, length, more);
  }
}
