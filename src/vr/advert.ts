// One advertisement as the machines see it, whatever protocol it came by. One object per core is filled again and
// again: by the receiver on the core that got the frame (receive.ts), or from its message on the link master
// (message.ts).

import type { ChannelId, Mac, Millis } from "../lib/units.ts";

/** An address of either family in four words; IPv4 in the last one, so that one comparison does for both. */
export type Words = [number, number, number, number];

/** A word at a position that exists. */
const word = (words: readonly number[], index: number): number => words[index] as number;

/** Below zero, zero or above: as numbers in network order (RFC 9568 6.4.3). */
export function compareWords(a: readonly number[], b: readonly number[]): number {
  for (let n = 0; n < 4; n++) if (word(a, n) !== word(b, n)) return word(a, n) - word(b, n);
  return 0;
}

export function copyWords(from: readonly number[], to: number[]): void {
  for (let n = 0; n < 4; n++) to[n] = word(from, n);
}

export const isZero = (words: readonly number[]): boolean => words.every((one) => one === 0);

export class Advert {
  /** The machine that it is for. */
  machine = -1;
  channel: ChannelId = -1;
  mac: Mac = 0;
  readonly source: Words = [0, 0, 0, 0];
  /** VRRP, HSRP: the priority; CARP: the demotion. */
  priority = 0;
  /** VRRP: Max_Advertise_Interval; HSRP: hello time; CARP: advbase and advskew. */
  interval: Millis = 0;
  /** HSRP: hold time. */
  hold: Millis = 0;
  /** VRRP: which reading of the checksum held (wire/vrrp.ts ChecksumForm). */
  form = 0;
  /** It names the addresses that we are configured with. */
  isSame = true;
  /** HSRP: operation, and state as version 2 numbers it. */
  op = 0;
  state = 0;
  /** CARP: the counter. */
  high = 0;
  low = 0;
}
