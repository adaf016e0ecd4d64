// Sends a burst with one system call: sendmmsg over arrays that are laid out once in the arena and point straight at
// the frames. The kernel copies while it sends, so a frame's slot can be given back as soon as `send` returns.
//
// A burst of ordinary frames leaves through a socket without virtio headers, which saves the kernel some per cent of
// its work; one that has an open checksum or a super-frame among them through a socket with them (start - 10). Both
// reach the device at once and in order, since neither has a queue of its own.
//
//   mmsghdr (64 bytes): name, name length, iov, iov length, control, control length, flags, sent    x BURST
//   iovec (16 bytes): base, length                                                                  x BURST

import { OFFLOAD } from "../../engine/frame.ts";
import type { Arena, Planner } from "../../lib/arena.ts";
import type { Offset } from "../../lib/units.ts";
import { isPlain } from "../../wire/offload.ts";
import * as c from "../linux/constants.ts";
import { Errno } from "../linux/errno.ts";
import * as sys from "../linux/ffi.ts";
import type { Batch } from "../port.ts";

const MMSGHDR = 64;
const IOVEC = 16;
const IOV = 16;
const IOV_COUNT = 24;
const WORD = 0x1_0000_0000;

/** Frames of one call; longer batches take several. */
export const SEND_BURST = 64;

/** Reserves the arrays. */
export function planSender(planner: Planner): Offset {
  return planner.reserve(SEND_BURST * (MMSGHDR + IOVEC), 128);
}

/** The arrays of one core and port. */
export class PacketSender {
  /** Set when the interface is down or gone, until the next success. */
  isDown = false;
  readonly #view: DataView;
  readonly #messages: sys.Address;
  readonly #iovecs: Offset;
  readonly #baseLow: number;
  readonly #baseHigh: number;

  constructor(arena: Arena, at: Offset) {
    const base = sys.addressOf(arena);
    this.#view = arena.view;
    this.#messages = base + at;
    this.#iovecs = at + SEND_BURST * MMSGHDR;
    this.#baseLow = base % WORD;
    this.#baseHigh = Math.floor(base / WORD);
    for (let index = 0; index < SEND_BURST; index++) {
      const message = at + index * MMSGHDR;
      this.#word64(message + IOV, this.#iovecs + index * IOVEC);
      this.#view.setUint32(message + IOV_COUNT, 1, true);
    }
  }

  /**
   * Sends all frames of the batch in order, by the socket `plain` when all are ordinary, else by `full`, which takes
   * virtio headers; returns how many the kernel took.
   */
  send(plain: number, full: number, batch: Batch): number {
    let sent = 0;
    for (let first = 0; first < batch.count; first += SEND_BURST) {
      const count = Math.min(SEND_BURST, batch.count - first);
      const header = this.#isPlain(batch, first, count) ? 0 : OFFLOAD;
      this.#point(batch, first, count, header);
      sent += this.#push(header === 0 ? plain : full, count);
      if (this.isDown) break;
    }
    return sent;
  }

  #isPlain(batch: Batch, first: number, count: number): boolean {
    for (let index = first; index < first + count; index++) {
      if (!isPlain(this.#view, batch.start[index] as number)) return false;
    }
    return true;
  }

  #point(batch: Batch, first: number, count: number, header: number): void {
    const view = this.#view;
    let iovec = this.#iovecs;
    for (let index = first; index < first + count; index++) {
      const start = (batch.start[index] as number) - header;
      this.#word64(iovec, start);
      view.setUint32(iovec + 8, (batch.end[index] as number) - start, true);
      iovec += IOVEC;
    }
  }

  /** Sends the first `count` messages; returns how many went. */
  #push(fd: number, count: number): number {
    let done = 0;
    let failed = 0;
    let tries = 0;
    while (done < count) {
      const sent = sys.sendmmsg(fd, this.#messages + done * MMSGHDR, count - done, c.MSG_DONTWAIT);
      if (sent > 0) {
        done += sent;
        this.isDown = false;
        continue;
      }
      const errno = sys.errno();
      if (errno === Errno.EINTR) continue;
      if (errno === Errno.EAGAIN || errno === Errno.ENOBUFS) {
        // The device's queue is full: once more, since it drains meanwhile, then the rest is given up.
        if (tries++ > 0) break;
        continue;
      }
      if (errno === Errno.EINVAL || errno === Errno.EMSGSIZE) {
        // This one frame is not to the kernel's liking (too long, or a wrong offload header): the next may be.
        done++;
        failed++;
        continue;
      }
      this.isDown = true;
      break;
    }
    return done - failed;
  }

  /** Writes the address of an arena offset. */
  #word64(at: Offset, offset: Offset): void {
    const low = this.#baseLow + offset;
    const carry = low >= WORD ? 1 : 0;
    this.#view.setUint32(at, low, true); // Taken modulo 2^32.
    this.#view.setUint32(at + 4, this.#baseHigh + carry, true);
  }
}
