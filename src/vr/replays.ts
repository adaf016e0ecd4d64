// Which CARP counters were heard already. A counter starts at random and goes up; a sender that was started again
// starts at random again. So, of each sender, the last stretches that were heard are kept: inside one of them a
// counter is an old advertisement played again; outside, the sender is new or newly started.

import { compareWords, copyWords, type Words } from "./advert.ts";

/** Our choices: senders, stretches of each, and the largest step that does not begin a new stretch. */
const SENDERS = 8;
const STRETCHES = 4;
const STEP = 65_536;
const WORD = 0x1_0000_0000;

interface Stretch {
  firstHigh: number;
  firstLow: number;
  high: number;
  low: number;
}

interface Sender {
  readonly source: Words;
  readonly stretches: Stretch[];
}

/** a - b for counters in two words; exact while it is small. */
const minus = (high: number, low: number, toHigh: number, toLow: number): number =>
  (high - toHigh) * WORD + (low - toLow);

export class Replays {
  readonly #senders: Sender[] = [];

  /** True when a counter was heard already; else it is remembered. */
  isReplay(source: Words, high: number, low: number): boolean {
    const sender = this.#find(source);
    for (const one of sender.stretches) {
      const isBehind = minus(high, low, one.firstHigh, one.firstLow) >= 0;
      if (isBehind && minus(high, low, one.high, one.low) <= 0) return true;
    }
    const last = sender.stretches.at(-1);
    const step = last === undefined ? WORD : minus(high, low, last.high, last.low);
    if (last !== undefined && step > 0 && step <= STEP) {
      last.high = high;
      last.low = low;
    } else {
      sender.stretches.push({ firstHigh: high, firstLow: low, high, low });
      if (sender.stretches.length > STRETCHES) sender.stretches.shift();
    }
    return false;
  }

  #find(source: Words): Sender {
    const known = this.#senders.findIndex((one) => compareWords(one.source, source) === 0);
    const [found] = known < 0 ? [] : this.#senders.splice(known, 1);
    const sender = found ?? { source: [0, 0, 0, 0], stretches: [] };
    copyWords(source, sender.source);
    // The one heard last is the last; the first one gives way.
    this.#senders.push(sender);
    if (this.#senders.length > SENDERS) this.#senders.shift();
    return sender;
  }
}
