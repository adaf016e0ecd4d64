// How a core sleeps and is woken: an eventfd and the ports' descriptors in one poll. A worker cannot be interrupted
// while it polls, so every wait is bounded; and before it sleeps a core raises its flag and looks at everything once
// more (who publishes first and looks at the flag then cannot miss it).

import { availableParallelism } from "node:os";
import { SystemError } from "./errno.ts";
import * as sys from "./ffi.ts";

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;
const POLLIN = 1;
const POLLFD = 8;
/** Bytes of a CPU mask: 1,024 CPUs, what glibc's cpu_set_t holds. */
const CPU_MASK = 128;

const one = new sys.Block(8);
one.view.setBigUint64(0, 1n, true);
const sunk = new sys.Block(8);
const mask = new sys.Block(CPU_MASK);

/** A descriptor that wakes a poll; any thread of the process may signal it. */
export function makeEventFd(): number {
  const fd = sys.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) throw new SystemError("Cannot make a wake-up descriptor", "eventfd", sys.errno());
  return fd;
}

/** Wakes who polls `fd`. Costs the waker about 15 µs when the target's CPU idles in a virtual machine. */
export function signal(fd: number): void {
  sys.write(fd, one.at, 8);
}

/** Makes `fd` quiet again. */
export function drain(fd: number): void {
  sys.read(fd, sunk.at, 8);
}

/** poll(2) on `count` pollfd structures; the number that are ready, 0 on timeout and when a signal came. */
export function pollAny(pollfds: sys.Address, count: number, timeoutMs: number): number {
  const ready = sys.poll(pollfds, count, timeoutMs);
  return ready < 0 ? 0 : ready;
}

/** Descriptors to wait on together. */
export class PollSet {
  readonly #fds: sys.Block;
  #count = 0;

  constructor(capacity: number) {
    this.#fds = new sys.Block(capacity * POLLFD);
  }

  /** Replaces the descriptors that are waited for. */
  watch(descriptors: readonly number[]): void {
    if (descriptors.length * POLLFD > this.#fds.u8.length) throw new RangeError("too many");
    this.#count = descriptors.length;
    for (const [index, fd] of descriptors.entries()) {
      this.#fds.view.setInt32(index * POLLFD, fd, true);
      this.#fds.view.setInt16(index * POLLFD + 4, POLLIN, true);
      this.#fds.view.setInt16(index * POLLFD + 6, 0, true);
    }
  }

  /** Sleeps until one can be read, at most `timeoutMs`; the number that are ready. */
  wait(timeoutMs: number): number {
    return pollAny(this.#fds.at, this.#count, timeoutMs);
  }

  /** True when the descriptor at `index` was ready at the last wait (readable, or in error). */
  isReady(index: number): boolean {
    return this.#fds.view.getInt16(index * POLLFD + 6, true) !== 0;
  }
}

/** Binds the calling thread to one CPU; false when the kernel refuses (no such CPU, or not ours). */
export function pin(cpu: number): boolean {
  if (cpu < 0 || cpu >= CPU_MASK * 8) return false;
  mask.u8.fill(0);
  mask.u8[cpu >> 3] = 1 << (cpu & 7);
  return sys.schedSetaffinity(0, CPU_MASK, mask.at) === 0;
}

/** The CPUs that the calling thread may use, in order. */
export function allowedCpus(): number[] {
  const cpus: number[] = [];
  const bytes = sys.schedGetaffinity(0, CPU_MASK, mask.at) === 0 ? CPU_MASK : 0;
  if (bytes === 0) return Array.from({ length: availableParallelism() }, (_, cpu) => cpu);
  for (let cpu = 0; cpu < bytes * 8; cpu++) {
    if (((mask.u8[cpu >> 3] ?? 0) >> (cpu & 7)) & 1) cpus.push(cpu);
  }
  return cpus;
}
